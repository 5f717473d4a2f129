import LogQL

/// Writes the prefix tree down as code: each node's operation, then its children.
struct Emission {
    var code: [Instruction] = []
    var stages = StageTables()
    /// Every label name that a stage or a leaf looks at.
    var names: Set<String> = []
    var marks = 0
    /// A template uses the map of all labels.
    private(set) var readsEveryLabel = false

    mutating func emitChildren(of node: PrefixNode, rules: [RuleDefinition], leaves: [LeafPlan], afterMark mark: Int) {
        for (position, child) in node.children.enumerated() {
            let index = code.count
            code.append(Instruction(operation: operation(child, rules, leaves), end: 0))
            if case .stage(_, let hints?) = child.step { code[index].hint = add(hints) }
            // The bare line is where the first stages start from: going back to it needs a mark as well.
            code[index].rewinds = position == 0 ? -1 : Int16(mark)
            var own = -1
            if child.children.count > 1 {
                own = marks + 1
                marks += 1
                code[index].marks = Int16(own)
            }
            emitChildren(of: child, rules: rules, leaves: leaves, afterMark: own)
            code[index].end = Int32(code.count)
        }
    }

    private mutating func operation(
        _ node: PrefixNode, _ rules: [RuleDefinition], _ leaves: [LeafPlan]
    ) -> Instruction.Operation {
        switch node.step {
        case .stage(let stage, let hints):
            var needs = needs(below: node, rules, leaves)
            if let required = hints?.required { needs = Needs(names: Set(required), all: false) }
            return operation(stage, needs)
        case .filter(let filter): return .labelFilter(add(filter))
        case .unwrap(let unwrap):
            names.insert(unwrap.label)
            stages.unwraps.append(unwrap)
            return .unwrap(Int32(stages.unwraps.count - 1))
        case .leaf(let leaf): return .leaf(Int32(leaf))
        case .entries: return .entries
        }
    }

    private mutating func add(_ hints: ParserHints) -> Int16 {
        names.formUnion(hints.required ?? [])
        let early = hints.early.map { filter in (name: filter.names.first ?? "", filter: add(filter)) }
        stages.hints.append(StageTables.Hint(required: hints.required, early: early))
        return Int16(stages.hints.count - 1)
    }

    private mutating func operation(_ stage: Stage, _ needs: Needs) -> Instruction.Operation {
        switch stage.kind {
        case .lineFilter(let filter):
            stages.lineFilters.append(filter)
            return .lineFilter(Int32(stages.lineFilters.count - 1))
        case .labelFilter(let filter): return .labelFilter(add(filter))
        case .json(let extractions) where extractions.isEmpty:
            stages.json.append(wanted(needs))
            return .json(Int32(stages.json.count - 1))
        case .json(let extractions):
            names.formUnion(extractions.map(\.label))
            stages.jsonPaths.append(extractions)
            return .jsonPaths(Int32(stages.jsonPaths.count - 1))
        case .logfmt(let strict, let keepEmpty, let extractions):
            names.formUnion(extractions.map(\.label))
            stages.logfmt.append(
                StageTables.Logfmt(
                    strict: strict, keepEmpty: keepEmpty, wanted: wanted(needs), extractions: extractions))
            return .logfmt(Int32(stages.logfmt.count - 1))
        case .regexp(let pattern):
            names.formUnion((try? RegexExtractor.names(pattern)) ?? [])
            stages.regexps.append(pattern)
            return .regexp(Int32(stages.regexps.count - 1))
        case .pattern(let pattern):
            names.formUnion(PatternExpression(pattern).names)
            stages.patterns.append(pattern)
            return .pattern(Int32(stages.patterns.count - 1))
        case .labelFormat(let items):
            for item in items {
                names.insert(item.label)
                switch item.value {
                case .rename(let from): names.insert(from)
                case .template(let text):
                    let template = TemplateNames(text)
                    names.formUnion(template.names)
                    readsEveryLabel = readsEveryLabel || template.usesAll
                }
            }
            stages.labelFormats.append(items)
            return .labelFormat(Int32(stages.labelFormats.count - 1))
        case .drop(let choices): return .drop(add(choices))
        case .keep(let choices): return .keep(add(choices))
        case .unpack:
            stages.unpacks.append(wanted(needs))
            return .unpack(Int32(stages.unpacks.count - 1))
        case .decolorize:
            stages.decolorizes = true
            return .decolorize
        case .lineFormat(let text):
            names.formUnion(TemplateNames(text).names)
            stages.lineFormats.append(text)
            readsEveryLabel = readsEveryLabel || TemplateNames(text).usesAll
            return .lineFormat(Int32(stages.lineFormats.count - 1))
        }
    }

    private mutating func add(_ filter: LabelFilter) -> Int32 {
        names.formUnion(filter.names)
        stages.labelFilters.append(filter)
        return Int32(stages.labelFilters.count - 1)
    }

    private mutating func add(_ choices: [LabelChoice]) -> Int32 {
        names.formUnion(choices.map(\.name))
        stages.choices.append(choices)
        return Int32(stages.choices.count - 1)
    }

    private mutating func wanted(_ needs: Needs) -> StageTables.Wanted {
        names.formUnion(needs.names)
        return StageTables.Wanted(names: needs.names.filter { !$0.hasPrefix("__") }.sorted(), all: needs.all)
    }

    // MARK: Needs

    private func needs(below node: PrefixNode, _ rules: [RuleDefinition], _ leaves: [LeafPlan]) -> Needs {
        var needs = Needs()
        for child in node.children {
            switch child.step {
            case .stage(let stage, _):
                for name in names(lookedAtBy: stage) { needs.insert(name) }
                if usesEveryLabel(stage) { needs.all = true }
            case .entries: needs.all = true
            case .filter(let filter):
                for name in filter.names { needs.insert(name) }
            case .unwrap(let unwrap): needs.insert(unwrap.label)
            case .leaf(let leaf):
                if let names = leaves[leaf].neededNames(rules[leaves[leaf].rule]) {
                    for name in names { needs.insert(name) }
                } else {
                    needs.all = true
                }
            }
            needs.formUnion(self.needs(below: child, rules, leaves))
        }
        return needs
    }

    private func names(lookedAtBy stage: Stage) -> [String] {
        switch stage.kind {
        case .labelFilter(let filter): filter.names
        case .labelFormat(let items):
            items.flatMap { item -> [String] in
                switch item.value {
                case .rename(let from): [item.label, from]
                case .template(let text): [item.label] + TemplateNames(text).names
                }
            }
        case .drop(let choices), .keep(let choices): choices.compactMap { $0.matcher == nil ? nil : $0.name }
        case .lineFormat(let text): TemplateNames(text).names
        case .lineFilter, .json, .logfmt, .regexp, .pattern, .unpack, .decolorize: []
        }
    }

    /// True where a template uses the map of all labels.
    private func usesEveryLabel(_ stage: Stage) -> Bool {
        switch stage.kind {
        case .lineFormat(let text): return TemplateNames(text).usesAll
        case .labelFormat(let items):
            return items.contains { item in
                if case .template(let text) = item.value { TemplateNames(text).usesAll } else { false }
            }
        case .lineFilter, .labelFilter, .json, .logfmt, .regexp, .pattern, .unpack, .decolorize, .drop, .keep:
            return false
        }
    }
}
