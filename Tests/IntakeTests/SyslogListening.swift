import Glibc
import Intake
import Logging
import NIOPosix
import Records
import ServiceLifecycle
import Synchronization
import Testing

/// A listener that runs, with a real queue behind it and a thread that empties the queue.
final class SyslogListening: Sendable {
    struct NotInTime: Error, CustomStringConvertible {
        var description: String
    }

    let listener: SyslogListener
    let metrics = SelfMetrics()
    let queue: Handoff<LineBatch>
    private let group: ServiceGroup
    private let batches = Mutex<[LineBatch]>([])
    private let failure = Mutex<(any Error)?>(nil)

    private init(_ configuration: SyslogConfiguration, queueBytes: Int) {
        let queue = Handoff<LineBatch>(limitBytes: queueBytes)
        self.queue = queue
        let sink = BatchSink(
            send: { queue.send($0, bytes: $0.byteCount) }, offer: { queue.offer($0, bytes: $0.byteCount) },
            whenSpace: { queue.whenSpace($0) })
        var logger = Logger(label: "syslog")
        logger.logLevel = .critical
        listener = SyslogListener(
            configuration, streams: StreamTable(), sink: sink, eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            metrics: metrics, logger: logger)
        group = ServiceGroup(
            configuration: .init(services: [.init(service: listener)], logger: logger))
    }

    /// Runs a listener, waits until it is bound, runs `body` and stops it.
    static func with(
        _ configuration: SyslogConfiguration, queueBytes: Int = 64 << 20, isDraining: Bool = true,
        _ body: @Sendable (SyslogListening) async throws -> Void
    ) async throws {
        let listening = SyslogListening(configuration, queueBytes: queueBytes)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                do {
                    try await listening.group.run()
                } catch {
                    listening.failure.withLock { $0 = error }
                    throw error
                }
            }
            let reader = isDraining ? listening.drain() : nil
            do {
                try await listening.until("the listener is bound") { !$0.listener.boundAddresses.isEmpty }
                try await body(listening)
            } catch {
                await listening.stop()
                listening.queue.close()
                throw error
            }
            await listening.stop()
            try await tasks.waitForAll()
            listening.queue.close()
            await reader?.finished()
        }
    }

    /// Asks the listener to stop; `with` waits until it has.
    func stop() async { await group.triggerGracefulShutdown() }

    /// Starts to take batches out of the queue.
    func drain() -> BlockingThread {
        BlockingThread.start(name: "drain") {
            while let batch = self.queue.receive() { self.batches.withLock { $0.append(batch) } }
        }
    }

    /// Batches so far.
    var received: [LineBatch] { batches.withLock { $0 } }

    /// Entries so far.
    var lines: [String] {
        received.flatMap { batch in batch.lines.map { String(decoding: batch.bytes[$0.bytes.range], as: UTF8.self) } }
    }

    /// The port of the first address.
    var port: Int { listener.boundAddresses.first?.port ?? 0 }

    func counter(_ metric: SelfMetric, _ reason: String? = nil) -> UInt64 {
        if let reason { return metrics.counter(metric, "syslog:0", reason).current }
        return metrics.counter(metric, "syslog:0").current
    }

    /// Polls until the condition holds; throws after 20 s, or what the listener threw.
    func until(_ what: String, _ holds: (SyslogListening) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while !holds(self) {
            if let failure = failure.withLock({ $0 }) { throw failure }
            guard ContinuousClock.now < deadline else { throw NotInTime(description: "waited 20 s until \(what)") }
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

/// A client's socket, blocking, closed with the object.
final class ClientSocket: Sendable {
    let descriptor: Int32

    /// Connects to a port of 127.0.0.1, by UDP or TCP.
    init(_ kind: __socket_type, port: Int) throws {
        descriptor = socket(AF_INET, Int32(kind.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(UInt16(port).bigEndian)
        name.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(code == 0)
    }

    /// Connects to a Unix stream socket.
    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let code = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(code == 0)
    }

    deinit { close(descriptor) }

    /// Sends all of it, waiting for the receiver where need be; false when the connection is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends as much as the kernel takes without waiting: how many bytes.
    func sendWithoutWaiting(_ bytes: [UInt8]) -> Int {
        max(
            0,
            bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            })
    }

    /// Whether the other side closes within 20 s. Polls: the test pool's few threads must not block.
    func isClosedByPeer() async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
            if count == 0 || count < 0 && errno != EAGAIN { return true }
            try await Task.sleep(for: .milliseconds(2))
        }
        return false
    }

    /// No more bytes come from us.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }
}

/// Programs of the machine, started by tests.
enum Program {
    /// Runs a program from PATH with its output thrown away: the exit code, or 127 when there is none such.
    static func run(_ arguments: String...) async throws -> Int32 {
        guard let process = start(arguments) else { return 127 }
        return try await wait(process)
    }

    static func start(_ arguments: [String]) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Threads of the pool block all signals, and a program that inherits that does not hear SIGTERM.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        for descriptor in 0..<Int32(3) {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var process = pid_t()
        let strings = arguments.map { strdup($0) }
        defer { for string in strings { free(string) } }
        return posix_spawnp(&process, arguments[0], &actions, &attributes, strings + [nil], environ) == 0
            ? process : nil
    }

    /// The exit code of a process of ours, or 128 and the signal that ended it. Polls, as all waiting here.
    static func wait(_ process: pid_t) async throws -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 { try await Task.sleep(for: .milliseconds(2)) }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }
}
