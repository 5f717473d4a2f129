import Diagnostics
import Engine
import LogQL
import Records
import Rules
import YAML

/// An expectation that does not hold.
public struct RuleTestFailure: Sendable {
    public var test: String
    /// Where the expectation stands in the test file, 1-based.
    public var line: Int
    public var column: Int
    public var message: String
    /// What was expected and is not there, and what is there and was not expected.
    public var missing: [String]
    public var surplus: [String]
    /// What was expected and is there, for the view of both.
    public var common: [String]
}

/// Runs one test over a plan, as `millrace run` would run it.
struct RuleTestRun {
    private let test: RuleTest
    private let file: RuleTestFile
    private let plan: Plan
    private let lines: RuleTestLines
    private(set) var failures: [RuleTestFailure] = []

    init(_ test: RuleTest, of file: RuleTestFile, plan: Plan, folder: String) throws(InputProblem) {
        self.test = test
        self.file = file
        self.plan = plan
        lines = try RuleTestLines(test, folder: folder)
    }

    mutating func run() {
        checkSeries()
        for expectation in test.expectations {
            switch expectation.kind {
            case .series, .counts: break
            case .entries(let entries, let query): check(entries, of: query, expectation)
            case .vector(let samples, let expression, let at): check(samples, of: expression, at: at, expectation)
            case .failure(let text, let expression, let at): check(failure: text, of: expression, at: at, expectation)
            case .refusal(let messages, let rules): check(refusal: messages, of: rules.text, expectation)
            }
        }
    }

    // MARK: series

    /// Gives the lines to the rules, and looks at the series at each instant that an expectation names.
    private mutating func checkSeries() {
        var program = Program(plan, seed: 0x6D69_6C6C)
        program.refusesAhead = false
        var taken = 0
        let entries = lines.entries
        func take(until end: Int, _ program: inout Program, _ taken: inout Int) {
            for batch in lines.batches(taken..<end) {
                program.ingest(batch, at: batch.lines.last?.time ?? test.start)
            }
            taken = end
        }
        let dated = test.expectations.compactMap { expectation -> (RuleTest.Expectation, Timestamp)? in
            guard case .series(_, _, let at?) = expectation.kind else { return nil }
            return (expectation, at)
        }.sorted { $0.1 < $1.1 }
        for (expectation, at) in dated {
            let end = entries[taken...].firstIndex { $0.time > at } ?? entries.count
            take(until: end, &program, &taken)
            check(expectation, samples(&program, at: at) { at.nanoseconds / $0 * $0 })
        }
        take(until: entries.count, &program, &taken)
        let last = entries.last?.time ?? test.start
        let samples = samples(&program, at: last) { (last.nanoseconds + $0 - 1) / $0 * $0 }
        let counts = program.collect(at: last).counts
        for expectation in test.expectations {
            switch expectation.kind {
            case .series(_, _, nil): check(expectation, samples)
            case .counts(let expected): check(expected, counts)
            case .series, .entries, .vector, .failure, .refusal: break
            }
        }
    }

    /// Everything that `/metrics` would show; `record` rules at the instant of their interval.
    private func samples(_ program: inout Program, at time: Timestamp, _ instant: (Int64) -> Int64) -> Shown {
        var families = plan.families([program.collect(at: time)])
        var shown = Shown()
        for group in plan.groups {
            let at = Timestamp(nanoseconds: instant(group.interval))
            let evaluation = plan.evaluate(group: group.name, at: at, [program.evaluate(group: group.name, at: at)])
            families += evaluation.families
            for (rule, error) in evaluation.errors { shown.errors[rule] = error.message }
        }
        shown.samples = families.flatMap(\.samples)
        return shown
    }

    private struct Shown {
        var samples: [SampleLine] = []
        /// Why rules could not be evaluated, by name.
        var errors: [String: String] = [:]
    }

    private mutating func check(_ expectation: RuleTest.Expectation, _ shown: Shown) {
        guard case .series(let expected, let absent, let at) = expectation.kind else { return }
        let sets = Set(expected.map(\.set))
        let found = shown.samples
        let when = at.map { " at \(TimeText.format($0))" } ?? ""
        let names = Set(expected.map(\.name) + absent)
        for (name, error) in shown.errors.sorted(by: { $0.key < $1.key }) where names.contains(name) {
            fail(expectation.range, "'\(name)' could not be evaluated\(when): \(error)", missing: [], surplus: [])
        }
        compare(
            expected, found.filter { sets.contains($0.set) }, expectation, "the series are others than expected" + when)
        for name in absent {
            let samples = found.filter { [name, name + "_bucket", name + "_sum", name + "_count"].contains($0.name) }
            if !samples.isEmpty {
                fail(expectation.range, "'\(name)' has series" + when, missing: [], surplus: samples.map(\.text))
            }
        }
    }

    private mutating func compare(
        _ expected: [SampleLine], _ found: [SampleLine], _ expectation: RuleTest.Expectation, _ message: String
    ) {
        var left: [String: SampleLine] = [:]
        for sample in found { left[sample.series] = sample }
        var missing: [String] = []
        var common: [String] = []
        for sample in expected {
            if let other = left[sample.series], isSame(other.value, sample.value) {
                left[sample.series] = nil
                common.append(sample.text)
            } else {
                missing.append(sample.text)
            }
        }
        let surplus = found.filter { left[$0.series] != nil }.map(\.text)
        guard !missing.isEmpty || !surplus.isEmpty else { return }
        fail(expectation.range, message, missing: missing, surplus: surplus, common: common)
    }

    // MARK: counts

    private mutating func check(_ expected: [RuleTest.Counts], _ found: [RuleCounts]) {
        for item in expected {
            let rules = plan.rules.indices.filter { plan.rules[$0].name == item.rule }
            guard !rules.isEmpty else {
                let near = nearest(to: item.rule, among: plan.rules.map(\.name)).map { "; did you mean '\($0)'?" }
                fail(item.range, "there is no rule '\(item.rule)'\(near ?? "")", missing: [], surplus: [])
                continue
            }
            var counts = RuleCounts()
            for rule in rules { counts.add(found[rule]) }
            var missing: [String] = []
            var surplus: [String] = []
            func compare(_ what: String, _ wanted: Int?, _ count: UInt64) {
                guard let wanted, UInt64(wanted) != count else { return }
                missing.append("\(what) \(wanted)")
                surplus.append("\(what) \(count)")
            }
            compare("seen", item.seen, counts.seen)
            compare("matched", item.matched, counts.matched)
            compare("filtered", item.filtered, counts.filtered)
            if let failed = item.failed {
                for reason in LineFailure.allCases where reason != .none {
                    compare(
                        "failed \(reason.text)", failed.first { $0.reason == reason.text }?.count ?? 0,
                        counts.failed(reason))
                }
            }
            if !missing.isEmpty {
                fail(item.range, "the lines of '\(item.rule)' went elsewhere", missing: missing, surplus: surplus)
            }
        }
    }

    // MARK: queries

    private enum Answer {
        case result(QueryResult)
        case failed(String)
    }

    private func answer(_ expression: Expression, at: Timestamp?) -> Answer {
        let first = lines.entries.first?.time ?? test.start
        let last = lines.entries.last?.time ?? test.start
        let end = Timestamp(nanoseconds: last.nanoseconds &+ 1)
        let times: QueryTimes =
            switch expression {
            case .log: .log(start: first, end: end, direction: .forward, limit: Int(Int32.max))
            case .metric: .instant(at ?? last)
            }
        var query: Query
        do throws(Query.Refusal) {
            query = try Query(expression, times, limits: QueryLimits())
        } catch {
            return .failed(error.diagnostics.map(\.message).joined(separator: "; "))
        }
        for batch in lines.batches(0..<lines.entries.count) { query.ingest(batch) }
        do throws(QueryFailure) {
            return .result(try query.finish())
        } catch {
            return .failed(error.message)
        }
    }

    private mutating func check(_ expected: [RuleTest.Entry], of query: LogQuery, _ expectation: RuleTest.Expectation) {
        switch answer(.log(query), at: nil) {
        case .failed(let message): fail(expectation.range, "the query failed: \(message)", missing: [], surplus: [])
        case .result(.streams(let streams)):
            var found: [(time: Timestamp, labels: LabelSet, line: [UInt8])] = []
            for stream in streams {
                let labels = LabelSet(stream.labels)
                found += stream.entries.map { ($0.time, labels, $0.line) }
            }
            found.sort { $0.time < $1.time }
            let agree =
                found.count == expected.count
                && zip(found, expected).allSatisfy { found, entry in
                    found.line == entry.line && entry.labels.map { $0 == found.labels } ?? true
                        && entry.time.map { $0 == found.time } ?? true
                }
            if agree { return }
            let showsLabels = expected.contains { $0.labels != nil }
            let showsTime = expected.contains { $0.time != nil }
            func text(_ time: Timestamp?, _ labels: LabelSet?, _ line: [UInt8]) -> String {
                (showsTime ? time.map { TimeText.format($0) + " " } ?? "" : "")
                    + (showsLabels ? labels.map { labelText($0.labels) + " " } ?? "" : "")
                    + String(decoding: line, as: UTF8.self)
            }
            failWithDifference(
                expectation.range, "the entries are others than expected",
                expected.map { text($0.time, $0.labels, $0.line) }, found.map { text($0.time, $0.labels, $0.line) })
        case .result(.scalar), .result(.vector), .result(.matrix):
            fail(expectation.range, "the query gave no entries", missing: [], surplus: [])
        }
    }

    private mutating func check(
        _ expected: [SampleLine], of expression: Expression, at: Timestamp, _ expectation: RuleTest.Expectation
    ) {
        let found: [SampleLine]
        switch answer(expression, at: at) {
        case .failed(let message):
            return fail(expectation.range, "the query failed: \(message)", missing: [], surplus: [])
        case .result(.scalar(let value)): found = [SampleLine(name: "", labels: .empty, value: value)]
        case .result(.vector(let samples)):
            found = samples.map { SampleLine(name: "", labels: LabelSet($0.labels), value: $0.value) }
        case .result(.streams), .result(.matrix): found = []
        }
        compare(expected, found, expectation, "the query answered otherwise at \(TimeText.format(at))")
    }

    private mutating func check(
        failure text: String, of expression: Expression, at: Timestamp?, _ expectation: RuleTest.Expectation
    ) {
        switch answer(expression, at: at) {
        case .failed(let message) where message.contains(text): break
        case .failed(let message):
            fail(expectation.range, "the query failed with another error", missing: [text], surplus: [message])
        case .result: fail(expectation.range, "the query did not fail", missing: [text], surplus: [])
        }
    }

    private mutating func check(
        refusal messages: [String], of rules: String, _ expectation: RuleTest.Expectation
    ) {
        let plan = RulePlan(readRules(SourceText(name: "<rules>", text: rules)))
        let said = plan.problems.flatMap(\.diagnostics)
        let missing = messages.filter { message in !said.contains { $0.message.contains(message) } }
        if plan.plan != nil {
            fail(expectation.range, "the rules are accepted", missing: messages, surplus: [])
        } else if !missing.isEmpty {
            fail(
                expectation.range, "the rules are refused for another reason", missing: missing,
                surplus: said.map(\.message))
        }
    }

    // MARK: failures

    private mutating func failWithDifference(
        _ range: Range<Int>, _ message: String, _ expected: [String], _ found: [String]
    ) {
        var left = found
        var missing: [String] = []
        var common: [String] = []
        for text in expected {
            if let index = left.firstIndex(of: text) {
                left.remove(at: index)
                common.append(text)
            } else {
                missing.append(text)
            }
        }
        if missing.isEmpty, left.isEmpty { (missing, left) = (expected, found) }  // only their order differs
        fail(range, message, missing: missing, surplus: left, common: common)
    }

    private mutating func fail(
        _ range: Range<Int>, _ message: String, missing: [String], surplus: [String], common: [String] = []
    ) {
        let place = file.source.position(of: range.lowerBound)
        failures.append(
            RuleTestFailure(
                test: test.name, line: place.line, column: place.column, message: message, missing: missing,
                surplus: surplus, common: common))
    }
}
