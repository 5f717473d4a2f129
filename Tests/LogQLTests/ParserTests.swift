import LogQL
import Testing

@Suite("Trees")
struct ParserTests {
    @Test(
        "operators bind as in Loki",
        arguments: [
            ("1 + 2 * 3", "(1 + (2 * 3))"), ("2 ^ 3 ^ 2", "(2 ^ (3 ^ 2))"), ("10 - 4 - 3", "((10 - 4) - 3)"),
            ("-2 ^ 2", "(-2 ^ 2)"), ("(1 + 2) * 3", "((1 + 2) * 3)"),
            ("1 == 2 < 3", "((1 == 2) < 3)"), ("1 + 2 > 3 * 4", "((1 + 2) > (3 * 4))"),
            ("2 * 3 ^ 2 % 5", "((2 * (3 ^ 2)) % 5)"), ("2*-3", "(2 * -3)"), ("1 -5", "(1 - 5)"),
            ("vector(1) or vector(2) and vector(3)", "(vector(1) or (vector(2) and vector(3)))"),
            ("vector(1) unless vector(2) and vector(3)", "((vector(1) unless vector(2)) and vector(3))"),
            ("vector(1) and vector(2) == vector(3)", "(vector(1) and (vector(2) == vector(3)))"),
            ("- 5 + +3", "(-5 + 3)"),
        ])
    func precedence(query: String, tree: String) throws {
        guard case .metric(let metric) = try #require(parse(query).expression) else {
            Issue.record("not a metric query")
            return
        }
        #expect(bracketed(metric) == tree)
    }

    private func bracketed(_ metric: MetricExpression) -> String {
        guard case .binary(let binary) = metric else { return metric.description }
        return "(\(bracketed(binary.left)) \(binary.operation.rawValue) \(bracketed(binary.right)))"
    }

    @Test(
        "label filters combine as in Loki",
        arguments: [
            ("a=1, b=2 or c=3", "a == 1 and (b == 2 or c == 3)"), ("a=1 or b=2, c=3", "a == 1 or b == 2 and c == 3"),
            ("a=1 b=2 or c=3", "a == 1 and (b == 2 or c == 3)"),
            ("a=1 and b=2 or c=3", "a == 1 and b == 2 or c == 3"),
            ("a=1 or b=2 and c=3", "a == 1 or b == 2 and c == 3"),
            ("(a=1 or b=2) and c=3", "(a == 1 or b == 2) and c == 3"),
            ("a=1, b=2 and c=3 or d=4, e=5", "a == 1 and (b == 2 and c == 3 or d == 4 and e == 5)"),
            ("a=1 and b=2 and c=3", "a == 1 and b == 2 and c == 3"),
            ("a=1 or b=2 or c=3", "a == 1 or b == 2 or c == 3"), ("a=1 (b=2)", "a == 1 and b == 2"),
        ])
    func labelFilters(filter: String, printed: String) {
        #expect(parse("{job=\"x\"} | \(filter)").expression?.description == "{job=\"x\"} | \(printed)")
    }

    @Test(
        "the canonical text is the same however a query is written",
        arguments: [
            (#" ( { job = `x` } |= "a"|~"b" ) # c"#, #"{job="x"} |= "a" |~ "b""#),
            (
                #"SUM(COUNT_OVER_TIME(({job="x"}[60s] OFFSET 1m | json)))BY(a,b)"#,
                #"sum by (a, b) (count_over_time({job="x"} | json [1m] offset 1m))"#
            ),
            (#"count_over_time(({job="x"} | json)[1d12h])"#, #"count_over_time({job="x"} | json [1d12h])"#),
            (
                #"quantile_over_time(.99, {job="x"}|unwrap duration(a)|b="c"[5m])by(d)"#,
                #"quantile_over_time(0.99, {job="x"} | unwrap duration(a) | b="c" [5m]) by (d)"#
            ),
            (
                #"{job="x"}|logfmt --keep-empty --strict a, b="c", d="d""#,
                #"{job="x"} | logfmt --strict --keep-empty a, b="c", d"#
            ),
            (#"{job="x"}|json|unwrap bytes(a)|__error__="""#, #"{job="x"} | json | unwrap bytes(a) | __error__="""#),
            (
                #"{job="x"} |> "<_> a" !> "b" or "c" != ip("10.0.0.0/8")"#,
                #"{job="x"} |> "<_> a" !> "b" or "c" != ip("10.0.0.0/8")"#
            ),
            (
                #"{job="x"} | a!=5s | b>=1.5KiB | c=~"d" | e=ip("::1") | drop f, g!~"h" | keep i="j""#,
                #"{job="x"} | a != 5s | b >= 1536B | c=~"d" | e = ip("::1") | drop f, g!~"h" | keep i="j""#
            ),
            (
                #"rate({job="x"}[5m])/on(a)group_left rate({job="x"}[5m])"#,
                #"rate({job="x"} [5m]) / on (a) group_left () rate({job="x"} [5m])"#
            ),
            (
                #"rate({job="x"}[5m])> bool ignoring(a)group_right(b,c)(vector(1))"#,
                #"rate({job="x"} [5m]) > bool ignoring (a) group_right (b, c) vector(1)"#
            ),
            (
                #"topk(3,label_replace(vector(1),"a","$1","b","(.*)"))without()"#,
                #"topk without () (3, label_replace(vector(1), "a", "$1", "b", "(.*)"))"#
            ),
            (
                #"{job="x"} | label_format a=b, c="{{.d}}" | line_format `"` | decolorize | unpack"#,
                #"{job="x"} | label_format a=b, c="{{.d}}" | line_format "\"" | decolorize | unpack"#
            ),
            (
                #"sum_over_time({job="x"} | unwrap a [1m] offset -1h30m)"#,
                #"sum_over_time({job="x"} | unwrap a [1m] offset -1h30m)"#
            ),
            (
                #"{job="x"} | a > - 0 or b > -0 or c > 1e21 or d > 1_000"#,
                #"{job="x"} | a > - 0 or b > 0s or c > 1e+21 or d > 1000"#
            ),
            (
                "vector(1) - (vector(2) - vector(3)) - 2 ^ (3 ^ 4) ^ (5 + 1)",
                "vector(1) - (vector(2) - vector(3)) - 2 ^ (3 ^ 4) ^ (5 + 1)"
            ),
        ])
    func canonical(query: String, text: String) {
        #expect(parse(query).expression?.description == text)
        #expect(parse(text).expression?.description == text)
    }

    @Test("ranges of the tree cover what they stand for")
    func positions() throws {
        let text = #" {job="x"} | json |= "ü" | unwrap a "#
        guard case .log(let query) = try #require(parse(text).expression) else { return }
        func covered(_ range: Range<Int>) -> String { String(decoding: Array(text.utf8)[range], as: UTF8.self) }
        #expect(covered(query.range) == #"{job="x"} | json |= "ü" | unwrap a"#)
        #expect(covered(query.selector.range) == #"{job="x"}"#)
        #expect(covered(query.selector.matchers[0].range) == #"job="x""#)
        #expect(query.stages.map { covered($0.range) } == ["| json", #"|= "ü""#])
        #expect(query.unwrap.map { covered($0.range) } == "| unwrap a")
    }

    @Test("a log query may end with unwrap and filters behind it")
    func unwrap() throws {
        guard
            case .log(let query) = try #require(
                parse(#"{job="x"} | json | unwrap duration_seconds(a) | a > 5 | __error__="""#).expression)
        else { return }
        let unwrap = try #require(query.unwrap)
        #expect(unwrap.label == "a")
        #expect(unwrap.conversion == .durationSeconds)
        #expect(unwrap.filters.count == 2)
        #expect(query.stages.count == 1)
    }

    @Test("names of functions are labels, keywords are not")
    func names() {
        let functions = ["sum", "rate", "ip", "bytes", "duration", "vector", "label_replace", "topk", "not", "strict"]
        for name in functions {
            #expect(parse("{\(name)=\"x\"} | \(name)=\"y\" | unwrap \(name)").expression != nil)
            #expect(parse("sum by (\(name)) (rate({\(name)=\"x\"}[1m]))").expression != nil)
        }
        for name in ["by", "json", "OFFSET", "group_left", "unwrap", "Drop"] {
            #expect(parse("{\(name)=\"x\"}").expression == nil)
            #expect(parse("{job=\"x\"} | \(name)=\"y\"").expression == nil)
        }
    }

    @Test(
        "the selector's rule sees through the syntax of a regex",
        arguments: [
            ("", true), (".*", true), ("a|.*", true), ("a|", true), ("(a|b*)", true), ("a?b{0,3}", true), ("^$", true),
            ("(?i)", true), ("(?:)", true), ("(?i:a)?", true), ("()+", true), ("a{0}", true),
            ("(?P<n>a)*?", true), (#"\b"#, true), (#"\Q\E"#, true), (".+", false), ("a", false), ("a*b", false),
            ("(a*)b", false), ("[*]", false), ("[]a]*b", false), (#"\*"#, false), ("a{1,}", false), ("a{,3}", false),
            (#"\Qa*\E"#, false), ("(a|b)", false), ("[[:alpha:]]", false), ("x*(y|z+)", false), ("(", true),
            (")", false), ("(?=x)", false), ("a{", false),
        ])
    func emptyRegexes(regex: String, matchesEmpty: Bool) {
        // An unclosed group does not compile; whoever compiles it says so.
        #expect(regexMatchesEmpty(regex) == (regex == "(" ? false : matchesEmpty))
    }

    @Test(
        "captures are found where they are captures",
        arguments: [
            ("<ip> - <_> [<ts>]", ["ip", "_", "ts"]), ("<<pri>>", ["pri"]), ("<1a> < b> <>", []), ("<a", []),
            ("<a1_><B>", ["a1_", "B"]), ("<kéy>", []),
        ])
    func captures(pattern: String, names: [String]) {
        #expect(patternCaptures(pattern).map(\.name) == names)
    }

    @Test(
        "named groups are found in regexes",
        arguments: [
            ("(?P<a>x)(?<b>y)(z)", ["a", "b"]), (#"\(?P<a>x"#, []), ("[(?P<a>x)]", []),
            ("(?P<a>(?P<b>x))", ["a", "b"]), ("(?<=a)", []), (#"\Q(?P<a>x)\E"#, []), (#"\\(?P<a>x)"#, ["a"]),
        ])
    func groups(regex: String, names: [String]) {
        #expect(regexGroupNames(regex) == names)
    }

    @Test(
        "paths into JSON",
        arguments: [
            ("a.b", [.key("a"), .key("b")]), ("a[0].b", [.key("a"), .index(0), .key("b")]),
            (#"["a b"].c"#, [.key("a b"), .key("c")]), ("[1][2]", [.index(1), .index(2)]),
            (#"a["b"]"#, [.key("a"), .key("b")]),
            ("a..b", nil), ("a.", nil), (".a", nil), ("", nil), ("a[x]", nil), ("a[-1]", nil), ("a[0", nil),
            (#"["a]"#, nil), ("a b", nil), ("a[99999999999999999999]", nil), ("a[", nil),
        ] as [(String, [JSONPathStep]?)])
    func paths(path: String, steps: [JSONPathStep]?) {
        let parsed = parseJSONPath(path)
        #expect((parsed.problem == nil ? parsed.steps : nil) == steps)
    }
}
