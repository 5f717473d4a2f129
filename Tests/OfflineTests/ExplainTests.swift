import Foundation
import Testing

@testable import Offline

@Suite struct ExplainTests {
    private func explained(_ subject: String, as output: ReportOutput = .text) -> (String, String, Bool) {
        let answer = explain(subject, as: output)
        return (text(answer.output), answer.errors, answer.failed)
    }

    @Test("the plan of a pack in words, with what it shares", arguments: RuleTestTests.packs)
    func pack(pack: String) throws {
        let golden = root + "/fixtures/offline/explain-\(pack).txt"
        let (found, errors, failed) = explained(root + "/rules/" + pack)
        if ProcessInfo.processInfo.environment["MILLRACE_WRITE_GOLDEN"] != nil {
            try Data(found.utf8).write(to: URL(fileURLWithPath: golden))
        }
        #expect(found == (try String(contentsOfFile: golden, encoding: .utf8)))
        #expect(errors == "")
        #expect(!failed)
    }

    @Test("a query shows what it reads, and what is costly")
    func query() {
        let (found, errors, failed) = explained(
            #"sum by (host) (rate({job="a"} | json | status >= 500 | logfmt |~ "a.b|c" [5m])) / "#
                + #"sum without (x) (count_over_time({job="a"} | json [5m]))"#)
        #expect(!failed)
        #expect(errors == "")
        #expect(found.contains("reads every key"))
        #expect(found.contains("host, status"))
        #expect(found.contains("labels: host\n"))
        #expect(found.contains("runs on every line: no text of three bytes stands in every match"))
        #expect(found.contains("by (…) reads only those that it names"))
    }

    @Test("rules may use what Loki refuses, and hear of it")
    func beyond() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "rules.yaml",
            #"""
            groups:
              - name: g
                rules:
                  - counter: a_total
                    expr: '{job="a"} |~ `(?=x)y` | json | unwrap n'
                  - record: a:q99
                    expr: quantile_over_time(0.99, {job="a"} | json | unwrap n [5m] offset 1m)
            """#)
        let (found, errors, failed) = explained(path)
        #expect(!failed)
        #expect(errors.contains("Loki would refuse this regular expression: it uses"))
        #expect(found.contains("|~ \"(?=x)y\"\n    Loki refuses it: it uses look-around"))
        #expect(found.contains("a_total\n    Loki refuses unwrap in a log query"))
        #expect(found.contains("a:q99\n    a line that cannot be read is counted as failed"))
        #expect(
            found.contains("record a:q99: quantile_over_time [5m] offset 1m\n    labels: every label of the line but n")
        )
        #expect(found.contains("keeps the samples of its window beside the panes"))
    }

    @Test("a log query ends in entries, and its line filters go first")
    func entries() {
        let (found, _, failed) = explained(#"{job="a"} | json |= "x" | line_format "{{.a}}""#)
        #expect(!failed)
        #expect(found.contains("→ the entries, with all their labels"))
        #expect(found.contains("|= \"x\"\n    is tried first, before the line is parsed"))
        let filter = found.range(of: "|= \"x\"")?.lowerBound
        let parser = found.range(of: "| json")?.lowerBound
        #expect(filter != nil && parser != nil && filter! < parser!)
    }

    @Test("what is wrong is shown as check shows it")
    func mistakes() {
        let (output, errors, failed) = explained(#"{job="a"} | jsn"#)
        #expect(failed)
        #expect(output == "")
        #expect(errors.contains("<query>:1:13: error: unknown stage 'jsn'"))
        #expect(explained("rules/none.yaml").1 == "rules/none.yaml: error: no such file\n")
    }

    @Test("the plan as JSON")
    func json() throws {
        let (found, _, _) = explained(root + "/rules/ingress-nginx", as: .json)
        let document = try #require(try JSONSerialization.jsonObject(with: Data(found.utf8)) as? [String: Any])
        let selectors = try #require(document["selectors"] as? [[String: Any]])
        #expect(selectors.count == 1)
        let stages = try #require(selectors[0]["stages"] as? [[String: Any]])
        #expect(stages[0]["stage"] as? String == "| json")
        #expect((stages[0]["reads"] as? [String])?.contains("status") == true)
        let series = try #require(document["series"] as? [[String: Any]])
        #expect(series.contains { $0["rule"] as? String == "ingress:requests:rate1m" && $0["panes"] != nil })
    }
}
