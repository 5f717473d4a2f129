import Foundation
import Fuzzing
import Testing

@testable import Engine

@Suite("Mutated lines", .serialized)
struct ScannerFuzzTests {
    static let jsonWords = [
        "{\"a\":", "\"a\":1", ",", "null", "true", "false", "tru", "[]", "{}", "\"\"", "\"\\u00e9\"", "\\ud83d\\ude80",
        "\\ud800",
        "\\u", "\\\"", "\\\\", "\\q", "\"a_b\"", "\"a.b\"", "\"_entry\":\"x\"", "1e5", "-0", "\u{FFFD}", "é", "🚀", " ",
        "\t",
        "\"a\":{\"b\":{\"c\":[1,{\"d\":2}]}}", "\u{1E}",
    ]
    static let jsonNests = [("{\"a\":", "}"), ("[", "]"), ("{\"b\":1,\"a\":", ",\"c\":2}"), ("\"", "\"")]
    static let jsonCorpora = ["json-odd", "ingress-json", "oban-json", "packed", "edge"]

    static func labels(_ fields: borrowing FieldBuffer, _ names: NameTable) -> [String: String] {
        var labels: [String: String] = [:]
        for index in 0..<fields.count { labels[names.name(of: fields[index].id)] = fields[index].text }
        return labels
    }

    // MARK: json

    private static func checkJSON(_ trial: inout Trial) {
        let lines = trial.parts
        let all = JSONScannerTests.scanAll(lines)
        var names: Set<String> = []
        for (line, scanned) in zip(lines, all) {
            let wanted = JSONReference(line).scanned
            trial.expect(scanned == wanted, "all labels: wanted \(wanted), found \(scanned)")
            trial.met("\(scanned.error) \(scanned.labels.count)")
            names.formUnion(wanted.labels.keys)
        }
        let chosen = names.sorted().filter { _ in trial.random.once(in: 2) }.prefix(6)
        guard !chosen.isEmpty else { return }
        for stops in [false, true] {
            let some = JSONScannerTests.scanWanted(lines, Array(chosen), stopsWhenComplete: stops)
            for (line, scanned) in zip(lines, some) {
                let wanted = JSONReference(line, wanted: Set(chosen), stops: stops).scanned
                trial.expect(scanned == wanted, "\(chosen), stops \(stops): wanted \(wanted), found \(scanned)")
            }
        }
    }

    @Test("JSON gives what the slow reading gives")
    func json() {
        var target = FuzzTarget(
            area: "json", name: "all", seeds: FuzzSeeds.batches(Self.jsonCorpora), dictionary: Self.jsonWords,
            nests: Self.jsonNests)
        // The slow reading is quadratic in the depth, and label names have a limit that it does not know.
        target.maximumBytes = 1_000
        target.deepest = 60
        #expect(target.replay(Self.checkJSON) == [])
        #expect(target.run(Self.checkJSON) == [])
    }

    private static let paths = ["a", "a.b", "a.b.c[1].d", "[0]", "a[0]", "[\"a.b\"]", "status", "b[1][0]", "a.a.a.a"]

    private static func checkPaths(_ trial: inout Trial) {
        for line in trial.parts {
            let chosen = paths.filter { _ in trial.random.once(in: 2) }
            let pairs = Dictionary(uniqueKeysWithValues: chosen.enumerated().map { ("l\($0.offset)", $0.element) })
            guard let together = Self.find(pairs, line) else { return trial.complain("a path was refused") }
            trial.met("\(together.error) \(together.labels.count)")
            // Behind a broken element the search goes on within the array, as Loki's does, if a path wanted it.
            guard (try? JSONSerialization.jsonObject(with: Data(line))) != nil else { continue }
            for (name, path) in pairs {
                let alone = Self.find([name: path], line)
                trial.expect(
                    alone?.labels[name] == together.labels[name], "\(path) alone: \(alone?.labels[name] ?? "nothing")")
            }
        }
    }

    private static func find(_ paths: [String: String], _ line: [UInt8]) -> Scanned? {
        var names = NameTable(seed: 2)
        var fields = FieldBuffer()
        let pairs = paths.compactMap { name, text in (try? JSONPath(text)).map { ($0, names.id(forName: name)!) } }
        guard pairs.count == paths.count else { return nil }
        var scanner = JSONPathScanner(pairs)
        return withView(line) { view in
            let error = scanner.scan(view, into: &fields)
            return Scanned(labels: Self.labels(fields, names), error: error)
        }
    }

    @Test("JSON paths find the same alone and together")
    func jsonPaths() {
        let target = FuzzTarget(
            area: "json", name: "paths", seeds: FuzzSeeds.lines(Self.jsonCorpora) + [Array(JSONPathTests.arrays.utf8)],
            dictionary: Self.jsonWords, nests: Self.jsonNests)
        #expect(target.replay(Self.checkPaths) == [])
        #expect(target.run(Self.checkPaths) == [])
    }

    private static func checkPathText(_ trial: inout Trial) {
        do throws(ExpressionError) {
            trial.met("\(try JSONPath(String(decoding: trial.bytes, as: UTF8.self)).steps.count)")
        } catch {
            trial.expect(!error.message.isEmpty, "an empty message")
        }
    }

    @Test("the paths themselves are read or refused")
    func pathTexts() {
        var target = FuzzTarget(
            area: "json", name: "path-texts", seeds: Self.paths.map { Array($0.utf8) },
            dictionary: ["[", "]", ".", "\"", "\\", "[0]", "[\"", "\"]"], nests: [("[", "]"), ("a.", "")])
        target.maximumBytes = 2_000
        #expect(target.replay(Self.checkPathText) == [])
        #expect(target.run(Self.checkPathText) == [])
    }

    // MARK: logfmt

    private static func checkLogfmt(_ trial: inout Trial) {
        let lines = trial.parts
        for (strict, keepsEmpty) in [(false, false), (true, false), (false, true), (true, true)] {
            let keepsAll = { (_: inout NameTable) in LogfmtScanner(seed: 5, strict: strict, keepsEmpty: keepsEmpty) }
            for (line, (scanned, details)) in zip(lines, scan(lines, keepsAll)) {
                let wanted = LogfmtReference(line, strict: strict, keepsEmpty: keepsEmpty)
                trial.met("\(strict) \(details.suffix(12)) \(scanned.labels.count)")
                trial.expect(
                    scanned.labels == wanted.labels && details == wanted.details,
                    "strict \(strict), empty \(keepsEmpty): wanted \(wanted.labels) \(wanted.details), found \(scanned) \(details)"
                )
            }
        }
        let known = Set(lines.flatMap { LogfmtReference($0).labels.keys }).sorted()
        let chosen = known.filter { _ in trial.random.once(in: 2) }.prefix(5)
        let some = scan(lines) { names in
            LogfmtScanner(wanted: chosen.map { ($0, names.id(forName: $0)!) }, seed: 5)
        }
        for (line, scanned) in zip(lines, some.map(\.0)) {
            let wanted = LogfmtReference(line).labels.filter { chosen.contains($0.key) }
            trial.expect(scanned.labels == wanted, "\(chosen): wanted \(wanted), found \(scanned)")
        }
    }

    private static func scan(
        _ lines: [[UInt8]], _ make: (inout NameTable) -> LogfmtScanner
    ) -> [(Scanned, String)] {
        var names = NameTable(seed: 5)
        var scanner = make(&names)
        var fields = FieldBuffer()
        return lines.map { line in
            withView(line) { view in
                fields.removeAll()
                let error = scanner.scan(view, into: &fields, names: &names)
                return (Scanned(labels: labels(fields, names), error: error), error == .none ? "" : scanner.details)
            }
        }
    }

    @Test("logfmt gives what the slow reading gives")
    func logfmt() {
        var target = FuzzTarget(
            area: "logfmt", name: "all", seeds: FuzzSeeds.batches(["logfmt-app", "logfmt-odd", "edge"]),
            dictionary: [
                "a=1", " a=", "=", "==", "\"", "a=\"x\"", "\\\"", "\\n", "\\u00e9", "\\ud83d\\ude80", "\\ud800", "\\'",
                "\\q", " ",
                "\t", "é=", "\u{3000}", "\u{85}", "\u{FFFD}", "a.b=1", "a-b=2", "a_b=3", "1=", "\u{1E}",
            ], nests: [("\"", "\""), ("a=", " "), ("\\", "")])
        target.maximumBytes = 1_500
        #expect(target.replay(Self.checkLogfmt) == [])
        #expect(target.run(Self.checkLogfmt) == [])
    }

    // MARK: unpack, decolorize

    private static func checkLineStages(_ trial: inout Trial) {
        let set = RegexSet()
        let decolorizer = Decolorizer(in: set)
        var arena = Arena()
        var names = NameTable(seed: 3)
        var fields = FieldBuffer()
        var scanner = UnpackScanner(wanted: nil)
        for line in trial.parts {
            withView(line) { view in
                fields.removeAll()
                let (error, entry) = scanner.scan(view, into: &fields, names: &names)
                trial.met("\(error) \(fields.count) \(entry == nil)")
                trial.expect(error == .none || fields.count == 0, "labels behind an error")
                let size = labels(fields, names).values.reduce(0) { $0 + $1.utf8.count }
                trial.expect(size + (entry?.decoded.count ?? 0) <= line.count * 3, "\(size) bytes of labels")
                guard let clean = decolorizer.clean(view, in: &arena) else { return }
                trial.met("clean \(line.count - clean.count)")
                var rest = line[...]
                for byte in clean.array {
                    guard let place = rest.firstIndex(of: byte) else {
                        return trial.complain("a byte that was not there")
                    }
                    rest = rest[(place + 1)...]
                }
            }
        }
    }

    @Test("unpack and decolorize take from a line and add nothing")
    func lineStages() {
        let target = FuzzTarget(
            area: "json", name: "line-stages", seeds: FuzzSeeds.lines(["packed", "ansi", "json-odd"]),
            dictionary: Self.jsonWords + [
                "\u{1B}[0m", "\u{1B}[38;5;12m", "\u{9B}", "\u{1B}]0;title\u{7}", ";;;;", "\u{7}",
            ],
            nests: Self.jsonNests + [("\u{1B}[", ""), (";", ""), ("1;", "")])
        #expect(target.replay(Self.checkLineStages) == [])
        #expect(target.run(Self.checkLineStages) == [])
    }

    // MARK: patterns

    /// A pattern and lines.
    private static func checkPattern(_ trial: inout Trial) {
        let text = String(decoding: trial.parts[0], as: UTF8.self)
        let expression = PatternExpression(text)
        let store = ByteStore()
        var names = NameTable(seed: 1)
        let ids = expression.names.compactMap { names.id(forName: $0) }
        guard ids.count == expression.names.count else { return }
        let matcher = try? PatternMatcher(text, fields: ids, store: store)
        trial.expect((matcher == nil) == (expression.stageError != nil), "a stage and an error, or neither")
        let filter = try? PatternFilter(text, store: store)
        trial.expect((filter == nil) == (expression.filterError != nil), "a filter and an error, or neither")
        var fields = FieldBuffer()
        for line in trial.parts.dropFirst() {
            fields.removeAll()
            withView(line) { view in
                if let filter {
                    let passes = filter.matches(view)
                    trial.met("filter \(passes) \(expression.parts.count)")
                    trial.expect(passes == PatternReference.passes(expression, line), "the filter says \(passes)")
                }
                guard let matcher else { return }
                matcher.scan(view, into: &fields)
                let found = (0..<fields.count).map {
                    [UInt8](names.name(of: fields[$0].id).utf8) + [61] + fields[$0].value.array
                }
                let wanted = PatternReference.captures(expression, line).map { [UInt8]($0.name.utf8) + [61] + $0.value }
                trial.met("stage \(found.count) of \(ids.count)")
                trial.expect(found == wanted, "wanted \(wanted), found \(found)")
            }
        }
    }

    @Test("patterns find what the slow search finds")
    func patterns() {
        let patterns = [
            "<ip> - <user> [<_>] \"<method> <path> <_>\" <status> <size> <_>", "<_> level=<level> <_>", "<a>",
            "tick n=<n> v=<v>", "<_>.<_>.5", "none", "[<_>]:443 <_>", "a<_>b<_>", "<<pri>><rest>",
        ]
        let lines = FuzzSeeds.lines(["access-combined", "logfmt-app", "ips", "edge"])
        let seeds = lines.enumerated().map { index, line in
            Array([Array(patterns[index % patterns.count].utf8), line].joined(separator: [0x1E]))
        }
        let target = FuzzTarget(
            area: "pattern", name: "all", seeds: seeds,
            dictionary: ["<a>", "<_>", "<", ">", "<b> ", "\u{1E}", " ", "é"],
            nests: [("<", ">"), ("<_> ", ""), ("aa", "")])
        #expect(target.replay(Self.checkPattern) == [])
        #expect(target.run(Self.checkPattern) == [])
    }
}
