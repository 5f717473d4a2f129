import Diagnostics
import Records
import YAML

/// Reads the groups of one rule file; a superset of the format of Loki's ruler.
struct RuleFileReader {
    static let defaultInterval: Int64 = 60_000_000_000
    static let defaultLimit = 10_000

    let source: SourceText
    let findings: Findings

    func read(_ root: Node) -> [RuleGroup] {
        guard var file = MappingReader(root, "the rule file", findings) else { return [] }
        // Loki's tools write the namespace into the file; it means nothing here.
        _ = file.text("namespace")
        file.require("groups", hint: "groups: [{name: …, rules: […]}]")
        var names: Set<String> = []
        let groups = (file.list("groups", of: "groups") ?? []).compactMap { read(group: $0, &names) }
        file.finish()
        return groups
    }

    private func read(group node: Node, _ names: inout Set<String>) -> RuleGroup? {
        guard var group = MappingReader(node, "a group", findings) else { return nil }
        group.require("name")
        group.require("rules")
        let name = group.text("name")
        if let name, !names.insert(name).inserted {
            findings.error("a second group named '\(name)'", at: group.range(of: "name"))
        }
        let interval = group.nanoseconds("interval", atLeast: "1s") ?? RuleFileReader.defaultInterval
        let delay = group.nanoseconds("delay", atLeast: "1s", orZero: true)
        let offset = group.nanoseconds("query_offset", atLeast: "1s", orZero: true)
        if group.has("delay"), group.has("query_offset") {
            findings.error(
                "'delay' and 'query_offset' are the same; found both", at: group.range(ofKey: "query_offset"))
        }
        let limit = group.integer("limit", in: 0...10_000_000) ?? 0
        let labels = LabelTable(&group, forRecord: true)
        let context = RuleContext(
            group: name ?? "", interval: interval, delay: delay ?? offset ?? 0,
            limit: limit == 0 ? RuleFileReader.defaultLimit : limit, labels: labels.set)
        var rules: [Rule] = []
        for node in group.list("rules", of: "rules") ?? [] {
            if var reader = RuleReader(node, source: source, context, findings), let rule = reader.read() {
                rules.append(rule)
            }
        }
        group.finish()
        return RuleGroup(
            name: context.group, file: source.name, interval: interval, delay: context.delay, rules: rules)
    }
}

/// What a group gives to its rules.
struct RuleContext {
    var group: String
    var interval: Int64
    var delay: Int64
    var limit: Int
    var labels: LabelSet
}

/// The static labels of a group or a rule, and where their names stand.
struct LabelTable {
    private(set) var set = LabelSet.empty
    private(set) var ranges: [String: Range<Int>] = [:]

    /// Reads the key `labels`. Recording rules may use names that begin with `__`, as in Loki.
    init(_ reader: inout MappingReader, forRecord: Bool) {
        var labels: [Label] = []
        for (name, value) in reader.table("labels") ?? [] {
            if let problem = labelProblem(name.text, reserved: !forRecord) {
                reader.findings.error(problem, at: name.range)
            } else if let text = value.scalar?.text {
                labels.append(Label(name.text, text))
                ranges[name.text] = name.range
            }
        }
        set = LabelSet(labels)
    }
}

/// What is wrong with the name of a label, if anything; `reserved` also refuses names that begin with `__`.
func labelProblem(_ name: String, reserved: Bool = true) -> String? {
    if !isLabelName(name) {
        "'\(name)' is no label name: letters, digits and _, not beginning with a digit"
    } else if name == "__name__" || reserved && name.hasPrefix("__") {
        "the label '\(name)' is reserved"
    } else {
        nil
    }
}
