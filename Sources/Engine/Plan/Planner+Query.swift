import LogQL

extension Planner {
    /// Adds the path of a log query below its selector's root, down to `end`. `keepsLine`: the text of the line
    /// counts in the end.
    mutating func add(
        _ query: LogQuery, to end: PrefixNode.Step, rule: Int, _ labels: ParserHints.NeededLabels, keepsLine: Bool
    ) {
        let stages = keepsLine ? query.stages : Self.withoutUnreadLines(query.stages)
        let hints = ParserHints(query, stages: stages, labels)
        var node = root(of: query.selector, rule: rule)
        for stage in Self.ordered(stages) {
            check(stage, rule: rule)
            guard stage.isParser else {
                node = node.child(stage.description, .stage(stage, nil))
                continue
            }
            // Where no label is needed Loki does not run the parsers: there are no errors then.
            if hints.needsNothing { continue }
            switch options.purpose {
            case .rules: node = node.child(stage.description, .stage(stage, nil))
            case .query: node = node.child("\(stage.description) \(hints.key)", .stage(stage, hints))
            }
        }
        if let unwrap = query.unwrap {
            node = node.child("unwrap \(unwrap.conversion.rawValue)(\(unwrap.label))", .unwrap(unwrap))
            for filter in unwrap.filters {
                check(filter, rule: rule, range: unwrap.range)
                node = node.child(filter.description, .filter(filter))
            }
        }
        switch end {
        case .leaf(let leaf):
            leaves[leaf].sufficient = hints.required ?? []
            leaves[leaf].keepsParserErrors = hints.keepsErrors
            _ = node.child("leaf \(leaf)", end)
        case .entries: _ = node.child("entries", end)
        case .stage, .unwrap, .filter: preconditionFailure("a path ends in a leaf")
        }
    }

    /// Leaves out every `line_format` whose text nothing reads afterwards.
    private static func withoutUnreadLines(_ stages: [Stage]) -> [Stage] {
        var isRead = false
        var kept: [Stage] = []
        for stage in stages.reversed() {
            if case .lineFormat = stage.kind, !isRead { continue }
            if case .lineFilter = stage.kind { isRead = true }
            isRead = isRead || stage.isParser
            kept.append(stage)
        }
        return kept.reversed()
    }

    /// Which labels a range aggregation needs, as far as Loki finds out: `pushed` is the `sum` directly above it.
    static func neededLabels(_ range: RangeAggregation, under pushed: VectorAggregation?) -> ParserHints.NeededLabels {
        if range.operation == .absentOverTime { return .none }
        var grouping = range.grouping
        if grouping == nil, let pushed, pushed.operation == .sum, VectorOps.commutes(.sum, range.operation) {
            guard let outer = pushed.grouping else { return .none }
            grouping = outer
        }
        guard let grouping, !grouping.without else { return .every }
        return grouping.labels.isEmpty ? .none : .some(grouping.labels)
    }
}
