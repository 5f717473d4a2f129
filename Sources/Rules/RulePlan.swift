public import Diagnostics
public import Engine

/// Rule files read and compiled: the plan, or what is wrong with them.
public struct RulePlan: Sendable {
    /// nil when a file is wrong.
    public let plan: Plan?
    /// The rules that were read, in the order of the plan's.
    public let rules: RuleSet
    /// Errors and warnings, each with its file.
    public let problems: [(source: SourceText, diagnostics: [Diagnostic])]
    /// Errors and warnings as a person reads them; empty when there is nothing to say.
    public let report: String

    /// Loads and compiles the rules of files, packs and shell patterns, as `loadRules` finds them.
    public init(paths: [String], relativeTo folder: String, options: PlanOptions = PlanOptions()) {
        self.init(loadRules(paths: paths, relativeTo: folder), options: options)
    }

    /// Compiles rules that were read.
    public init(_ load: RuleLoad, options: PlanOptions = PlanOptions()) {
        var load = load
        let (plan, problems) = Planner.plan(load.rules.definitions, options: options)
        for problem in problems {
            let (source, diagnostic) = load.rules.place(problem.diagnostic, ofRule: problem.rule)
            load.problems.append((source, [diagnostic]))
        }
        self.plan = load.hasErrors ? nil : plan
        rules = load.rules
        self.problems = load.problems
        report = load.render()
    }
}
