import Engine
import Intake
import Records
import Synchronization

/// Puts together what `/metrics` and the status page show: the rules' series, and our own numbers about the rules.
final class Collector: Sendable {
    private struct Cached {
        var snapshot: Snapshot
        var rules: [RuleStatus]
        var at: Int64
        /// Not cut while files were read again: it would lie behind what was shown before the restart.
        var isComplete: Bool
    }
    private let pool: WorkerPool
    private let evaluator: Evaluator?
    private let metrics: SelfMetrics
    private let cached = Mutex<Cached?>(nil)
    /// What each rule's counts were when they were added to our own counters last.
    private let published = Mutex<[String: RuleCounts]>([:])
    private let publishedOverflow = Mutex<[String: UInt64]>([:])
    private let publishedLines = Mutex<(evaluated: UInt64, unmatched: UInt64, limits: UInt64)>((0, 0, 0))

    private let catchUp: CatchUp?

    init(pool: WorkerPool, evaluator: Evaluator?, catchUp: CatchUp?, metrics: SelfMetrics) {
        self.pool = pool
        self.catchUp = catchUp
        self.evaluator = evaluator
        self.metrics = metrics
    }

    /// The rules' series, cut now; requests closer than a second share one cut.
    func snapshot() async -> Snapshot {
        let now = SystemClock.monotonicNanoseconds()
        if let cached = cached.withLock({ $0 }), now - cached.at < 1_000_000_000, cached.isComplete {
            return cached.snapshot
        }
        return await collect()
    }

    /// The rules' rows of the status page, as of the last cut.
    var rules: [RuleStatus] { cached.withLock { $0?.rules ?? [] } }

    /// Cuts now, whatever was cut before.
    func collect() async -> Snapshot {
        let isComplete = catchUp?.reason == nil
        var cuts = await pool.cut()
        // In the middle of a reload some workers run the old plan still: a moment later all run the new one.
        while Set(cuts.map(\.plan.number)).count > 1 { cuts = await pool.cut() }
        let plan = cuts.first?.plan ?? pool.plan
        let partials = cuts.map(\.partial)
        let windows = evaluator?.families ?? pool.finalWindows
        let snapshot = Snapshot(at: SystemClock.now(), families: plan.families(partials) + windows)
        let rows = publish(plan, partials, windows)
        let now = SystemClock.monotonicNanoseconds()
        cached.withLock { $0 = Cached(snapshot: snapshot, rules: rows, at: now, isComplete: isComplete) }
        return snapshot
    }

    private func publish(_ plan: Plan, _ partials: [Partial], _ windows: [MetricFamily]) -> [RuleStatus] {
        var rows: [RuleStatus] = []
        for (index, rule) in plan.rules.enumerated() {
            var counts = RuleCounts()
            var series = 0
            var overflow: UInt64 = 0
            for partial in partials {
                counts.add(partial.counts[index])
                series += partial.seriesCounts[index]
                overflow &+= partial.overflowUpdates[index]
            }
            publish(rule, counts, overflow)
            let perLine = counts.seen > 0 ? counts.nanoseconds / Double(counts.seen) : nil
            metrics.gauge(.ruleSeries, rule.group, rule.name).set(Double(series))
            metrics.gauge(.ruleSeconds, rule.group, rule.name).set((perLine ?? 0) / 1e9)
            rows.append(
                RuleStatus(
                    group: rule.group, rule: rule.name, kind: rule.kind.word, linesMatched: counts.matched,
                    linesFiltered: counts.filtered, linesFailed: counts.failed, series: series, overflow: overflow,
                    nanosecondsPerLine: perLine))
        }
        let evaluated = partials.reduce(0) { $0 &+ $1.linesEvaluated }
        let unmatched = partials.reduce(0) { $0 &+ $1.linesUnmatched }
        let limits = partials.reduce(0) { $0 &+ $1.regexLimits }
        publishedLines.withLock { old in
            metrics.counter(.linesEvaluated).add(Int(evaluated &- min(evaluated, old.evaluated)))
            metrics.counter(.linesUnmatched).add(Int(unmatched &- min(unmatched, old.unmatched)))
            metrics.counter(.regexLimit).add(Int(limits &- min(limits, old.limits)))
            old = (evaluated, unmatched, limits)
        }
        return rows
    }

    /// Adds what came since the last time; a rule that a reload changed counts from 0 again.
    private func publish(_ rule: RuleDefinition, _ counts: RuleCounts, _ overflow: UInt64) {
        let key = rule.group + "/" + rule.name
        var old = published.withLock { table in
            let old = table[key] ?? RuleCounts()
            table[key] = counts
            return old
        }
        if old.seen > counts.seen { old = RuleCounts() }
        metrics.counter(.ruleLinesMatched, rule.group, rule.name).add(
            Int(counts.matched &- min(counts.matched, old.matched)))
        let filtered = counts.filtered
        metrics.counter(.ruleLinesFiltered, rule.group, rule.name).add(Int(filtered &- min(filtered, old.filtered)))
        for reason in LineFailure.allCases where reason != .none {
            let failed = counts.failed(reason)
            let before = old.failed(reason)
            if failed > before {
                metrics.counter(.ruleLinesFailed, rule.group, rule.name, reason.text).add(Int(failed - before))
            }
        }
        let before = publishedOverflow.withLock { table in
            let before = table[key] ?? 0
            table[key] = overflow
            return before
        }
        metrics.counter(.ruleOverflow, rule.group, rule.name).add(Int(overflow &- min(overflow, before)))
    }
}

extension RuleDefinition.Kind {
    /// The word with which the rule file names it.
    var word: String {
        switch self {
        case .counter: "counter"
        case .histogram: "histogram"
        case .gauge: "gauge"
        case .record: "record"
        }
    }
}
