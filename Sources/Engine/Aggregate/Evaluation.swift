import Glibc
import LogQL
public import Records

/// `a` to the power of `b`, as C's `pow`.
func raise(_ a: Double, to b: Double) -> Double { pow(a, b) }

/// One worker's windows at one instant: for each range aggregation of a group, its series.
public struct WindowPartial: Sendable {
    struct Row: Sendable {
        var identity: SeriesIdentity
        var count: Double
        var state: Double
    }
    /// By index of the leaf.
    var rows: [Int: [Row]] = [:]
}

extension Plan {
    /// The `record` rules of a group at one instant: one gauge family per rule, from the workers' windows.
    public func evaluate(group: String, at instant: Timestamp, _ partials: [WindowPartial]) -> [MetricFamily] {
        var families: [MetricFamily] = []
        for (index, rule) in rules.enumerated() {
            guard rule.group == group, case .record = rule.kind, case .metric(let metric) = rule.expression else {
                continue
            }
            var leaves = leavesOfRule[index][...]
            let elements: [VectorOps.Element]
            switch value(of: metric, &leaves, partials) {
            case .scalar(let value): elements = [VectorOps.Element(labels: .empty, value: value)]
            case .vector(let vector): elements = vector
            }
            families.append(
                MetricFamily(
                    name: rule.name, help: rule.help, kind: .gauge, series: series(elements, labels: rule.labels)))
        }
        return families
    }

    /// As the exposition has no labels with empty values, such labels go; series that become equal are one.
    private func series(_ elements: [VectorOps.Element], labels: LabelSet) -> [SeriesSnapshot] {
        var result: [SeriesSnapshot] = []
        var seen: Set<LabelSet> = []
        for element in elements {
            let all = LabelSet(element.labels.labels.filter { !$0.value.isEmpty }).merging(labels)
            guard seen.insert(all).inserted else { continue }
            result.append(SeriesSnapshot(identity: SeriesIdentity(labels: all), value: .number(element.value)))
        }
        return result
    }

    private func value(
        of metric: MetricExpression, _ leaves: inout ArraySlice<Int>, _ partials: [WindowPartial]
    ) -> VectorOps.Value {
        switch metric {
        case .range(let range): return .vector(elements(of: range, leaf: leaves.removeFirst(), partials))
        case .vector(let vector):
            switch value(of: vector.argument, &leaves, partials) {
            case .scalar(let value): return .scalar(value)
            case .vector(let elements): return .vector(VectorOps.aggregate(vector, elements))
            }
        case .binary(let binary):
            let left = value(of: binary.left, &leaves, partials)
            return VectorOps.apply(binary, left, value(of: binary.right, &leaves, partials))
        case .literal(let value, _): return .scalar(value)
        case .vectorOf(let value, _): return .vector([VectorOps.Element(labels: .empty, value: value)])
        case .labelReplace(let replace): return value(of: replace.argument, &leaves, partials)
        }
    }

    private func elements(
        of range: RangeAggregation, leaf: Int, _ partials: [WindowPartial]
    ) -> [VectorOps.Element] {
        guard case .panes(let layout) = leaves[leaf].kind else { return [] }
        var merged: [LabelSet: (count: Double, state: Double)] = [:]
        var order: [LabelSet] = []
        for partial in partials {
            for row in partial.rows[leaf] ?? [] {
                let labels = row.identity.labels
                if let known = merged[labels] {
                    merged[labels] = (
                        known.count + row.count,
                        SeriesTable.merge(layout.state, known.state, known.count, row.state, row.count)
                    )
                } else {
                    merged[labels] = (row.count, row.state)
                    order.append(labels)
                }
            }
        }
        let seconds = Double(range.window) / 1e9
        return order.map { labels in
            let (_, state) = merged[labels]!
            switch range.operation {
            case .rate, .bytesRate: return VectorOps.Element(labels: labels, value: state / seconds)
            case .countOverTime, .bytesOverTime, .sumOverTime, .avgOverTime, .minOverTime, .maxOverTime, .rateCounter,
                .stddevOverTime, .stdvarOverTime, .quantileOverTime, .firstOverTime, .lastOverTime, .absentOverTime:
                return VectorOps.Element(labels: labels, value: state)
            }
        }
    }
}
