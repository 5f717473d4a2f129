import LogQL
public import Records

/// One worker's windows at one instant: for each range aggregation of a group, its series.
public struct WindowPartial: Sendable {
    struct Row: Sendable {
        var identity: SeriesIdentity
        var value: PaneValue
        /// Only where every sample is needed.
        var samples: WindowSamples?
    }
    /// By index of the leaf.
    var rows: [Int: [Row]] = [:]
}

extension Program {
    /// The windows of a group's range aggregations at an instant of its grid, or of a query's span; the series of live
    /// rules that have no samples any more go.
    public mutating func evaluate(group: String, at instant: Timestamp) -> WindowPartial {
        var partial = WindowPartial()
        for index in 0..<leaves.count where plan.rules[leaves[index].rule].group == group {
            guard case .panes = leaves[index].kind else { continue }
            partial.rows[index] = windowRows(index, at: instant.nanoseconds)
        }
        return partial
    }

    private mutating func windowRows(_ index: Int, at instant: Int64) -> [WindowPartial.Row] {
        guard let panes = leaves[index].layout.window(at: instant) else { return [] }
        let rule = plan.rules[leaves[index].rule]
        var keepsZeros = false
        if rule.zero, let idle = rule.idle {
            keepsZeros = true
            leaves[index].removeSeries(before: panes.lowerBound, olderThan: saturating(instant, -idle))
        } else if rule.zero, leaves[index].layout.cursor(at: newestLine(of: index)).pane >= panes.lowerBound {
            keepsZeros = true
        } else {
            leaves[index].removeSeries(before: panes.lowerBound, olderThan: .max)
        }
        var rows: [WindowPartial.Row] = []
        let keepsSamples = leaves[index].layout.state.keepsSamples
        for entry in 0..<leaves[index].table.count {
            let value = leaves[index].window(panes, of: entry)
            guard value.count > 0 || keepsZeros else { continue }
            rows.append(
                WindowPartial.Row(
                    identity: leaves[index].table.identities[entry], value: value,
                    samples: keepsSamples ? leaves[index].samples(panes, of: entry) : nil))
        }
        return rows
    }
}

extension Plan {
    /// The series of a range aggregation, from all workers' windows.
    func elements(of range: RangeAggregation, leaf: Int, _ partials: [WindowPartial]) -> [VectorOps.Element] {
        guard case .panes(let layout) = leaves[leaf].kind else { return [] }
        if range.operation == .absentOverTime {
            let isPresent = partials.contains { !($0.rows[leaf] ?? []).isEmpty }
            return isPresent ? [] : [VectorOps.Element(labels: absentLabels(range.query.selector), value: 1)]
        }
        var rows: [WindowPartial.Row] = []
        if partials.count == 1 {
            rows = partials[0].rows[leaf] ?? []
        } else {
            var places: [LabelSet: Int] = [:]
            for partial in partials {
                for row in partial.rows[leaf] ?? [] {
                    guard let place = places[row.identity.labels] else {
                        places[row.identity.labels] = rows.count
                        rows.append(row)
                        continue
                    }
                    rows[place].value.merge(row.value, layout.state)
                    if let samples = row.samples {
                        rows[place].samples?.merge(samples, exact: layout.exactSamples)
                    }
                }
            }
        }
        return rows.map { VectorOps.Element(labels: $0.identity.labels, value: result(of: range, $0, layout)) }
    }

    private func result(of range: RangeAggregation, _ row: WindowPartial.Row, _ layout: PaneLayout) -> Double {
        switch range.operation {
        case .rate, .bytesRate: row.value.number / (Double(range.window) / 1e9)
        case .countOverTime, .bytesOverTime, .sumOverTime, .avgOverTime, .minOverTime, .maxOverTime, .firstOverTime,
            .lastOverTime:
            row.value.number
        case .stdvarOverTime: row.value.extra / row.value.count
        case .stddevOverTime: (row.value.extra / row.value.count).squareRoot()
        case .quantileOverTime: row.samples?.quantile(range.parameter ?? .nan, count: row.value.count) ?? .nan
        case .rateCounter: row.samples?.counterRate(range: range.window) ?? 0
        case .absentOverTime: 1
        }
    }

    /// The labels of `absent_over_time`: those of the selector's `=` matchers that no other matcher names again.
    private func absentLabels(_ selector: Selector) -> LabelSet {
        var labels: [Label] = []
        var taken: Set<String> = []
        for matcher in selector.matchers where matcher.operation == .equal && taken.insert(matcher.name).inserted {
            let isAlone = selector.matchers.count { $0.name == matcher.name } == 1
            if isAlone { labels.append(Label(matcher.name, matcher.value)) }
        }
        return LabelSet(labels.filter { !$0.value.isEmpty })
    }
}
