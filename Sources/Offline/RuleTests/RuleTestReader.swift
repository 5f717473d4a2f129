import Diagnostics
import Engine
import LogQL
import Records
import Rules
import YAML

/// Reads a file of rule tests, and says everything that is wrong with it.
struct RuleTestReader {
    let source: SourceText
    let findings: Findings
    private static let defaultStart = TimeText.rfc3339("2026-01-01T00:00:00Z") ?? Timestamp(nanoseconds: 0)

    /// nil where there is an error; `report` has errors and warnings as a person reads them.
    static func read(_ source: SourceText) -> (file: RuleTestFile?, report: String) {
        let document = Document(source.text)
        let findings = Findings(document.diagnostics)
        let reader = RuleTestReader(source: source, findings: findings)
        var file: RuleTestFile?
        if let root = document.root {
            file = reader.file(root)
        } else if document.diagnostics.isEmpty {
            return (nil, "\(source.name): error: the file has no tests\n")
        }
        return (findings.errorCount == 0 ? file : nil, source.render(findings.diagnostics))
    }

    private func file(_ root: Node) -> RuleTestFile? {
        guard var file = MappingReader(root, "the test file", findings) else { return nil }
        let rules = file.has("rules") ? file.texts("rules", of: "rule files")?.map(\.text) ?? [] : ["rules.yaml"]
        file.require("tests", hint: "tests: [{name: …, input: […], expect: […]}]")
        var names: Set<String> = []
        let tests = (file.list("tests", of: "tests") ?? []).compactMap { test($0, &names) }
        file.finish()
        return RuleTestFile(source: source, rules: rules, tests: tests)
    }

    private func test(_ node: Node, _ names: inout Set<String>) -> RuleTest? {
        guard var test = MappingReader(node, "a test", findings) else { return nil }
        test.require("name")
        test.require("expect")
        let name = test.text("name") ?? ""
        if !name.isEmpty, !names.insert(name).inserted {
            findings.error("a second test named '\(name)'", at: test.range(of: "name"))
        }
        let start = test.moment("start", from: nil) ?? Self.defaultStart
        let inputs = (test.list("input", of: "inputs") ?? []).compactMap { input($0, start) }
        let expectations = (test.list("expect", of: "expectations") ?? []).compactMap { expectation($0, start) }
        test.finish()
        return RuleTest(
            name: name, range: test.range(of: "name"), start: start, inputs: inputs, expectations: expectations)
    }

    // MARK: input

    private func input(_ node: Node, _ testStart: Timestamp) -> RuleTest.Input? {
        guard var input = MappingReader(node, "an input", findings) else { return nil }
        input.require("labels", hint: "the labels of the stream, such as labels: {job: ingress}")
        let labels = input.labels("labels")
        let start = input.moment("start", from: testStart) ?? testStart
        let step = input.duration("step") ?? 1_000_000_000
        if input.has("lines") == input.has("file") {
            findings.error("an input has either 'lines' or 'file'", at: node.range)
        }
        let lines = input.value("lines").map { self.lines($0, testStart) } ?? []
        let path = input.text("file").map { (path: $0, range: input.range(of: "file")) }
        let clock = input.mapping("timestamp").flatMap { readClock($0, findings) }
        input.finish()
        return RuleTest.Input(
            labels: LabelSet(labels ?? []), start: start, step: step, lines: lines, file: path, clock: clock,
            range: node.range)
    }

    /// A text of several lines, or a list of texts and of mappings with `line`, `at` and `metadata`.
    private func lines(_ node: Node, _ start: Timestamp) -> [RuleTest.Input.Line] {
        if let scalar = node.scalar {
            var texts = scalar.text.split(separator: "\n", omittingEmptySubsequences: false)
            if texts.last == "" { texts.removeLast() }
            return texts.map { RuleTest.Input.Line(text: Array($0.utf8), time: nil, metadata: []) }
        }
        guard let items = node.items else {
            findings.wrong(node, wanted: "a text of several lines or a list of lines", for: "lines")
            return []
        }
        return items.compactMap { item in
            if let scalar = item.scalar {
                return RuleTest.Input.Line(text: Array(scalar.text.utf8), time: nil, metadata: [])
            }
            guard var line = MappingReader(item, "a line", findings) else { return nil }
            line.require("line")
            let text = line.text("line") ?? ""
            let time = line.moment("at", from: start)
            let metadata = line.labels("metadata") ?? []
            line.finish()
            return RuleTest.Input.Line(text: Array(text.utf8), time: time, metadata: metadata)
        }
    }

    // MARK: expectations

    private func expectation(_ node: Node, _ start: Timestamp) -> RuleTest.Expectation? {
        guard var item = MappingReader(node, "an expectation", findings) else { return nil }
        let kind: RuleTest.Expectation.Kind?
        if item.has("query") {
            kind = query(&item, start)
        } else if item.has("rules") {
            item.require("refused")
            let rules = item.value("rules")?.scalar
            if rules == nil { findings.error("'rules': wanted the text of a rule file", at: item.range(of: "rules")) }
            let messages = item.value("refused").map { texts($0, "refused") }
            kind = rules.flatMap { rules in messages.map { .refusal($0, of: rules) } }
        } else if item.has("lines") {
            kind = item.mapping("lines").map { .counts(counts($0)) }
        } else if item.has("series") || item.has("absent") {
            let samples = item.value("series").map { self.samples($0, named: true) } ?? []
            let absent = item.texts("absent", of: "metric names")?.map(\.text) ?? []
            kind = .series(samples, absent: absent, at: item.moment("at", from: start))
        } else {
            findings.error(
                "an expectation has one of series, absent, lines, query or rules",
                at: item.keys.first?.range ?? node.range)
            return nil
        }
        item.finish()
        return kind.map { RuleTest.Expectation(kind: $0, range: node.range) }
    }

    private func query(_ item: inout MappingReader, _ start: Timestamp) -> RuleTest.Expectation.Kind? {
        let at = item.moment("at", from: start)
        let entries = item.list("entries", of: "entries")?.compactMap { entry($0, start) }
        let series = item.value("series").map { samples($0, named: false) }
        let value = item.parsed("value", wanted: "a number") { parseNumber($0) }
        let error = item.text("error")
        guard let scalar = item.value("query")?.scalar else {
            findings.error("'query': wanted a LogQL expression", at: item.range(of: "query"))
            return nil
        }
        let parsed = parse(scalar.text)
        let offsets = scalar.sourceOffsets
        for diagnostic in parsed.diagnostics { findings.add(diagnostic.moved { offsets[min($0, offsets.count - 1)] }) }
        guard let expression = parsed.expression else { return nil }
        if let error { return .failure(error, of: expression, at: at) }
        switch expression {
        case .log(let query):
            if let entries { return .entries(entries, of: query) }
            findings.error("a log query gives 'entries' (or an 'error')", at: item.range(ofKey: "query"))
        case .metric:
            guard let at else {
                findings.error("a metric query needs 'at', the instant of its answer", at: item.range(ofKey: "query"))
                return nil
            }
            if let series { return .vector(series, of: expression, at: at) }
            if let value {
                return .vector([SampleLine(name: "", labels: .empty, value: value)], of: expression, at: at)
            }
            findings.error("a metric query gives 'series', 'value' (or an 'error')", at: item.range(ofKey: "query"))
        }
        return nil
    }

    private func entry(_ node: Node, _ start: Timestamp) -> RuleTest.Entry? {
        if let scalar = node.scalar { return RuleTest.Entry(line: Array(scalar.text.utf8)) }
        guard var entry = MappingReader(node, "an entry", findings) else { return nil }
        entry.require("line")
        let line = entry.text("line") ?? ""
        let labels = entry.labels("labels").map { LabelSet($0) }
        let time = entry.moment("at", from: start)
        entry.finish()
        return RuleTest.Entry(line: Array(line.utf8), labels: labels, time: time)
    }

    private func counts(_ reader: MappingReader) -> [RuleTest.Counts] {
        var rules = reader
        return reader.keys.compactMap { key in
            guard let node = rules.value(key.text), var counts = MappingReader(node, "the lines of a rule", findings)
            else { return nil }
            let most = 0...Int(Int32.max)
            var result = RuleTest.Counts(
                rule: key.text, seen: counts.integer("seen", in: most), matched: counts.integer("matched", in: most),
                filtered: counts.integer("filtered", in: most), range: key.range)
            result.failed = counts.table("failed")?.compactMap { reason, value in
                guard LineFailure.allCases.contains(where: { $0 != .none && $0.text == reason.text }) else {
                    let reasons = LineFailure.allCases.map(\.text).filter { !$0.isEmpty }
                    findings.error(
                        "'failed': no line fails with '\(reason.text)'",
                        hint: nearest(to: reason.text, among: reasons).map { "did you mean '\($0)'?" }
                            ?? "known here: \(reasons.joined(separator: ", "))", at: reason.range)
                    return nil
                }
                guard let count = value.scalar.flatMap({ Int($0.text) }) else {
                    findings.wrong(value, wanted: "a whole number", for: reason.text)
                    return nil
                }
                return (reason.text, count)
            }
            counts.finish()
            return result
        }
    }

    /// A text of several lines, or a list of texts.
    private func texts(_ node: Node, _ key: String) -> [String] {
        if let scalar = node.scalar { return scalar.text.split(separator: "\n").map(String.init) }
        guard let items = node.items else {
            findings.wrong(node, wanted: "a text or a list of texts", for: key)
            return []
        }
        return items.compactMap { findings.text($0, for: key) }
    }

    /// Samples, one a line; blank lines and comments are nothing.
    private func samples(_ node: Node, named: Bool) -> [SampleLine] {
        let scalars: [Scalar]
        if let scalar = node.scalar {
            scalars = [scalar]
        } else if let items = node.items {
            scalars = items.compactMap { item in findings.text(item, for: "series").flatMap { _ in item.scalar } }
        } else {
            findings.wrong(node, wanted: "a text of samples or a list of them", for: "series")
            return []
        }
        var samples: [SampleLine] = []
        for scalar in scalars {
            var start = 0
            for line in scalar.text.split(separator: "\n", omittingEmptySubsequences: false) {
                defer { start += line.utf8.count + 1 }
                guard let first = line.utf8.first(where: { $0 != 0x20 }), first != UInt8(ascii: "#") else { continue }
                do throws(SampleLine.Failure) {
                    let sample = try SampleLine(String(line))
                    if sample.name.isEmpty == named {
                        throw SampleLine.Failure(
                            message: named ? "a series needs its name" : "the series of a query have no name", offset: 0
                        )
                    }
                    if samples.contains(where: { $0.series == sample.series }) {
                        throw SampleLine.Failure(message: "the series \(sample.series) stands here twice", offset: 0)
                    }
                    samples.append(sample)
                } catch {
                    let place = scalar.sourceOffset(ofTextOffset: start + error.offset)
                    findings.error("'series': \(error.message)", at: place..<place + 1)
                }
            }
        }
        return samples
    }
}

extension MappingReader {
    /// A moment: RFC 3339, nanoseconds, or a duration after `start`.
    fileprivate mutating func moment(_ key: String, from start: Timestamp?) -> Timestamp? {
        let wanted = start == nil ? "a time in RFC 3339" : "a duration such as 30s, or a time in RFC 3339"
        return parsed(key, wanted: wanted) { text in
            if let time = TimeText.rfc3339(text) { return time }
            if let nanoseconds = Int64(text) {
                // Small numbers are more likely meant as seconds: refused, since that is not what they would be.
                return nanoseconds.magnitude >= 1_000_000_000_000_000 || nanoseconds == 0
                    ? (nanoseconds == 0 ? start : Timestamp(nanoseconds: nanoseconds)) : nil
            }
            guard let start, let duration = parseDuration(text),
                case (let sum, false) = start.nanoseconds.addingReportingOverflow(duration)
            else { return nil }
            return Timestamp(nanoseconds: sum)
        }
    }

    /// Nanoseconds, 0 or more.
    fileprivate mutating func duration(_ key: String) -> Int64? {
        parsed(key, wanted: "a duration such as 1s or 250ms") { text in
            (text == "0" ? 0 : parseDuration(text)).flatMap { $0 >= 0 ? $0 : nil }
        }
    }

    fileprivate mutating func labels(_ key: String) -> [Label]? {
        table(key)?.compactMap { name, value in value.scalar.map { Label(name.text, $0.text) } }
    }
}
