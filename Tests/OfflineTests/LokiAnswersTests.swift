import Foundation
import Records
import Testing

@Suite("answers of a Loki 3.4.0")
struct LokiAnswersTests {
    @Test("every recorded query has the recorded answer", arguments: LokiAnswers.areas)
    func answers(area: String) throws {
        let only = ProcessInfo.processInfo.environment["MILLRACE_CASE"]
        var corpora: [String: [LineBatch]] = [:]
        var failures: [String] = []
        var passed = 0
        for one in try LokiAnswers.cases(area) where only == nil || one.id.hasPrefix(only!) {
            if corpora[one.corpus] == nil { corpora[one.corpus] = try LokiAnswers.corpus(one.corpus) }
            let answer = try LokiAnswers.answer(one, over: corpora[one.corpus]!)
            let difference = LokiAnswers.difference(one, answer)
            if LokiAnswers.decided.contains(where: { $0.id == one.id }) {
                #expect(difference != nil, "\(one.id) is answered as Loki does: it need not be in the list")
            } else if let difference {
                failures.append("\(one.id) \(one.query)\n      \(difference.prefix(600))")
            } else {
                passed += 1
            }
        }
        if let report = ProcessInfo.processInfo.environment["MILLRACE_REPORT"] {
            print("REPORT \(area) \(passed) of \(passed + failures.count)")
            if report == "all" { for failure in failures { print("FAIL \(failure)") } }
        }
        #expect(failures.isEmpty, "\(failures.count) of \(failures.count + passed): \(failures.first ?? "")")
    }

    @Test("the documentation shows what was asked and what was decided otherwise")
    func documentation() throws {
        var page = LokiAnswers.folder
        for _ in 1...2 { page.deleteLastPathComponent() }
        page.append(path: "docs/logql.md")
        var text = try String(contentsOf: page, encoding: .utf8)
        let found = text
        try replace("matrix", with: matrix(), in: &text)
        let rows = LokiAnswers.decided.map { "| `\($0.id)` | \($0.loki) | \($0.why) |\n" }
        let head = "| case | Loki | Millrace, and why |\n|---|---|---|\n"
        try replace("decided", with: head + rows.joined(), in: &text)
        if ProcessInfo.processInfo.environment["MILLRACE_RECORD"] != nil {
            try text.write(to: page, atomically: true, encoding: .utf8)
        } else {
            #expect(text == found, "docs/logql.md is out of date: run this test with MILLRACE_RECORD=1")
        }
    }

    private func replace(_ name: String, with text: String, in page: inout String) throws {
        let start = try #require(page.range(of: "<!-- \(name) -->\n"))
        let end = try #require(page.range(of: "<!-- end of \(name) -->"))
        page.replaceSubrange(start.upperBound..<end.lowerBound, with: text)
    }

    /// Cases by area; that all but the decided ones are answered as Loki does is what the other test shows.
    private func matrix() throws -> String {
        var text = "| area | cases | as Loki |\n|---|---:|---:|\n"
        var (all, same) = (0, 0)
        for area in LokiAnswers.areas {
            let cases = try LokiAnswers.cases(area)
            let others = cases.filter { one in LokiAnswers.decided.contains { $0.id == one.id } }.count
            text += "| \(area) | \(cases.count) | \(cases.count - others) |\n"
            all += cases.count
            same += cases.count - others
        }
        return text + "| **all** | **\(all)** | **\(same)** |\n"
    }
}
