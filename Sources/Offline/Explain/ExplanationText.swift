import Engine
import LogQL

/// A plan's explanation as text.
struct ExplanationText {
    let plan: Plan
    let explanation: PlanExplanation
    /// True for a single expression, which has no metric name and no interval.
    let isQuery: Bool

    init(_ plan: Plan, isQuery: Bool) {
        self.plan = plan
        explanation = plan.explanation
        self.isQuery = isQuery
    }

    var text: String {
        var text = ""
        for root in explanation.roots {
            text += root.selector
            if !isQuery { text += "  (\(counted(Set(root.rules).count, "rule")))" }
            text += "\n" + tree(root.nodes, "") + "\n"
        }
        let series = ends.map { seriesText($0) }
        if !series.isEmpty { text += "Series\n" + series.joined() + "\n" }
        text += section("Worth knowing", notes)
        return text.hasSuffix("\n\n") ? String(text.dropLast()) : text
    }

    // MARK: tree

    private func tree(_ nodes: [PlanExplanation.Node], _ indent: String) -> String {
        var text = ""
        for (index, node) in nodes.enumerated() {
            let isLast = index == nodes.count - 1
            text += "\(indent)\(isLast ? "└─ " : "├─ ")\(line(node))\n"
            text += tree(node.children, indent + (isLast ? "   " : "│  "))
        }
        return text
    }

    private func line(_ node: PlanExplanation.Node) -> String {
        let text: String
        switch node.step {
        case .stage(let stage): text = stage
        case .end(let end): text = "→ " + name(end)
        case .entries: text = "→ the entries, with all their labels"
        }
        switch node.reads {
        case nil: return text
        case .everyKey: return text + "   [reads every key]"
        case .fields(let names):
            return text + "   [reads \(names.isEmpty ? "nothing but errors" : names.joined(separator: ", "))]"
        }
    }

    // MARK: series

    private var ends: [PlanExplanation.End] {
        func ends(_ nodes: [PlanExplanation.Node]) -> [PlanExplanation.End] {
            nodes.flatMap { node -> [PlanExplanation.End] in
                switch node.step {
                case .end(let end): [end]
                case .stage, .entries: ends(node.children)
                }
            }
        }
        let found = explanation.roots.flatMap { ends($0.nodes) }
        return found.indices.sorted { (found[$0].rule, $0) < (found[$1].rule, $1) }.map { found[$0] }
    }

    private func name(_ end: PlanExplanation.End) -> String {
        let rule = plan.rules[end.rule]
        if isQuery { return end.window ?? "the entries" }
        return "\(rule.kind.word) \(rule.name)" + (end.window.map { ": \($0)" } ?? "")
    }

    private func seriesText(_ end: PlanExplanation.End) -> String {
        let rule = plan.rules[end.rule]
        var text = "  \(name(end))\n"
        if let by = end.by {
            text += "    labels: \(by.isEmpty ? "none" : by.joined(separator: ", "))\n"
        } else {
            let but = end.without.isEmpty ? "" : " but \(end.without.joined(separator: ", "))"
            text += "    labels: every label of the line\(but)\n"
        }
        if let panes = end.panes, !isQuery {
            text +=
                "    window: \(counted(panes.held, "pane")) held, evaluated every \(formatDuration(rule.interval))\n"
        }
        guard !isQuery else { return text }
        if end.by?.isEmpty ?? false {
            text += "    memory: one series of \(grouped(end.bytesPerSeries)) bytes\n"
        } else {
            text += "    memory: at most \(grouped(rule.limit)) series of \(grouped(end.bytesPerSeries)) bytes: "
            text += "\(size(rule.limit * end.bytesPerSeries)), and the text of their labels\n"
        }
        return text
    }

    // MARK: notes

    /// What is costly, and what Loki would do otherwise.
    var notes: [String] {
        var notes: [String] = []
        func visit(_ nodes: [PlanExplanation.Node]) {
            for node in nodes {
                if case .stage(let stage) = node.step {
                    for cost in node.costs { notes.append("\(stage)\n    \(sentence(cost))") }
                }
                visit(node.children)
            }
        }
        for root in explanation.roots { visit(root.nodes) }
        for (rule, filters) in explanation.movedFilters {
            for filter in filters {
                notes.append(
                    "\(filter)\(isQuery ? "" : " of \(plan.rules[rule].name)")\n    is tried first, before the line is "
                        + "parsed; the answer is the same")
            }
        }
        for end in ends where end.panes?.keepsSamples ?? false {
            notes.append(
                "\(name(end))\n    keeps the samples of its window beside the panes: at most "
                    + "\(grouped(PlanOptions().windowSamples)) of 16 bytes in a worker")
        }
        for end in ends {
            guard let panes = end.panes, panes.held > 600, !isQuery else { continue }
            notes.append(
                "\(name(end))\n    holds \(panes.held) panes for each series: a range that is a smaller multiple of the "
                    + "interval needs fewer")
        }
        if !isQuery { notes += lokiNotes }
        var seen: Set<String> = []
        return notes.filter { seen.insert($0).inserted }
    }

    private var lokiNotes: [String] {
        var notes: [String] = []
        let unwrapped = plan.rules.filter { rule in
            if case .log(let query) = rule.expression { query.unwrap != nil } else { false }
        }
        if !unwrapped.isEmpty {
            notes.append(
                unwrapped.map(\.name).joined(separator: ", ")
                    + "\n    Loki refuses unwrap in a log query; to look at the same values there, write for example "
                    + "sum_over_time(… [5m])")
        }
        let failing = plan.rules.filter { rule in
            guard case .record = rule.kind else { return false }
            return rule.expression.logQueries.contains { $0.mayFail }
        }
        if !failing.isEmpty {
            notes.append(
                failing.map(\.name).joined(separator: ", ")
                    + "\n    a line that cannot be read is counted as failed and left out; Loki refuses the whole query "
                    + "then, unless | __error__=\"\" leaves such lines out")
        }
        return notes
    }

    private func sentence(_ cost: PlanExplanation.Cost) -> String {
        switch cost {
        case .regexWithoutText:
            "runs on every line: no text of three bytes stands in every match, and it is not anchored with ^"
        case .beyondRE2(let construct): "Loki refuses it: it uses \(construct), which may also be slow"
        case .everyKey:
            "every key of the line is read, since the series have every label; by (…) reads only those that it names"
        case .template: "writes a text anew for every line"
        case .decolorize: "copies every line that has an escape sequence"
        }
    }

    private func section(_ title: String, _ items: [String]) -> String {
        items.isEmpty ? "" : title + "\n" + items.map { "  \($0)\n" }.joined() + "\n"
    }

    // MARK: numbers

    private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    private func grouped(_ number: Int) -> String {
        var digits = String(number)
        var result = ""
        while digits.count > 3 {
            result = "," + digits.suffix(3) + result
            digits.removeLast(3)
        }
        return digits + result
    }

    private func size(_ bytes: Int) -> String {
        switch bytes {
        case ..<10_240: "\(grouped(bytes)) bytes"
        case ..<1_048_576: "\(bytes >> 10) KiB"
        case ..<104_857_600: "\(bytes >> 20).\(((bytes & 0xFFFFF) * 10) >> 20) MiB"
        default: "\(grouped(bytes >> 20)) MiB"
        }
    }

    // MARK: JSON

    func write(to json: inout JSONOutput) {
        json.raw("{\"selectors\":[")
        json.list(explanation.roots) { json, root in
            json.raw("{\"selector\":")
            json.string(root.selector)
            json.raw(",\"stages\":[")
            write(root.nodes, to: &json)
            json.raw("]}")
        }
        json.raw("],\"series\":[")
        json.list(ends) { json, end in
            json.raw("{\"rule\":")
            json.string(plan.rules[end.rule].name)
            json.raw(",\"by\":")
            if let by = end.by { strings(by, to: &json) } else { json.raw("null") }
            json.raw(",\"without\":")
            strings(end.without, to: &json)
            json.raw(",\"limit\":\(plan.rules[end.rule].limit),\"bytesPerSeries\":\(end.bytesPerSeries)")
            if let window = end.window {
                json.raw(",\"window\":")
                json.string(window)
            }
            if let panes = end.panes {
                json.raw(",\"panes\":{\"held\":\(panes.held),\"keepsSamples\":\(panes.keepsSamples)}")
            }
            json.raw("}")
        }
        json.raw("],\"notes\":")
        strings(notes.map { $0.split(separator: "\n    ").joined(separator: ": ") }, to: &json)
        json.raw("}\n")
    }

    private func write(_ nodes: [PlanExplanation.Node], to json: inout JSONOutput) {
        json.list(nodes) { json, node in
            switch node.step {
            case .stage(let stage):
                json.raw("{\"stage\":")
                json.string(stage)
            case .end(let end):
                json.raw("{\"rule\":")
                json.string(plan.rules[end.rule].name)
            case .entries: json.raw("{\"entries\":true")
            }
            switch node.reads {
            case nil: break
            case .everyKey: json.raw(",\"reads\":\"every key\"")
            case .fields(let names):
                json.raw(",\"reads\":")
                strings(names, to: &json)
            }
            if !node.children.isEmpty {
                json.raw(",\"then\":[")
                write(node.children, to: &json)
                json.raw("]")
            }
            json.raw("}")
        }
    }

    private func strings(_ texts: [String], to json: inout JSONOutput) {
        json.raw("[")
        json.list(texts) { $0.string($1) }
        json.raw("]")
    }
}

extension RuleDefinition.Kind {
    fileprivate var word: String {
        switch self {
        case .counter: "counter"
        case .histogram: "histogram"
        case .gauge: "gauge"
        case .record: "record"
        }
    }
}

extension LogQuery {
    /// Whether a line may get an `__error__` that no filter leaves out.
    fileprivate var mayFail: Bool {
        var fails = unwrap != nil
        var checks = false
        func looks(_ filter: LabelFilter) -> Bool {
            switch filter {
            case .text(let matcher): matcher.name == "__error__"
            case .and(let left, let right), .or(let left, let right): looks(left) || looks(right)
            case .number, .duration, .bytes, .ip: false
            }
        }
        for stage in stages {
            switch stage.kind {
            case .json, .unpack: fails = true
            case .logfmt(let strict, _, _): fails = fails || strict
            case .labelFilter(let filter): checks = checks || looks(filter)
            case .lineFilter, .regexp, .pattern, .decolorize, .lineFormat, .labelFormat, .drop, .keep: break
            }
        }
        for filter in unwrap?.filters ?? [] { checks = checks || looks(filter) }
        return fails && !checks
    }
}
