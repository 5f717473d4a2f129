import Records
import Synchronization

/// The self-metrics of one syslog source; handles made once.
final class SyslogCounters: Sendable {
    let lines, bytes: SelfCounter
    let unreadableHeader, cut, incomplete, shortMetadata: SelfCounter
    let overflow: SelfCounter
    let droppedByKernel, droppedByQueue, droppedAtShutdown: SelfCounter
    let refusedConnections: SelfCounter
    let openConnections: SelfGauge

    init(_ metrics: SelfMetrics, source: String) {
        lines = metrics.counter(.linesRead, source)
        bytes = metrics.counter(.bytesRead, source)
        unreadableHeader = metrics.counter(.linesMarked, source, "header")
        cut = metrics.counter(.linesMarked, source, "cut")
        incomplete = metrics.counter(.linesMarked, source, "incomplete")
        shortMetadata = metrics.counter(.linesMarked, source, "metadata")
        overflow = metrics.counter(.streamOverflow, source)
        droppedByKernel = metrics.counter(.linesDropped, source, "kernel")
        droppedByQueue = metrics.counter(.linesDropped, source, "queue_full")
        droppedAtShutdown = metrics.counter(.linesDropped, source, "shutdown")
        refusedConnections = metrics.counter(.connectionsRefused, source)
        openConnections = metrics.gauge(.connectionsOpen, source)
    }
}

/// One bound address: what the status page says about it.
final class SyslogEndpoint: Sendable {
    let address: SyslogAddress
    private let lineCount = Atomic<UInt64>(0)
    private let currentProblem = Mutex<String?>(nil)

    init(_ address: SyslogAddress) {
        self.address = address
    }

    func count(lines: Int) { lineCount.add(UInt64(lines), ordering: .relaxed) }

    var lines: UInt64 { lineCount.load(ordering: .relaxed) }

    /// What is wrong just now; nil when all is well.
    var problem: String? {
        get { currentProblem.withLock { $0 } }
        set { currentProblem.withLock { $0 = newValue } }
    }
}
