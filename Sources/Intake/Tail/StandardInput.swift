import Glibc
public import Logging
public import Records
public import ServiceLifecycle
import Synchronization

/// Reads lines from standard input to its end, then returns.
///
/// What was read cannot be read again, so a last line without a newline is taken whatever ends the reading.
public final class StandardInput: Service {
    private let setup: Setup

    private struct Setup: Sendable {
        let name: String
        let format: LineFormat
        let labels: SourceLabels
        let maximumLineBytes: Int
        let streams: StreamTable
        let sink: BatchSink
        let metrics: SelfMetrics
        let logger: Logger
        let descriptor: FileDescriptor
        let progress: Progress
    }
    private final class Progress: Sendable {
        let isStopped = Atomic<Bool>(false)
        let lines = Atomic<UInt64>(0)
        let problem = Mutex<String?>(nil)
    }

    /// Reads from `descriptor`, which stays open when reading has ended.
    public init(
        name: String = "stdin", format: LineFormat = .raw, labels: SourceLabels,
        maximumLineBytes: Int = LineFramer.defaultMaximumLineBytes, streams: StreamTable, sink: BatchSink,
        metrics: SelfMetrics, logger: Logger, descriptor: Int32 = 0
    ) {
        // A duplicate is closed with us, and the caller's own is not.
        setup = Setup(
            name: name, format: format, labels: labels, maximumLineBytes: maximumLineBytes, streams: streams,
            sink: sink, metrics: metrics, logger: logger, descriptor: FileDescriptor(owning: dup(descriptor)),
            progress: Progress())
    }

    /// Reads until the end of the input, until the sink is closed, or until a graceful shutdown.
    ///
    /// Throws `TailError` when reading fails.
    public func run() async throws {
        let waker: Waker
        do throws(SystemError) { waker = try Waker() } catch { throw TailError.system(error) }
        await withTaskCancellationOrGracefulShutdownHandler {
            await BlockingThread.run(name: "stdin") { [setup] in Self.read(setup, waker) }
        } onCancelOrGracefulShutdown: { [setup] in
            setup.progress.isStopped.store(true, ordering: .releasing)
            waker.wake()
        }
        if let problem = setup.progress.problem.withLock({ $0 }) {
            throw TailError.unreadable(path: setup.name, reason: problem)
        }
    }

    public func status() -> [SourceStatus] {
        [
            SourceStatus(
                source: setup.name, place: setup.name, lines: setup.progress.lines.load(ordering: .relaxed),
                problem: setup.progress.problem.withLock { $0 })
        ]
    }

    /// Less than this in one read, and it is worth to wait for more.
    private static let smallReadBytes = 4 * 1_024
    private static let coalescing: Int64 = 5_000_000
    /// `F_SETPIPE_SZ`, which the toolchain's Glibc module does not have.
    private static let setPipeSize: Int32 = 1_031

    private static func read(_ setup: Setup, _ waker: Waker) {
        let counters = SourceCounters(
            source: setup.name, format: setup.format, readsTimes: false, metrics: setup.metrics)
        var reader = EntryReader(
            format: setup.format, maximumLineBytes: setup.maximumLineBytes,
            streams: EntryStreams(labels: setup.labels, path: setup.name, table: setup.streams), at: 0)
        var clock = EntryClock()
        var offset: Int64 = 0
        var isOpen = true

        func send(_ entries: consuming EntryReader.Entries) {
            let count = entries.count
            counters.count(entries.marks, lines: count)
            setup.progress.lines.add(UInt64(count), ordering: .relaxed)
            if count > 0, !setup.sink.send(entries.seal()) { isOpen = false }
        }

        // A pipe is 64 KiB; a larger one keeps the writer going while we wait for more. No pipe: nothing happens.
        _ = fcntl(setup.descriptor.number, setPipeSize, 1 << 20)
        while isOpen, !setup.progress.isStopped.load(ordering: .acquiring) {
            waker.wait(with: [setup.descriptor], nanoseconds: nil)
            if setup.progress.isStopped.load(ordering: .acquiring) { break }
            do throws(SystemError) {
                let chunk = try setup.descriptor.read(
                    TailLoop.readBytes, at: nil, after: reader.partial, extraCapacity: LineBatch.padding)
                let got = chunk.count - reader.partial.count
                if got == 0 { break }
                offset += Int64(got)
                counters.bytes.add(got)
                // A pipe gives little at a time: a batch must not hold on to much more than its lines.
                let fitting = got < TailLoop.smallReadBytes ? trimmed(chunk) : chunk
                if let entries = reader.entries(of: fitting, endingAt: offset, at: SystemTime.now(), clock: &clock) {
                    send(entries)
                }
                if got < smallReadBytes { waker.wait(nanoseconds: coalescing) }
            } catch {
                if error.code == EAGAIN { continue }
                setup.progress.problem.withLock { $0 = "\(error)" }
                setup.metrics.counter(.fileErrors, setup.name, error.reason).add()
                setup.logger.error("cannot read '\(setup.name)': \(error)")
                break
            }
        }
        if isOpen, let entries = reader.lastEntries(at: SystemTime.now(), clock: &clock) { send(entries) }
    }

    /// A copy without room that is not needed.
    private static func trimmed(_ chunk: [UInt8]) -> [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(chunk.count + LineBatch.padding)
        copy.append(contentsOf: chunk)
        return copy
    }
}
