import Diagnostics
import Foundation
import LogQL
import Testing

@Suite("What is said about mistakes")
struct DiagnosticTests {
    /// Queries and what is rendered for them, a blank line between. With `MILLRACE_RECORD=1` the file is written anew, to be read and judged.
    @Test("every refused query is explained as recorded, with caret and hint")
    func golden() throws {
        let url = Fixtures.folder.appending(path: "diagnostics.txt")
        let queries = try Fixtures.refused().map(\.query) + mistakes
        var rendered = ""
        for query in queries {
            let diagnostics = parse(query).diagnostics
            if diagnostics.isEmpty { continue }
            rendered += SourceText(name: "query", text: query).render(diagnostics) + "\n"
        }
        if ProcessInfo.processInfo.environment["MILLRACE_RECORD"] != nil {
            try rendered.write(to: url, atomically: true, encoding: .utf8)
        }
        let recorded = try String(contentsOf: url, encoding: .utf8)
        for (is_, was) in zip(rendered.components(separatedBy: "\n\n"), recorded.components(separatedBy: "\n\n")) {
            #expect(is_ == was)
        }
        #expect(rendered.count == recorded.count)
    }

    @Test("several mistakes come in one go")
    func several() {
        let text = """
            sum by (status) (
              cuont_over_time({job="x"} | jsn | stauts >= "5" [5m])
            ) / topk(sum(rate({app=~".*"} | logfm | line_format x [1m])))
            """
        let parsed = parse(text)
        #expect(parsed.expression == nil)
        let source = SourceText(name: "q", text: text)
        let places = parsed.diagnostics.map { source.position(of: $0.range.lowerBound) }
        #expect(places.map { "\($0.line):\($0.column)" } == ["2:3", "3:10", "3:19", "3:33", "3:53"])
    }

    @Test(
        "a range covers exactly what is wrong",
        arguments: [
            (#"{job="x"} | jsno"#, "jsno"),
            (#"{job="x"} |~ "\d+""#, #"\d"#),
            (#"{job="x"} | json a="b..c""#, #""b..c""#),
            (#"rate({job="x"}[5q])"#, "5q"),
            (#"rate({job!="x"}[5m])"#, #"{job!="x"}"#),
            (#"topk(0, rate({job="x"}[5m]))"#, "0"),
            (#"sum(rate({job="x"}[5m]) by (a))"#, "by (a)"),
            (#"count_over_time({job="x"} | unwrap a [5m])"#, "| unwrap a"),
            (#"{job="x"} | label_format a="1", a="2""#, "a"),
            (#"1 and rate({job="x"}[5m])"#, "1"),
            (#"{job="ü"} |= 'ü'"#, "'ü'"),
        ])
    func ranges(query: String, wrong: String) throws {
        let diagnostic = try #require(parse(query).diagnostics.first)
        let bytes = Array(query.utf8)[diagnostic.range]
        #expect(String(decoding: bytes, as: UTF8.self) == wrong)
    }

    @Test(
        "misspelt words are guessed",
        arguments: [
            (#"{job="x"} | logfnt"#, "logfmt"),
            (#"{job="x"} | line_fromat "a""#, "line_format"),
            (#"{job="x"} | logfmt --strct"#, "--strict"),
            (#"count_ovr_time({job="x"}[5m])"#, "count_over_time"),
            (#"summ(rate({job="x"}[5m]))"#, "sum"),
            (#"sum_over_time({job="x"} | unwrap byte(size) [5m])"#, "bytes"),
        ])
    func guesses(query: String, meant: String) throws {
        #expect(parse(query).diagnostics.contains { $0.hint == "did you mean '\(meant)'?" })
    }

    @Test("a number that Loki reads as 0 and an address between 'or' are warnings")
    func warnings() {
        for query in [#"{job="x"} | a > 0x10"#, #"{job="x"} |= "a" or ip("10.0.0.1")"#] {
            let parsed = parse(query)
            #expect(parsed.expression != nil)
            #expect(parsed.diagnostics.map(\.severity) == [.warning])
        }
    }

    @Test("there are at most 50 diagnostics")
    func bounded() {
        #expect(parse(#"{job="x"}"# + String(repeating: " | nosuch", count: 5000)).diagnostics.count == 50)
        #expect(parse(String(repeating: "; ", count: 5000)).diagnostics.count == 50)
    }

    private let mistakes = [
        #"{job="x"} | jsno | status = 5xx"#,
        #"{job="x"} | level=error"#,
        #"{job="x"} | json | status > "500""#,
        #"{job=“x”}"#,
        #"rate({job="x"}[5m]) && rate({job="x"}[5m])"#,
        #"increase({job="x"}[5m])"#,
        #"-rate({job="x"}[5m])"#,
        #"sum(rate({job="x"}[5m]) by (a))"#,
        #"rate(sum(rate({job="x"}[5m]))[5m])"#,
        #"{job="x"} | regexp "(?P<1a>x)""#,
        #"{job="x"} | logfmt --strct a"#,
        #"{job="x"} | unwrap a | json"#,
        #"{job="x"} | unwrap minutes(a)"#,
        #"{job="x"} | unwrap a |= "b""#,
        #"rate({job="x"}[1h30])"#,
        #"rate({job="x"}[1.5h])"#,
        "{job=\"x\"}\n  | json\n  | status >= 500 or\n",
    ]
}
