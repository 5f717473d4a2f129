import Diagnostics
import LogQL
import Records
import Synchronization

/// Turns rules into a plan, or says what is wrong with them, all at once.
public struct Planner {
    private static let plans = Atomic<Int>(0)
    private let rules: [RuleDefinition]
    var problems: [PlanProblem] = []
    private var roots: [(key: String, selector: Selector, node: PrefixNode, rules: [Int])] = []
    var leaves: [LeafPlan] = []
    private var leavesOfRule: [[Int]]
    let options: PlanOptions
    /// By rule: the steps of its metric expression.
    private var metrics: [MetricGraph?]
    private var emission = Emission()

    /// The plan of these rules; nil when a problem is an error.
    public static func plan(
        _ rules: [RuleDefinition], options: PlanOptions = PlanOptions()
    ) -> (plan: Plan?, problems: [PlanProblem]) {
        var planner = Planner(rules: rules, options: options)
        for index in rules.indices { planner.add(rule: index) }
        if planner.problems.contains(where: { $0.diagnostic.severity == .error }) { return (nil, planner.problems) }
        let plan = planner.emit()
        guard let message = NameTable.problem(with: plan.names) else { return (plan, planner.problems) }
        planner.problem(rules.count - 1, message, 0..<0)
        return (nil, planner.problems)
    }

    private init(rules: [RuleDefinition], options: PlanOptions) {
        self.rules = rules
        self.options = options
        metrics = Array(repeating: nil, count: rules.count)
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
            var graph = MetricGraph()
            _ = add(metric, rule: index, pushed: nil, to: &graph)
            metrics[index] = graph
            if rule.zero { checkZero(graph, rule: index, metric.range) }
        case (.counter, .metric(let metric)), (.histogram, .metric(let metric)), (.gauge, .metric(let metric)):
            problem(
                index, "wanted a log query, found a metric query", metric.range,
                hint: "use 'record:' for metric queries")
        case (.record, .log(let query)) where options.purpose == .query:
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

    /// Goes down a metric expression to its range aggregations, and returns its place among the steps. `pushed` is the
    /// grouping of a vector aggregation directly above, where grouping at once gives the same result as grouping later.
    private mutating func add(
        _ metric: MetricExpression, rule: Int, pushed: VectorAggregation?, to graph: inout MetricGraph
    ) -> Int {
        switch metric {
        case .range(let range): return add(range, rule: rule, under: pushed, to: &graph)
        case .vector(let vector):
            if let problem = VectorOps.unsupported(vector) { self.problem(rule, problem, vector.range) }
            let argument = add(vector.argument, rule: rule, pushed: vector, to: &graph)
            let head = "\(vector.operation) \(vector.parameter ?? 0) \(vector.grouping?.description ?? "")"
            return graph.add(.vector(vector, argument), key: "\(head) #\(argument)")
        case .binary(let binary):
            let left = add(binary.left, rule: rule, pushed: nil, to: &graph)
            let right = add(binary.right, rule: rule, pushed: nil, to: &graph)
            let head = "\(binary.operation) \(binary.returnBool) \(binary.matching?.description ?? "")"
            return graph.add(.binary(binary, left, right), key: "\(head) #\(left) #\(right)")
        case .literal(let value, _): return graph.add(.literal(value), key: "literal \(value.bitPattern)")
        case .vectorOf(let value, _): return graph.add(.vectorOf(value), key: "vector \(value.bitPattern)")
        case .labelReplace(let replace):
            let argument = add(replace.argument, rule: rule, pushed: nil, to: &graph)
            return add(replace, of: argument, rule: rule, to: &graph)
        }
    }

    private mutating func add(
        _ replace: LabelReplace, of argument: Int, rule: Int, to graph: inout MetricGraph
    ) -> Int {
        do throws(RegexError) {
            let replacement = try LabelReplacement(replace)
            if let what = replacement.beyondRE2 {
                problems.append(
                    PlanProblem(
                        rule: rule,
                        diagnostic: Diagnostic(
                            .warning, "Loki would refuse this regular expression: it uses \(what)", at: replace.range)))
            }
            // Two replacements are never one step: they are cheap, and their texts would need quoting.
            return graph.add(.labelReplace(replacement, argument), key: "label_replace \(graph.steps.count)")
        } catch {
            problem(
                rule,
                "the regular expression '\(replace.regex)' does not compile: \(error.message), at its byte "
                    + "\(error.offset + 1)",
                replace.range)
            return argument
        }
    }

    private mutating func add(
        _ range: RangeAggregation, rule index: Int, under vector: VectorAggregation?, to graph: inout MetricGraph
    ) -> Int {
        let key = Self.key(of: range, under: vector)
        let text = "\(range.description) \(key)"
        if let known = graph.place(of: text) { return known }
        let rule = rules[index]
        let (state, amount) = Self.meaning(of: range)
        let layout: PaneLayout
        if let span = options.span {
            layout = PaneLayout(
                range: range.window, span: span, offset: range.offset, state: state,
                exactSamples: options.quantileSamples)
        } else {
            if range.window <= 0 { problem(index, "a range of 0 holds no entries", range.range) }
            layout = PaneLayout(
                range: range.window, interval: rule.interval, offset: range.offset, delay: rule.delay, state: state,
                exactSamples: options.quantileSamples)
            if layout.held > PaneLayout.limit { refuse(layout, range, rule: index) }
        }
        let place = graph.add(.range(range, leaf: leaves.count), key: text)
        let keepsLine = range.operation == .bytesOverTime || range.operation == .bytesRate
        let leaf = add(leaf(index, .panes(layout), key, amount))
        add(range.query, to: .leaf(leaf), rule: index, Self.neededLabels(range, under: vector), keepsLine: keepsLine)
        return place
    }

    private mutating func refuse(_ layout: PaneLayout, _ range: RangeAggregation, rule: Int) {
        let offset = range.offset == 0 ? "" : ", offset \(formatDuration(range.offset))"
        problem(
            rule,
            "range \(formatDuration(range.window))\(offset) and interval \(formatDuration(rules[rule].interval)) make "
                + "\(layout.held) panes per series; at most \(PaneLayout.limit) are held",
            range.range, hint: "choose a shorter range, or a longer interval for the group")
    }

    /// Which labels the series of a range aggregation have.
    private static func key(of range: RangeAggregation, under vector: VectorAggregation?) -> LeafPlan.Key {
        // What is left of its series is whether there is one.
        if range.operation == .absentOverTime { return .by([]) }
        let unwrapped = range.query.unwrap.map { [$0.label] } ?? []
        if let grouping = range.grouping {
            return grouping.without ? .all(except: grouping.labels + unwrapped) : .by(grouping.labels)
        }
        guard let vector, VectorOps.commutes(vector.operation, range.operation) else { return .all(except: unwrapped) }
        guard let grouping = vector.grouping else { return .by([]) }
        if grouping.without { return .all(except: grouping.labels + unwrapped) }
        // Under `sum` Loki groups at once as well, and that lets errors and the unwrapped label through as labels.
        if vector.operation == .sum { return .by(grouping.labels) }
        if grouping.labels.contains(where: { $0.hasPrefix("__error") }) { return .all(except: unwrapped) }
        return .by(grouping.labels.filter { !unwrapped.contains($0) })
    }

    /// What a pane of a range aggregation holds, and what it takes from a line.
    private static func meaning(of range: RangeAggregation) -> (PaneLayout.State, LeafPlan.Amount) {
        switch range.operation {
        case .rate, .countOverTime: (.sum, range.query.unwrap == nil ? .one : .unwrapped)
        case .bytesRate, .bytesOverTime: (.sum, .lineBytes)
        case .absentOverTime: (.sum, .one)
        case .sumOverTime: (.sum, .unwrapped)
        case .avgOverTime: (.mean, .unwrapped)
        case .minOverTime: (.least, .unwrapped)
        case .maxOverTime: (.greatest, .unwrapped)
        case .stddevOverTime, .stdvarOverTime: (.variance, .unwrapped)
        case .firstOverTime: (.first, .unwrapped)
        case .lastOverTime: (.last, .unwrapped)
        case .rateCounter: (.counter, .unwrapped)
        case .quantileOverTime: (.quantile, .unwrapped)
        }
    }

    /// `zero` is for rules that count: nothing else has a value without samples.
    private mutating func checkZero(_ graph: MetricGraph, rule: Int, _ whole: Range<Int>) {
        var counts = false
        for step in graph.steps {
            guard case .range(let range, _) = step else { continue }
            switch range.operation {
            case .rate, .countOverTime, .bytesRate, .bytesOverTime, .sumOverTime: counts = true
            case .avgOverTime, .minOverTime, .maxOverTime, .stddevOverTime, .stdvarOverTime, .quantileOverTime,
                .firstOverTime, .lastOverTime, .rateCounter, .absentOverTime:
                problem(
                    rule, "'zero' needs counts and sums: '\(range.operation.rawValue)' of nothing is not 0",
                    range.range)
            }
        }
        if !counts { problem(rule, "'zero' needs a range aggregation that counts", whole) }
    }

    /// The path of a counter, histogram or gauge.
    private mutating func add(_ query: LogQuery, _ leaf: LeafPlan) {
        let place = add(leaf)
        add(query, to: .leaf(place), rule: leaf.rule, .every, keepsLine: false)
        // A rule that looks at the error means the lines that come through: '| json | __error__!=""' counts broken lines.
        if query.stages.contains(where: { $0.namesNeeded.contains("__error__") }) {
            leaves[place].keepsParserErrors = true
        }
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
        if options.purpose == .query { emission.names.formUnion(["__error__", "__error_details__"]) }
        var groups: [Plan.Group] = []
        for rule in rules {
            guard case .record = rule.kind, !groups.contains(where: { $0.name == rule.group }) else { continue }
            groups.append(Plan.Group(name: rule.group, interval: rule.interval, delay: rule.delay))
        }
        return Plan(
            number: Self.plans.add(1, ordering: .relaxed).newValue, rules: rules, identities: rules.map(\.identity),
            names: emission.names.sorted(), roots: finished,
            code: emission.code, markCount: emission.marks + 1, stages: emission.stages, leaves: leaves,
            hasOpenKeys: options.purpose == .query || emission.readsEveryLabel
                || leaves.contains { if case .all = $0.key { true } else { false } },
            leavesOfRule: leavesOfRule, metrics: metrics, options: options, groups: groups)
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
            + "\(exemplar.map { "\($0.label)=\($0.field)" })\(zero ? " zero" : "")"
    }
}
