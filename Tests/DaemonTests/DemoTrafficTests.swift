import Foundation
import NIOCore
import NIOPosix
import Records
import ServiceLifecycle
import Synchronization
import Testing

@testable import Daemon

@Suite struct DemoTrafficTests {
    private let time = Timestamp(nanoseconds: 1_795_375_221_123_456_789)

    @Test("the same seed gives the same lines")
    func determinism() {
        var first = DemoIngressLines(seed: 7)
        var second = DemoIngressLines(seed: 7)
        var other = DemoIngressLines(seed: 8)
        let lines = (0..<50).map { first.next(at: time, outage: $0 > 25) }
        #expect(lines == (0..<50).map { second.next(at: time, outage: $0 > 25) })
        #expect(lines != (0..<50).map { other.next(at: time, outage: $0 > 25) })
    }

    @Test("every ingress line is a JSON object with the keys of the ingress")
    func ingress() throws {
        var lines = DemoIngressLines(seed: 1)
        var failed = 0
        for number in 0..<2_000 {
            let line = lines.next(at: time, outage: number >= 1_000)
            #expect(line.last == "\n")
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object.count == 20)
            #expect(object["time"] as? String == "2026-11-22T19:20:21.123+00:00")
            let status = try #require(object["status"] as? Int)
            #expect((200..<600).contains(status))
            #expect(try #require(object["request_time"] as? Double) >= 0)
            if status >= 500, number >= 1_000 { failed += 1 }
        }
        #expect(failed > 10)
    }

    @Test("syslog messages have the header of RFC 5424 and the text of Phoenix")
    func phoenix() throws {
        var lines = DemoPhoenixLines(seed: 1, host: "web-1", application: "shop")
        let messages = (0..<200).flatMap { _ in lines.next(at: time, outage: true) }
        let form =
            #/<13[1-7]>1 2026-11-22T19:20:21\.123Z web-1 shop 4711 - - 19:20:21\.123 request_id=[0-9A-F]{20} \[(info|debug|warning|error)\] .+/#
        for message in messages { #expect(message.wholeMatch(of: form) != nil) }
        #expect(messages.contains { $0.contains("[info] Sent 200 in ") })
        #expect(messages.contains { $0.contains("[error] ** (") })
    }

    @Test("a pace owes no line and invents none")
    func pace() {
        var pace = DemoPace()
        let total = (0..<1_000).reduce(0) { sum, _ in sum + pace.due(rate: 33.3, seconds: 0.1) }
        #expect(abs(total - 3_330) <= 1)
        #expect(pace.due(rate: 10, seconds: 3_600) <= 11)
    }

    @Test("a day has its ebb and its outages")
    func day() {
        let rates = (0..<120).map { DemoDay.rate(mean: 300, at: Double($0)) }
        #expect(try! #require(rates.min()) > 30)
        #expect(try! #require(rates.max()) > 400)
        #expect((0..<80).filter { DemoDay.isOutage(at: Double($0)) }.count == 10)
    }

    @Test("the log is a real file that rotates, and no line is lost on the way")
    func rotation() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let tally = DemoTally()
        var traffic = DemoTraffic(folder: folder.path)
        traffic.ingressLinesPerSecond = 2_000
        traffic.rotation = .milliseconds(700)
        let older = folder.appendingPathComponent("access.log.1").path
        try await running(traffic, tally) {
            try await until { FileManager.default.fileExists(atPath: older) && tally.ingressLines > 1_500 }
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let lines = try files.reduce(0) { sum, file in
            let bytes = try Data(contentsOf: folder.appendingPathComponent(file))
            #expect(bytes.isEmpty || bytes.last == 0x0A)
            return sum + bytes.filter { $0 == 0x0A }.count
        }
        // A third rotation would have dropped a file; then there are fewer lines than were written.
        #expect(files.count <= 3)
        #expect(files.count == 3 ? lines <= tally.ingressLines : lines == tally.ingressLines)
    }

    @Test("syslog goes out as datagrams and as octet-counted frames")
    func syslog() async throws {
        let received = Received()
        let group = MultiThreadedEventLoopGroup.singleton
        let udp = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Datagrams(received))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let tcp = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Bytes(received))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var traffic = DemoTraffic(folder: folder.path)
        traffic.udpPort = udp.localAddress?.port
        traffic.tcpPort = tcp.localAddress?.port
        let tally = DemoTally()
        try await running(traffic, tally) {
            try await until { received.datagrams.count > 20 && received.stream.count > 2_000 }
        }
        try await until { received.datagrams.count == tally.datagramsSent && received.frames == tally.framesSent }
        #expect(received.datagrams.allSatisfy { $0.contains(">1 2") && $0.contains(" shop ") })
        #expect(received.frames == tally.framesSent)
        try await udp.close()
        try await tcp.close()
    }

    private func running(
        _ traffic: DemoTraffic, _ tally: DemoTally, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: traffic.services(tally: tally, logger: silentLogger).map {
                    .init(service: $0, successTerminationBehavior: .ignore)
                }, logger: silentLogger))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            do { try await body() } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

/// Polls until a condition holds; fails after twenty seconds.
func until(_ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while !condition() {
        try #require(ContinuousClock.now < deadline, "the condition did not come true in time")
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// What came over the wire.
private final class Received: Sendable {
    private let state = Mutex((datagrams: [String](), stream: [UInt8]()))

    var datagrams: [String] { state.withLock { $0.datagrams } }
    var stream: [UInt8] { state.withLock { $0.stream } }
    func take(datagram: String) { state.withLock { $0.datagrams.append(datagram) } }
    func take(bytes: [UInt8]) { state.withLock { $0.stream += bytes } }

    /// Whole octet-counted frames in the stream; -1 where it is not one.
    var frames: Int {
        var rest = stream[...]
        var count = 0
        while !rest.isEmpty {
            guard let blank = rest.firstIndex(of: 0x20),
                let length = Int(String(decoding: rest[..<blank], as: UTF8.self))
            else { return -1 }
            guard rest.endIndex - blank - 1 >= length else { return count }
            rest = rest[(blank + 1 + length)...]
            count += 1
        }
        return count
    }
}

private final class Datagrams: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let received: Received

    init(_ received: Received) {
        self.received = received
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.take(datagram: String(buffer: unwrapInboundIn(data).data))
    }
}

private final class Bytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let received: Received

    init(_ received: Received) {
        self.received = received
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.take(bytes: Array(unwrapInboundIn(data).readableBytesView))
    }
}
