import Engine
import Fuzzing
import LogQL
import Records
import Testing

/// Queries made to cost much. The bounds are generous: they are for a debug build under a sanitizer beside others, and
/// tell what is linear from what is not.
@Suite("Hostile queries", .serialized)
struct HostileQueryTests {
    static let most = Duration.seconds(30)

    struct Hostile: Sendable, CustomTestStringConvertible {
        var text: String
        var line = Array("a=1 b=2 msg=\"aaaa\"".utf8)
        var pod = "p1"
        /// Part of the message it is refused with; nil where it has an answer.
        var refusal: String?

        var testDescription: String { "\(text.prefix(60)) (\(text.utf8.count) bytes)" }

        init(_ text: String, refusal: String? = nil) { (self.text, self.refusal) = (text, refusal) }

        init(_ before: String, _ repeated: String, _ count: Int, _ after: String = "", refusal: String? = nil) {
            self.init(before + String(repeating: repeated, count: count) + after, refusal: refusal)
        }

        init(_ before: String, _ part: (Int) -> String, _ count: Int, _ after: String = "", refusal: String? = nil) {
            self.init(before + (0..<count).map(part).joined() + after, refusal: refusal)
        }

        func over(_ line: String, pod: String = "p1") -> Hostile {
            var hostile = self
            (hostile.line, hostile.pod) = (Array(line.utf8), pod)
            return hostile
        }
    }

    private static let selector = #"{job="x"}"#
    private static let many9 = String(repeating: "9", count: 400)

    static let long: [Hostile] = [
        Hostile(#"{job="x""#, { ",a\($0)!=\"y\"" }, 9_000, "}"),
        Hostile(#"{job="x""#, { ",a\($0)=~\".*\"" }, 8_000, "}"),
        Hostile(#"{job="x""#, ",pod=~\".+\"", 9_000, "}"),
        Hostile(selector, #" |= "a""#, 1_000), Hostile(selector, #" != "zz""#, 1_000),
        Hostile(selector, #" |~ "a+""#, 1_000), Hostile(selector + #" |= "a""#, #" or "b""#, 12_000),
        Hostile(selector, " | json", 1_000), Hostile(selector, " | logfmt", 1_000),
        Hostile(selector, " | unpack", 1_000), Hostile(selector, " | decolorize", 1_000),
        Hostile(selector, " | drop a", 1_000), Hostile(selector, " | keep a", 1_000),
        Hostile(selector + " | drop b", { ",a\($0)" }, 12_000, refusal: "too many label names"),
        Hostile(selector, " | label_format a=b", 1_000),
        Hostile(selector + " | label_format z=b", { ",a\($0)=b" }, 9_000, refusal: "too many label names"),
        Hostile(selector, " | logfmt | a=1", 500), Hostile(selector + " | logfmt | a=1", " or a=1", 1_900),
        Hostile(selector + #" | json a="b""#, { ",a\($0)=\"b.c[\($0)]\"" }, 5_000, refusal: "too many label names"),
        Hostile(selector + #" | logfmt a="b""#, { ",a\($0)=\"b\($0)\"" }, 6_000, refusal: "too many label names"),
        Hostile(selector + #" | pattern "<z>"#, { " <a\($0)>" }, 12_000, "\"", refusal: "too many label names"),
        Hostile(selector + #" | regexp "(?P<z>a)"#, { "(?P<a\($0)>a?)" }, 4_000, "\""),
        Hostile("1", "+1", 490),
        Hostile("count_over_time({job=\"x\"}[1m])", "+count_over_time({job=\"x\"}[1m])", 490),
        Hostile("", "sum(", 150, "count_over_time({job=\"x\"}[1m])" + String(repeating: ")", count: 150)),
        Hostile(
            "sum by (a", { ",a\($0)" }, 12_000, #") (count_over_time({job="x"}[1m]))"#, refusal: "too many label names"),
        Hostile("1 + on (a", { ",a\($0)" }, 12_000, ") vector(1)"),
        Hostile("", "(", 50_000, "1" + String(repeating: ")", count: 50_000), refusal: "too deeply nested"),
        Hostile("1", " * 1", 20_000, refusal: "too many operators"),
        Hostile(selector + " | logfmt | a=1", " or a=1", 15_000, refusal: "too many operators"),
        Hostile(selector + " | drop b", { ",a\($0)" }, 4_000),
        Hostile(selector + #" | json a="b""#, { ",a\($0)=\"b.c[\($0)]\"" }, 3_500),
        Hostile(selector + " | drop ", "x", 2_000, refusal: "a label name may have"),
        Hostile(selector + #" | regexp "(?P<"#, "x", 2_000, ">a)\"", refusal: "name"),
        Hostile(selector, #" |= "a""#, 10_000, refusal: "too many stages"),
        Hostile("1", " + 1", 33_000, refusal: "too long"),
    ]

    static let regexes: [Hostile] = [
        Hostile(selector + " |~ `((((a*)*)*)*)*b`").over(String(repeating: "a", count: 5_000)),
        Hostile(selector + " |~ `(a+)+$`").over(String(repeating: "a", count: 5_000) + "!"),
        Hostile(selector + " |~ `(a|aa)+$`").over(String(repeating: "a", count: 5_000) + "!"),
        Hostile(selector + " |~ `(.*)*x`").over(String(repeating: "y", count: 5_000)),
        Hostile(selector + " !~ `(x+x+)+y`").over(String(repeating: "x", count: 5_000)),
        Hostile(selector + " | regexp `(?P<g>(a+)+)$`").over(String(repeating: "a", count: 5_000) + "!"),
        Hostile(selector + #" | logfmt | msg=~"(a+)+b""#).over("msg=" + String(repeating: "a", count: 5_000)),
        Hostile(#"{job="x",pod=~"(a+)+b"}"#).over("x", pod: String(repeating: "a", count: 1_000)),
        Hostile(#"label_replace(count_over_time({job="x"}[1m]),"z","$1","pod","(a+)+b")"#)
            .over("x", pod: String(repeating: "a", count: 1_000)),
        Hostile(selector + " |~ `", "a", 64_000, "`"), Hostile(selector + " |~ `", "a?", 16_000, "`"),
        Hostile(selector + " |~ `x", "|ab", 20_000, "`", refusal: ""),
        Hostile(selector + " |~ `", { "k\($0)|" }, 8_000, "z`", refusal: ""),
        Hostile(selector + " |~ `", "(?i)é", 9_000, "`"), Hostile(selector + " |~ `", "[", 60_000, "`", refusal: "]"),
        Hostile(selector + " |~ `", "(", 60_000, "`", refusal: ")"),
        Hostile(selector + " |~ `", "(", 20_000, "a" + String(repeating: ")*", count: 20_000) + "`", refusal: ""),
        Hostile(selector + " |~ `(", "(a{1,1000}){1,1000}", 3, "){1000}`", refusal: ""),
        Hostile(selector + " |~ `a{\(many9)}`", refusal: ""), Hostile(selector + " |~ `\\x{\(many9)}`", refusal: ""),
        Hostile(selector + " |~ `(?", "i", 60_000, ")a`"),
    ]

    static let numbers: [Hostile] = [
        Hostile("vector(\(many9))", refusal: ""), Hostile("vector(1e308) * 1e308"), Hostile("0.\(many9)"),
        Hostile("topk(\(many9), count_over_time({job=\"x\"}[1m]))", refusal: ""),
        Hostile("topk(1e18, count_over_time({job=\"x\"}[1m]))", refusal: ""),
        Hostile("topk(9223372036854775808, count_over_time({job=\"x\"}[1m]))", refusal: ""),
        Hostile("count_over_time({job=\"x\"}[\(many9)s])", refusal: ""),
        Hostile("count_over_time({job=\"x\"}[293y])", refusal: ""),
        Hostile("count_over_time({job=\"x\"}[1m] offset \(many9)s)", refusal: ""),
        Hostile(selector + " | logfmt | a > \(many9)", refusal: ""),
        Hostile(selector + " | logfmt | a > 1\(many9)h", refusal: ""),
        Hostile(selector + " | logfmt | a > \(many9)GB", refusal: ""),
        Hostile(selector + " | logfmt | a > 1").over("a=\(many9) b=1e\(many9)"),
        Hostile(selector + " | logfmt | a > 1s").over("a=\(many9)s b=1e\(many9)"),
        Hostile(selector + " | logfmt | a > 1B").over("a=\(many9)GB b=1e\(many9)"),
        Hostile(selector + " | json | a > 1").over("{\"a\":\(many9),\"b\":1e\(many9)}"),
    ]

    private func check(_ hostile: Hostile) {
        let took = threadTime {
            switch AskedLines.answer(hostile.text, [hostile.line, hostile.line], pod: hostile.pod) {
            case .result: #expect(hostile.refusal == nil, "answered")
            case .failed(let message):
                #expect(hostile.refusal.map { message.contains($0) } ?? false, "\(message.prefix(300))")
                #expect(message.count > 10)
            }
        }
        #expect(took < Self.most)
    }

    @Test("queries of a hundred thousand characters are refused or answered in bounded time", arguments: long)
    func longQueries(_ hostile: Hostile) { check(hostile) }

    @Test("expressions that backtrack without end or are huge are given up", arguments: regexes)
    func explodingRegexes(_ hostile: Hostile) { check(hostile) }

    @Test("numbers of four hundred digits are refused where they count", arguments: numbers)
    func hugeNumbers(_ hostile: Hostile) { check(hostile) }

    private static let metrics = [
        "topk(9223372036854775807, count_over_time({job=\"x\"}[1m]))",
        "bottomk(4611686018427387904, count_over_time({job=\"x\"}[1m]))", "count_over_time({job=\"x\"}[292y])",
        "count_over_time({job=\"x\"}[1ms])", "count_over_time({job=\"x\"}[1m] offset 292y)",
        "count_over_time({job=\"x\"}[1m] offset -292y)", "rate({job=\"x\"}[292y] offset 292y)",
        "rate_counter({job=\"x\"} | logfmt | unwrap a [292y])", "absent_over_time({job=\"x\"}[292y])",
        "quantile_over_time(1e308, {job=\"x\"} | logfmt | unwrap a [1m])",
        "quantile_over_time(-1e308, {job=\"x\"} | logfmt | unwrap a [1m])",
        "sum_over_time({job=\"x\"} | logfmt | unwrap n [1m])", "stddev_over_time({job=\"x\"} | logfmt | unwrap a [1m])",
        "sum_over_time({job=\"x\"} | logfmt | unwrap duration(n) [1m])",
        "sum_over_time({job=\"x\"} | logfmt | unwrap bytes(n) [1m])", "count_over_time({job=\"x\"}[1m]) % 0",
        "count_over_time({job=\"x\"}[1m]) ^ 1e308", "vector(1) / 0",
    ]

    private static let instants: [Int64] = [.min, .min + 1, -1, 0, 1, AskedLines.start, .max - 1, .max]

    @Test("ranges, offsets and instants at the ends of time are answered or refused", arguments: metrics)
    func endsOfTime(text: String) {
        let many9 = Array("a=1 n=\(Self.many9)".utf8)
        let lines = [many9, Array("a=2 n=-1".utf8), Array("a=-1e308".utf8), many9]
        for instant in Self.instants {
            switch AskedLines.answer(text, lines, at: instant) {
            case .result(.vector(let samples)): #expect(samples.count <= 4)
            case .result(.scalar), .result(.matrix), .result(.streams): break
            case .failed(let message): #expect(message.count > 10)
            }
        }
    }

    @Test(
        "steps that overflow, stand still or are too many are answered or refused",
        arguments: metrics.filter { parse($0).expression != nil })
    func steps(text: String) throws {
        let expression = try #require(parse(text).expression)
        let batches = AskedLines.batches([Array("a=1".utf8), Array("a=2".utf8)])
        let hour = AskedLines.start + 3_600 * AskedLines.second
        let times: [(Int64, Int64, Int64)] = [
            (.min, .max, 1), (.min, .max, .max), (0, .max, 1), (AskedLines.start, hour, 0),
            (AskedLines.start, hour, -1),
            (AskedLines.start, hour, .min), (AskedLines.start, hour, .max), (hour, AskedLines.start, 1),
            (.max, .max, .max), (.max - 1, .max, 1), (.min, .min + 1, 1), (AskedLines.start, hour, 1),
        ]
        for (start, end, step) in times {
            let range = QueryTimes.range(
                start: Timestamp(nanoseconds: start), end: Timestamp(nanoseconds: end), step: step)
            switch AskedLines.answer(expression, range, batches) {
            case .result(.matrix(let series)):
                #expect(series.allSatisfy { $0.points.count <= 50_000 }, "\(start) \(end) \(step)")
            case .result(.scalar), .result(.vector), .result(.streams): break
            case .failed(let message): #expect(message.count > 10)
            }
        }
    }
}
