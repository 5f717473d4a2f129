import Glibc
import LogQL
public import Records

/// `a` to the power of `b`, as C's `pow`.
func raise(_ a: Double, to b: Double) -> Double { pow(a, b) }

/// Why a metric expression has no value at an instant; the text is Loki's.
public struct EvaluationError: Error, Hashable, Sendable {
    public var message: String

    public init(message: String) {
        self.message = message
    }

    static let manyToOne = EvaluationError(
        message: "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
    static let groupingNotUnique = EvaluationError(
        message: "multiple matches for labels: grouping labels must ensure unique matches")

    static func duplicateSeries(onTheLeft: Bool) -> EvaluationError {
        EvaluationError(
            message: "found duplicate series on the \(onTheLeft ? "left" : "right") hand-side;"
                + "many-to-many matching not allowed: matching labels must be unique on one side")
    }
}

/// One element of an instant vector. Labels with an empty value are not the same as missing ones.
public struct MetricElement: Sendable {
    public var labels: LabelSet
    public var value: Double
}

/// The value of a metric expression at an instant.
public enum MetricValue: Sendable {
    case scalar(Double)
    /// Sorted by labels, unless the expression itself is `sort` or `sort_desc`.
    case vector([MetricElement])
}

/// What the `record` rules of a group came to at an instant.
public struct GroupEvaluation: Sendable {
    /// One gauge family for each rule that has a value, in the order of the rules.
    public var families: [MetricFamily]
    /// The rules that could not be evaluated, by name.
    public var errors: [(rule: String, error: EvaluationError)]
}

extension Plan {
    /// What each series of a rule's range aggregations takes in a worker, in bytes, without its labels and without the
    /// samples that `quantile_over_time` and `rate_counter` keep aside; 0 for rules without windows.
    public func windowBytesPerSeries(rule: Int) -> Int {
        leavesOfRule[rule].reduce(0) { sum, leaf in
            if case .panes(let layout) = leaves[leaf].kind { sum + layout.bytesPerSeries } else { sum }
        }
    }

    /// The `record` rules of a group at one instant, from the workers' windows.
    public func evaluate(group: String, at instant: Timestamp, _ partials: [WindowPartial]) -> GroupEvaluation {
        var result = GroupEvaluation(families: [], errors: [])
        for (index, rule) in rules.enumerated() where rule.group == group && metrics[index] != nil {
            do throws(EvaluationError) {
                let elements: [VectorOps.Element]
                switch try value(of: index, partials) {
                case .scalar(let value): elements = [VectorOps.Element(labels: .empty, value: value)]
                case .vector(let vector): elements = vector
                }
                result.families.append(
                    MetricFamily(
                        name: rule.name, help: rule.help, kind: .gauge, series: series(elements, labels: rule.labels)))
            } catch {
                result.errors.append((rule.name, error))
            }
        }
        return result
    }

    /// One rule's metric expression at an instant, from the workers' windows; a rule that is no `record` rule has the
    /// empty vector. Throws where series do not match as the expression wants it.
    public func evaluate(rule: Int, _ partials: [WindowPartial]) throws(EvaluationError) -> MetricValue {
        switch try value(of: rule, partials) {
        case .scalar(let value): return .scalar(value)
        case .vector(let elements):
            let isSorted = metrics[rule]?.isSorted ?? false
            let ordered = isSorted ? elements : elements.sorted { $0.labels.precedes($1.labels) }
            return .vector(ordered.map { MetricElement(labels: $0.labels, value: $0.value) })
        }
    }

    /// As the exposition has no labels with empty values, such labels go; series that become equal are one.
    private func series(_ elements: [VectorOps.Element], labels: LabelSet) -> [SeriesSnapshot] {
        var result: [SeriesSnapshot] = []
        var seen: Set<LabelSet> = []
        for element in elements {
            let all = element.labels.filtered { !$0.value.isEmpty }.merging(labels)
            guard seen.insert(all).inserted else { continue }
            result.append(SeriesSnapshot(identity: SeriesIdentity(labels: all), value: .number(element.value)))
        }
        return result
    }

    private func value(of rule: Int, _ partials: [WindowPartial]) throws(EvaluationError) -> VectorOps.Value {
        guard let graph = metrics[rule] else { return .vector([]) }
        var values: [VectorOps.Value] = []
        for step in graph.steps {
            switch step {
            case .range(let range, let leaf): values.append(.vector(elements(of: range, leaf: leaf, partials)))
            case .vector(let vector, let argument):
                switch values[argument] {
                case .scalar(let value): values.append(.scalar(value))
                case .vector(let elements): values.append(.vector(VectorOps.aggregate(vector, elements)))
                }
            case .binary(let binary, let left, let right):
                values.append(try VectorOps.apply(binary, values[left], values[right]))
            case .literal(let value): values.append(.scalar(value))
            case .vectorOf(let value): values.append(.vector([VectorOps.Element(labels: .empty, value: value)]))
            case .labelReplace(let replacement, let argument):
                switch values[argument] {
                case .scalar(let value): values.append(.scalar(value))
                case .vector(let elements):
                    values.append(.vector(VectorOps.replaceLabels(replacement, elements)))
                }
            }
        }
        return values.last ?? .vector([])
    }
}
