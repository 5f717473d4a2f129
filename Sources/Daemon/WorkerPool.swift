import Delivery
import Engine
import Intake
import Logging
import Records
import ServiceLifecycle
import Synchronization

/// The workers, and the plan they run.
///
/// A source is pinned to a worker by its name, so that the order of its lines holds.
final class WorkerPool: Service {
    let workers: [Worker]
    private let current: Mutex<Plan>
    /// The last cut, kept when the workers are gone.
    private let last = Mutex<[WorkerCut]>([])
    private let lastWindows = Mutex<[String: [MetricFamily]]>([:])
    private let closed = Mutex(false)
    private let once: Bool
    /// A checkpoint will want what the workers end with.
    private let keeps: Bool
    private let logger: Logger

    /// `restoring` are the snapshots of the workers before the restart, whatever their number; nil without a state folder.
    init(
        count: Int, queueBytes: Int, outlets: [LokiOutlet], plan: Plan, seed: UInt64, once: Bool,
        restoring: [[UInt8]]?, logger: Logger
    ) {
        workers = (0..<count).map { number in
            let snapshots = (restoring ?? []).enumerated().filter { $0.offset % count == number }.map(\.element)
            return Worker(
                name: "worker-\(number)", queueBytes: queueBytes, outlets: outlets, seed: seed, refusesAhead: !once,
                restoring: snapshots)
        }
        keeps = restoring != nil
        self.logger = logger
        current = Mutex(plan)
        self.once = once
    }

    var plan: Plan { current.withLock { $0 } }

    private func worker(for source: String) -> Int {
        source.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % workers.count
    }

    /// Where a source puts its batches.
    func sink(for source: String) -> BatchSink {
        let queue = workers[worker(for: source)].queue
        return BatchSink(
            send: { queue.send(.batch($0), bytes: $0.byteCount) },
            offer: { queue.offer(.batch($0), bytes: $0.byteCount) },
            whenSpace: { queue.whenSpace($0) })
    }

    /// Runs the workers until the service shuts down; then what is in the queues is still counted, and a last cut made.
    func run() async throws {
        let plan = self.plan
        let threads = workers.map { worker in
            BlockingThread.start(name: worker.name) { [keeps, logger] in
                worker.run(plan, keeps: keeps, logger: logger)
            }
        }
        await untilGracefulShutdown()
        let cuts = await cut()
        if once { await evaluateAll(cuts) }
        closed.withLock { $0 = true }
        for worker in workers { worker.queue.close() }
        for thread in threads { await thread.finished() }
    }

    // MARK: Questions

    /// Every worker's counters at one point of its input; after the end, the last cut.
    func cut() async -> [WorkerCut] {
        if closed.withLock({ $0 }) { return last.withLock { $0 } }
        let now = SystemClock.now()
        var cuts: [WorkerCut] = []
        for worker in workers {
            let answer = await worker.ask { WorkerMessage.collect(at: now, $0) }
            guard let answer else { return last.withLock { $0 } }
            cuts.append(answer)
        }
        last.withLock { $0 = cuts }
        return cuts
    }

    /// Goes up with everything that the workers count.
    var changes: UInt64 { workers.reduce(0) { $0 &+ $1.changes.load(ordering: .relaxed) } }

    /// What every worker holds, for a checkpoint; nil while they come to their ends.
    ///
    /// `alongside` is called where the batches of `source` are counted, between the same two as that worker's snapshot.
    func snapshots(of source: String, alongside: @escaping @Sendable () -> Void) async -> [[UInt8]]? {
        var snapshots: [[UInt8]] = []
        let pinned = worker(for: source)
        for (number, worker) in workers.enumerated() {
            let step = number == pinned ? alongside : { @Sendable in }
            let answer: [UInt8]? = await worker.ask { reply in .checkpoint(alongside: step, reply) }
            if let snapshot = answer {
                snapshots.append(snapshot)
            } else if let snapshot = worker.lastSnapshot {
                // Nothing is counted any more.
                step()
                snapshots.append(snapshot)
            } else {
                return nil
            }
        }
        return snapshots
    }

    /// Evaluates a group's `record` rules at an instant; nil when the workers are gone, or change their plan just now.
    func evaluate(_ group: String, at instant: Timestamp) async -> GroupEvaluation? {
        var partials: [WindowPartial] = []
        var plan: Plan?
        for worker in workers {
            let answer = await worker.ask { WorkerMessage.evaluate(group: group, at: instant, $0) }
            guard let answer, plan == nil || plan?.number == answer.plan.number else { return nil }
            plan = answer.plan
            partials.append(answer.windows)
        }
        return plan?.evaluate(group: group, at: instant, partials)
    }

    /// The families of the last evaluation with `--once`, at the first instant of the grid that has every entry.
    var finalWindows: [MetricFamily] {
        lastWindows.withLock { table in table.sorted { $0.key < $1.key }.flatMap(\.value) }
    }

    private func evaluateAll(_ cuts: [WorkerCut]) async {
        guard let newest = cuts.compactMap(\.newestEntry).max() else { return }
        for group in plan.groups {
            let remainder = newest.nanoseconds % group.interval
            let instant = remainder == 0 ? newest.nanoseconds : newest.nanoseconds - remainder + group.interval
            if let evaluation = await evaluate(group.name, at: Timestamp(nanoseconds: instant)) {
                lastWindows.withLock { $0[group.name] = evaluation.families }
            }
        }
    }

    /// Gives every worker a new plan, in the order of its input.
    func adopt(_ plan: Plan) async {
        let now = SystemClock.now()
        for worker in workers { _ = await worker.ask { WorkerMessage.adopt(plan, at: now, $0) } }
        current.withLock { $0 = plan }
    }
}

/// Returns when the service group shuts down gracefully, or the task is cancelled.
func untilGracefulShutdown() async {
    await cancelWhenGracefulShutdown {
        // Sleeps for ever in steps of a day; cancellation ends it at once.
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(86_400)) }
    }
}
