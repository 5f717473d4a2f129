import Engine
import Intake
import Logging
import Records
import ServiceLifecycle
import Synchronization

/// Evaluates `record` rules on their grid: each group at the multiples of its interval, held back by its delay.
///
/// An evaluation that is late past the next instant skips to the newest one and is counted.
final class Evaluator: Service {
    private let pool: WorkerPool
    private let metrics: SelfMetrics
    private let logger: Logger
    /// The rules whose errors have been told, by group.
    private let told = Mutex<[String: Set<String>]>([:])
    private let results = Mutex<[String: [MetricFamily]]>([:])
    /// The instant that each group was evaluated at last, in ns.
    private let instants = Mutex<[String: Int64]>([:])

    /// Nothing is evaluated before it is over: the windows would lack what was in them before the restart.
    private let catchUp: CatchUp?

    init(pool: WorkerPool, catchUp: CatchUp?, metrics: SelfMetrics, logger: Logger) {
        self.pool = pool
        self.catchUp = catchUp
        self.metrics = metrics
        self.logger = logger
    }

    /// What the last evaluations gave, in the order of the groups.
    var families: [MetricFamily] {
        let results = results.withLock { $0 }
        return pool.plan.groups.flatMap { results[$0.name] ?? [] }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                if self.catchUp?.reason != nil {
                    try? await Task.sleep(for: .milliseconds(50))
                    continue
                }
                let now = SystemClock.now().nanoseconds
                var next = now + 1_000_000_000
                for group in self.pool.plan.groups {
                    let due = self.due(group, at: now)
                    if let instant = due.instant { await self.evaluate(group, at: instant) }
                    next = min(next, due.next)
                }
                try? await Task.sleep(for: .nanoseconds(max(1_000_000, next - SystemClock.now().nanoseconds)))
            }
        }
    }

    /// The instant that is due now, if any, and when the next one will be.
    private func due(_ group: Plan.Group, at now: Int64) -> (instant: Int64?, next: Int64) {
        let instant = (now - group.delay) / group.interval * group.interval
        let before = instants.withLock { table in
            let before = table[group.name]
            table[group.name] = max(before ?? instant, instant)
            return before
        }
        let next = instant + group.interval + group.delay
        // The first instant of a new group lies before its lines: nothing to evaluate yet.
        guard let before, instant > before else { return (nil, next) }
        if instant - before > group.interval {
            metrics.counter(.evaluationsMissed, group.name).add(Int((instant - before) / group.interval) - 1)
        }
        return (instant, next)
    }

    private func evaluate(_ group: Plan.Group, at instant: Int64) async {
        guard let evaluation = await pool.evaluate(group.name, at: Timestamp(nanoseconds: instant)) else { return }
        results.withLock { $0[group.name] = evaluation.families }
        for failure in evaluation.errors { note(failure.error, rule: failure.rule, group.name) }
        metrics.counter(.evaluations, group.name).add()
    }

    /// Counts what kept a rule from being evaluated, and tells it once per rule.
    private func note(_ error: EvaluationError, rule: String, _ group: String) {
        metrics.counter(.ruleEvaluationErrors, group, rule).add()
        let isNew = told.withLock { $0[group, default: []].insert(rule).inserted }
        guard isNew else { return }
        logger.error(
            "a rule cannot be evaluated",
            metadata: ["group": "\(group)", "rule": "\(rule)", "error": "\(error.message)"])
    }

    /// Forgets what groups gave that are no longer there.
    func forget(except groups: [Plan.Group]) {
        let names = Set(groups.map(\.name))
        results.withLock { table in table = table.filter { names.contains($0.key) } }
        instants.withLock { table in table = table.filter { names.contains($0.key) } }
        told.withLock { $0 = [:] }
    }
}
