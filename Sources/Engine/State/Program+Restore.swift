import Records

/// What became of a snapshot that was restored.
public struct StateReport: Sendable {
    /// Rules that go on with what they had.
    public var restored = 0
    /// Rules of the snapshot that the plan does not have, or not as they were: `group/name`.
    public var dropped: [String] = []
    /// What could not be read, in words; those rules start anew.
    public var damage: [String] = []
}

extension Program {
    /// Adds what a snapshot has to the series of every rule that did not change since; call before the first line.
    ///
    /// Snapshots of several workers can be restored one after the other: counts and windows add up, of gauges the
    /// newest value (or the least, the greatest, the sum) stays. Bytes that are no snapshot change nothing, and those
    /// of a rule that are damaged nothing of that rule.
    public mutating func restore(_ bytes: [UInt8]) -> StateReport {
        var report = StateReport()
        do throws(StateDamage) {
            var reader = StateReader(bytes)
            guard try reader.array(Self.stateHeading.count) == Self.stateHeading else {
                throw StateDamage(text: "it is no snapshot")
            }
            let version = try reader.word()
            guard version == Self.stateVersion else { throw StateDamage(text: "it is of version \(version)") }
            let newest = try reader.signed()
            let evaluated = try reader.count()
            let unmatched = try reader.count()
            let limits = try reader.count()
            var saved: [String] = []
            for _ in 0..<(try reader.elements(ofBytes: 4)) { saved.append(try reader.text()) }
            let count = try reader.elements(ofBytes: 8)
            newestEntry = max(newestEntry, newest)
            linesEvaluated &+= evaluated
            linesUnmatched &+= unmatched
            regexLimits &+= limits
            var taken: Set<Int> = []
            for _ in 0..<count {
                let section = try reader.section()
                restoreRule(section, saved, &taken, &report)
            }
        } catch {
            report.damage.append(error.text)
        }
        return report
    }

    private mutating func restoreRule(
        _ section: StateReader, _ saved: [String], _ taken: inout Set<Int>, _ report: inout StateReport
    ) {
        var section = section
        do throws(StateDamage) {
            let old = try SavedRule(decoding: &section)
            guard
                let rule = plan.identities.indices.first(where: {
                    plan.identities[$0] == old.identity && !taken.contains($0)
                })
            else {
                report.dropped.append("\(old.group)/\(old.name)")
                return
            }
            let indices = plan.leavesOfRule[rule]
            guard indices.count == old.leaves.count else { throw StateDamage(text: "a rule of another form") }
            for (index, leaf) in zip(indices, old.leaves) {
                try leaf.check(leaves[index], exemplarLabels: plan.rules[rule].exemplar.count, names: saved.count)
            }
            taken.insert(rule)
            rules[rule].add(old.counts)
            rules[rule].charged = rules[rule].seen
            for (index, leaf) in zip(indices, old.leaves) { try restoreLeaf(leaf, index, saved) }
            report.restored += 1
        } catch {
            report.damage.append("a rule: \(error.text)")
        }
    }

    private mutating func restoreLeaf(_ leaf: SavedLeaf, _ index: Int, _ saved: [String]) throws(StateDamage) {
        if pulse.isWanted { pulse.note(leaf: index, leaf.newestLine) }
        let updates = leaves[index].table.overflowUpdates
        for entry in 0..<leaf.count {
            let before = leaves[index].table.count
            let place = try place(of: entry, in: leaf, index, saved)
            let isNew = leaves[index].table.count > before
            leaves[index].table.restoreTimes(
                place, created: leaf.created[entry], updated: leaf.updated[entry], isNew: isNew)
            leaves[index].restore(leaf, entry, at: place, isNew: isNew)
        }
        leaves[index].table.overflowUpdates = updates &+ leaf.overflowUpdates
    }

    /// The series with the key of a saved one; made when it is not there.
    private mutating func place(of entry: Int, in leaf: SavedLeaf, _ index: Int, _ saved: [String])
        throws(StateDamage) -> Int
    {
        guard let key = leaf.keys[entry] else {
            let identity = SeriesIdentity(labels: overflowLabels(of: index))
            return leaves[index].table.overflowEntry(at: leaf.created[entry], identity)
        }
        record.rewindAll()
        // The values are only looked at until the series is found or made, which copies them.
        let store = ByteStore()
        defer { withExtendedLifetime(store) { record.rewindAll() } }
        if leaves[index].isOpen {
            for pair in try leaf.pairs(of: key) {
                guard let id = names.id(forName: saved[pair.name]) else { continue }
                record.grow(to: names.count)
                record.set(id, Field(value: store.keep(leaf.keyBytes[pair.value]), origin: .parsed))
            }
            return openEntry(index)
        }
        let values = try leaf.values(of: key, count: leaves[index].fields.count)
        for (position, value) in values.enumerated() {
            record.set(
                leaves[index].fields[position],
                Field(value: store.keep(leaf.keyBytes[value]), origin: value.isEmpty ? .absent : .parsed))
        }
        return self.entry(index)
    }

    private func overflowLabels(of index: Int) -> LabelSet {
        var labels: [Label] = []
        if leaves[index].isOpen {
            labels = [Label("overflow", "__overflow__")]
        } else {
            for position in 0..<leaves[index].fields.count {
                labels.append(Label(names.name(of: leaves[index].fields[position]), "__overflow__"))
            }
        }
        return LabelSet(labels).merging(plan.fixedLabels(of: index))
    }
}

extension Leaf {
    /// Adds the numbers of a saved series to one of the same key.
    mutating func restore(_ saved: SavedLeaf, _ old: Int, at entry: Int, isNew: Bool) {
        let base = entry * table.stride
        let from = old * saved.stride
        switch kind {
        case .counter, .histogram:
            for number in 0..<saved.stride { table.values[base + number] += saved.values[from + number] }
            if let exemplar = saved.exemplars[old] { exemplars.restore(exemplar, to: entry) }
        case .gauge(let operation): restoreGauge(operation, saved, from, base)
        case .panes:
            if isNew, !layout.state.keepsSamples {
                for number in 0..<saved.stride { table.values[base + number] = saved.values[from + number] }
            } else {
                restorePanes(saved, from, base)
            }
        }
    }

    private mutating func restoreGauge(
        _ operation: RuleDefinition.GaugeOperation, _ saved: SavedLeaf, _ from: Int, _ base: Int
    ) {
        let (a, b) = (table.values[base], saved.values[from])
        let isNewer =
            Int64(bitPattern: saved.values[from + 1].bitPattern)
            >= Int64(bitPattern: table.values[base + 1].bitPattern)
        if a.isNaN {
            table.values[base] = b
        } else if !b.isNaN {
            switch operation {
            case .last: if isNewer { table.values[base] = b }
            case .min: table.values[base] = min(a, b)
            case .max: table.values[base] = max(a, b)
            case .sum, .inc, .dec: table.values[base] = a + b
            }
        }
        if isNewer { table.values[base + 1] = saved.values[from + 1] }
    }

    private mutating func restorePanes(_ saved: SavedLeaf, _ from: Int, _ base: Int) {
        let newest = Int64(bitPattern: saved.values[from].bitPattern)
        guard newest != .min else { return }
        let own = Int64(bitPattern: table.values[base].bitPattern)
        if newest > own { turn(to: newest, from: own, base) }
        let held = Int64(layout.held)
        var pane = max(newest, own) - held + 1
        while pane <= newest {
            let offset = 1 + layout.state.width * layout.position(of: pane)
            restorePane(saved, from + offset, base + offset)
            pane += 1
        }
    }

    private mutating func restorePane(_ saved: SavedLeaf, _ from: Int, _ at: Int) {
        guard saved.values[from] > 0 else { return }
        if layout.state.keepsSamples {
            guard let content = saved.samples[from] else { return }
            if table.values[at] == 0 { table.values[at + 1] = Double(samples.open()) }
            table.values[at] += Double(samples.restore(content, to: Int(table.values[at + 1])))
            if table.values[at] == 0 { samples.close(Int(table.values[at + 1])) }
            return
        }
        var value = pane(at)
        let isWide = layout.state.width == 3
        value.merge(
            PaneValue(
                count: saved.values[from], number: saved.values[from + 1], extra: isWide ? saved.values[from + 2] : 0),
            layout.state)
        table.values[at] = value.count
        table.values[at + 1] = value.number
        if isWide { table.values[at + 2] = value.extra }
    }
}
