import Diagnostics
import LogQL
import Records
import Synchronization

/// Turns rules into a plan, or says what is wrong with them, all at once.
public struct Planner {
    private static let plans = Atomic<Int>(0)
    private let rules: [RuleDefinition]
    var problems: [PlanProblem] = []
    let purpose: Purpose
    private var roots: [(key: String, selector: Selector, node: PrefixNode, rules: [Int])] = []
    var leaves: [LeafPlan] = []
    private var leavesOfRule: [[Int]]
    private var emission = Emission()

    /// The plan of these rules; nil when a problem is an error.
    public static func plan(
        _ rules: [RuleDefinition], for purpose: Purpose = .rules
    ) -> (plan: Plan?, problems: [PlanProblem]) {
        var planner = Planner(rules: rules, purpose: purpose)
        for index in rules.indices { planner.add(rule: index) }
        let failed = planner.problems.contains { $0.diagnostic.severity == .error }
        return (failed ? nil : planner.emit(), planner.problems)
    }

    private init(rules: [RuleDefinition], purpose: Purpose) {
        self.rules = rules
        self.purpose = purpose
        leavesOfRule = Array(repeating: [], count: rules.count)
    }

    // MARK: Rules to paths

    private mutating func add(rule index: Int) {
        let rule = rules[index]
        switch (rule.kind, rule.expression) {
        case (.counter, .log(let query)):
            add(query, leaf(index, .counter, .by(rule.by), query.unwrap == nil ? .one : .unwrapped))
        case (.histogram(let buckets), .log(let query)):
            if query.unwrap == nil { problem(index, "a histogram needs '| unwrap LABEL' in its expr", query.range) }
            add(query, leaf(index, .histogram(buckets), .by(rule.by), .unwrapped))
        case (.gauge(let operation), .log(let query)):
            switch operation {
            case .inc, .dec: break
            case .last, .min, .max, .sum:
                if query.unwrap == nil {
                    problem(
                        index, "a gauge needs '| unwrap LABEL' in its expr, or 'set: inc' or 'set: dec'", query.range)
                }
            }
            add(query, leaf(index, .gauge(operation), .by(rule.by), query.unwrap == nil ? .one : .unwrapped))
        case (.record, .metric(let metric)):
            add(metric, rule: index, pushed: nil)
        case (.counter, .metric(let metric)), (.histogram, .metric(let metric)), (.gauge, .metric(let metric)):
            problem(
                index, "wanted a log query, found a metric query", metric.range,
                hint: "use 'record:' for metric queries")
        case (.record, .log(let query)) where purpose == .query:
            if let unwrap = query.unwrap {
                problem(
                    index, "'unwrap' belongs into a range aggregation", unwrap.range,
                    hint: "for example sum_over_time(… | unwrap \(unwrap.label) [1m])")
            }
            add(query, to: .entries, rule: index, .every, keepsLine: true)
        case (.record, .log(let query)):
            problem(
                index, "wanted a metric query, found a log query", query.range,
                hint: "wrap it, for example count_over_time(… [1m]), or use 'counter:'")
        }
    }

    private func leaf(
        _ rule: Int, _ kind: LeafPlan.Kind, _ key: LeafPlan.Key, _ amount: LeafPlan.Amount
    ) -> LeafPlan {
        var takesErrors = false
        if case .by(let names) = key { takesErrors = names.contains("__error__") }
        return LeafPlan(rule: rule, kind: kind, key: key, amount: amount, takesErrors: takesErrors)
    }

    /// Goes down a metric expression to its range aggregations. `pushed` is the grouping of a vector aggregation
    /// directly above, where grouping at once gives the same result as grouping later.
    private mutating func add(_ metric: MetricExpression, rule: Int, pushed: VectorAggregation?) {
        switch metric {
        case .range(let range): add(range, rule: rule, under: pushed)
        case .vector(let vector):
            if let problem = VectorOps.unsupported(vector) { self.problem(rule, problem, vector.range) }
            add(vector.argument, rule: rule, pushed: vector)
        case .binary(let binary):
            if let problem = VectorOps.unsupported(binary) { self.problem(rule, problem, binary.range) }
            add(binary.left, rule: rule, pushed: nil)
            add(binary.right, rule: rule, pushed: nil)
        case .literal, .vectorOf: break
        case .labelReplace(let replace):
            problem(rule, "'label_replace' is not supported in rules yet", replace.range)
            add(replace.argument, rule: rule, pushed: nil)
        }
    }

    private mutating func add(_ range: RangeAggregation, rule index: Int, under vector: VectorAggregation?) {
        let rule = rules[index]
        guard let (state, amount) = Self.meaning(of: range) else {
            return problem(index, "'\(range.operation.rawValue)' is not supported in rules yet", range.range)
        }
        guard range.window > 0 else { return problem(index, "a range of 0 holds no entries", range.range) }
        let layout = PaneLayout(
            window: range.window, interval: rule.interval, offset: range.offset, delay: rule.delay, state: state)
        if layout.held > PaneLayout.limit {
            problem(
                index,
                "range \(formatDuration(range.window)), interval \(formatDuration(rule.interval)) and offset "
                    + "\(formatDuration(range.offset)) have only \(formatDuration(layout.width)) in common, which makes "
                    + "\(layout.held) panes per series; at most \(PaneLayout.limit) are held",
                range.range, hint: "choose a range that is a multiple of the group's interval")
            return
        }
        var key = LeafPlan.Key.all(except: range.query.unwrap.map { [$0.label] } ?? [])
        if let grouping = range.grouping {
            key =
                grouping.without
                ? .all(except: grouping.labels + (range.query.unwrap.map { [$0.label] } ?? [])) : .by(grouping.labels)
        } else if let vector, VectorOps.commutes(vector.operation, range.operation) {
            switch vector.grouping {
            case nil: key = .by([])
            case .some(let grouping): key = grouping.without ? key : .by(grouping.labels)
            }
        }
        let keepsLine = range.operation == .bytesOverTime || range.operation == .bytesRate
        let place = add(leaf(index, .panes(layout), key, amount))
        add(
            range.query, to: .leaf(place), rule: index, Self.neededLabels(range, under: vector), keepsLine: keepsLine)
    }

    /// What a pane of a range aggregation holds; nil where that is not built yet.
    private static func meaning(of range: RangeAggregation) -> (PaneLayout.State, LeafPlan.Amount)? {
        switch range.operation {
        case .rate, .countOverTime: (.sum, range.query.unwrap == nil ? .one : .unwrapped)
        case .bytesRate, .bytesOverTime: (.sum, .lineBytes)
        case .sumOverTime: (.sum, .unwrapped)
        case .avgOverTime: (.mean, .unwrapped)
        case .minOverTime: (.least, .unwrapped)
        case .maxOverTime: (.greatest, .unwrapped)
        case .rateCounter, .stddevOverTime, .stdvarOverTime, .quantileOverTime, .firstOverTime, .lastOverTime,
            .absentOverTime:
            nil
        }
    }

    /// The path of a counter, histogram or gauge.
    private mutating func add(_ query: LogQuery, _ leaf: LeafPlan) {
        let place = add(leaf)
        add(query, to: .leaf(place), rule: leaf.rule, .every, keepsLine: false)
    }

    private mutating func add(_ leaf: LeafPlan) -> Int {
        leaves.append(leaf)
        leavesOfRule[leaf.rule].append(leaves.count - 1)
        return leaves.count - 1
    }

    /// The top of the tree of a selector's rules.
    mutating func root(of selector: Selector, rule: Int) -> PrefixNode {
        check(selector, rule: rule)
        let key = selector.description
        var position = roots.firstIndex { $0.key == key }
        if position == nil {
            roots.append((key, selector, PrefixNode(step: .leaf(-1), key: ""), []))
            position = roots.count - 1
        }
        roots[position!].rules.append(rule)
        return roots[position!].node
    }

    /// Line filters come first, as far as the order allows: they are cheap and may spare the parsing. They stay
    /// behind `line_format`, `unpack` and label filters, as in Loki (its answers depend on it with `decolorize`).
    static func ordered(_ stages: [Stage]) -> [Stage] {
        var result: [Stage] = []
        var barrier = 0
        for stage in stages {
            switch stage.kind {
            case .lineFilter:
                result.insert(stage, at: barrier)
                barrier += 1
            case .lineFormat, .unpack, .labelFilter:
                result.append(stage)
                barrier = result.count
            case .json, .logfmt, .regexp, .pattern, .decolorize, .labelFormat, .drop, .keep: result.append(stage)
            }
        }
        return result
    }

    mutating func problem(_ rule: Int, _ message: String, _ range: Range<Int>, hint: String? = nil) {
        problems.append(PlanProblem(rule: rule, diagnostic: Diagnostic(.error, message, hint: hint, at: range)))
    }

    // MARK: Tree to code

    private mutating func emit() -> Plan {
        var finished: [Plan.Root] = []
        for root in roots {
            let start = emission.code.count
            emission.emitChildren(of: root.node, rules: rules, leaves: leaves, afterMark: 0)
            finished.append(
                Plan.Root(selector: root.selector, code: start..<emission.code.count, rules: root.rules))
        }
        for leaf in leaves {
            for name in leaf.neededNames(rules[leaf.rule]) ?? [] { emission.names.insert(name) }
            emission.names.formUnion(leaf.sufficient)
        }
        if purpose == .query { emission.names.formUnion(["__error__", "__error_details__"]) }
        var groups: [Plan.Group] = []
        for rule in rules {
            guard case .record = rule.kind, !groups.contains(where: { $0.name == rule.group }) else { continue }
            groups.append(Plan.Group(name: rule.group, interval: rule.interval, delay: rule.delay))
        }
        return Plan(
            number: Self.plans.add(1, ordering: .relaxed).newValue, rules: rules, identities: rules.map(\.identity),
            names: emission.names.sorted(), roots: finished,
            code: emission.code, markCount: emission.marks + 1, stages: emission.stages, leaves: leaves,
            hasOpenKeys: purpose == .query || leaves.contains { if case .all = $0.key { true } else { false } },
            purpose: purpose, leavesOfRule: leavesOfRule, groups: groups)
    }
}

extension MetricExpression {
    var range: Range<Int> {
        switch self {
        case .range(let range): range.range
        case .vector(let vector): vector.range
        case .binary(let binary): binary.range
        case .literal(_, let range), .vectorOf(_, let range): range
        case .labelReplace(let replace): replace.range
        }
    }
}

extension RuleDefinition {
    /// Everything that must stay the same for the series to live on over a reload.
    var identity: String {
        let labels = labels.text
        return "\(group)/\(kind) \(name) \(expression.description) by \(by) \(labels) \(interval) \(delay) "
            + "\(exemplar.map { "\($0.label)=\($0.field)" })"
    }
}
