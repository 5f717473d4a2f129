import Foundation
import Glibc
import Testing

/// A connection to a port of this machine that says bytes and reads HTTP answers; blocking, for a thread of its own.
final class PlainConnection {
    struct Broken: Error {}

    private let socket: Int32
    private var buffer: [UInt8] = []
    /// Bytes that came, heads included.
    private(set) var received = 0

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(port)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Broken() }
    }

    deinit { close(socket) }

    func say(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(socket, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Broken() }
            sent += count
        }
    }

    /// The status of the next answer, read to the end of its body; `isHead` has none.
    func answer(isHead: Bool = false) throws -> Int {
        var end = headEnd
        while end == nil {
            try fill()
            end = headEnd
        }
        let head = String(decoding: buffer[..<end!], as: UTF8.self)
        let fields = head.split(separator: "\r\n")
        let length = fields.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: " ").last ?? "") }
        let total = end! + (isHead ? 0 : length ?? 0)
        while buffer.count < total { try fill() }
        buffer.removeFirst(total)
        received += total
        guard let status = fields.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Broken()
        }
        return status
    }

    private var headEnd: Int? {
        guard buffer.count >= 4 else { return nil }
        for index in 0...(buffer.count - 4) where buffer[index..<index + 4].elementsEqual([13, 10, 13, 10]) {
            return index + 4
        }
        return nil
    }

    private func fill() throws {
        var piece = [UInt8](repeating: 0, count: 65_536)
        var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 20_000) == 1 else { throw Broken() }
        let count = recv(socket, &piece, piece.count, 0)
        guard count > 0 else { throw Broken() }
        buffer += piece[..<count]
    }
}

/// What a load came to, as the client saw it.
private struct LoadTruth: Sendable {
    var bytes = 0.0
    /// By `method|status`.
    var requests: [String: Double] = [:]

    mutating func add(_ other: LoadTruth) {
        bytes += other.bytes
        requests.merge(other.requests) { $0 + $1 }
    }
}

@Suite struct EndToEndNginxTests {
    /// Names of clients with all that a log line finds hard: quotes, backslashes, control bytes, bytes that are no UTF-8.
    private static let agents: [[UInt8]] = [
        Array("curl/8.5.0".utf8), Array(#"He said "hi" \ and {left}, 'then' \u0041 \x41"#.utf8),
        Array("naïve ☕ 日本 \u{2028}".utf8), [0x61, 0x01, 0x1b, 0x5b, 0x33, 0x6d, 0x09, 0x7f, 0x62],
        [0x61, 0xff, 0xfe, 0xc3, 0x28, 0x62], [],
    ]
    private static let paths = [
        "/", "/missing?q=%22%0a%00x&y=1", "/broken", "/a%20b%22c%0Ad%09e%C3%A9%FF?x=\"y\"", "/caf\u{e9}?\u{20ac}",
        "/missing/%7B%7D",
    ]

    /// Requests over keep-alive connections, in pipelines of 25.
    private func load(_ count: Int, worker: Int, port: Int) throws -> LoadTruth {
        var truth = LoadTruth()
        var made = 0
        while made < count {
            let connection = try PlainConnection(port: port)
            for _ in 0..<20 where made < count {
                var methods: [String] = []
                var bytes: [UInt8] = []
                for _ in 0..<min(25, count - made) {
                    let method = made % 11 == 0 ? "HEAD" : made % 13 == 0 ? "DELETE" : "GET"
                    bytes +=
                        "\(method) \(Self.paths[made % Self.paths.count]) HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: "
                        .utf8
                    bytes += Self.agents[(made + worker) % Self.agents.count]
                    bytes += "\r\nX-Trace-ID: t\(worker)-\(made)\r\n\r\n".utf8
                    methods.append(method)
                    made += 1
                }
                try connection.say(bytes)
                for method in methods {
                    truth.requests["\(method)|\(try connection.answer(isHead: method == "HEAD"))", default: 0] += 1
                }
            }
            truth.bytes += Double(connection.received)
        }
        return truth
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { done in
            Thread.detachNewThread { done.resume(with: Result { try body() }) }
        }
    }

    @Test("the requests that nginx answered are those that its log counts to", .timeLimit(.minutes(2)))
    func load() async throws {
        let nginx = try peer("nginx")
        try await withStage { stage in
            let web = try freePort()
            let port = try freePort()
            let config = try stage.write(
                """
                sources:
                  - tail: {paths: ["\(stage.path("access.json"))"], labels: {job: ingress}}
                  - tail: {paths: ["\(stage.path("access.log"))"], labels: {job: nginx}}
                rules: ["\(repository)/rules/ingress-nginx", "\(repository)/rules/nginx-combined"]
                metrics: {listen: "127.0.0.1:\(port)"}
                """, to: "millrace.yaml")
            _ = try await stage.startMillrace(["run", "--config", config], port: port)
            let server = try stage.start(
                nginx,
                [
                    "-p", stage.folder, "-e", stage.path("error.log"), "-c",
                    try stage.fill("nginx.conf", ["WORK": stage.folder, "PORT": "\(web)"]),
                ])
            try await eventually("nginx answers", within: 10) {
                (try? PlainConnection(port: web)) != nil
            }
            var truth = LoadTruth()
            try await withThrowingTaskGroup(of: LoadTruth.self) { group in
                for worker in 0..<3 {
                    group.addTask { try await onThread { try load(1_500, worker: worker, port: web) } }
                }
                for try await part in group { truth.add(part) }
            }
            let total = truth.requests.values.reduce(0, +)
            #expect(total == 4_500)
            try await eventually("every request is counted twice", within: 20) {
                let counted = try await scrape(port)
                return counted.sum("ingress_requests_total") == total
                    && counted.sum("nginx_http_requests_total") == total
            }
            let counted = try await scrape(port)
            #expect(counted.sums("ingress_requests_total", by: ["method", "status"]) == truth.requests)
            #expect(counted.sums("nginx_http_requests_total", by: ["method", "status"]) == truth.requests)
            #expect(counted.sum("ingress_response_bytes_total") == truth.bytes)
            #expect(counted.sum("ingress_request_duration_seconds_count") == total)
            #expect(counted.sum("ingress_unreadable_lines_total") ?? 0 == 0)
            #expect(counted.sum("millrace_lines_read_total") == 2 * total)
            #expect(server.status == nil)
        }
    }
}
