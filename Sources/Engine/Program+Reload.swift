public import Records

extension Program {
    /// A program for a new plan that goes on with the series and counts of every rule that did not change.
    ///
    /// A rule is the same when its canonical text is; a changed rule starts anew.
    public init(_ plan: Plan, keeping old: consuming Program, at now: Timestamp) {
        // The hashes of the series that are kept hold only with the same seed.
        self.init(plan, seed: old.record.seed)
        self.now = now.nanoseconds
        linesEvaluated = old.linesEvaluated
        linesUnmatched = old.linesUnmatched
        newestEntry = old.newestEntry
        regexLimits = old.regexLimits
        var taken: Set<Int> = []
        for rule in plan.rules.indices {
            guard
                let before = old.plan.identities.indices.first(where: {
                    old.plan.identities[$0] == plan.identities[rule] && !taken.contains($0)
                })
            else { continue }
            taken.insert(before)
            rules[rule] = old.rules[before]
            for (new, previous) in zip(plan.leavesOfRule[rule], old.plan.leavesOfRule[before]) {
                // The limit is not part of a rule's identity: it may be raised without losing the series.
                if leaves[new].isOpen {
                    adoptOpen(&old.leaves[previous].table, new)
                } else {
                    leaves[new].table.adopt(&old.leaves[previous].table)
                }
                swap(&leaves[new].samples, &old.leaves[previous].samples)
                swap(&leaves[new].exemplars, &old.leaves[previous].exemplars)
            }
        }
        addInitialSeries()
    }

    /// Keys of series with every label hold numbers of names, which are others in the new program.
    private mutating func adoptOpen(_ old: inout SeriesTable, _ index: Int) {
        for entry in 0..<old.count {
            guard old.identities[entry].labels["overflow"] != "__overflow__" else { continue }
            record.rewindAll()
            for label in old.identities[entry].labels.labels {
                guard let id = names.id(forName: label.name) else { continue }
                record.grow(to: names.count)
                record.set(id, Field(value: constants.keep(label.value.utf8), origin: .parsed))
            }
            let place = openEntry(index)
            for number in 0..<old.stride {
                leaves[index].table.values[place * old.stride + number] = old.values[entry * old.stride + number]
            }
        }
        record.rewindAll()
    }
}
