import CLinux
import Glibc
import Logging
import Records
import Synchronization

/// Syslog over UDP: a thread of its own for one socket, where a datagram is a message (RFC 5426).
///
/// Never waits for the pipeline: when the sink is full the newest batch is dropped and counted. What the kernel drops
/// because this thread is late is counted too.
final class UDPListener: Sendable {
    /// A batch leaves at the latest this long after its first line.
    private static let linger: Int64 = 20_000_000
    /// The pause after a short batch, in µs: waking up is what costs, and the kernel's buffer bridges it.
    private static let pauses: ClosedRange<UInt32> = 200...1_000
    /// At most this long is spent on what is left in the socket when it is to stop.
    private static let lastRead: Int64 = 1_000_000_000

    let endpoint: SyslogEndpoint
    private let socket: DatagramSocket
    private let settings: SyslogAssembler.Settings
    private let labels: SourceLabels
    private let table: StreamTable
    private let budget: SyslogSlotBudget
    private let counters: SyslogCounters
    private let sink: BatchSink
    private let maximumMessageBytes: Int
    private let logger: Logger
    private let isStopping = Atomic<Bool>(false)

    init(
        socket: DatagramSocket, endpoint: SyslogEndpoint, configuration: SyslogConfiguration, table: StreamTable,
        budget: SyslogSlotBudget, sink: BatchSink, counters: SyslogCounters, logger: Logger
    ) {
        self.socket = socket
        self.endpoint = endpoint
        settings = SyslogAssembler.Settings(configuration, batchBytes: 256 << 10)
        labels = configuration.labels
        self.table = table
        self.budget = budget
        self.sink = sink
        self.counters = counters
        maximumMessageBytes = min(65_536, max(480, configuration.maximumMessageBytes))
        self.logger = logger
    }

    /// Starts the thread; it ends some time after `stop`.
    func start() -> BlockingThread {
        BlockingThread.start(name: "syslog-udp") { self.serve() }
    }

    /// Takes what has arrived and ends.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        socket.wake()
    }

    private func serve() {
        guard var receiver = DatagramReceiver(socket, maximumBytes: maximumMessageBytes) else {
            endpoint.problem = "no memory for the receive buffers"
            return
        }
        var assembler = SyslogAssembler(
            settings, labels: labels, table: table, budget: budget, counters: counters, endpoint: endpoint)
        var pause = Self.pauses.lowerBound
        var flushAt: Int64?
        var endAt: Int64?
        while true {
            let count = receive(&receiver, &assembler)
            let now = SystemTime.monotonic()
            if assembler.lineCount == 0 {
                flushAt = nil
            } else if flushAt ?? .max <= now {
                flush(&assembler)
                flushAt = nil
            } else if flushAt == nil {
                flushAt = now + Self.linger
            }
            if isStopping.load(ordering: .acquiring) {
                let end = endAt ?? now + Self.lastRead
                endAt = end
                if count <= 0 || now >= end { break }
            } else if count == 0 {
                pause = Self.pauses.lowerBound
                // Rounded up: a wait of 0 ms would spin.
                socket.wait(milliseconds: flushAt.map { Int(($0 - now) / 1_000_000) + 1 })
            } else if count < 0 {
                usleep(100_000)
            } else if count < DatagramReceiver.slots {
                usleep(pause)
                pause = count < DatagramReceiver.slots / 2 ? min(pause * 2, Self.pauses.upperBound) : pause / 2
                pause = max(pause, Self.pauses.lowerBound)
            }
        }
        flush(&assembler)
    }

    /// Adds what is in the socket to the batch: how many datagrams, or a negative error number.
    private func receive(_ receiver: inout DatagramReceiver, _ assembler: inout SyslogAssembler) -> Int {
        let dropsBefore = receiver.kernelDrops
        let count = receiver.receive()
        if receiver.kernelDrops != dropsBefore {
            counters.droppedByKernel.add(Int(receiver.kernelDrops &- dropsBefore))
        }
        if count < 0 {
            let reason = SyslogError.reason(errorNumber: Int32(-count))
            if endpoint.problem == nil { logger.error("\(endpoint.address): cannot receive: \(reason)") }
            endpoint.problem = "cannot receive: \(reason)"
            return count
        }
        if count > 0, endpoint.problem != nil { endpoint.problem = nil }
        let now = Timestamp(nanoseconds: SystemTime.now())
        for index in 0..<count {
            receiver.datagram(index) { bytes, isCut, peer in
                assembler.countBytes(bytes.count)
                let frame = bytes.extracting(trimmedFrame(bytes, 0..<bytes.count))
                if !frame.isEmpty { assembler.add(frame, isCut: isCut, peer: peer, now: now) }
            }
            if assembler.isFull { flush(&assembler) }
        }
        return count
    }

    private func flush(_ assembler: inout SyslogAssembler) {
        guard let batch = assembler.take() else { return }
        if !sink.offer(batch) { counters.droppedByQueue.add(batch.lines.count) }
    }
}

extension SyslogAssembler.Settings {
    init(_ configuration: SyslogConfiguration, batchBytes: Int) {
        self.init(
            structuredMetadata: configuration.structuredMetadata, useTimestamp: configuration.useTimestamp,
            assumedOffsetSeconds: configuration.assumedOffsetSeconds, batchBytes: batchBytes)
    }
}
