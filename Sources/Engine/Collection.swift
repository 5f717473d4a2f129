public import Records

/// What one worker has counted, cut at one point of its input: flat copies, merged with those of other workers.
public struct Partial: Sendable {
    struct Table: Sendable {
        var identities: [SeriesIdentity]
        var values: [Double]
        var stride: Int
        var created: [Int64]
        /// The newest exemplar of each series; empty where the rule has none.
        var exemplars: [Exemplar?]
    }
    /// By leaf; empty for leaves of `record` rules.
    var tables: [Table?]
    /// By rule.
    public var counts: [RuleCounts]
    public var seriesCounts: [Int]
    public var overflowUpdates: [UInt64]
    public var linesEvaluated: UInt64
    public var linesUnmatched: UInt64
    public var regexLimits: UInt64
}

extension Program {
    /// Cuts the counters, gauges and histograms, and takes away the series that were idle for too long.
    public mutating func collect(at now: Timestamp) -> Partial {
        var partial = Partial(
            tables: [], counts: [], seriesCounts: Array(repeating: 0, count: plan.rules.count),
            overflowUpdates: Array(repeating: 0, count: plan.rules.count), linesEvaluated: linesEvaluated,
            linesUnmatched: linesUnmatched, regexLimits: regexLimits)
        for index in 0..<rules.count { partial.counts.append(rules[index]) }
        for index in 0..<leaves.count {
            let rule = leaves[index].rule
            if let idle = plan.rules[rule].idle { expire(index, before: now.nanoseconds - idle) }
            partial.seriesCounts[rule] += leaves[index].table.count
            partial.overflowUpdates[rule] &+= leaves[index].table.overflowUpdates
            partial.tables.append(cut(index))
        }
        return partial
    }

    private mutating func expire(_ index: Int, before oldest: Int64) {
        // Windows empty themselves.
        if case .panes = leaves[index].kind { return }
        let before = leaves[index].table.count
        leaves[index].table.removeAll { table, entry in table.updated(entry) < oldest }
        if leaves[index].table.count != before { leaves[index].exemplars.removeAll() }
    }

    private func cut(_ index: Int) -> Partial.Table? {
        switch leaves[index].kind {
        case .panes: return nil
        case .counter, .gauge, .histogram: break
        }
        let stride = leaves[index].table.stride
        let count = leaves[index].table.count
        var table = Partial.Table(
            identities: leaves[index].table.identities, values: [], stride: stride, created: [], exemplars: [])
        table.values.reserveCapacity(count * stride)
        for number in 0..<count * stride { table.values.append(leaves[index].table.values[number]) }
        for entry in 0..<count { table.created.append(leaves[index].table.created(entry)) }
        let labels = plan.rules[leaves[index].rule].exemplar.map(\.label)
        if !labels.isEmpty {
            for entry in 0..<count {
                table.exemplars.append(leaves[index].exemplars.exemplar(of: entry, labels: labels))
            }
        }
        return table
    }

    /// The time of the newest entry seen; nil before the first.
    public var newestEntryTime: Timestamp? {
        newestEntry == .min ? nil : Timestamp(nanoseconds: newestEntry)
    }
}

extension Plan {
    /// The counters, gauges and histograms of all workers as metric families, in the order of the rules.
    public func families(_ partials: [Partial]) -> [MetricFamily] {
        var families: [MetricFamily] = []
        for (index, rule) in rules.enumerated() {
            let kind: MetricKind
            switch rule.kind {
            case .counter: kind = .counter
            case .histogram: kind = .histogram
            case .gauge: kind = .gauge
            case .record: continue
            }
            let series = leavesOfRule[index].flatMap { merged(leaf: $0, partials) }
            if let known = families.firstIndex(where: { $0.name == rule.name }) {
                add(series, to: &families[known].series)
            } else {
                families.append(MetricFamily(name: rule.name, help: rule.help, kind: kind, series: series))
            }
        }
        return families
    }

    /// Two rules may feed one metric; a label set that both have is one series.
    private func add(_ new: [SeriesSnapshot], to series: inout [SeriesSnapshot]) {
        var places: [LabelSet: Int] = [:]
        for (place, known) in series.enumerated() { places[known.identity.labels] = place }
        for snapshot in new {
            guard let place = places[snapshot.identity.labels] else {
                places[snapshot.identity.labels] = series.count
                series.append(snapshot)
                continue
            }
            switch (series[place].value, snapshot.value) {
            case (.number(let a), .number(let b)): series[place].value = .number(a + b)
            case (.histogram(var a), .histogram(let b)) where a.bounds == b.bounds:
                for index in a.counts.indices { a.counts[index] += b.counts[index] }
                a.sum += b.sum
                series[place].value = .histogram(a)
            case (.histogram, .histogram), (.number, .histogram), (.histogram, .number): break
            }
        }
    }

    private func merged(leaf: Int, _ partials: [Partial]) -> [SeriesSnapshot] {
        let tables = partials.compactMap { $0.tables[leaf] }
        guard let first = tables.first else { return [] }
        var rows = first
        if tables.count > 1 {
            var positions: [LabelSet: Int] = [:]
            for (entry, identity) in rows.identities.enumerated() { positions[identity.labels] = entry }
            for table in tables.dropFirst() {
                for (entry, identity) in table.identities.enumerated() {
                    if let position = positions[identity.labels] {
                        merge(leaf, &rows, position, table, entry)
                    } else {
                        positions[identity.labels] = rows.identities.count
                        rows.identities.append(identity)
                        rows.values += table.values[entry * table.stride..<(entry + 1) * table.stride]
                        rows.created.append(table.created[entry])
                        if !table.exemplars.isEmpty { rows.exemplars.append(table.exemplars[entry]) }
                    }
                }
            }
        }
        return rows.identities.indices.compactMap { snapshot(leaf, rows, $0) }
    }

    private func merge(_ leaf: Int, _ rows: inout Partial.Table, _ position: Int, _ other: Partial.Table, _ entry: Int)
    {
        let here = position * rows.stride
        let there = entry * other.stride
        rows.created[position] = min(rows.created[position], other.created[entry])
        switch leaves[leaf].kind {
        case .counter, .histogram:
            for number in 0..<rows.stride { rows.values[here + number] += other.values[there + number] }
            if !other.exemplars.isEmpty, let new = other.exemplars[entry],
                new.time > rows.exemplars[position]?.time ?? .distantPast
            {
                rows.exemplars[position] = new
            }
        case .gauge(let operation):
            let a = rows.values[here]
            let b = other.values[there]
            let newer =
                Int64(bitPattern: other.values[there + 1].bitPattern)
                > Int64(bitPattern: rows.values[here + 1].bitPattern)
            switch operation {
            case .last: if newer { rows.values[here] = b }
            case .min: rows.values[here] = a.isNaN || b < a ? b : a
            case .max: rows.values[here] = a.isNaN || b > a ? b : a
            case .sum, .inc, .dec: rows.values[here] = a.isNaN ? b : b.isNaN ? a : a + b
            }
            if newer { rows.values[here + 1] = other.values[there + 1] }
        case .panes: break
        }
    }

    private func snapshot(_ leaf: Int, _ rows: Partial.Table, _ entry: Int) -> SeriesSnapshot? {
        let base = entry * rows.stride
        let created = Timestamp(nanoseconds: rows.created[entry])
        switch leaves[leaf].kind {
        case .counter:
            return SeriesSnapshot(
                identity: rows.identities[entry], value: .number(rows.values[base]), created: created)
        case .gauge:
            // Made by `initial` and not set yet: 0.
            let value = rows.values[base]
            return SeriesSnapshot(identity: rows.identities[entry], value: .number(value.isNaN ? 0 : value))
        case .histogram(let bounds):
            var exemplars: [Exemplar?] = []
            if !rows.exemplars.isEmpty {
                exemplars = Array(repeating: nil, count: bounds.count + 1)
                if let exemplar = rows.exemplars[entry] {
                    exemplars[bounds.firstIndex { exemplar.value <= $0 } ?? bounds.count] = exemplar
                }
            }
            let counts = (0...bounds.count).map { UInt64(rows.values[base + $0]) }
            return SeriesSnapshot(
                identity: rows.identities[entry],
                value: .histogram(
                    HistogramValue(
                        bounds: bounds, counts: counts, sum: rows.values[base + bounds.count + 1],
                        exemplars: exemplars)),
                created: created)
        case .panes: return nil
        }
    }
}
