import Diagnostics
import Engine
import LogQL
import Records
import YAML

/// Reads one rule.
struct RuleReader {
    private let source: SourceText
    private let context: RuleContext
    private let findings: Findings
    private let errorsBefore: Int
    private var rule: MappingReader

    init?(_ node: Node, source: SourceText, _ context: RuleContext, _ findings: Findings) {
        guard let rule = MappingReader(node, "a rule", findings) else { return nil }
        self.rule = rule
        self.source = source
        self.context = context
        self.findings = findings
        errorsBefore = findings.errorCount
    }

    /// The rule; nil for alerts and where something is wrong.
    mutating func read() -> Rule? {
        guard let kind = readKind() else { return nil }
        let name = rule.text(kind.rawValue, wanted: "a name")
        refuseKeys(of: kind)
        rule.require("expr")
        if let name { check(name: name, kind) }
        if kind == .alert { return readAlert() }

        let help = rule.text("help") ?? ""
        let expression = readExpression(kind)
        let labels = LabelTable(&rule, forRecord: kind == .record)
        let merged = context.labels.merging(labels.set)
        let by = kind.readsLines ? readBy(kind, labels: labels, expression: expression?.tree) : []
        let initial = kind.readsLines ? readInitial(by) : []
        let limit = rule.integer("limit", in: 0...10_000_000)
        let idle = rule.nanoseconds("idle", atLeast: "1s")
        let zero = kind == .record ? rule.boolean("zero") ?? false : false
        let exemplar = kind == .counter || kind == .histogram ? readExemplar() : []
        let definitionKind = readDefinitionKind(kind, expression?.tree)
        rule.finish()

        guard let name, let expression, let definitionKind, findings.errorCount == errorsBefore else { return nil }
        let definition = RuleDefinition(
            name: name, group: context.group, kind: definitionKind, help: help, expression: expression.tree, by: by,
            labels: merged, initial: initial, limit: limit.map { $0 == 0 ? context.limit : $0 } ?? context.limit,
            idle: idle, zero: zero, exemplar: exemplar, interval: context.interval, delay: context.delay)
        return Rule(
            definition: definition, file: source, expression: expression.scalar,
            nameRange: rule.range(of: kind.rawValue))
    }

    // MARK: kind and name

    private func readKind() -> RuleKind? {
        let kinds = RuleKind.allCases.filter { rule.has($0.rawValue) }
        if kinds.count == 1 { return kinds[0] }
        let names = RuleKind.allCases.map(\.rawValue)
        if kinds.isEmpty {
            let near = rule.keys.lazy.compactMap { key in
                nearest(to: key.text, among: names).map { (key, $0) }
            }.first
            findings.error(
                "a rule has one of counter, histogram, gauge, record or alert; found none",
                hint: near.map { "did you mean '\($0.1)'?" },
                at: near?.0.range ?? rule.keys.first?.range ?? rule.node.range)
        } else {
            findings.error(
                "a rule has one kind; found \(kinds.map(\.rawValue).joined(separator: " and "))",
                hint: "make them two rules", at: rule.range(ofKey: kinds[1].rawValue))
        }
        return nil
    }

    /// Reports keys that belong to other kinds of rule.
    private mutating func refuseKeys(of kind: RuleKind) {
        for key in rule.keys where key.text != kind.rawValue && !kind.keys.contains(key.text) {
            let owners = RuleKind.allCases.filter { $0.keys.contains(key.text) }
            guard !owners.isEmpty else { continue }
            _ = rule.value(key.text)
            var hint = "'\(key.text)' belongs to \(owners.map(\.rawValue).joined(separator: ", "))"
            if key.text == "by" { hint = "group in the expression: sum by (…) (…)" }
            findings.error("\(kind.phrase) rule takes no '\(key.text)'", hint: hint, at: key.range)
        }
    }

    private func check(name: String, _ kind: RuleKind) {
        let range = rule.range(of: kind.rawValue)
        guard kind != .alert else { return }
        guard isMetricName(name) else {
            return findings.error(
                "'\(name)' is no metric name: letters, digits, _ and :, not beginning with a digit", at: range)
        }
        if kind == .counter, !name.hasSuffix("_total") || name == "_total" {
            findings.error(
                "the name of a counter ends in '_total', found '\(name)'", hint: "counter: \(name)_total", at: range)
        }
        if name.hasPrefix("millrace_") {
            findings.error("names that begin with 'millrace_' are Millrace's own, found '\(name)'", at: range)
        }
    }

    private mutating func readAlert() -> Rule? {
        _ = readExpression(.alert)
        _ = rule.nanoseconds("for", atLeast: "0s", orZero: true)
        _ = rule.nanoseconds("keep_firing_for", atLeast: "0s", orZero: true)
        _ = LabelTable(&rule, forRecord: true)
        _ = rule.table("annotations")
        rule.finish()
        findings.warning(
            "alert rules are not evaluated", hint: "record the series and let Prometheus alert on it",
            at: rule.range(ofKey: "alert"))
        return nil
    }

    // MARK: expression

    private mutating func readExpression(_ kind: RuleKind) -> (tree: Expression, scalar: Scalar)? {
        guard let node = rule.value("expr") else { return nil }
        guard let scalar = node.scalar else {
            findings.wrong(
                node, wanted: "a LogQL expression", for: "expr", hint: "put it in single quotes, or behind expr: |")
            return nil
        }
        let parsed = parse(scalar.text)
        let offsets = parsed.diagnostics.isEmpty ? [] : scalar.sourceOffsets
        for diagnostic in parsed.diagnostics { findings.add(diagnostic.moved(by: offsets)) }
        guard let tree = parsed.expression else { return nil }
        switch tree {
        case .log where !kind.readsLines:
            findings.error(
                "\(kind.phrase) rule takes a metric query, found a log query",
                hint: "count its lines with counter:, or write sum(count_over_time(… [1m]))", at: node.range)
        case .metric where kind.readsLines:
            findings.error(
                "\(kind.phrase) rule takes a log query, found a metric query",
                hint: "use record: for metric queries", at: node.range)
        case .log, .metric: break
        }
        return (tree, scalar)
    }

    private func needUnwrap(_ expression: Expression?, for what: String) {
        guard case .log(let query)? = expression, query.unwrap == nil else { return }
        findings.error(
            "\(what) needs a value, and the expression has no unwrap",
            hint: "end the expression with: | unwrap FIELD", at: rule.range(of: "expr"))
    }

    // MARK: the keys of each kind

    private mutating func readDefinitionKind(_ kind: RuleKind, _ expression: Expression?) -> RuleDefinition.Kind? {
        switch kind {
        case .counter: return .counter
        case .record: return .record
        case .alert: return nil
        case .gauge:
            let operation = rule.choice("set", RuleDefinition.GaugeOperation.self) ?? .last
            switch operation {
            case .inc, .dec: break
            case .last, .min, .max, .sum: needUnwrap(expression, for: "a gauge with 'set: \(operation.rawValue)'")
            }
            return .gauge(operation)
        case .histogram:
            needUnwrap(expression, for: "a histogram")
            if rule.value("native") != nil {
                findings.error(
                    "not supported yet: native histograms need the protobuf exposition",
                    hint: "use buckets:", at: rule.range(ofKey: "native"))
            } else {
                rule.require(
                    "buckets", hint: "for seconds: buckets: [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10]")
            }
            return readBuckets().map { .histogram(buckets: $0) }
        }
    }

    private mutating func readBuckets() -> [Double]? {
        guard let items = rule.list("buckets", of: "numbers") else { return nil }
        var buckets: [Double] = []
        var before = ""
        for item in items {
            guard let bound = findings.number(item, for: "buckets") else { return nil }
            if !bound.isFinite {
                findings.error(
                    "'buckets': wanted finite bounds, found \(item.found)", hint: "the bucket +Inf is always there",
                    at: item.range)
            } else if let last = buckets.last, bound <= last {
                findings.error("'buckets': bounds must ascend, found \(item.found) behind \(before)", at: item.range)
            }
            before = item.found
            buckets.append(bound)
        }
        if buckets.isEmpty {
            findings.error("'buckets': wanted at least one bound, found none", at: rule.range(of: "buckets"))
        }
        if buckets.count > 200 {
            findings.error(
                "'buckets': wanted at most 200 bounds, found \(buckets.count)", at: rule.range(of: "buckets"))
        }
        return buckets
    }

    private mutating func readBy(_ kind: RuleKind, labels: LabelTable, expression: Expression?) -> [String] {
        var result: [String] = []
        for (name, node) in rule.texts("by", of: "labels") ?? [] {
            if let problem = labelProblem(name) {
                findings.error("'by': \(problem)", at: node.range)
            } else if result.contains(name) {
                findings.error("'by': the label '\(name)' stands here twice", at: node.range)
            } else if labels.set[name] != nil || context.labels[name] != nil {
                findings.error(
                    "'by': the label '\(name)' is also one of the static labels", hint: "keep one of them",
                    at: node.range)
            } else if kind == .histogram, name == "le" {
                findings.error("'by': the label 'le' is taken by the buckets of the histogram", at: node.range)
            } else if unboundedFields.contains(name), !rule.has("limit"), !sets(expression, label: name) {
                findings.warning(
                    "unbounded label '\(name)': it usually has a new value with every line",
                    hint: "map it to few values with label_format, or say limit: to accept it", at: node.range)
            }
            result.append(name)
        }
        if kind == .histogram, let range = labels.ranges["le"] {
            findings.error("the label 'le' is taken by the buckets of the histogram", at: range)
        }
        return result
    }

    /// Whether a stage of the expression gives the label a value of the rule's author's making.
    private func sets(_ expression: Expression?, label: String) -> Bool {
        guard case .log(let query)? = expression else { return false }
        return query.stages.contains { stage in
            if case .labelFormat(let items) = stage.kind { items.contains { $0.label == label } } else { false }
        }
    }

    private mutating func readInitial(_ by: [String]) -> [LabelSet] {
        var result: [LabelSet] = []
        for item in rule.list("initial", of: "mappings, one per series") ?? [] {
            guard var entry = MappingReader(item, "an entry of initial", findings) else { continue }
            let labels = by.compactMap { name in entry.text(name).map { Label(name, $0) } }
            let missing = by.filter { !entry.has($0) }
            if !missing.isEmpty {
                findings.error(
                    "'initial': an entry has exactly the labels of 'by'; missing \(missing.joined(separator: ", "))",
                    at: item.range)
            }
            for key in entry.keys where !by.contains(key.text) {
                _ = entry.value(key.text)
                findings.error(
                    "'initial': an entry has exactly the labels of 'by'; '\(key.text)' is not one of them",
                    hint: nearest(to: key.text, among: by).map { "did you mean '\($0)'?" }, at: key.range)
            }
            result.append(LabelSet(labels))
        }
        return result
    }

    private mutating func readExemplar() -> [RuleDefinition.ExemplarLabel] {
        (rule.table("exemplar") ?? []).compactMap { name, value in
            if let problem = labelProblem(name.text) {
                findings.error("'exemplar': \(problem)", at: name.range)
                return nil
            }
            guard let field = value.scalar?.text, isLabelName(field) else {
                findings.wrong(value, wanted: "the name of a field", for: "exemplar")
                return nil
            }
            return .init(label: name.text, field: field)
        }
    }
}
