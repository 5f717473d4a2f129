import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Records
import Testing

@testable import Intake

@Suite("Syslog listener", .serialized, .timeLimit(.minutes(2)))
struct SyslogListenerTests {
    static let fixed = SourceLabels(fixed: LabelSet([Label("job", "syslog")]))

    static func configuration(_ address: SyslogAddress) -> SyslogConfiguration {
        SyslogConfiguration(name: "syslog:0", listen: [address], labels: fixed)
    }

    static let udp = configuration(.udp(host: "127.0.0.1", port: 0))
    static let tcp = configuration(.tcp(host: "127.0.0.1", port: 0))

    @Test("a datagram is a message, line ends at its end stripped, whatever its header")
    func datagrams() async throws {
        try await SyslogListening.with(Self.udp) { listening in
            let client = try ClientSocket(SOCK_DGRAM, port: listening.port)
            for message in ["<13>1 - h a - - - one\n", "<13>Oct 11 22:14:15 h app: two\r\n\0", "three\nfour", "\n"] {
                client.send(message)
            }
            try await listening.until("three lines are there") { $0.lines.count == 3 }
            #expect(listening.lines == ["one", "two", "three\nfour"])
            #expect(listening.counter(.linesMarked, "header") == 1)
            #expect(listening.counter(.linesRead) == 3)
            let status = listening.listener.status()
            #expect(status.map(\.place) == ["udp://127.0.0.1:\(listening.port)"])
            #expect(status.map(\.lines) == [3])
        }
    }

    @Test("datagrams that come together share a batch and lose nothing")
    func manyDatagrams() async throws {
        try await SyslogListening.with(Self.udp) { listening in
            let client = try ClientSocket(SOCK_DGRAM, port: listening.port)
            for number in 0..<20_000 { client.send("<13>1 - h a - - - \(number)") }
            try await listening.until("all lines are there, or counted as dropped") {
                UInt64($0.lines.count) + $0.counter(.linesDropped, "kernel") >= 20_000
            }
            let numbers = listening.lines.compactMap { Int($0) }
            #expect(numbers == numbers.sorted())
            #expect(Set(numbers).count == listening.lines.count)
            #expect(listening.received.count < 5_000)
        }
    }

    @Test("a full queue drops datagrams and counts them, and never blocks")
    func fullQueueUDP() async throws {
        try await SyslogListening.with(Self.udp, queueBytes: 1_000, isDraining: false) { listening in
            let client = try ClientSocket(SOCK_DGRAM, port: listening.port)
            let message = "<13>1 - h a - - - " + String(repeating: "x", count: 900)
            for _ in 0..<3_000 { client.send(message) }
            try await listening.until("all were read") {
                $0.counter(.linesRead) + $0.counter(.linesDropped, "kernel") == 3_000
                    && $0.counter(.linesDropped, "queue_full") > 0
            }
            let reader = listening.drain()
            client.send("<13>1 - h a - - - after")
            try await listening.until("it takes messages again") { $0.lines.last == "after" }
            let accounted =
                UInt64(listening.lines.count) + listening.counter(.linesDropped, "queue_full")
                + listening.counter(.linesDropped, "kernel")
            #expect(accounted == 3_001)
            listening.queue.close()
            await reader.finished()
        }
    }

    @Test("a datagram over the limit is cut and counted")
    func longDatagram() async throws {
        var configuration = Self.udp
        configuration.maximumMessageBytes = 1_000
        try await SyslogListening.with(configuration) { listening in
            let client = try ClientSocket(SOCK_DGRAM, port: listening.port)
            client.send(String(repeating: "x", count: 5_000))
            try await listening.until("the line is there") { $0.lines.count == 1 }
            #expect(listening.lines == [String(repeating: "x", count: 1_000)])
            #expect(listening.counter(.linesMarked, "cut") == 1)
        }
    }

    @Test("labels say who sent a datagram and a connection")
    func connectionAddress() async throws {
        for (kind, base) in [(SOCK_DGRAM, Self.udp), (SOCK_STREAM, Self.tcp)] {
            var configuration = base
            configuration.labels.variables = [
                .init(name: "ip", template: LabelTemplate([.variable(scope: "syslog", name: "connection_ip")]))
            ]
            try await SyslogListening.with(configuration) { listening in
                let client = try ClientSocket(kind, port: listening.port)
                client.send("<13>1 - h a - - - x\n")
                try await listening.until("the line is there") { $0.lines.count == 1 }
                #expect(listening.received[0].streams[0].labels.text == #"{ip="127.0.0.1", job="syslog"}"#)
            }
        }
    }

    @Test("octet counting and newlines mix on one connection")
    func mixedFraming() async throws {
        try await SyslogListening.with(Self.tcp) { listening in
            let client = try ClientSocket(SOCK_STREAM, port: listening.port)
            client.send("27 <13>1 - h a - - - one\ntwo \n<13>1 - h a - - - three\n22 <13>1 - h a - - - four")
            try await listening.until("three lines are there") { $0.lines.count == 3 }
            #expect(listening.lines == ["one\ntwo ", "three", "four"])
            client.send("<13>1 - h a - - - no newline at the end")
            client.finish()
            try await listening.until("the last line is there") { $0.lines.count == 4 }
            #expect(listening.lines[3] == "no newline at the end")
            #expect(listening.counter(.linesMarked, "header") == 0)
        }
    }

    @Test("small writes share batches")
    func coalescing() async throws {
        try await SyslogListening.with(Self.tcp) { listening in
            let client = try ClientSocket(SOCK_STREAM, port: listening.port)
            for number in 0..<5_000 { client.send("<13>1 - h a - - - \(number)\n") }
            try await listening.until("all lines are there") { $0.lines.count == 5_000 }
            #expect(listening.lines.map { Int($0) } == Array(0..<5_000))
            #expect(listening.received.count < 1_000)
        }
    }

    @Test("a queue that is full stops the sender, and loses nothing")
    func backpressure() async throws {
        try await SyslogListening.with(Self.tcp, queueBytes: 100_000, isDraining: false) { listening in
            let client = try ClientSocket(SOCK_STREAM, port: listening.port)
            let line = Array(("<13>1 - h a - - - " + String(repeating: "x", count: 981) + "\n").utf8)
            var sent = 0
            var quietRounds = 0
            // Until the kernel has taken nothing for half a second: the receiver has stopped reading.
            while quietRounds < 50 {
                let part = sent % line.count
                let count = client.sendWithoutWaiting(Array(line[part...]))
                sent += count
                quietRounds = count > 0 ? 0 : quietRounds + 1
                if count == 0 { try await Task.sleep(for: .milliseconds(10)) }
                try #require(sent < 200 << 20, "the sender was never stopped")
            }
            #expect(listening.counter(.bytesRead) < 2 << 20)
            let reader = listening.drain()
            client.send(Array(line[(sent % line.count)...]))
            let lines = sent / line.count + 1
            try await listening.until("all lines are there") { $0.lines.count == lines }
            #expect(listening.lines.allSatisfy { $0.utf8.count == 981 })
            #expect(listening.counter(.linesDropped, "queue_full") == 0)
            client.finish()
            try await listening.until("the connection is gone") {
                $0.metrics.gauge(.connectionsOpen, "syslog:0").current == 0
            }
            listening.queue.close()
            await reader.finished()
        }
    }

    @Test("what a full queue has not taken when the time to stop is over is dropped and counted")
    func fullAtShutdown() async throws {
        var configuration = Self.tcp
        configuration.shutdownGrace = .milliseconds(300)
        try await SyslogListening.with(configuration, queueBytes: 1_000, isDraining: false) { listening in
            let client = try ClientSocket(SOCK_STREAM, port: listening.port)
            let line = "<13>1 - h a - - - " + String(repeating: "x", count: 981) + "\n"
            for _ in 0..<200 { client.send(line) }
            try await listening.until("something waits") { $0.counter(.linesRead) > 64 }
            await listening.stop()
            try await listening.until("the rest is counted") { $0.counter(.linesDropped, "shutdown") > 0 }
            try await listening.until("the connection is released") {
                $0.metrics.gauge(.connectionsOpen, "syslog:0").current == 0
            }
            let taken = listening.counter(.linesRead) - listening.counter(.linesDropped, "shutdown")
            #expect(listening.queue.waitingBytes > 0)
            #expect(taken < listening.counter(.linesRead))
        }
    }

    @Test("a message of 10 MiB is cut to the limit and the connection goes on")
    func hugeMessage() async throws {
        try await SyslogListening.with(Self.tcp) { listening in
            let client = try ClientSocket(SOCK_STREAM, port: listening.port)
            let size = 10 << 20
            client.send("\(size) <13>" + String(repeating: "x", count: size - 4))
            client.send("<13>" + String(repeating: "y", count: size) + "\n<13>1 - h a - - - after\n")
            try await listening.until("three lines are there") { $0.lines.count == 3 }
            #expect(listening.lines.map(\.utf8.count) == [65_536 - 4, 65_536 - 4, 5])
            #expect(listening.counter(.linesMarked, "cut") == 2)
        }
    }

    @Test("connections over the limit are closed and counted, and room comes back")
    func connectionLimit() async throws {
        var configuration = Self.tcp
        configuration.maximumConnections = 2
        try await SyslogListening.with(configuration) { listening in
            var clients = [
                try ClientSocket(SOCK_STREAM, port: listening.port),
                try ClientSocket(SOCK_STREAM, port: listening.port),
            ]
            try await listening.until("two are open") {
                $0.metrics.gauge(.connectionsOpen, "syslog:0").current == 2
            }
            let third = try ClientSocket(SOCK_STREAM, port: listening.port)
            #expect(try await third.isClosedByPeer())
            #expect(listening.counter(.connectionsRefused) == 1)
            clients.removeLast()
            try await listening.until("one is open") {
                $0.metrics.gauge(.connectionsOpen, "syslog:0").current == 1
            }
            let fourth = try ClientSocket(SOCK_STREAM, port: listening.port)
            fourth.send("<13>1 - h a - - - let in\n")
            try await listening.until("its line is there") { $0.lines == ["let in"] }
        }
    }

    @Test("a quiet connection is closed when the configuration says so")
    func idle() async throws {
        var configuration = Self.tcp
        configuration.idleTimeout = .milliseconds(50)
        try await SyslogListening.with(configuration) { listening in
            let client = try ClientSocket(SOCK_STREAM, port: listening.port)
            #expect(try await client.isClosedByPeer())
        }
    }

    @Test("what was sent before the listener is asked to stop still arrives")
    func gracefulShutdown() async throws {
        for (kind, configuration) in [(SOCK_DGRAM, Self.udp), (SOCK_STREAM, Self.tcp)] {
            try await SyslogListening.with(configuration) { listening in
                let client = try ClientSocket(kind, port: listening.port)
                client.send("<13>1 - h a - - - first\n")
                try await listening.until("it serves") { $0.lines.count == 1 }
                for number in 0..<500 { client.send("<13>1 - h a - - - \(number)\n") }
                await listening.stop()
                try await listening.until("all lines are there") { $0.lines.count == 501 }
                if kind == SOCK_STREAM { #expect(try await client.isClosedByPeer()) }
            }
        }
    }

    @Test("a Unix stream socket takes messages")
    func unixSocket() async throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/log.sock"
        try await SyslogListening.with(Self.configuration(.unix(path: path))) { listening in
            let client = try ClientSocket(path: path)
            client.send("<13>Oct 11 22:14:15 app[1]: local\n")
            try await listening.until("the line is there") { $0.lines == ["local"] }
            #expect(listening.listener.boundAddresses == [.unix(path: path)])
        }
    }

    @Test("a port that is taken is an error that names the address and the cause", arguments: ["udp", "tcp"])
    func portInUse(scheme: String) async throws {
        let first = scheme == "udp" ? Self.udp : Self.tcp
        try await SyslogListening.with(first) { listening in
            let address = try #require(SyslogAddress("\(scheme)://127.0.0.1:\(listening.port)"))
            var second = Self.configuration(.tcp(host: "127.0.0.1", port: 0))
            second.listen.append(address)
            let wanted = SyslogError.cannotListen(address: address, reason: "another process listens there already")
            await #expect(throws: wanted) { try await SyslogListening.with(second) { _ in } }
            #expect("\(wanted)" == "cannot listen on \(address): another process listens there already")
        }
    }

    @Test("TLS takes messages, and refuses files that are no certificate")
    func tls() async throws {
        let folder = TemporaryFolder()
        let certificate = folder.path + "/cert.pem"
        let key = folder.path + "/key.pem"
        let made = try await Program.run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
        try #require(made == 0, "openssl is needed for this test")
        var configuration = Self.configuration(.tls(host: "127.0.0.1", port: 0))
        configuration.tls = .init(certificate: certificate, key: key)
        try await SyslogListening.with(configuration) { listening in
            var client = TLSConfiguration.makeClientConfiguration()
            client.trustRoots = .file(certificate)
            let context = try NIOSSLContext(configuration: client)
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    }
                }
                .connect(host: "127.0.0.1", port: listening.port).get()
            try await channel.writeAndFlush(ByteBuffer(string: "21 <13>1 - h a - - - one<13>1 - h a - - - two\n"))
            try await listening.until("two lines are there") { $0.lines.count == 2 }
            #expect(listening.lines == ["one", "two"])
            // Somebody who does not speak TLS harms nobody.
            let plain = try ClientSocket(SOCK_STREAM, port: listening.port)
            plain.send("<13>1 - h a - - - plain\n")
            #expect(try await plain.isClosedByPeer())
            try await channel.writeAndFlush(ByteBuffer(string: "<13>1 - h a - - - three\n"))
            try await listening.until("three lines are there") { $0.lines.count == 3 }
            try await channel.close()
        }
        configuration.tls = .init(certificate: folder.path + "/none.pem", key: key)
        await #expect(throws: SyslogError.self) { try await SyslogListening.with(configuration) { _ in } }
        configuration.tls = .init(certificate: certificate, key: certificate)
        await #expect(throws: SyslogError.self) { try await SyslogListening.with(configuration) { _ in } }
    }
}
