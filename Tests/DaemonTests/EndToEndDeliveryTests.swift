import Delivery
import Foundation
import Glibc
import Records
import Synchronization
import Testing

@testable import Daemon

/// What a receiver of pushes got, line by line, and how it answers.
private final class Receiver: Sendable {
    private struct Memory {
        var lines: [String: Int] = [:]
        var labels: Set<String> = []
        var refusals = 0
        var requests = 0
        var kinds: Set<String> = []
    }
    private let memory = Mutex(Memory())

    /// How often each line came.
    var lines: [String: Int] { memory.withLock { $0.lines } }
    var count: Int { memory.withLock { $0.lines.count } }
    var labels: Set<String> { memory.withLock { $0.labels } }
    var requests: Int { memory.withLock { $0.requests } }
    var kinds: Set<String> { memory.withLock { $0.kinds } }

    /// Answers the next pushes with 503.
    func refuse(next count: Int) { memory.withLock { $0.refusals = count } }
    var refusalsLeft: Int { memory.withLock { $0.refusals } }

    func take(_ body: [UInt8], _ type: String?, _ encoding: String?) -> PushAnswer {
        memory.withLock { memory in
            guard memory.refusals == 0 else {
                memory.refusals -= 1
                return PushAnswer(status: 503, message: "come again")
            }
            do {
                let push = try PushRequest.decode(body: body, contentType: type, contentEncoding: encoding)
                memory.requests += 1
                memory.kinds.insert((type ?? "") + " " + (encoding ?? ""))
                for stream in push.streams {
                    memory.labels.insert(stream.labels.map { "\($0.name)=\($0.value)" }.joined(separator: ","))
                    for entry in stream.entries { memory.lines[entry.line, default: 0] += 1 }
                }
                return PushAnswer(status: 204)
            } catch {
                return PushAnswer(status: 400, message: "\(error)")
            }
        }
    }

    /// Serves on a free port while `body` runs.
    func serve(_ body: @escaping @Sendable (_ url: String) async throws -> Void) async throws {
        var view = plainView()
        view.push = { body, type, encoding in self.take(body, type, encoding) }
        try await withEndpoints(view) { base in try await body(base + "/loki/api/v1/push") }
    }
}

@Suite struct EndToEndDeliveryTests {
    private static let rules = """
        groups:
          - name: app
            rules:
              - counter: app_lines_total
                help: Lines.
                expr: '{job="app"}'
                by: []
        """

    private func config(_ stage: Stage, port: Int, urls: [String], options: String = "") throws -> String {
        try stage.write(Self.rules, to: "rules.yaml")
        return try stage.write(
            """
            labels: {cluster: test}
            sources:
              - tail: {paths: ["\(stage.path("app.log"))"], labels: {job: app, file: "${path.filename}"}}
            rules: ["rules.yaml"]
            metrics: {listen: "127.0.0.1:\(port)"}
            state: {directory: "\(stage.path("state"))"}
            shutdown: {deadline: 4s}
            loki:
            \(urls.map { "  - {url: \"\($0)\", batch: {wait: 300ms}, backoff: {minimum: 50ms, maximum: 200ms}\(options)}" }
                .joined(separator: "\n"))
            """, to: "millrace.yaml")
    }

    private func lines(_ range: Range<Int>) -> String { range.map { "line \($0) \"é\"\n" }.joined() }

    private func expected(_ range: Range<Int>) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: range.map { ("line \($0) \"é\"", 1) })
    }

    @Test(
        "a stop delivers what was read, and the next start goes on from there: every line exactly once",
        .timeLimit(.minutes(2)), arguments: ["", ", encoding: json"].map { $0 + ", spool: {bytes: 0}" })
    func cleanRestart(options: String) async throws {
        let receiver = Receiver()
        try await receiver.serve { url in
            try await withStage { stage in
                let port = try freePort()
                let config = try config(stage, port: port, urls: [url], options: options)
                let log = try RotatedLog(stage.path("app.log"))
                try log.append(lines(0..<1_000))
                let first = try await stage.startMillrace(["run", "--config", config], port: port)
                try await eventually("the first lines are delivered", within: 15) { receiver.count >= 1_000 }
                // Told to stop in the middle of the writing, with the destination out of order for a moment.
                try log.append(lines(1_000..<2_000))
                receiver.refuse(next: 3)
                first.signal(SIGTERM)
                try log.append(lines(2_000..<2_500))
                #expect(await first.ended(within: 6) == 0, "\(first.said)")
                let delivered = receiver.count
                #expect(delivered <= 2_500)
                try log.append(lines(2_500..<3_000))
                receiver.refuse(next: 0)

                let second = try await stage.startMillrace(["run", "--config", config], port: port)
                try await eventually("the other lines are delivered", within: 15) { receiver.count >= 3_000 }
                // What the first run counted and did not deliver is delivered, and not counted again.
                try await eventually("the other lines are counted", within: 5) {
                    try await scrape(port).sum("app_lines_total") == 3_000
                }
                second.signal(SIGTERM)
                #expect(await second.ended(within: 6) == 0, "\(second.said)")
                #expect(receiver.lines == expected(0..<3_000))
                #expect(receiver.labels == ["cluster=test,file=app.log,job=app"])
                #expect(
                    receiver.kinds
                        == [options.contains("json") ? "application/json gzip" : "application/x-protobuf "])
            }
        }
    }

    @Test("killed again and again, every line reaches the destination and is counted once", .timeLimit(.minutes(2)))
    func killed() async throws {
        let receiver = Receiver()
        try await receiver.serve { url in
            try await withStage { stage in
                let port = try freePort()
                let config = try config(stage, port: port, urls: [url])
                let log = try RotatedLog(stage.path("app.log"))
                for round in 0..<6 {
                    try log.append(lines(round * 500..<round * 500 + 250))
                    let program = try await stage.startMillrace(["run", "--config", config], port: port)
                    try log.append(lines(round * 500 + 250..<round * 500 + 500))
                    if round % 2 == 0 { receiver.refuse(next: 2) }
                    try await Task.sleep(for: .milliseconds([20, 400, 1_300][round % 3]))
                    program.signal(SIGKILL)
                    #expect(await program.ended(within: 5) != nil)
                }
                receiver.refuse(next: 0)
                let last = try await stage.startMillrace(["run", "--config", config], port: port)
                try await eventually("all lines are delivered", within: 15) { receiver.count >= 3_000 }
                try await eventually("all lines are counted", within: 5) {
                    try await scrape(port).sum("app_lines_total") == 3_000
                }
                last.signal(SIGTERM)
                #expect(await last.ended(within: 6) == 0, "\(last.said)")
                #expect(Set(receiver.lines.keys) == Set(expected(0..<3_000).keys))
            }
        }
    }

    @Test("a dead destination holds up no other, and gets its lines after a restart", .timeLimit(.minutes(2)))
    func deadDestination() async throws {
        let (healthy, late) = (Receiver(), Receiver())
        try await healthy.serve { url in
            try await late.serve { lateURL in
                try await withStage { stage in
                    let port = try freePort()
                    let dead = "http://127.0.0.1:\(try freePort())/loki/api/v1/push"
                    let log = try RotatedLog(stage.path("app.log"))
                    try log.append(lines(0..<500))
                    let config = try config(stage, port: port, urls: [url, dead], options: ", spool: {bytes: 0}")
                    let first = try await stage.startMillrace(["run", "--config", config], port: port)
                    try await eventually("the healthy one has all", within: 10) { healthy.count == 500 }
                    let counted = try await scrape(port)
                    #expect(counted.sum("millrace_push_retries_total") ?? 0 > 0)
                    first.signal(SIGTERM)
                    #expect(await first.ended(within: 9) == 0, "\(first.said)")

                    // The same place in the configuration, now answered for.
                    _ = try self.config(stage, port: port, urls: [url, lateURL], options: ", spool: {bytes: 0}")
                    try log.append(lines(500..<600))
                    let second = try await stage.startMillrace(["run", "--config", config], port: port)
                    try await eventually("both have all", within: 10) { late.count == 600 && healthy.count == 600 }
                    second.signal(SIGTERM)
                    #expect(await second.ended(within: 6) == 0, "\(second.said)")
                    #expect(Set(late.lines.keys) == Set(expected(0..<600).keys))
                }
            }
        }
    }
}
