import Diagnostics
import Engine
import LogQL
import Rules
import YAML

/// The form in which `millrace test` and `millrace explain` answer.
public enum ReportOutput: String, CaseIterable, Sendable {
    case text
    case json
}

/// What came of the tests of one file.
public struct RuleTestReport: Sendable {
    public var file: String
    /// How many tests there are.
    public var tests: Int
    public var failures: [RuleTestFailure]
    /// Names of rules that no test looks at.
    public var untested: [String]
    /// What is wrong with the test file or its rules, as a person reads it; then no test ran.
    public var problem: String

    /// Names of the tests that failed.
    public var failed: [String] {
        var names: [String] = []
        for failure in failures where !names.contains(failure.test) { names.append(failure.test) }
        return names
    }
}

/// Runs the tests of files and of folders with a `test.yaml`; all of them, whatever fails.
public func runRuleTests(_ paths: [String], as output: ReportOutput) -> OfflineAnswer {
    let reports = paths.map { runRuleTests(of: $0) }
    let failed = reports.contains { !$0.failures.isEmpty || !$0.problem.isEmpty }
    switch output {
    case .text:
        let problems = reports.map(\.problem).joined()
        return OfflineAnswer(output: Array(reports.map(\.text).joined().utf8), errors: problems, failed: failed)
    case .json:
        var json = JSONOutput()
        json.raw("[")
        json.list(reports) { json, report in report.write(to: &json) }
        json.raw("]\n")
        return OfflineAnswer(output: json.bytes, failed: failed)
    }
}

/// Runs the tests of one file, or of a folder's `test.yaml`.
public func runRuleTests(of path: String) -> RuleTestReport {
    let path = isFolder(path) ? path + (path.hasSuffix("/") ? "test.yaml" : "/test.yaml") : path
    var report = RuleTestReport(file: path, tests: 0, failures: [], untested: [], problem: "")
    let text: String
    do throws(InputProblem) {
        text = try readText(path)
    } catch {
        report.problem = "\(error)\n"
        return report
    }
    let read = RuleTestReader.read(SourceText(name: path, text: text))
    guard let file = read.file else {
        report.problem = read.report
        return report
    }
    let folder = Rules.folder(of: path)
    let rules = RulePlan(paths: file.rules, relativeTo: folder)
    guard let plan = rules.plan else {
        report.problem = rules.report
        return report
    }
    report.tests = file.tests.count
    for test in file.tests {
        do throws(InputProblem) {
            var run = try RuleTestRun(test, of: file, plan: plan, folder: folder)
            run.run()
            report.failures += run.failures
        } catch {
            let place = file.source.position(of: test.range.lowerBound)
            report.failures.append(
                RuleTestFailure(
                    test: test.name, line: place.line, column: place.column, message: "\(error)", missing: [],
                    surplus: [], common: []))
        }
    }
    let looked = file.lookedAt
    for rule in plan.rules where !looked.contains(rule.name) && !report.untested.contains(rule.name) {
        report.untested.append(rule.name)
    }
    return report
}

private func readText(_ path: String) throws(InputProblem) -> String {
    let input = try ByteInput(path)
    var bytes: [UInt8] = []
    while case let piece = try input.next(), !piece.isEmpty {
        bytes += piece
        guard bytes.count <= Document.maximumBytes else {
            throw InputProblem(path, "the file is too large, at most \(Document.maximumBytes) bytes")
        }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
        throw InputProblem(path, "the file is not UTF-8 text")
    }
    return text
}

extension RuleTestFile {
    /// Names of rules that an expectation names.
    fileprivate var lookedAt: Set<String> {
        var names: Set<String> = []
        for expectation in tests.flatMap(\.expectations) {
            switch expectation.kind {
            case .series(let samples, let absent, _):
                names.formUnion(absent)
                for sample in samples {
                    names.insert(sample.name)
                    for suffix in ["_bucket", "_sum", "_count"] where sample.name.hasSuffix(suffix) {
                        names.insert(String(sample.name.dropLast(suffix.count)))
                    }
                }
            case .counts(let counts): names.formUnion(counts.map(\.rule))
            case .entries, .vector, .failure, .refusal: break
            }
        }
        return names
    }
}

extension RuleTestReport {
    private static let mostLines = 40

    /// The failures with what differs, then a line that sums up.
    public var text: String {
        var text = ""
        for failure in failures {
            text += "\(file):\(failure.line):\(failure.column): failed: \(failure.test): \(failure.message)\n"
            if !failure.missing.isEmpty || !failure.surplus.isEmpty {
                text += Self.shown("  ", failure.common) + Self.shown("- ", failure.missing)
                text += Self.shown("+ ", failure.surplus)
            }
        }
        if problem.isEmpty {
            let count = tests == 1 ? "1 test" : "\(tests) tests"
            text +=
                failures.isEmpty
                ? "\(file): \(count) passed\n" : "\(file): \(failed.count) of \(count) failed (- expected, + found)\n"
            if !untested.isEmpty { text += "\(file): no test looks at \(untested.joined(separator: ", "))\n" }
        }
        return text
    }

    private static func shown(_ mark: String, _ lines: [String]) -> String {
        var text = lines.prefix(mostLines).map { "    \(mark)\($0)\n" }.joined()
        if lines.count > mostLines { text += "    \(mark)… \(lines.count - mostLines) more\n" }
        return text
    }

    func write(to json: inout JSONOutput) {
        json.raw("{\"file\":")
        json.string(file)
        json.raw(",\"passed\":\(failures.isEmpty && problem.isEmpty),\"tests\":\(tests),\"problem\":")
        json.string(problem)
        json.raw(",\"untested\":[")
        json.list(untested) { $0.string($1) }
        json.raw("],\"failures\":[")
        json.list(failures) { json, failure in
            json.raw("{\"test\":")
            json.string(failure.test)
            json.raw(",\"line\":\(failure.line),\"column\":\(failure.column),\"message\":")
            json.string(failure.message)
            json.raw(",\"expected\":[")
            json.list(failure.missing) { $0.string($1) }
            json.raw("],\"found\":[")
            json.list(failure.surplus) { $0.string($1) }
            json.raw("]}")
        }
        json.raw("]}")
    }
}
