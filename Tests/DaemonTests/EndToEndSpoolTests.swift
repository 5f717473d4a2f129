import Delivery
import Foundation
import Glibc
import Records
import Synchronization
import Testing

@testable import Daemon

/// A receiver of pushes that keeps what came of each line, in order.
private final class Taker: Sendable {
    private struct Memory {
        /// The times with which each line came.
        var times: [String: [Int64]] = [:]
        var order: [String] = []
    }
    private let memory = Mutex(Memory())

    var times: [String: [Int64]] { memory.withLock { $0.times } }
    var order: [String] { memory.withLock { $0.order } }
    var count: Int { memory.withLock { $0.times.count } }

    /// Serves on the port while `body` runs.
    func serve(_ port: Int, _ body: @escaping @Sendable () async throws -> Void) async throws {
        var view = plainView()
        view.push = { body, type, encoding in
            guard let push = try? PushRequest.decode(body: body, contentType: type, contentEncoding: encoding) else {
                return PushAnswer(status: 400, message: "cannot be read")
            }
            self.memory.withLock { memory in
                for entry in push.streams.flatMap(\.entries) {
                    memory.times[entry.line, default: []].append(entry.time.nanoseconds)
                    memory.order.append(entry.line)
                }
            }
            return PushAnswer(status: 204)
        }
        try await withEndpoints(view, port: port) { _ in try await body() }
    }
}

@Suite struct EndToEndSpoolTests {
    private func config(_ stage: Stage, port: Int, loki: [Int], options: String = "") throws -> String {
        try stage.write(
            """
            groups:
              - name: app
                rules:
                  - {counter: app_lines_total, help: Lines., expr: '{job="app"}', by: []}
            """, to: "rules.yaml")
        let destinations = loki.map {
            """
              - url: "http://127.0.0.1:\($0)/loki/api/v1/push"
                batch: {bytes: 64KiB, wait: 100ms}
                queue: {bytes: 128KiB}
                backoff: {minimum: 50ms, maximum: 200ms}
            """ + options
        }
        return try stage.write(
            """
            sources:
              - tail: {paths: ["\(stage.path("app.log"))"], labels: {job: app}}
            rules: ["rules.yaml"]
            metrics: {listen: "127.0.0.1:\(port)"}
            state: {directory: "\(stage.path("state"))", interval: 500ms}
            shutdown: {deadline: 5s}
            loki:
            \(destinations.joined(separator: "\n"))
            """, to: "millrace.yaml")
    }

    /// Lines that are all different, of 200 bytes.
    private func line(_ number: Int) -> String { "line \(number) " + String(repeating: "x", count: 190) }
    private func lines(_ range: Range<Int>) -> String { range.map { line($0) + "\n" }.joined() }

    @Test(
        "Loki is away for the whole time, and the process is killed: every line arrives, repeats with the same time",
        .timeLimit(.minutes(3)))
    func outageAndKill() async throws {
        let taker = Taker()
        try await withStage { stage in
            let (port, loki) = (try freePort(), try freePort())
            let config = try config(stage, port: port, loki: [loki])
            let log = try RotatedLog(stage.path("app.log"))
            let first = try await stage.startMillrace(["run", "--config", config], port: port)
            for part in 0..<10 {
                try log.append(lines(part * 1_000..<(part + 1) * 1_000))
                try await Task.sleep(for: .milliseconds(50))
            }
            try await eventually("the lines are counted, and on the disk", within: 20) {
                let metrics = try await scrape(port)
                return metrics.sum("app_lines_total") == 10_000
                    && metrics.sum("millrace_spool_lines_total") ?? 0 > 9_000
                    && metrics.sum("millrace_spool_bytes") ?? 0 > 0
            }
            try log.append(lines(10_000..<12_000))
            try await Task.sleep(for: .milliseconds(100))
            first.signal(SIGKILL)
            #expect(await first.ended(within: 5) == 128 + SIGKILL)
            try log.append(lines(12_000..<13_000))

            let second = try await stage.startMillrace(["run", "--config", config], port: port)
            try log.append(lines(13_000..<14_000))
            try await taker.serve(loki) {
                try await eventually("all lines are delivered", within: 40) { taker.count == 14_000 }
                try await eventually("nothing waits on the disk any more", within: 10) {
                    try await scrape(port).sum("millrace_spool_bytes") == 0
                }
                let metrics = try await scrape(port)
                #expect(metrics.sum("millrace_push_lines_dropped_total") ?? 0 == 0)
                second.signal(SIGTERM)
                #expect(await second.ended(within: 8) == 0, "\(second.said)")
            }
            let times = taker.times
            #expect(Set(times.keys) == Set((0..<14_000).map(line)))
            let changed = times.filter { Set($0.value).count > 1 }
            #expect(changed.isEmpty, "\(changed.count) lines came with two times")
            // In the order of the file, but for repeats.
            var seen: Set<String> = []
            #expect(taker.order.filter { seen.insert($0).inserted } == (0..<14_000).map(line))
        }
    }

    @Test("a dead destination holds up no other, and gets everything once when it comes", .timeLimit(.minutes(3)))
    func deadDestination() async throws {
        let (healthy, late) = (Taker(), Taker())
        try await withStage { stage in
            let (port, alive, dead) = (try freePort(), try freePort(), try freePort())
            let config = try config(stage, port: port, loki: [alive, dead])
            let log = try RotatedLog(stage.path("app.log"))
            try await healthy.serve(alive) {
                let program = try await stage.startMillrace(["run", "--config", config], port: port)
                for part in 0..<10 { try log.append(lines(part * 1_000..<(part + 1) * 1_000)) }
                try await eventually("the healthy one has all", within: 20) { healthy.count == 10_000 }
                try await late.serve(dead) {
                    try log.append(lines(10_000..<11_000))
                    try await eventually("the late one has all", within: 30) { late.count == 11_000 }
                    try await eventually("the healthy one has all", within: 10) { healthy.count == 11_000 }
                    program.signal(SIGTERM)
                    #expect(await program.ended(within: 8) == 0, "\(program.said)")
                }
            }
            for taker in [healthy, late] { #expect(taker.order == (0..<11_000).map(line)) }
            // The same lines have the same times everywhere.
            #expect(healthy.times == late.times)
        }
    }

    @Test("a disk that takes no more is reported once and counted, and the metrics go on", .timeLimit(.minutes(2)))
    func diskFull() async throws {
        try await withStage { stage in
            let (port, dead) = (try freePort(), try freePort())
            let config = try config(stage, port: port, loki: [dead])
            var noise = ""
            for number in 0..<5_000 {
                noise += "\(number) "
                for _ in 0..<200 { noise.unicodeScalars.append(Unicode.Scalar(UInt8.random(in: 0x21..<0x7F))) }
                noise += "\n"
            }
            let log = try RotatedLog(stage.path("app.log"))
            // No file may get longer than some KiB; a write beyond fails as on a full disk.
            let program = try stage.start(
                "/bin/sh",
                ["-c", "trap '' XFSZ; ulimit -f 32; exec \"$0\" run --config \"$1\"", try builtProgram(), config])
            try await eventually("millrace serves", within: 20) {
                (try? await ask("http://127.0.0.1:\(port)/-/healthy"))?.status == 200
            }
            try log.append(noise)
            try await eventually("all lines are counted", within: 20) {
                try await scrape(port).sum("app_lines_total") == 5_000
            }
            try await eventually("what does not fit into memory is dropped", within: 20) {
                try await scrape(port).sum("millrace_push_lines_dropped_total", ["reason": "spool_failed"]) ?? 0 > 1_000
            }
            let metrics = try await scrape(port)
            #expect(metrics.sum("millrace_spool_failures_total", ["reason": "no_space"]) ?? 0 > 0)
            #expect(program.said.split(separator: "\n").count { $0.contains("the spool cannot be used") } == 1)
            try log.append("more\n")
            try await eventually("lines are counted still", within: 10) {
                try await scrape(port).sum("app_lines_total") == 5_001
            }
            program.signal(SIGTERM)
            #expect(await program.ended(within: 8) == 0, "\(program.said)")
        }
    }
}
