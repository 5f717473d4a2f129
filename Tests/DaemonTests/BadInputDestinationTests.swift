import Foundation
import Testing

/// Destinations that misbehave never stop the counting.
@Suite struct BadInputDestinationTests {
    private static let rules = """
        groups:
          - name: g
            rules:
              - counter: good_total
                help: Good lines.
                expr: '{job="t"} |= "good"'
        """

    private func service(_ urls: [String], timeout: String = "300ms", queue: String = "8MiB") async throws
        -> ServedProgram
    {
        let folder = try ProgramFolder()
        try folder.write("rules.yaml", Self.rules)
        try folder.write("in.log", "good 1\n")
        let destinations = urls.map { url in
            "  - {url: \"\(url)\", batch: {wait: 10ms, bytes: 1KiB}, queue: {bytes: \(queue)}, timeout: \(timeout), backoff: {minimum: 20ms, maximum: 2s}}"
        }
        try folder.write(
            "millrace.yaml",
            """
            sources: [{tail: {paths: [in.log], labels: {job: t}}}]
            rules: [rules.yaml]
            shutdown: {deadline: 2s}
            loki:
            \(destinations.joined(separator: "\n"))
            """)
        return try await ServedProgram(["--config", "millrace.yaml"], in: folder)
    }

    private func name(_ metric: String, _ loki: ScriptedLoki, _ reason: String? = nil) -> String {
        "millrace_push_\(metric){destination=\"127.0.0.1:\(loki.port)\"\(reason.map { ",reason=\"\($0)\"" } ?? "")}"
    }

    @Test(
        "what a destination refuses is dropped and counted at once, and what follows is delivered",
        arguments: [400, 404])
    func refused(status: Int) async throws {
        let loki = try ScriptedLoki([.status(status), .status(204)])
        let service = try await service([loki.url])
        try await service.metrics { $0[name("lines_dropped_total", loki, "http_\(status)")] == 1 }
        try service.folder.append("in.log", "good 2\n")
        let metrics = try await service.metrics {
            $0[name("lines_total", loki)] == 1 && $0["good_total"] == 2
        }
        #expect(metrics.keys.contains { $0.hasPrefix("millrace_push_retries_total") } == false)
        #expect(loki.pushes.count == 2)
        #expect(try await service.stop().code == 0)
    }

    @Test("429 waits as long as it was told, 500 is tried again, and the same lines arrive")
    func again() async throws {
        let loki = try ScriptedLoki([.status(429, retryAfter: 1), .status(500), .status(500), .status(204)])
        let service = try await service([loki.url])
        let metrics = try await service.metrics { $0[name("lines_total", loki)] == 1 }
        #expect(metrics[name("retries_total", loki, "http_429")] == 1)
        #expect(metrics[name("retries_total", loki, "http_500")] == 2)
        let pushes = loki.pushes
        #expect(pushes.count == 4)
        #expect(Set(pushes.map(\.body)).count == 1)
        #expect(pushes[1].at - pushes[0].at >= .milliseconds(990))
        #expect(metrics["good_total"] == 1)
        #expect(try await service.stop().code == 0)
    }

    @Test("a connection that ends in the middle of the answer, and one without an answer, are tried again")
    func broken() async throws {
        let loki = try ScriptedLoki([.half, .silence, .status(204)])
        let service = try await service([loki.url])
        let metrics = try await service.metrics { $0[name("lines_total", loki)] == 1 }
        #expect(metrics[name("retries_total", loki, "connection")] == 1)
        #expect(metrics[name("retries_total", loki, "timeout")] == 1)
        #expect(try await service.stop().code == 0)
    }

    @Test("a full queue drops and counts, and the lines are counted all the same")
    func fullQueue() async throws {
        let loki = try ScriptedLoki([.status(500)])
        let service = try await service([loki.url], queue: "1KiB")
        for number in 2...3 {
            try await service.metrics { $0["good_total"] == Double(number - 1) }
            try service.folder.append("in.log", "good \(number)\n")
        }
        let metrics = try await service.metrics {
            $0["good_total"] == 3 && $0[name("lines_dropped_total", loki, "queue_full")] ?? 0 >= 1
        }
        #expect(metrics[name("queue_bytes", loki)] ?? .infinity <= 2_048)
        #expect(try service.said().contains("reason=queue_full"))
        let (code, took) = try await service.stop()
        #expect(code == 0)
        #expect(took < .seconds(10))
    }

    enum Death: CaseIterable { case silent, refusing }

    @Test(
        "with a dead destination the other gets everything, metrics count, and a stop comes in time",
        arguments: Death.allCases)
    func dead(death: Death) async throws {
        let alive = try ScriptedLoki([.status(204)])
        let silent = try ScriptedLoki([.silence])
        let (closed, port) = try boundSocket(SOCK_STREAM)
        defer { close(closed) }
        let url =
            switch death {
            case .silent: silent.url
            case .refusing: "http://127.0.0.1:\(port)/loki/api/v1/push"
            }
        let service = try await service([url, alive.url], timeout: "30s")
        for number in 2...20 { try service.folder.append("in.log", "good \(number)\n") }
        let metrics = try await service.metrics { $0[name("lines_total", alive)] == 20 && $0["good_total"] == 20 }
        #expect(metrics.filter { $0.key.hasPrefix("millrace_push_lines_dropped_total") }.values.allSatisfy { $0 == 0 })
        let (code, took) = try await service.stop()
        #expect(code == 0)
        #expect(took < .seconds(10))
        #expect(try service.said().contains("reason=shutdown"), "lines that were not delivered are told")
    }
}
