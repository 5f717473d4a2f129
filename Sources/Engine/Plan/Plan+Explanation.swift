public import LogQL

/// A plan as data for people: what is shared, what is read, what it holds in memory, what is costly.
public struct PlanExplanation: Sendable {
    /// A stream selector and the stages of all rules over it, each once.
    public struct Root: Sendable {
        public var selector: String
        public var nodes: [Node]
        /// Indices of the rules; one with several range aggregations stands here as often.
        public var rules: [Int]
    }

    /// A stage, with the stages and ends that follow it.
    public struct Node: Sendable {
        public enum Step: Sendable {
            /// A stage in canonical text.
            case stage(String)
            case end(End)
            /// The entries of a log query.
            case entries
        }

        public var step: Step
        /// What a parser takes from the line; nil for other stages.
        public var reads: Reads?
        /// Why the stage is costly; empty where it is not.
        public var costs: [Cost]
        public var children: [Node]
    }

    /// What a parser takes from a line.
    public enum Reads: Sendable, Hashable {
        case fields([String])
        case everyKey
    }

    public enum Cost: Sendable, Hashable {
        /// The expression has no text that every match contains, so it runs on every line.
        case regexWithoutText
        /// Look-around and such, which RE2 does not have and which may go back and forth.
        case beyondRE2(String)
        /// Every key of the line becomes a label, since some series below has all of them.
        case everyKey
        /// The line or label is written anew for every line.
        case template
        case decolorize
    }

    /// Where lines update series.
    public struct End: Sendable {
        /// Index of the rule.
        public var rule: Int
        /// The range aggregation that takes the lines, `rate [5m]`; nil for counters, histograms and gauges.
        public var window: String?
        /// The labels of the series; nil where the series have every label of the line but `without`.
        public var by: [String]?
        public var without: [String]
        /// nil for counters, histograms and gauges.
        public var panes: Panes?
        /// Bytes of one series, without the text of its labels.
        public var bytesPerSeries: Int
    }

    /// How a window is kept.
    public struct Panes: Sendable {
        /// Panes that are held for each series.
        public var held: Int
        /// True where every sample of the window is kept, beside the panes.
        public var keepsSamples: Bool
    }

    public var roots: [Root]
    /// Line filters that are tried before a stage in front of which they do not stand, by rule.
    public var movedFilters: [(rule: Int, filters: [String])]
}

extension Plan {
    /// The plan as data for people.
    public var explanation: PlanExplanation {
        PlanExplanation(
            roots: roots.map { root in
                PlanExplanation.Root(
                    selector: root.selector.description, nodes: nodes(root.code), rules: root.rules)
            },
            movedFilters: rules.indices.compactMap { index in
                let filters = rules[index].expression.logQueries.flatMap { movedFilters($0.stages) }
                return filters.isEmpty ? nil : (index, filters)
            })
    }

    private func movedFilters(_ stages: [Stage]) -> [String] {
        let before = stages.map(\.description)
        let after = Planner.ordered(stages).map(\.description)
        guard before != after else { return [] }
        var seenOther = false
        var moved: [String] = []
        for stage in stages {
            if case .lineFilter = stage.kind {
                if seenOther { moved.append(stage.description) }
            } else {
                seenOther = true
            }
        }
        return moved
    }

    private func nodes(_ range: Range<Int>) -> [PlanExplanation.Node] {
        var nodes: [PlanExplanation.Node] = []
        var index = range.lowerBound
        while index < range.upperBound {
            let end = Int(code[index].end)
            var node = node(code[index].operation)
            node.children = self.nodes(index + 1..<end)
            nodes.append(node)
            index = end
        }
        return nodes
    }

    private func node(_ operation: Instruction.Operation) -> PlanExplanation.Node {
        func stage(
            _ kind: Stage.Kind, _ reads: PlanExplanation.Reads? = nil, _ costs: [PlanExplanation.Cost] = []
        ) -> PlanExplanation.Node {
            let text = Self.text(kind)
            let all: [PlanExplanation.Cost] = reads == .everyKey ? [.everyKey] : []
            return PlanExplanation.Node(step: .stage(text), reads: reads, costs: all + costs, children: [])
        }
        switch operation {
        case .lineFilter(let number):
            let filter = stages.lineFilters[Int(number)]
            return stage(.lineFilter(filter), nil, costs(of: filter))
        case .labelFilter(let number):
            let filter = stages.labelFilters[Int(number)]
            return stage(.labelFilter(filter), nil, costs(of: filter))
        case .json(let number): return stage(.json([]), reads(stages.json[Int(number)]))
        case .jsonPaths(let number):
            let extractions = stages.jsonPaths[Int(number)]
            return stage(.json(extractions), .fields(extractions.map(\.label)))
        case .logfmt(let number):
            let logfmt = stages.logfmt[Int(number)]
            return stage(
                .logfmt(strict: logfmt.strict, keepEmpty: logfmt.keepEmpty, logfmt.extractions),
                logfmt.extractions.isEmpty ? reads(logfmt.wanted) : .fields(logfmt.extractions.map(\.label)))
        case .regexp(let number):
            let pattern = stages.regexps[Int(number)]
            let names = (try? RegexExtractor.names(pattern)) ?? []
            return stage(.regexp(pattern), .fields(names), costs(ofRegex: pattern))
        case .pattern(let number):
            let pattern = stages.patterns[Int(number)]
            return stage(.pattern(pattern), .fields(PatternExpression(pattern).names))
        case .labelFormat(let number):
            let items = stages.labelFormats[Int(number)]
            let isTemplate = items.contains { if case .template = $0.value { true } else { false } }
            return stage(.labelFormat(items), nil, isTemplate ? [.template] : [])
        case .drop(let number): return stage(.drop(stages.choices[Int(number)]))
        case .keep(let number): return stage(.keep(stages.choices[Int(number)]))
        case .unpack(let number): return stage(.unpack, reads(stages.unpacks[Int(number)]))
        case .decolorize: return stage(.decolorize, nil, [.decolorize])
        case .lineFormat(let number): return stage(.lineFormat(stages.lineFormats[Int(number)]), nil, [.template])
        case .unwrap(let number):
            var unwrap = stages.unwraps[Int(number)]
            // Its filters are stages of their own.
            unwrap.filters = []
            return PlanExplanation.Node(step: .stage(unwrap.description), reads: nil, costs: [], children: [])
        case .entries: return PlanExplanation.Node(step: .entries, reads: nil, costs: [], children: [])
        case .leaf(let number):
            return PlanExplanation.Node(
                step: .end(end(leaves[Int(number)], number: Int(number))), reads: nil, costs: [], children: [])
        }
    }

    /// The canonical text, but for regular expressions, which are easier to read without doubled backslashes.
    private static func text(_ kind: Stage.Kind) -> String {
        switch kind {
        case .regexp(let pattern) where !pattern.contains("`"): return "| regexp `\(pattern)`"
        case .lineFilter(let filter) where filter.values.count == 1:
            if case .text(let pattern) = filter.values[0], pattern.contains("\\"), !pattern.contains("`") {
                return "\(filter.operation.rawValue) `\(pattern)`"
            }
        case .lineFilter, .labelFilter, .json, .logfmt, .regexp, .pattern, .unpack, .decolorize, .lineFormat,
            .labelFormat, .drop, .keep:
            break
        }
        return Stage(kind: kind, range: 0..<0).description
    }

    private func reads(_ wanted: StageTables.Wanted) -> PlanExplanation.Reads {
        wanted.all ? .everyKey : .fields(wanted.names)
    }

    // MARK: ends

    private func end(_ leaf: LeafPlan, number: Int) -> PlanExplanation.End {
        let ranges = rules[leaf.rule].expression.rangeAggregations
        let position = leavesOfRule[leaf.rule].firstIndex(of: number)
        let range = position.flatMap { $0 < ranges.count ? ranges[$0] : nil }
        var panes: PlanExplanation.Panes?
        let numbers: Int
        switch leaf.kind {
        case .counter: numbers = 1
        case .histogram(let buckets): numbers = buckets.count + 2
        case .gauge: numbers = 2
        case .panes(let layout):
            numbers = layout.stride
            panes = PlanExplanation.Panes(held: layout.held, keepsSamples: layout.state.keepsSamples)
        }
        var by: [String]?
        var without: [String] = []
        switch leaf.key {
        case .by(let names): by = names
        case .all(let except): without = except
        }
        return PlanExplanation.End(
            rule: leaf.rule,
            window: range.map { range in
                "\(range.operation.rawValue) [\(formatDuration(range.window))]"
                    + (range.offset == 0 ? "" : " offset \(formatDuration(range.offset))")
            }, by: by, without: without, panes: panes,
            bytesPerSeries: numbers * MemoryLayout<Double>.stride + SeriesTable.bytesPerEntry)
    }

    // MARK: costs

    private func costs(of filter: LineFilter) -> [PlanExplanation.Cost] {
        switch filter.operation {
        case .contains, .notContains, .pattern, .notPattern: []
        case .regex, .notRegex:
            filter.values.flatMap { value -> [PlanExplanation.Cost] in
                switch value {
                case .text(let pattern): RegexShape(pattern, isLabelFilter: false) != nil ? [] : costs(ofRegex: pattern)
                case .ip: []
                }
            }
        }
    }

    /// Expressions of label filters run on short values: only what RE2 does not have is worth a word.
    private func costs(of filter: LabelFilter) -> [PlanExplanation.Cost] {
        switch filter {
        case .text(let matcher):
            switch matcher.operation {
            case .regex, .notRegex: costs(ofRegex: matcher.value).filter { $0 != .regexWithoutText }
            case .equal, .notEqual: []
            }
        case .and(let left, let right), .or(let left, let right): costs(of: left) + costs(of: right)
        case .number, .duration, .bytes, .ip: []
        }
    }

    private func costs(ofRegex pattern: String) -> [PlanExplanation.Cost] {
        guard let syntax = try? RegexSyntax(pattern) else { return [] }
        var costs: [PlanExplanation.Cost] = []
        if let construct = syntax.beyondRE2 { costs.append(.beyondRE2(construct)) }
        if syntax.literal == nil, syntax.required.count < 3, !syntax.isAnchored { costs.append(.regexWithoutText) }
        return costs
    }
}

extension Expression {
    /// The log queries in it, from left to right.
    public var logQueries: [LogQuery] {
        switch self {
        case .log(let query): [query]
        case .metric(let metric): metric.rangeAggregations.map(\.query)
        }
    }

    fileprivate var rangeAggregations: [RangeAggregation] {
        switch self {
        case .log: []
        case .metric(let metric): metric.rangeAggregations
        }
    }
}

extension MetricExpression {
    /// From left to right.
    fileprivate var rangeAggregations: [RangeAggregation] {
        switch self {
        case .range(let range): [range]
        case .vector(let vector): vector.argument.rangeAggregations
        case .binary(let binary): binary.left.rangeAggregations + binary.right.rangeAggregations
        case .labelReplace(let replace): replace.argument.rangeAggregations
        case .literal, .vectorOf: []
        }
    }
}

extension SeriesTable {
    /// Beside its numbers and its key: the entry, two slots, and the shared identity with its object's header.
    static let bytesPerEntry = MemoryLayout<Entry>.stride + 2 * MemoryLayout<UInt64>.stride + 48
}
