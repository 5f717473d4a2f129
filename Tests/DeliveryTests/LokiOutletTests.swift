import AsyncHTTPClient
import Foundation
import Logging
import NIOHTTP1
import NIOPosix
import NIOSSL
import Records
import ServiceLifecycle
import Testing

@testable import Delivery

@Suite struct LokiOutletTests {
    @Test("batches are joined into requests, acknowledged once each, and counted", arguments: PushEncoding.allCases)
    func delivers(encoding: PushEncoding) async throws {
        let server = try await PushServer { _, _ in .status(204) }
        try await Fixture.run("http://127.0.0.1:\(server.port)", change: { $0.encoding = encoding }) { fixture in
            for number in 0..<20 { fixture.offer(number, lines: 5) }
            #expect(await eventually { fixture.receipts.settled.count == 20 })
            #expect(fixture.receipts.settled == Array(0..<20))
            #expect(server.requests.flatMap(\.lines) == (0..<20).flatMap { n in (0..<5).map { "line \(n) \($0)" } })
            #expect(server.requests.count < 20)
            #expect(server.requests.allSatisfy { $0.method == "POST" && $0.uri == "/loki/api/v1/push" })
            let status = fixture.outlet.status()
            #expect(status.lines == 100 && status.queueBytes == 0 && status.problem == nil && status.droppedLines == 0)
            #expect(status.batches == UInt64(server.requests.count))
            #expect(status.bytes == UInt64(server.requests.reduce(0) { $0 + $1.body.count }))
            #expect(fixture.total(.linesSent) == 100)
            #expect(fixture.total(.pushQueueBytes) == 0)
        }
        await server.stop()
    }

    @Test("a request has the tenant, the authorization and the headers that were configured")
    func headers() async throws {
        let server = try await PushServer { _, _ in .status(204) }
        for authorization in [
            LokiDestination.Authorization.basic(user: "ann", password: Secret("hunter2")), .bearer(Secret("t0ken")),
        ] {
            try await Fixture.run(
                "http://127.0.0.1:\(server.port)/api/prom/push?x=1",
                change: {
                    $0.tenant = "team-a"
                    $0.authorization = authorization
                    $0.headers = [("X-More", Secret("yes"))]
                }
            ) { fixture in
                fixture.offer(0)
                #expect(await eventually { fixture.receipts.settled == [0] })
            }
        }
        try #require(server.requests.count == 2)
        #expect(server.requests[0].uri == "/api/prom/push?x=1")
        #expect(server.requests[0].headers["X-Scope-OrgID"] == ["team-a"])
        #expect(server.requests[0].headers["Authorization"] == ["Basic YW5uOmh1bnRlcjI="])
        #expect(server.requests[0].headers["X-More"] == ["yes"])
        #expect(server.requests[0].headers["Content-Type"] == ["application/x-protobuf"])
        #expect(server.requests[1].headers["Authorization"] == ["Bearer t0ken"])
        await server.stop()
    }

    @Test("an answer that forbids repeating drops the lines once, says why, and the next request goes on")
    func refused() async throws {
        let text = "hunter2 is wrong " + String(repeating: "x", count: 5_000)
        let server = try await PushServer { _, before in before == 0 ? .status(400, text: text) : .status(204) }
        try await Fixture.run("http://u:hunter2@127.0.0.1:\(server.port)") { fixture in
            fixture.offer(0, lines: 3)
            #expect(await eventually { fixture.receipts.settled == [0] })
            #expect(fixture.total(.pushLinesDropped, reason: "http_400") == 3)
            let problem = fixture.outlet.status().problem ?? ""
            #expect(problem.contains("http_400") && !problem.contains("hunter2"))
            let logged = fixture.log.all.filter { $0.contains("is wrong") }
            #expect(logged.count == 1)
            #expect(logged.allSatisfy { $0.utf8.count < 1_300 && !$0.contains("hunter2") })
            fixture.offer(1)
            #expect(await eventually { fixture.receipts.settled == [0, 1] })
            #expect(fixture.total(.pushLinesDropped) == 3)
            #expect(fixture.outlet.status().problem == nil)
        }
        #expect(server.requests.count == 2)
        await server.stop()
    }

    @Test("what may pass is tried again until it is taken, with the same bytes and in order")
    func retried() async throws {
        let replies: [PushServer.Reply] = [
            .status(500, text: "no"), .close, .status(503), .status(429, text: "slow down"), .status(204),
        ]
        let server = try await PushServer { _, before in before < replies.count ? replies[before] : .status(204) }
        try await Fixture.run("http://127.0.0.1:\(server.port)", change: { $0.batchBytes = 1 }) { fixture in
            for number in 0..<3 { fixture.offer(number) }
            #expect(await eventually { fixture.receipts.settled == [0, 1, 2] })
            #expect(server.requests.map(\.lines) == [0, 0, 0, 0, 0, 1, 2].map { ["line \($0) 0"] })
            #expect(Set(server.requests.prefix(5).map(\.body)).count == 1)
            #expect(fixture.outlet.status().retries == 4)
            for reason in ["http_500", "http_503", "http_429", "connection"] {
                #expect(fixture.total(.pushRetries, reason: reason) == 1)
            }
            #expect(fixture.total(.pushLinesDropped) == 0)
        }
        await server.stop()
    }

    @Test("Retry-After says when to come back")
    func retryAfter() async throws {
        let server = try await PushServer { _, before in
            before == 0 ? .status(429, headers: ["Retry-After": "1"]) : .status(204)
        }
        try await Fixture.run("http://127.0.0.1:\(server.port)") { fixture in
            fixture.offer(0)
            #expect(await eventually { fixture.receipts.settled == [0] })
        }
        try #require(server.requests.count == 2)
        #expect(server.requests[1].at - server.requests[0].at >= .milliseconds(950))
        await server.stop()
    }

    @Test("attempts end at the timeout, and retries at their limit")
    func timeouts() async throws {
        let server = try await PushServer { _, _ in .never }
        try await Fixture.run(
            "http://127.0.0.1:\(server.port)",
            change: {
                $0.timeout = .milliseconds(50)
                $0.retry.limit = 2
            }
        ) { fixture in
            fixture.offer(0, lines: 4)
            #expect(await eventually { fixture.receipts.settled == [0] })
            #expect(fixture.total(.pushRetries, reason: "timeout") == 2)
            #expect(fixture.total(.pushLinesDropped, reason: "retries_exhausted") == 4)
        }
        #expect(server.requests.count == 3)
        await server.stop()
    }

    @Test("a destination that nobody listens at is tried again")
    func unreachable() async throws {
        let server = try await PushServer { _, _ in .status(204) }
        let port = server.port
        await server.stop()
        try await Fixture.run("http://127.0.0.1:\(port)") { fixture in
            fixture.offer(0)
            #expect(await eventually { fixture.total(.pushRetries, reason: "connection") >= 3 })
            #expect(fixture.outlet.status().problem?.hasPrefix("trying again (connection)") ?? false)
            #expect(fixture.receipts.settled.isEmpty)
        }
    }

    @Test("redirects are not followed")
    func redirect() async throws {
        let server = try await PushServer { _, _ in .status(307, headers: ["Location": "/elsewhere"]) }
        try await Fixture.run("http://127.0.0.1:\(server.port)") { fixture in
            fixture.offer(0)
            #expect(await eventually { fixture.receipts.settled == [0] })
            #expect(fixture.total(.pushLinesDropped, reason: "http_307") == 1)
        }
        #expect(server.requests.count == 1)
        await server.stop()
    }

    @Test("a silent destination makes workers wait for a while, then drops what does not fit, within the bound")
    func silent() async throws {
        let server = try await PushServer { _, _ in .never }
        try await Fixture.run(
            "http://127.0.0.1:\(server.port)",
            change: {
                $0.queueBytes = 20_000
                $0.patience = .milliseconds(200)
            }
        ) { fixture in
            let begin = ContinuousClock.now
            await onThread { for number in 0..<100 { fixture.offer(number, lines: 2, text: "line") } }
            let spent = ContinuousClock.now - begin
            #expect(spent >= .milliseconds(190) && spent < .seconds(5))
            let status = fixture.outlet.status()
            #expect(status.queueBytes <= 20_000 && status.queueBytes > 15_000)
            #expect(status.droppedLines == UInt64(fixture.total(.pushLinesDropped, reason: "queue_full")))
            #expect(status.droppedLines > 100)
            #expect(fixture.log.all.count { $0.contains("queue_full") } == 1)
            #expect(fixture.receipts.settled.isEmpty)
            await fixture.outlet.finish(deadline: .now)
            #expect(fixture.receipts.settled == Array(0..<100))
            #expect(fixture.total(.pushLinesDropped) == 200)
        }
        await server.stop()
    }

    @Test("receipts of dropped batches are bounded: beyond, what is queued is given up too, in order")
    func overdue() async throws {
        let server = try await PushServer { _, _ in .status(503) }
        try await Fixture.run(
            "http://127.0.0.1:\(server.port)",
            change: {
                $0.queueBytes = 1
                $0.patience = .zero
            }
        ) { fixture in
            let count = QueueState.maximumFollowers + 2
            await onThread { for number in 0..<count { fixture.offer(number) } }
            #expect(await eventually { fixture.receipts.settled.count == count })
            #expect(fixture.receipts.settled == Array(0..<count))
            #expect(fixture.total(.pushLinesDropped, reason: "queue_full") == count)
            #expect(fixture.outlet.status().droppedLines == UInt64(count))
        }
        await server.stop()
    }

    @Test("a slow destination slows the workers down and loses nothing")
    func backpressure() async throws {
        let server = try await PushServer { _, _ in .status(204) }
        try await Fixture.run(
            "http://127.0.0.1:\(server.port)",
            change: {
                $0.queueBytes = 3_000
                $0.batchBytes = 1
            }
        ) { fixture in
            await onThread { for number in 0..<200 { fixture.offer(number) } }
            #expect(await eventually { fixture.receipts.settled.count == 200 })
            #expect(fixture.receipts.settled == Array(0..<200))
            #expect(server.requests.flatMap(\.lines) == (0..<200).map { "line \($0) 0" })
            #expect(fixture.total(.pushLinesDropped) == 0)
        }
        await server.stop()
    }

    @Test("several workers at once keep their own order, and each receipt is settled once")
    func workers() async throws {
        let server = try await PushServer { _, before in before % 7 == 3 ? .status(500) : .status(204) }
        try await Fixture.run("http://127.0.0.1:\(server.port)", change: { $0.queueBytes = 30_000 }) { fixture in
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask {
                        await onThread { for number in 0..<100 { fixture.offer(worker * 1_000 + number) } }
                    }
                }
            }
            #expect(await eventually { fixture.receipts.settled.count == 400 })
            for worker in 0..<4 {
                let own = (0..<100).map { worker * 1_000 + $0 }
                #expect(fixture.receipts.settled.filter { $0 / 1_000 == worker } == own)
            }
        }
        await server.stop()
    }

    @Test("a shutdown cuts and delivers what waits, without waiting for more")
    func shutdown() async throws {
        let server = try await PushServer { _, before in before == 0 ? .status(503) : .status(204) }
        try await Fixture.run("http://127.0.0.1:\(server.port)", change: { $0.batchWait = .seconds(60) }) { fixture in
            for number in 0..<3 { fixture.offer(number) }
            await fixture.outlet.finish(deadline: .now + .seconds(10))
            #expect(fixture.receipts.settled == [0, 1, 2])
            #expect(server.requests.count == 2)
            fixture.offer(3)
            #expect(fixture.receipts.settled == [0, 1, 2, 3])
            #expect(fixture.total(.pushLinesDropped, reason: "shutdown") == 1)
        }
        await server.stop()
    }

    @Test("a shutdown ends at its deadline; the rest is dropped, or kept for a replay", arguments: [false, true])
    func deadline(replays: Bool) async throws {
        let server = try await PushServer { _, _ in .never }
        try await Fixture.run("http://127.0.0.1:\(server.port)", replays: replays) { fixture in
            fixture.offer(0, lines: 2)
            #expect(await eventually { server.requests.count == 1 })
            fixture.offer(1, lines: 3)
            let begin = ContinuousClock.now
            await fixture.outlet.finish(deadline: begin + .milliseconds(100))
            #expect(ContinuousClock.now - begin < .seconds(5))
            fixture.offer(2)
            #expect(fixture.receipts.settled == (replays ? [] : [0, 1, 2]))
            #expect(fixture.total(.pushLinesDropped, reason: "shutdown") == 6)
        }
        await server.stop()
    }

    @Test(
        "an outlet that never ran delivers what it can when it finishes, and drops the rest", arguments: [true, false])
    func neverRan(isAlive: Bool) async throws {
        let server = try await PushServer { _, _ in .status(204) }
        let port = server.port
        if !isAlive { await server.stop() }
        let client = PushClient.make(on: MultiThreadedEventLoopGroup.singleton)
        let receipts = Receipts()
        let outlet = try LokiOutlet(
            destination: LokiDestination(url: "http://127.0.0.1:\(port)"), client: client, metrics: SelfMetrics(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let stream = StreamTable().stream(for: LabelSet([Label("a", "b")]))!
        outlet.offer(batch(stream, "x", receipt: receipts.make(0)))
        outlet.offer(batch([], receipt: receipts.make(1)))
        await outlet.finish(deadline: .now + (isAlive ? .seconds(60) : .milliseconds(100)))
        try await outlet.run()
        #expect(receipts.settled == [0, 1])
        #expect(outlet.status().droppedLines == (isAlive ? 0 : 1))
        #expect(server.requests.count == (isAlive ? 1 : 0))
        await server.stop()
        try await client.shutdown()
    }

    @Test("a graceful shutdown of its service group delivers what waits")
    func serviceGroup() async throws {
        let server = try await PushServer { _, _ in .status(204) }
        let client = PushClient.make(on: MultiThreadedEventLoopGroup.singleton)
        let receipts = Receipts()
        var destination = try LokiDestination(url: "http://127.0.0.1:\(server.port)")
        destination.batchWait = .seconds(60)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let outlet = try LokiOutlet(
            destination: destination, client: client, metrics: SelfMetrics(), logger: logger)
        let group = ServiceGroup(services: [outlet], logger: logger)
        let stream = StreamTable().stream(for: LabelSet([Label("a", "b")]))!
        outlet.offer(batch(stream, "x", receipt: receipts.make(0)))
        async let over: Void = group.run()
        await group.triggerGracefulShutdown()
        try await over
        #expect(receipts.settled == [0])
        #expect(server.requests.map(\.lines) == [["x 0"]])
        await server.stop()
        try await client.shutdown()
    }

    @Test("headers that HTTP forbids and certificates that are missing are found at the start")
    func configuration() async throws {
        let client = PushClient.make(on: MultiThreadedEventLoopGroup.singleton)
        func make(_ change: (inout LokiDestination) -> Void) throws {
            var destination = try LokiDestination(url: "https://127.0.0.1:9")
            change(&destination)
            _ = try LokiOutlet(
                destination: destination, client: client, metrics: SelfMetrics(), logger: Logger(label: "test"))
        }
        #expect(throws: DestinationError.header("Authorization")) {
            try make { $0.authorization = .bearer(Secret("a\nb")) }
        }
        #expect(throws: DestinationError.header("X Y")) { try make { $0.headers = [("X Y", Secret(""))] } }
        #expect(throws: DestinationError.self) { try make { $0.tls.caFile = "/nonexistent.pem" } }
        #expect(throws: Never.self) { try make { _ in } }
        try await client.shutdown()
    }

    @Test("TLS trusts the authority that is configured, or anybody when told to, and nobody else")
    func tls() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (key, certificate) = (folder.path + "/key.pem", folder.path + "/cert.pem")
        let made = try makeCertificate(key, certificate)
        try #require(made.status == 0, "\(String(decoding: made.output, as: UTF8.self))")
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
        configuration.certificateVerification = .none
        let server = try await PushServer(tls: NIOSSLContext(configuration: configuration)) { _, _ in .status(204) }
        let url = "https://127.0.0.1:\(server.port)"
        for tls in [PushTLS(caFile: certificate), PushTLS(isInsecure: true)] {
            try await Fixture.run(url, change: { $0.tls = tls }) { fixture in
                fixture.offer(0)
                #expect(await eventually { fixture.receipts.settled == [0] })
                #expect(fixture.total(.linesSent) == 1)
            }
        }
        try await Fixture.run(url) { fixture in
            fixture.offer(0)
            #expect(await eventually { fixture.total(.pushRetries, reason: "connection") > 0 })
            #expect(fixture.outlet.status().problem?.contains("CERTIFICATE_VERIFY_FAILED") ?? false)
        }
        #expect(server.requests.count == 2)
        await server.stop()
    }
}

private func makeCertificate(_ key: String, _ certificate: String) throws -> (status: Int32, output: [UInt8]) {
    try run(
        "/usr/bin/openssl",
        [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
            "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        ])
}

/// Runs the body on a thread of its own, as workers do, and waits for it.
func onThread(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            body()
            continuation.resume()
        }
    }
}
