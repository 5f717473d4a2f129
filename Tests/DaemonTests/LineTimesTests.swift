import Foundation
import Testing

/// `timestamp:` of a tail, with the built program.
@Suite struct LineTimesTests {
    @Test(
        "the windows of record rules follow the times that lines tell, and lines without one are counted",
        arguments: [
            (
                "{field: time}",
                (0..<6).map { "{\"time\":\"2026-11-20T10:00:\($0)0Z\",\"n\":\($0)}" } + ["no time"]
            ),
            (
                #"{regex: '\[(?P<at>[^\]]+)\]', format: '02/Jan/2006:15:04:05 -0700'}"#,
                (0..<6).map { "[20/Nov/2026:12:00:\($0)0 +0200] n=\($0)" } + ["no time"]
            ),
        ])
    func windows(timestamp: String, lines: [String]) async throws {
        let scratch = try ProgramFolder()
        let log = try scratch.write("a.log", lines.joined(separator: "\n") + "\n")
        let rules = try scratch.write(
            "r.yaml",
            """
            groups:
              - name: g
                interval: 10s
                rules:
                  - record: last20
                    expr: 'sum(count_over_time({job="t"}[20s]))'
                  - record: last60
                    expr: 'sum(count_over_time({job="t"}[60s]))'
            """)
        let configuration = try scratch.write(
            "m.yaml",
            """
            sources: [{tail: {paths: ["\(log)"], labels: {job: t}, timestamp: \(timestamp)}}]
            rules: ["\(rules)"]
            """)
        let ending = try await BuiltProgram.run(["run", "--config", configuration, "--once"])
        #expect(ending.code == 0, "\(ending.errors)")
        // The newest time is 10:00:50, and the line without a time has it too.
        #expect(ending.output.contains("last20 3\n"), "\(ending.output)")
        #expect(ending.output.contains("last60 7\n"))
    }

    @Test("a form that cannot be used is refused with its place")
    func refused() async throws {
        let scratch = try ProgramFolder()
        let configuration = try scratch.write(
            "m.yaml",
            """
            sources: [{tail: {paths: ["/tmp/x"], labels: {job: t}, timestamp: {regex: 'no group'}}}]
            """)
        let ending = try await BuiltProgram.run(["check", configuration])
        #expect(ending.code == 1)
        #expect(ending.errors.contains("m.yaml:1:"))
        #expect(ending.errors.contains("timestamp: "))
    }
}
