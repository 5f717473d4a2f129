import AsyncHTTPClient
import Logging
import NIOHTTP1
import NIOPosix
import Records
import Synchronization

@testable import Delivery

/// An outlet that runs, with its metrics, its log and streams to make batches of.
struct Fixture: Sendable {
    let outlet: LokiOutlet
    let metrics = SelfMetrics()
    let log = Log()
    let receipts = Receipts()
    let stream: Records.Stream

    /// Runs an outlet against the URL for as long as the body takes; pauses are short unless `change` says otherwise.
    static func run<T: Sendable>(
        _ url: String, replays: Bool = false, spool: SpoolPlace? = nil,
        change: (inout LokiDestination) -> Void = { _ in },
        body: @Sendable (Fixture) async throws -> T
    ) async throws -> T {
        var destination = try LokiDestination(url: url)
        destination.batchWait = .milliseconds(10)
        destination.retry = RetryPolicy(minimum: .milliseconds(5), maximum: .seconds(2))
        change(&destination)
        let client = PushClient.make(on: MultiThreadedEventLoopGroup.singleton)
        let fixture = try Fixture(destination, client, replays, spool)
        let result: Result<T, any Error> = await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await fixture.outlet.run() }
            let result: Result<T, any Error>
            do { result = .success(try await body(fixture)) } catch { result = .failure(error) }
            group.cancelAll()
            return result
        }
        try await client.shutdown()
        return try result.get()
    }

    private init(_ destination: LokiDestination, _ client: HTTPClient, _ replays: Bool, _ spool: SpoolPlace?) throws {
        stream = StreamTable().stream(for: LabelSet([Label("job", "test")]))!
        let log = log
        outlet = try LokiOutlet(
            destination: destination, client: client, metrics: metrics,
            logger: Logger(label: "test") { _ in Recorder(log: log) }, replaysUndelivered: replays, spool: spool)
    }

    func offer(_ number: Int, lines: Int = 1, text: String = "line") {
        outlet.offer(batch(stream, "\(text) \(number)", lines: lines, receipt: receipts.make(number)))
    }

    /// A batch of a stream whose lines are all different and whose times say their number.
    func offer(numbered number: Int, of stream: Records.Stream, lines: Int = 10, padding: Int = 0) {
        outlet.offer(
            batch(
                (0..<lines).map { line in
                    let text = "\(number) \(line) " + String(repeating: "x", count: padding)
                    return Entry(
                        stream: stream, nanoseconds: 1_000_000 * Int64(number) + Int64(line), line: Array(text.utf8))
                }, receipt: receipts.make(number)))
    }

    func gauge(_ metric: SelfMetric) -> Double {
        metrics.families().filter { $0.name == metric.name }.flatMap(\.series).reduce(0) { sum, series in
            guard case .number(let value) = series.value else { return sum }
            return sum + value
        }
    }

    /// The sum of a counter over all its label values, or of those with the given reason.
    func total(_ metric: SelfMetric, reason: String? = nil) -> Int {
        metrics.families().filter { $0.name == metric.name }.flatMap(\.series).reduce(0) { sum, series in
            guard reason == nil || series.identity.labels["reason"] == reason, case .number(let value) = series.value
            else { return sum }
            return sum + Int(value)
        }
    }
}

/// What was logged, metadata included.
final class Log: Sendable {
    let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
}

struct Recorder: LogHandler {
    let log: Log
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        log.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}

extension PushServer.Request {
    /// Times and lines of a stream of the request, in order.
    func entries(_ job: String) -> [PushedEntry] {
        let request = try? PushRequest.decode(
            body: body, contentType: headers.first(name: "Content-Type"),
            contentEncoding: headers.first(name: "Content-Encoding"))
        return request?.streams.filter { $0.labels.contains(Label("job", job)) }.flatMap(\.entries) ?? []
    }

    /// The lines of the request, in order.
    var lines: [String] {
        let request = try? PushRequest.decode(
            body: body, contentType: headers.first(name: "Content-Type"),
            contentEncoding: headers.first(name: "Content-Encoding"))
        return request?.streams.flatMap { $0.entries.map(\.line) } ?? []
    }
}
