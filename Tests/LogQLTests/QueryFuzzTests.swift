import Diagnostics
import Fuzzing
import LogQL
import Testing

@Suite("Mutated query texts", .serialized)
struct QueryFuzzTests {
    private static func target() throws -> FuzzTarget {
        let queries = try Fixtures.accepted() + Fixtures.refused().map(\.query)
        return FuzzTarget(
            area: "logql", name: "text", seeds: queries.map { Array($0.utf8) }, dictionary: words, nests: nests)
    }

    static let nests = [
        ("(", ")"), ("sum(", ")"), ("sum by (a) (", ")"), ("label_replace(", #","a","b","c","d")"#), ("[", "]"),
        ("{", "}"), ("-", ""), ("1+", ""), ("1 ^", ""), ("a=1 or ", ""), ("a=1,", ""), ("vector(", ")"),
        ("1 == bool on(a) group_left(b) ", ""),
    ]

    static let words = [
        "sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc", "approx_topk",
        "rate", "rate_counter", "count_over_time", "bytes_over_time", "bytes_rate", "avg_over_time", "sum_over_time",
        "min_over_time", "max_over_time", "stdvar_over_time", "stddev_over_time", "quantile_over_time(0.9, ",
        "first_over_time", "last_over_time", "absent_over_time", "label_replace(", "vector(1)", " by (a)",
        " without (a)", " on (a)", " ignoring (a)", " group_left (a)", " group_right ()", " bool ", " and ", " or ",
        " unless ", " offset 5m", " offset -1h", "[5m]", "[1d12h]", "[292y]", "[1ms]", "{job=\"x\"}",
        "{a=~\".+\",b!=\"\"}",
        " |= ", " != ", " |~ ", " !~ ", " |> ", " !> ", " | json", " | json a=\"b.c[0]\"", " | logfmt", " --strict",
        " --keep-empty", " | regexp `(?P<a>x)`", " | pattern \"<a> <_>\"", " | unpack", " | decolorize",
        " | line_format \"{{.a}}\"", " | label_format a=b", " | label_format a=\"{{.b}}\"", " | drop a",
        " | keep a=\"1\"",
        " | unwrap duration(a)", " | unwrap bytes(a)", " | a=\"1\"", " | a>=5", " | a<10KB", " | a==1h5m", " | a=~`x`",
        " | a=ip(\"::1/64\")", "ip(\"10.0.0.0/8\")", " | __error__=\"\"", "\"\\u00e9\\x41\\101\\\"\"", "`raw`", "'c'",
        "“",
        "1e400", "0x1F", "0b1", "0o7", "1_000", "NaN", "Inf", "5KiB", "1.5h", "# comment\n", "\u{FEFF}", "é", "👨‍👩‍👧",
        "\r\n", "\\", "==", ">=", "^", "%", " atan2 ", "variants(", ") of (", "@",
    ]

    private static func check(_ trial: inout Trial) {
        let text = String(decoding: trial.bytes, as: UTF8.self)
        let parsed = parse(text)
        let bytes = Array(text.utf8)
        let isWrong = parsed.diagnostics.contains { $0.severity == .error }
        trial.expect(isWrong == (parsed.expression == nil), "an expression and an error, or neither")
        trial.expect(parsed.diagnostics.count <= 50, "\(parsed.diagnostics.count) diagnostics")
        let source = SourceText(name: "query", text: text)
        for diagnostic in parsed.diagnostics {
            let range = diagnostic.range
            if range.lowerBound < 0 || range.upperBound > bytes.count {
                trial.complain("a range beyond the text: \(diagnostic)")
            } else if [range.lowerBound, range.upperBound].contains(where: {
                $0 < bytes.count && bytes[$0] & 0xC0 == 0x80
            }) {
                trial.complain("a range within a character: \(diagnostic)")
            }
            let shown = source.render(diagnostic)
            trial.expect(shown.utf8.count < 20_000, "a report of \(shown.utf8.count) bytes")
            trial.expect(!diagnostic.message.isEmpty, "an empty message")
            trial.met(String(diagnostic.message.prefix { $0 != "'" && $0 != "\"" && !$0.isNumber }))
        }
        guard let expression = parsed.expression else { return }
        trial.met("parsed \(bytes.count / 16)")
        let printed = expression.description
        let again = parse(printed)
        trial.expect(
            again.expression?.description == printed,
            "printed text reads back otherwise: \(printed.prefix(300)) -> \(again.expression?.description.prefix(300) ?? "error")"
        )
    }

    @Test("what broke before holds now")
    func saved() throws {
        #expect(try Self.target().replay(Self.check) == [])
    }

    @Test("mutated queries end with an expression that prints and reads back, or with diagnostics in their places")
    func mutated() throws {
        #expect(try Self.target().run(Self.check) == [])
    }

    private static func checkLiteral(_ trial: inout Trial) {
        let text = String(decoding: trial.bytes, as: UTF8.self)
        if let duration = parseDuration(text) {
            trial.met("duration \(duration.leadingZeroBitCount)")
            let shown = formatDuration(duration)
            trial.expect(parseDuration(shown) == duration, "\(duration) ns is written \(shown)")
        }
        if let size = parseByteSize(text) {
            trial.met("size \(size.leadingZeroBitCount)")
            let shown = formatByteSize(size)
            // Sizes are read by way of a Double, as Loki does.
            let exact = UInt64(exactly: Double(size)) == size
            trial.expect(!exact || parseByteSize(shown) == size, "\(size) bytes are written \(shown)")
        }
        if let number = parseNumber(text), number.isFinite {
            trial.met("number \(number.exponent)")
            let shown = formatNumber(number)
            trial.expect(parseNumber(shown) == number, "\(number) is written \(shown)")
        }
        if let plain = unquote(text) { trial.met("text \(plain.count / 8)") }
        trial.met("address \(isAddressPattern(text)) \(regexMatchesEmpty(text))")
        trial.met("path \(parseJSONPath(text).steps.count)")
    }

    @Test("single literals neither trap nor change when they are written and read again")
    func literals() {
        let seeds = [
            "5m", "1d12h", "-1.5h", "1m0.5s", "300us", "5KB", "1.5MiB", "0x1p4", "1_000", "1e3", "\"a\\n\"", "`x`",
            "10.0.0.0/8", "::1", "10.0.0.1-10.0.0.9", "a.b[0][\"c d\"]", "^(a|b)*$", "292y", "9223372036854775807ns",
        ]
        var target = FuzzTarget(
            area: "logql", name: "literal", seeds: seeds.map { Array($0.utf8) },
            dictionary: [
                "y", "w", "d", "h", "ms", "us", "µs", "ns", "KiB", "EB", "e308", "p-1074", "_", "::", "/128", "\\u",
            ],
            nests: [("(", ")"), ("[", "]")])
        target.maximumBytes = 512
        #expect(target.replay(Self.checkLiteral) == [])
        #expect(target.run(Self.checkLiteral) == [])
    }
}
