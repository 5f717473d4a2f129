public import Logging
public import Records
public import ServiceLifecycle
import Synchronization

/// Reads log files as they grow: the service behind `tail` sources. One thread for all files.
///
/// Files are known by device and inode, not by name: one that two patterns match, or that was renamed to a name that
/// matches too, is read once. A rotated file is read to its end before the one that took its place. At a graceful
/// shutdown reading stops at once; what was read has been sent.
public final class Tailer: Service {
    private let setup: TailSetup
    private let store: CheckpointStore?
    private let checkpointInterval: Swift.Duration?
    /// The value of `PositionLedger.changes` when the positions were written last.
    private let written = Atomic<UInt64>(0)

    /// `maximumOpenFiles` is the most files that are held open; of more, those that rest are closed for a while.
    ///
    /// With a store, the position of every file is restored from it, and written to it every `checkpointInterval` when
    /// it has changed; nil leaves the writing to the owner of the store. `catchUp` is told how far reading is.
    public init(
        _ configurations: [TailConfiguration], streams: StreamTable, sink: BatchSink, store: CheckpointStore?,
        metrics: SelfMetrics, logger: Logger, maximumOpenFiles: Int = 1_024,
        checkpointInterval: Swift.Duration? = .seconds(5), catchUp: CatchUp? = nil
    ) {
        let ledger = PositionLedger(restoring: store?.section(PositionRecord.section))
        let journal = store.map { TimeJournal(directory: $0.directory, logger: logger) }
        setup = TailSetup(
            configurations: configurations, streams: streams, sink: sink, metrics: metrics, logger: logger,
            ledger: ledger, remembersPositions: store != nil, journal: journal,
            maximumOpenFiles: max(1, maximumOpenFiles),
            catchUp: catchUp ?? CatchUp(isNeeded: false, metrics: metrics, logger: logger))
        self.store = store
        self.checkpointInterval = checkpointInterval
        store?.provide(PositionRecord.section) { [weak store] in
            journal?.checkpoint(covering: ledger.covered, lastSucceeded: store?.problem == nil)
            return ledger.encoded(at: SystemTime.now())
        }
    }

    /// Reads until a graceful shutdown, until the sink is closed or, when no configuration follows its files for ever,
    /// until all are read to their ends and the entries sent.
    ///
    /// Throws `TailError` for files that could not be read although they are not followed.
    public func run() async throws {
        let wakers: (reading: Waker, writing: Waker)
        do throws(SystemError) { wakers = (try Waker(), try Waker()) } catch { throw TailError.system(error) }
        let outcome = Mutex<TailError?>(nil)
        let writes = Atomic<Bool>(true)
        await withTaskCancellationOrGracefulShutdownHandler {
            var writer: BlockingThread?
            if let store, let checkpointInterval {
                writer = BlockingThread.start(name: "checkpoint") { [self] in
                    while writes.load(ordering: .acquiring) {
                        wakers.writing.wait(nanoseconds: checkpointInterval.nanoseconds)
                        if writes.load(ordering: .acquiring) { checkpoint(store, ifChanged: true) }
                    }
                }
            }
            await BlockingThread.run(name: "tail") { [setup] in
                let loop = TailLoop(setup, waker: wakers.reading)
                do throws(TailError) { try loop.run() } catch { outcome.withLock { $0 = error } }
            }
            writes.store(false, ordering: .releasing)
            wakers.writing.wake()
            await writer?.finished()
        } onCancelOrGracefulShutdown: { [setup] in
            setup.isStopped.store(true, ordering: .releasing)
            wakers.reading.wake()
        }
        if let error = outcome.withLock({ $0 }) { throw error }
    }

    /// Writes the positions down now; for the very end, when workers and destinations have settled.
    ///
    /// Blocks until they are on the disk; a failure is logged and counted. Does nothing without a store.
    public func checkpoint() {
        if let store { checkpoint(store, ifChanged: false) }
    }

    /// Has the next checkpoint say how far the files are counted now.
    ///
    /// Call it where the batches of the files are counted, between two of them: then the positions fit the series.
    public func cut() { setup.ledger.cut(at: SystemTime.now()) }

    /// Goes up with every change of a position.
    public var changes: UInt64 { setup.ledger.changes.load(ordering: .acquiring) }

    /// One row for each file that is read, and for each path that cannot be; sorted by source and path.
    public func status() -> [SourceStatus] {
        (setup.ledger.statuses + setup.obstacles.withLock { $0 })
            .sorted { ($0.source, $0.place) < ($1.source, $1.place) }
    }

    private func checkpoint(_ store: CheckpointStore, ifChanged: Bool) {
        let changes = setup.ledger.changes.load(ordering: .acquiring)
        guard !ifChanged || changes != written.load(ordering: .relaxed) else { return }
        if store.write() { written.store(changes, ordering: .relaxed) }
    }
}

/// What the thread that reads is given, and what it shares with others.
final class TailSetup: Sendable {
    let configurations: [TailConfiguration]
    let streams: StreamTable
    let sink: BatchSink
    let metrics: SelfMetrics
    let logger: Logger
    let ledger: PositionLedger
    /// Positions outlive the process.
    let remembersPositions: Bool
    /// The times of lines that may be read again; nil where positions are not remembered.
    let journal: TimeJournal?
    let maximumOpenFiles: Int
    let catchUp: CatchUp
    let isStopped = Atomic<Bool>(false)
    /// Paths that cannot be read just now.
    let obstacles = Mutex<[SourceStatus]>([])

    init(
        configurations: [TailConfiguration], streams: StreamTable, sink: BatchSink, metrics: SelfMetrics,
        logger: Logger, ledger: PositionLedger, remembersPositions: Bool, journal: TimeJournal?,
        maximumOpenFiles: Int, catchUp: CatchUp
    ) {
        self.configurations = configurations
        self.streams = streams
        self.sink = sink
        self.metrics = metrics
        self.logger = logger
        self.ledger = ledger
        self.remembersPositions = remembersPositions
        self.journal = journal
        self.maximumOpenFiles = maximumOpenFiles
        self.catchUp = catchUp
    }
}

/// The self-metrics of one source.
struct SourceCounters {
    let lines: SelfCounter
    let bytes: SelfCounter
    let overflow: SelfCounter
    private let tooLong: SelfCounter
    private let withoutHeader: SelfCounter
    private let withoutEnd: SelfCounter
    private let withoutTime: SelfCounter

    init(source: String, format: LineFormat, readsTimes: Bool, metrics: SelfMetrics) {
        lines = metrics.counter(.linesRead, source)
        bytes = metrics.counter(.bytesRead, source)
        overflow = metrics.counter(.streamOverflow, source)
        tooLong = metrics.counter(.linesMarked, source, "line_too_long")
        withoutTime = readsTimes ? metrics.counter(.linesMarked, source, "timestamp") : tooLong
        // With the raw format neither can happen, and a counter that never moves says nothing.
        withoutHeader = format == .raw ? tooLong : metrics.counter(.linesMarked, source, format.rawValue)
        withoutEnd =
            format == .raw ? tooLong : metrics.counter(.linesMarked, source, format.rawValue + "_partial")
    }

    /// Counts a batch; once per batch.
    func count(_ marks: EntryReader.Marks, lines count: Int) {
        lines.add(count)
        if marks.tooLong > 0 { tooLong.add(marks.tooLong) }
        if marks.withoutHeader > 0 { withoutHeader.add(marks.withoutHeader) }
        if marks.withoutEnd > 0 { withoutEnd.add(marks.withoutEnd) }
        if marks.withoutTime > 0 { withoutTime.add(marks.withoutTime) }
        if marks.overflowed > 0 { overflow.add(marks.overflowed) }
    }
}
