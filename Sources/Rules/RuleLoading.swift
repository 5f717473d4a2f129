public import Diagnostics
import Engine
import YAML

/// Loads rule files. A path is a file, a folder with a `rules.yaml` (a pack), or a shell pattern of either.
///
/// Relative paths are seen from `folder`. Never fails as a whole: what cannot be read is a problem of that path.
/// The rules of a load with errors are incomplete and must not be used.
public func loadRules(paths: [String], relativeTo folder: String) -> RuleLoad {
    var loader = RuleLoader()
    var seen: Set<String> = []
    for given in paths {
        let wanted = path(given, in: folder)
        let isPattern = given.contains { "*?[{".contains($0) } && !isFolder(wanted)
        let found = isPattern ? Rules.paths(matching: wanted) : [wanted]
        if found.isEmpty { loader.note(wanted, Diagnostic(.warning, "no rule file matches this pattern", at: 0..<0)) }
        for match in found {
            let file = isFolder(match) ? match.trimmingSlashes + "/rules.yaml" : match
            guard seen.insert(resolved(file)).inserted else { continue }
            let (source, problem) = readText(file)
            if var problem {
                if file != match { problem.hint = "a rule pack is a folder with a rules.yaml" }
                loader.note(file, problem)
            } else {
                // Rule tests may stand beside the rules that a pattern means.
                loader.read(source, skipsTests: isPattern)
            }
        }
    }
    return loader.finish()
}

/// Reads rules from a text that is already there.
public func readRules(_ source: SourceText) -> RuleLoad {
    var loader = RuleLoader()
    loader.read(source)
    return loader.finish()
}

struct RuleLoader {
    private var groups: [RuleGroup] = []
    private var files: [(source: SourceText, findings: Findings)] = []

    /// A problem of a path that gave no text.
    mutating func note(_ path: String, _ diagnostic: Diagnostic) {
        files.append((SourceText(name: path, text: ""), Findings([diagnostic])))
    }

    /// `skipsTests`: a file of rule tests is no mistake, and is left out.
    mutating func read(_ source: SourceText, skipsTests: Bool = false) {
        let document = Document(source.text)
        if skipsTests, let root = document.root, root["tests"] != nil, root["groups"] == nil { return }
        let findings = Findings(document.diagnostics)
        files.append((source, findings))
        guard let root = document.root else {
            if document.diagnostics.isEmpty { findings.error("the file has no rules", at: 0..<0) }
            return
        }
        let reader = RuleFileReader(source: source, findings: findings)
        groups += reader.read(root)
    }

    mutating func finish() -> RuleLoad {
        checkNames()
        let problems = files.filter { !$0.findings.diagnostics.isEmpty }
            .map { (source: $0.source, diagnostics: $0.findings.diagnostics) }
        return RuleLoad(rules: RuleSet(groups: groups), problems: problems)
    }

    /// A metric has one kind, one set of label names and one set of buckets, over all files.
    private func checkNames() {
        var owners: [String: Rule] = [:]
        for rule in groups.flatMap(\.rules) {
            let name = rule.definition.name
            for exposed in rule.definition.exposedNames {
                guard let owner = owners[exposed] else {
                    owners[exposed] = rule
                    continue
                }
                guard let conflict = conflict(rule, owner, over: exposed) else { continue }
                let line = owner.file.position(of: owner.nameRange.lowerBound).line
                findings(of: rule)?.error(
                    "'\(name)': \(conflict)", hint: "the other rule is at \(owner.file.name):\(line)",
                    at: rule.nameRange)
                break
            }
        }
    }

    private func conflict(_ rule: Rule, _ owner: Rule, over exposed: String) -> String? {
        let (mine, other) = (rule.definition, owner.definition)
        if mine.name != other.name {
            return "its series '\(exposed)' is also a series of the \(other.kindName) '\(other.name)'"
        }
        if mine.kindName != other.kindName { return "another rule of this name is a \(other.kindName)" }
        if case .histogram(let a) = mine.kind, case .histogram(let b) = other.kind, a != b {
            return "another rule gives this histogram other buckets"
        }
        if case .gauge(let a) = mine.kind, case .gauge(let b) = other.kind, a != b {
            return "another rule sets this gauge with '\(b.rawValue)'"
        }
        if case .record = mine.kind { return nil }
        let (names, others) = (mine.labelNames, other.labelNames)
        return names == others
            ? nil
            : "another rule of this name has the labels (\(others.joined(separator: ", "))), this one has "
                + "(\(names.joined(separator: ", ")))"
    }

    private func findings(of rule: Rule) -> Findings? {
        files.first { $0.source.name == rule.file.name && !$0.source.text.isEmpty }?.findings
    }
}

extension String {
    fileprivate var trimmingSlashes: String {
        var text = self[...]
        while text.count > 1, text.hasSuffix("/") { text.removeLast() }
        return String(text)
    }
}
