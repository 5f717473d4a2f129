import Fuzzing
import Testing

@testable import Engine

@Suite("Mutated regular expressions", .serialized)
struct RegexFuzzTests {
    private static let words = [
        "(?i)", "(?s)", "(?m)", "(?U)", "(?i:", "(?P<a>", "(?<b>", "(?:", "(?=", "(?#", ")", "|", ".*", ".+?", ".",
        "[^a]", "[a-z]",
        "[[:alpha:]]", "[[:^space:]]", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "\\A", "\\z", "^", "$",
        "\\pL",
        "\\p{Greek}", "\\x{e9}", "\\xe9", "\\Q", "\\E", "\\12", "\\1", "\\k", "{2,3}", "{2,}", "{1000}", "{,2}", "*",
        "+", "?", "*?",
        "é", "☃", "\u{FFFD}", "ſ", "K", "\\.", "\\/", "[]", "[\\s\\S]", "[é-ü]", "\u{1E}", "error", "abc",
    ]

    /// Whether the expression is found, and where.
    private static func found(_ pattern: String, _ line: ByteView, _ set: RegexSet) -> (MatchOutcome, Range<Int>?)? {
        guard let compilation = try? set.compile(pattern, capturing: true) else { return nil }
        let outcome = compilation.regex.matches(line)
        return (outcome, outcome == .match && !compilation.regex.isText ? compilation.regex.group(0) : nil)
    }

    /// An expression and lines.
    private static func check(_ trial: inout Trial) {
        let parts = trial.parts
        let pattern = String(decoding: parts[0], as: UTF8.self)
        let set = RegexSet()
        let syntax: RegexSyntax
        do throws(RegexError) {
            syntax = try RegexSyntax(pattern)
        } catch {
            trial.met(String(error.message.prefix(20)))
            trial.expect(
                error.offset >= 0 && error.offset <= pattern.utf8.count && !error.message.isEmpty,
                "\(error) in \(pattern.utf8.count) bytes")
            return
        }
        let compiled: RegexSet.Compilation
        do throws(RegexError) {
            compiled = try set.compile(pattern)
        } catch {
            trial.met("compile \(error.message)")
            return trial.expect(!error.message.isEmpty && error.offset >= 0, "\(error)")
        }
        trial.met("good \(syntax.needsUTF) \(syntax.literal == nil) \(syntax.beyondRE2 ?? "") \(syntax.groupCount)")
        trial.expect(compiled.groups.allSatisfy { $0.number >= 1 && $0.number <= syntax.groupCount }, "a group too far")
        let line = try? set.compileLineFilter(pattern).regex
        let label = try? set.compileLabelFilter(pattern).regex
        trial.expect(line != nil && label != nil, "a filter is refused, the expression is not")
        let isPlain = syntax.beyondRE2 == nil && !syntax.usesExtendedMode
        for bytes in parts.dropFirst().prefix(4) {
            withView(bytes) { view in
                let outcome = compiled.regex.matches(view)
                _ = (line?.matches(view), label?.matches(view))
                trial.met("\(outcome)")
                guard isPlain, outcome != .limit else { return }
                if outcome == .match {
                    let required = PatternReference.first(syntax.required, in: bytes, from: 0)
                    trial.expect(
                        required != nil, "matches without the text that each match contains: \(syntax.required)")
                }
                // Characters and bytes must give the same wherever the translation says so.
                guard !syntax.needsUTF, !syntax.foldsBeyondASCII, String(validating: bytes, as: UTF8.self) != nil,
                    let asBytes = found(pattern, view, set),
                    let asText = found("(?:\\x{e9}){0}(?:\(pattern))", view, set),
                    asBytes.0 != .limit, asText.0 != .limit
                else { return }
                trial.expect(asBytes == asText, "bytes: \(asBytes), characters: \(asText)")
            }
        }
    }

    @Test("expressions are read or refused, and match the same as bytes and as characters")
    func expressions() {
        let patterns =
            [
                "^(\\S+) (\\S+) \\[([^\\]]+)\\] \"(\\S+) ([^\"]*) HTTP/1", "a.*b", "(.+?)(.*)", "(?i)error|warn", "é*",
                "(?:a.*)+",
                "(?P<ip>[0-9.]+) - (?P<user>\\S+)", "20|2", "foo(?:bar.*|baz)", "(a+)+$", "^.{2,3}x", "(?:.*|a)b",
                "\\d{2,3}x",
                "(?i)[ſ] k$", "a{,2}", "[^a]*b?[^c]*", "v6|version|vx",
            ]
            + FuzzSeeds.queries.flatMap { query in
                query.contains("~")
                    ? query.split(separator: "\"").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
                    : []
            }
        let lines = FuzzSeeds.lines(["access-combined", "edge", "phoenix", "ips", "java"])
        let seeds = Set(patterns).sorted().enumerated().map { index, pattern in
            Array(
                [Array(pattern.utf8), lines[index % lines.count], lines[index * 7 % lines.count]].joined(separator: [
                    0x1E
                ]))
        }
        var target = FuzzTarget(
            area: "regex", name: "all", seeds: seeds, dictionary: Self.words,
            nests: [
                ("(", ")"), ("(?:", ")*"), ("[", "]"), ("(?P<n>", ")"), ("a|", ""), ("(a*", ")*"), (".*", ""),
                ("(", "){2}"),
            ])
        target.maximumBytes = 4_000
        #expect(target.replay(Self.check) == [])
        #expect(target.run(Self.check) == [])
    }
}
