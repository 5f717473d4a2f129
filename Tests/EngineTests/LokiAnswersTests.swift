import Foundation
import Records
import Testing

@Suite("answers of a Loki 3.4.0")
struct LokiAnswersTests {
    @Test("every recorded query has the recorded answer", arguments: LokiAnswers.areas)
    func answers(area: String) throws {
        let only = ProcessInfo.processInfo.environment["MILLRACE_CASE"]
        var corpora: [String: LineBatch] = [:]
        var failures: [String] = []
        var passed = 0
        for one in try LokiAnswers.cases(area) where only == nil || one.id.hasPrefix(only!) {
            if corpora[one.corpus] == nil { corpora[one.corpus] = try LokiAnswers.corpus(one.corpus) }
            let answer = LokiAnswers.answer(one, over: corpora[one.corpus]!)
            if let difference = LokiAnswers.difference(one, answer) {
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
}
