import Delivery
import Engine
import Intake
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

    init(
        count: Int, queueBytes: Int, outlets: [LokiOutlet], plan: Plan, seed: UInt64, once: Bool
    ) {
        workers = (0..<count).map {
            Worker(
                name: "worker-\($0)", queueBytes: queueBytes, outlets: outlets, seed: seed, refusesAhead: !once)
        }
        current = Mutex(plan)
        self.once = once
    }

    var plan: Plan { current.withLock { $0 } }

    /// Where a source puts its batches.
    func sink(for source: String) -> BatchSink {
        let queue = workers[source.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % workers.count].queue
        return BatchSink(
            send: { queue.send(.batch($0), bytes: $0.byteCount) },
            offer: { queue.offer(.batch($0), bytes: $0.byteCount) },
            whenSpace: { queue.whenSpace($0) })
    }

    /// Runs the workers until the service shuts down; then what is in the queues is still counted, and a last cut made.
    func run() async throws {
        let plan = self.plan
        let threads = workers.map { worker in
            BlockingThread.start(name: worker.name) { worker.run(plan) }
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
