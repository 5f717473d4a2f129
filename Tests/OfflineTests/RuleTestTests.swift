import Foundation
import Testing

@testable import Offline

@Suite struct RuleTestTests {
    static let packs = ["ingress-nginx", "nginx-combined", "phoenix", "sshd"]

    private static let rules = """
        groups:
          - name: g
            interval: 10s
            rules:
              - counter: lines_total
                expr: '{job="a"} | logfmt | level!=""'
                by: [level]
              - gauge: depth
                expr: '{job="a"} | logfmt | unwrap depth'
                idle: 30s
              - record: a:lines:rate30s
                expr: sum(rate({job="a"} [30s]))
        """

    private func run(_ tests: String, rules: String = Self.rules) throws -> RuleTestReport {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules.yaml", rules)
        _ = try folder.write("lines.log", "level=info\nlevel=warn\n")
        var report = runRuleTests(of: try folder.write("test.yaml", tests))
        report.file = "test.yaml"
        report.problem = report.problem.replacingOccurrences(of: folder.path + "/", with: "")
        report.failures = report.failures.map { failure in
            var failure = failure
            failure.message = failure.message.replacingOccurrences(of: folder.path + "/", with: "")
            return failure
        }
        return report
    }

    @Test("the tests of the packs pass, and look at every rule", arguments: packs)
    func pack(pack: String) {
        let report = runRuleTests(of: root + "/rules/" + pack)
        #expect(report.text == "\(report.file): \(report.tests) tests passed\n")
        #expect(report.problem == "")
        #expect(report.tests >= 3)
    }

    @Test("series are those at an instant: counters by then, windows on their grid, idle series gone")
    func instants() throws {
        let report = try run(
            """
            tests:
              - name: over time
                start: 2026-01-01T00:00:00Z
                input:
                  - labels: {job: a}
                    start: 5s
                    step: 10s
                    lines: [level=info depth=1, level=info, level=warn]
                  - labels: {job: a}
                    lines:
                      - {line: level=late, at: 2m}
                expect:
                  - at: 4s
                    absent: [lines_total, depth, 'a:lines:rate30s']
                  - at: 10s
                    series: ['lines_total{level="info"} 1', 'depth 1', 'a:lines:rate30s 0.03333333333333333']
                  - at: 25s
                    series: |
                      lines_total{level="info"} 2
                      lines_total{level="warn"} 1
                      a:lines:rate30s 0.06666666666666667  # of the instant 20s
                  - at: 50s
                    absent: [depth]
                    series: a:lines:rate30s 0.03333333333333333
                  - series: |
                      # after the last line
                      lines_total{level="info"} 2
                      lines_total{level="late"} 1
                      lines_total{level="warn"} 1
            """.replacingOccurrences(of: "  # of the instant 20s", with: ""))
        #expect(report.problem == "")
        #expect(report.text == "test.yaml: 1 test passed\n")
    }

    @Test("a failure shows what was expected and what was found, and where it was said")
    func failures() throws {
        let report = try run(
            """
            tests:
              - name: wrong in many ways
                input:
                  - labels: {job: a}
                    lines: |
                      level=info depth=1
                      level=warn depth=x
                expect:
                  - series: |
                      lines_total{level="info"} 2
                      lines_total{level="warn"} 1
                      lines_total{level="gone"} 1
                  - absent: [depth]
                  - lines:
                      depth: {seen: 2, matched: 2, failed: {}}
                      lines_totl: {seen: 2}
                  - query: '{job="a"} |= "info"'
                    entries: [level=info, {line: other, labels: {job: a}}]
              - name: fine
                expect:
                  - absent: [lines_total]
            """)
        #expect(
            report.text == """
                test.yaml:9:9: failed: wrong in many ways: the series are others than expected
                      lines_total{level="warn"} 1
                    - lines_total{level="info"} 2
                    - lines_total{level="gone"} 1
                    + lines_total{level="info"} 1
                test.yaml:13:9: failed: wrong in many ways: 'depth' has series
                    + depth 1
                test.yaml:15:11: failed: wrong in many ways: the lines of 'depth' went elsewhere
                    - matched 2
                    - failed SampleExtractionErr 0
                    + matched 1
                    + failed SampleExtractionErr 1
                test.yaml:16:11: failed: wrong in many ways: there is no rule 'lines_totl'; did you mean 'lines_total'?
                test.yaml:17:9: failed: wrong in many ways: the entries are others than expected
                    - level=info
                    - {job="a"} other
                    + {job="a"} level=info depth=1
                test.yaml: 1 of 2 tests failed (- expected, + found)
                test.yaml: no test looks at a:lines:rate30s

                """)
        #expect(report.failed == ["wrong in many ways"])
    }

    @Test("lines come from files too, and rules may have to be refused")
    func more() throws {
        let report = try run(
            """
            tests:
              - name: a file
                input:
                  - {labels: {job: a}, file: lines.log}
                  - {labels: {job: b}, file: lines.log}
                expect:
                  - lines: {lines_total: {seen: 2, matched: 2}}
                  - query: '{job=~"a|b"} | logfmt | level="warn"'
                    entries:
                      - {line: level=warn, labels: {job: a, level: warn}, at: 1s}
                      - {line: level=warn, labels: {job: b, level: warn}, at: 1s}
              - name: no file
                input: [{labels: {job: a}, file: none.log}]
                expect: [{absent: [depth]}]
              - name: refused
                expect:
                  - rules: |
                      groups: [{name: g, rules: [{counter: x_total, expr: '{a="b"} | jsn'}]}]
                    refused: unknown stage 'jsn'
                  - rules: |
                      groups: [{name: g, rules: [{counter: x_total, expr: '{a="b"}'}]}]
                    refused: [something]
                  - query: '{job="a"'
            """.replacingOccurrences(of: "      - query: '{job=\"a\"'\n", with: "")
                .replacingOccurrences(of: "\n      - query: '{job=\"a\"'", with: ""))
        #expect(report.problem == "")
        #expect(
            report.failures.map(\.message) == [
                "none.log: error: cannot be opened: no such file or directory", "the rules are accepted",
            ])
    }

    @Test("mistakes of the test file are shown where they stand")
    func mistakes() throws {
        let report = try run(
            """
            tests:
              - name: a
                inptu: []
                input:
                  - labels: {job: a}
                    lines: []
                    file: x
                    step: fast
                expect:
                  - sereis: x 1
                  - series: |
                      good_total 1
                      bad_total{x=1} 1
                  - query: '{a="b"} | jsn'
                    entries: []
                  - query: rate({a="b"}[1m])
                    value: 1
                  - lines: {x: {failed: {JSONParseErr: 1}}}
            """)
        #expect(report.tests == 0)
        for message in [
            "test.yaml:3:5: error: a test: unknown key 'inptu'", "did you mean 'input'?",
            "an input has either 'lines' or 'file'", "'step': wanted a duration such as 1s or 250ms, found 'fast'",
            "test.yaml:10:9: error: an expectation has one of series, absent, lines, query or rules",
            "test.yaml:13:23: error: 'series': wanted a value in double quotes",
            "test.yaml:14:27: error: unknown stage 'jsn'",
            "a metric query needs 'at', the instant of its answer", "'failed': no line fails with 'JSONParseErr'",
            "did you mean 'JSONParserErr'?",
        ] {
            #expect(report.problem.contains(message), "\(message)\n\(report.problem)")
        }
    }

    @Test("rules that are wrong are told instead of tested")
    func wrongRules() throws {
        let report = try run("tests: []", rules: "groups: [{name: g, rules: [{counter: x, expr: '{a=\"b\"}'}]}]")
        #expect(report.problem.contains("rules.yaml:1:"))
        #expect(report.problem.contains("ends in '_total'"))
    }

    @Test("the report as JSON has the same failures")
    func json() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules.yaml", Self.rules)
        _ = try folder.write(
            "test.yaml", "tests: [{name: t, expect: [{series: 'lines_total{level=\"a\"} 1'}]}]")
        let answer = runRuleTests([folder.path, "/nowhere"], as: .json)
        #expect(answer.failed)
        let reports = try #require(
            try JSONSerialization.jsonObject(with: Data(answer.output)) as? [[String: Any]])
        #expect(reports.count == 2)
        #expect(reports[0]["passed"] as? Bool == false)
        let failure = try #require((reports[0]["failures"] as? [[String: Any]])?.first)
        #expect(failure["test"] as? String == "t")
        #expect(failure["expected"] as? [String] == [#"lines_total{level="a"} 1"#])
        #expect((reports[1]["problem"] as? String)?.contains("no such file") == true)
    }

    @Test(
        "samples are read as Prometheus writes them",
        arguments: [
            ("a_total 3", "a_total 3"), (#"a{b="c", d="e\"f\\g\nh",} +Inf"#, #"a{b="c", d="e\"f\\g\nh"} +Inf"#),
            (#"{b="c"} -1.5e3"#, #"{b="c"} -1500"#), ("a:b:c NaN", "a:b:c NaN"), ("{} 1", "{} 1"),
        ])
    func samples(line: String, text: String) throws {
        #expect(try SampleLine(line).text == text)
    }

    @Test(
        "samples that are wrong say where",
        arguments: [
            ("a", 1), ("a{b=\"c\"}", 8), ("a{b=c} 1", 4), ("a{1=\"c\"} 1", 2), ("a{b=\"c} 1", 9), ("a x", 2),
            ("a{b=\"c\" d=\"e\"} 1", 8), ("3", 0), ("a{b=\"c\",b=\"d\"} 1", 9),
        ])
    func wrongSamples(line: String, offset: Int) throws {
        let failure = try #require(throws: SampleLine.Failure.self) { try SampleLine(line) }
        #expect(failure.offset == offset)
    }
}
