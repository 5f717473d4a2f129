public import Diagnostics
public import Engine
public import YAML

/// The rules of all files, in the order of the files.
public struct RuleSet: Sendable {
    public var groups: [RuleGroup]

    public init(groups: [RuleGroup] = []) {
        self.groups = groups
    }

    public var rules: [Rule] { groups.flatMap(\.rules) }

    /// What the engine takes; the index of a definition is the rule's index for `place`.
    public var definitions: [RuleDefinition] { rules.map(\.definition) }

    /// Where a diagnostic about the expression of a rule stands in its file.
    public func place(_ diagnostic: Diagnostic, ofRule index: Int) -> (SourceText, Diagnostic) {
        rules[index].place(diagnostic)
    }
}

/// Rules that are evaluated together.
public struct RuleGroup: Sendable {
    public var name: String
    /// The path of its file.
    public var file: String
    /// How often `record` rules are evaluated, in ns.
    public var interval: Int64
    /// How long evaluation is held back for late lines, in ns.
    public var delay: Int64
    /// Without the alert rules, which are not evaluated.
    public var rules: [Rule]
}

/// A rule that was read, and where it stands.
public struct Rule: Sendable {
    public var definition: RuleDefinition
    public var file: SourceText
    /// The expression as it stands in the file.
    public var expression: Scalar
    /// Where the metric's name stands in the file.
    public var nameRange: Range<Int>

    /// Where a diagnostic about the expression stands in the file.
    public func place(_ diagnostic: Diagnostic) -> (SourceText, Diagnostic) {
        (file, diagnostic.moved(by: expression.sourceOffsets))
    }
}

/// What came of loading rule files: the rules that are right, and everything that is wrong.
public struct RuleLoad: Sendable {
    public var rules: RuleSet
    /// Files with errors or warnings, in the order in which they were read.
    public var problems: [(source: SourceText, diagnostics: [Diagnostic])]

    /// True when the rules must not be used.
    public var hasErrors: Bool {
        problems.contains { $0.diagnostics.contains { $0.severity == .error } }
    }

    /// Every problem as a person reads it; empty when there is none.
    public func render() -> String {
        problems.map { Rules.render($0.source, $0.diagnostics) }.joined()
    }
}

extension Diagnostic {
    /// Moved with a table of offsets; a range stays as long as the text it covers in the file.
    func moved(by offsets: [Int]) -> Diagnostic {
        var copy = self
        let last = offsets.count - 1
        let lower = offsets[min(max(0, range.lowerBound), last)]
        // The end of the last byte, not the beginning of the next: that one may be on another line.
        let upper = range.isEmpty ? lower : offsets[min(max(0, range.upperBound - 1), last)] + 1
        copy.range = lower..<max(lower, upper)
        return copy
    }
}
