import Foundation
import Glibc
import Testing

@Suite struct EndToEndReloadTests {
    private static let first = """
        groups:
          - name: app
            rules:
              - counter: app_lines_total
                help: Lines.
                expr: '{job="app"}'
                by: []
        """
    private static let added = """

              - counter: app_errors_total
                help: Lines with an error.
                expr: '{job="app"} |= "error"'
                by: []
        """
    private static let broken = """

              - counter: app_wrong_total
                help: A selector that does not end.
                expr: '{job="app"'
                by: []
        """

    @Test("a reload adds a rule, keeps the others' values, and refuses a broken file", .timeLimit(.minutes(2)))
    func reload() async throws {
        try await withStage { stage in
            let port = try freePort()
            let rules = try stage.write(Self.first, to: "rules.yaml")
            let config = try stage.write(
                """
                sources:
                  - tail: {paths: ["\(stage.path("app.log"))"], labels: {job: app}}
                rules: ["rules.yaml"]
                metrics: {listen: "127.0.0.1:\(port)"}
                """, to: "millrace.yaml")
            let log = try RotatedLog(stage.path("app.log"))
            try log.append(String(repeating: "an error\n", count: 100))
            let millrace = try await stage.startMillrace(["run", "--config", config], port: port)
            func counts(_ lines: Double, errors: Double?) async throws {
                try await eventually("\(lines) lines and \(errors as Any) errors are counted", within: 10) {
                    let counted = try await scrape(port)
                    return counted.sum("app_lines_total") == lines && counted.sum("app_errors_total") == errors
                }
            }
            let endpoint = "http://127.0.0.1:\(port)/-/reload"
            try await counts(100, errors: nil)

            try stage.write(Self.first + Self.added, to: "rules.yaml")
            let done = try await ask(endpoint, method: "POST")
            #expect(done.status == 200, "\(done.body)")
            try log.append(String(repeating: "an error\n", count: 20))
            try await counts(120, errors: 20)

            try stage.write(Self.first + Self.added + Self.broken, to: "rules.yaml")
            let refused = try await ask(endpoint, method: "POST")
            #expect(refused.status == 400)
            #expect(refused.body.contains(rules + ":14:"), "\(refused.body)")
            #expect(refused.body.firstMatch(of: #/rules\.yaml:14:\d+: error: /#) != nil, "\(refused.body)")
            try log.append(String(repeating: "an error\n", count: 5))
            try await counts(125, errors: 25)
            #expect(try await scrape(port).sum("millrace_reload_successful") == 0)
            #expect(
                try await ask("http://127.0.0.1:\(port)/").body.contains("the last reload of the rules was refused"))

            millrace.signal(SIGHUP)
            try await eventually("the signal is refused too", within: 5) {
                try await scrape(port).sum("millrace_reloads_total", ["outcome": "refused"]) == 2
            }
            #expect(millrace.said.contains("rules.yaml:14:"))
            // A rule that goes takes its series with it; the other one keeps its value again.
            try stage.write(Self.first, to: "rules.yaml")
            millrace.signal(SIGHUP)
            try log.append(String(repeating: "fine\n", count: 5))
            try await counts(130, errors: nil)
            #expect(try await scrape(port).sum("millrace_reload_successful") == 1)
            #expect(try await ask(endpoint).status == 405)
            millrace.signal(SIGTERM)
            #expect(await millrace.ended(within: 5) == 0)
        }
    }
}
