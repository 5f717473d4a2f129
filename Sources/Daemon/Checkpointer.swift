import Intake
import Logging
import Records
import ServiceLifecycle
import Synchronization

/// Writes the checkpoint: the positions in the files and the series, cut at the same points of the input.
///
/// Each worker cuts its series between two batches, and the worker that counts the files has their positions noted
/// between the same two; so what a file's position says is counted is in the series, and nothing else is. One file has
/// both. It is written every interval when something changed, and once more when all is over.
final class Checkpointer: Service {
    private let store: CheckpointStore
    private let pool: WorkerPool
    private let tailer: Tailer?
    private let catchUp: CatchUp
    private let interval: Duration
    private let metrics: SelfMetrics
    private let series = Mutex<[UInt8]>([])
    private let written = Mutex<UInt64?>(nil)
    private let begun = Atomic<Bool>(false)

    /// At most this part of the time goes into checkpoints, however large they are.
    private static let share = 20

    init(
        store: CheckpointStore, pool: WorkerPool, tailer: Tailer?, catchUp: CatchUp, interval: Duration,
        metrics: SelfMetrics
    ) {
        self.store = store
        self.pool = pool
        self.tailer = tailer
        self.catchUp = catchUp
        self.interval = interval
        self.metrics = metrics
        store.provide(SeriesSection.name) { [self] in series.withLock { $0 } }
    }

    /// The first checkpoint of this process was written, or could not be: from then on a restart knows that there was
    /// something to show.
    var hasBegun: Bool { begun.load(ordering: .acquiring) }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            if tailer == nil { catchUp.skip() }
            while !catchUp.hasLooked, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
            var took = await write()
            begun.store(true, ordering: .releasing)
            while !Task.isCancelled {
                try? await Task.sleep(for: max(interval, took * Self.share))
                if !Task.isCancelled, hasChanged { took = await write() }
            }
        }
        // The workers and the destinations have come to their ends.
        if hasChanged { _ = await write() }
    }

    private var changes: UInt64 { pool.changes &+ (tailer?.changes ?? 0) }

    private var hasChanged: Bool { written.withLock { $0 } != changes }

    /// How long it took; the workers only wait for their own snapshots.
    private func write() async -> Duration {
        let start = ContinuousClock.now
        let changes = changes
        guard let snapshots = await pool.snapshots(of: "tail", alongside: { [tailer] in tailer?.cut() }) else {
            return .zero
        }
        series.withLock { $0 = SeriesSection.encode(snapshots) }
        await BlockingThread.run(name: "checkpoint") { [self] in
            if store.write() { written.withLock { $0 = changes } }
        }
        let took = ContinuousClock.now - start
        metrics.gauge(.checkpointSeconds).set(took / .seconds(1))
        metrics.gauge(.checkpointBytes).set(Double(series.withLock { $0.count }))
        return took
    }
}

/// The section of the checkpoint that has the snapshots of all workers: the length of each (8 bytes, little endian)
/// before its bytes.
enum SeriesSection {
    static let name = "series"

    static func encode(_ snapshots: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(snapshots.reduce(0) { $0 + $1.count + 8 })
        for snapshot in snapshots {
            for byte in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: snapshot.count >> (8 * byte))) }
            bytes += snapshot
        }
        return bytes
    }

    /// The snapshots; nil when the bytes are none.
    static func decode(_ bytes: [UInt8]) -> [[UInt8]]? {
        var snapshots: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 8 else { return nil }
            let count = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(8)
            guard count <= UInt64(rest.count) else { return nil }
            snapshots.append(Array(rest.prefix(Int(count))))
            rest = rest.dropFirst(Int(count))
        }
        return snapshots
    }
}
