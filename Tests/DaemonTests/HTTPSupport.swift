import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import Records
import ServiceLifecycle
import Synchronization

@testable import Daemon

/// An answer as a test reads it.
struct Answer {
    var status: Int
    var headers: [String: String]
    var body: String
}

/// Serves a view on a loopback port, by default a free one, while `body` runs, then stops it in good order.
func withEndpoints(
    _ view: ServiceView, port: Int = 0, _ body: @escaping @Sendable (_ base: String) async throws -> Void
) async throws {
    let (ports, ready) = AsyncStream.makeStream(of: Int.self)
    let service = HTTPService(
        address: ListenAddress(host: "127.0.0.1", port: port), view: view, logger: silentLogger
    ) { bound in
        ready.yield(bound.port)
        ready.finish()
    }
    let group = ServiceGroup(
        configuration: .init(services: [.init(service: service)], logger: silentLogger))
    try await withThrowingTaskGroup { tasks in
        tasks.addTask { try await group.run() }
        guard let port = await ports.first(where: { _ in true }) else { return }
        do { try await body("http://127.0.0.1:\(port)") } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// One request, its answer read to the end (at most 32 MiB).
func ask(
    _ url: String, method: String = "GET", headers: [(String, String)] = [], body: [UInt8]? = nil,
    within limit: TimeAmount = .seconds(20)
) async throws -> Answer {
    var request = HTTPClientRequest(url: url)
    request.method = .RAW(value: method)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
    let response = try await HTTPClient.shared.execute(request, timeout: limit)
    let content = try await response.body.collect(upTo: 32 * 1_024 * 1_024)
    return Answer(
        status: Int(response.status.code),
        headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first },
        body: String(buffer: content))
}

/// A view whose exposition is one line per series: enough to see that what comes in goes out.
func plainView() -> ServiceView {
    ServiceView(version: "1.2.3", started: Timestamp(nanoseconds: Timestamp.now.nanoseconds - 3_600_000_000_000)) {
        snapshot, accept in
        let lines = snapshot.families.flatMap { family in
            family.series.map { "\(family.name)\($0.identity.labels.text) \($0.value.number)\n" }
        }
        let type = accept?.contains("openmetrics") == true ? "application/openmetrics-text" : "text/plain"
        return (type, Array(lines.joined().utf8))
    }
}

/// A family of plain numbers.
func family(_ name: String, _ kind: MetricKind, help: String = "", _ series: [(LabelSet, Double)]) -> MetricFamily {
    MetricFamily(
        name: name, help: help, kind: kind,
        series: series.map { SeriesSnapshot(identity: SeriesIdentity(labels: $0.0), value: .number($0.1)) })
}
