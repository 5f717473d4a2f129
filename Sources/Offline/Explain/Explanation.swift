import Diagnostics
import Engine
import LogQL
import Records
import Rules

/// Says in words what becomes of rule files and packs, or of a LogQL expression.
///
/// `subject` is a path when there is such a file or folder, else an expression.
public func explain(_ subject: String, as output: ReportOutput) -> OfflineAnswer {
    guard !isPath(subject) else {
        let rules = RulePlan(paths: [subject], relativeTo: ".")
        guard let plan = rules.plan else { return OfflineAnswer(errors: rules.report, failed: true) }
        return answer(ExplanationText(plan, isQuery: false), rules.report, output)
    }
    let source = SourceText(name: "<query>", text: subject)
    let parsed = parse(subject)
    var errors = source.render(parsed.diagnostics)
    guard let expression = parsed.expression else { return OfflineAnswer(errors: errors, failed: true) }
    let rule = RuleDefinition(name: "query", group: "query", kind: .record, expression: expression)
    let (plan, problems) = Planner.plan(
        [rule], options: PlanOptions(purpose: .query, span: QuerySpan(at: 0)))
    errors += source.render(problems.map(\.diagnostic))
    guard let plan else { return OfflineAnswer(errors: errors, failed: true) }
    return answer(ExplanationText(plan, isQuery: true), errors, output)
}

private func answer(_ explanation: ExplanationText, _ errors: String, _ output: ReportOutput) -> OfflineAnswer {
    switch output {
    case .text: return OfflineAnswer(output: Array(explanation.text.utf8), errors: errors)
    case .json:
        var json = JSONOutput()
        explanation.write(to: &json)
        return OfflineAnswer(output: json.bytes, errors: errors)
    }
}

/// An expression begins with a brace, a bracket or a function; a path that is not there is more likely a misspelt path.
private func isPath(_ subject: String) -> Bool {
    if isFolder(subject) || (try? ByteInput(subject)) != nil { return true }
    return !subject.contains("{") && !subject.contains("(") && (subject.contains("/") || subject.hasSuffix(".yaml"))
}
