import Diagnostics
import Engine
import LogQL
import Records
import Testing

@Suite struct WindowTests {
    /// Lines at seconds 1000, 1001, …, 1059 with `v` counting up from 0 and `u` alternating.
    static let lines = (0..<60).map { #"{"u":"\#($0 % 2 == 0 ? "a" : "b")","v":\#($0)}"# }

    @Test(
        "range aggregations give what Loki's definition gives",
        arguments: [
            (#"sum(count_over_time({job="x"}[30s]))"#, ["r{}": "30"]),
            (#"sum by (u) (count_over_time({job="x"} | json [30s]))"#, [#"r{u="a"}"#: "15", #"r{u="b"}"#: "15"]),
            (#"sum by (u) (rate({job="x"} | json [30s]))"#, [#"r{u="a"}"#: "0.5", #"r{u="b"}"#: "0.5"]),
            (#"sum(bytes_over_time({job="x"} |= "\"v\":4" [60s]))"#, ["r{}": "95"]),
            (#"sum(bytes_rate({job="x"} |= "\"v\":35" [10s] offset 5s))"#, ["r{}": "1.6"]),
            (
                #"sum by (u) (sum_over_time({job="x"} | json | unwrap v [30s]))"#,
                [#"r{u="a"}"#: "450", #"r{u="b"}"#: "435"]
            ),
            (#"avg_over_time({job="x"} | json | unwrap v [30s]) by (u)"#, [#"r{u="a"}"#: "30", #"r{u="b"}"#: "29"]),
            (#"max(max_over_time({job="x"} | json | unwrap v [30s]))"#, ["r{}": "44"]),
            (
                #"min by (u) (min_over_time({job="x"} | json | unwrap v [30s]) by (u))"#,
                [#"r{u="a"}"#: "16", #"r{u="b"}"#: "15"]
            ),
            (#"count(sum by (u) (count_over_time({job="x"} | json [30s])))"#, ["r{}": "2"]),
            (#"avg without (v, u) (sum_over_time({job="x"} | json | unwrap v [30s]))"#, [#"r{job="x"}"#: "442.5"]),
            (#"sum(count_over_time({job="x"}[30s])) / 2 > 10"#, ["r{}": "15"]),
            (
                #"sum by (u) (count_over_time({job="x"} | json | v>=43 [30s])) / on (u) sum by (u) (count_over_time({job="x"} | json [30s]))"#,
                [#"r{u="a"}"#: "0.06666666666666667", #"r{u="b"}"#: "0.06666666666666667"]
            ),
            (#"topk(1, sum by (u) (sum_over_time({job="x"} | json | unwrap v [30s])))"#, [#"r{u="a"}"#: "450"]),
        ])
    func aggregations(expr: String, expected: [String: String]) throws {
        var mill = try Mill([rule(.record, "r", expr, interval: 15)])
        // The window of 30 s at 1050 is (1020, 1050]: v from 15 to 44.
        mill.feed(Array(Self.lines.prefix(45)), at: 1_006)
        #expect(mill.evaluate(at: 1_050) == expected)
    }

    @Test("the lower bound of a window is exclusive, the upper inclusive, to the nanosecond")
    func bounds() throws {
        var mill = try Mill([rule(.record, "r", #"sum(count_over_time({job="x"}[30s]))"#, interval: 15)])
        let second: Int64 = 1_000_000_000
        mill.feed([
            ("old edge", 1_020 * second), ("in", 1_020 * second + 1), ("new edge", 1_050 * second),
            ("next", 1_050 * second + 1),
        ])
        #expect(mill.evaluate(at: 1_050) == ["r{}": "2"])
        #expect(mill.evaluate(at: 1_065) == ["r{}": "2"])
    }

    @Test("a late line lands in its pane while that is held, and is counted when it is not")
    func late() throws {
        var mill = try Mill([rule(.record, "r", #"sum(count_over_time({job="x"}[30s]))"#, interval: 15)])
        mill.feed(["now"], at: 1_060)
        mill.feed(["held"], at: 1_040)
        mill.feed(["gone"], at: 900)
        #expect(mill.evaluate(at: 1_065) == ["r{}": "2"])
        #expect(mill.counts().failed(.late) == 1)
    }

    @Test("an entry further ahead than an interval is counted, and does not push the window away")
    func ahead() throws {
        var mill = try Mill([rule(.record, "r", #"sum(count_over_time({job="x"}[30s]))"#, interval: 15)])
        mill.feed(["now"], at: 1_060)
        var builder = LineBatchBuilder(capacity: 100)
        let stream = builder.index(of: StreamTable().stream(for: LabelSet([Label("job", "x")]))!)!
        builder.addLine(
            builder.append(Array("future".utf8)), time: Timestamp(nanoseconds: 5_000 * 1_000_000_000), stream: stream)
        mill.program.ingest(builder.seal(), at: Timestamp(nanoseconds: 1_060 * 1_000_000_000))
        #expect(mill.evaluate(at: 1_065) == ["r{}": "1"])
        #expect(mill.counts().failed(.ahead) == 1)
    }

    @Test("series without a sample in the window are absent, and go")
    func absent() throws {
        var mill = try Mill([rule(.record, "r", #"sum by (u) (count_over_time({job="x"} | json [30s]))"#, interval: 15)]
        )
        mill.feed(Array(Self.lines.prefix(2)), at: 1_000)
        #expect(mill.evaluate(at: 1_005).count == 2)
        #expect(mill.evaluate(at: 1_065) == [:])
        #expect(mill.program.collect(at: Timestamp(nanoseconds: 0)).seriesCounts == [0])
    }

    @Test("panes give at every instant what a window over all lines gives", arguments: 1...20)
    func property(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let interval = Int64([5, 10, 15].randomElement(using: &random)!)
        let window = Int64([10, 20, 30, 45].randomElement(using: &random)!)
        let offset = Int64([0, 0, 5, 20].randomElement(using: &random)!)
        let tail = offset == 0 ? "" : " offset \(offset)s"
        var mill = try Mill([
            rule(
                .record, "r", #"sum by (u) (sum_over_time({job="x"} | json | unwrap v [\#(window)s]\#(tail)))"#,
                interval: interval),
            rule(
                .record, "m", #"max_over_time({job="x"} | json | unwrap v [\#(window)s]\#(tail)) by (u)"#,
                interval: interval),
        ])
        var all: [(time: Int64, u: String, v: Int)] = []
        var clock: Int64 = 1_000 * 1_000_000_000
        var next = (clock / (interval * 1_000_000_000) + 1) * interval
        for _ in 0..<300 {
            clock += Int64.random(in: 0...2_000_000_000, using: &random)
            while clock > next * 1_000_000_000 {
                let range = (next - offset - window) * 1_000_000_000..<(next - offset) * 1_000_000_000
                let inside = all.filter { $0.time > range.lowerBound && $0.time <= range.upperBound }
                var expected: [String: String] = [:]
                for (u, lines) in Dictionary(grouping: inside, by: \.u) {
                    expected[#"r{u="\#(u)"}"#] = "\(lines.map(\.v).reduce(0, +))"
                    expected[#"m{u="\#(u)"}"#] = "\(lines.map(\.v).max()!)"
                }
                #expect(mill.evaluate(at: next) == expected)
                next += interval
            }
            // Some lines are late, by no more than what is surely held.
            let late =
                Bool.random(using: &random) ? Int64.random(in: 0...interval * 1_000_000_000 / 2, using: &random) : 0
            let entry = (
                time: clock - late, u: ["a", "b", "c"].randomElement(using: &random)!,
                v: Int.random(in: 0...99, using: &random)
            )
            all.append(entry)
            mill.feed([(#"{"u":"\#(entry.u)","v":\#(entry.v)}"#, entry.time)])
        }
    }

    @Test("series with every label of their lines have keys of any length")
    func longKeys() throws {
        var mill = try Mill([rule(.record, "r", #"count_over_time({job="x"} | json [30s])"#, interval: 15)])
        // The key's buffer grows at 512 and 1,024 bytes: every length around them ends somewhere else in it.
        let lengths = Array(470...520) + Array(980...1_030)
        for _ in 0..<2 {
            mill.feed(lengths.map { (#"{"u":"\#(String(repeating: "u", count: $0))"}"#, 1_006_000_000_000) })
        }
        let series = mill.evaluate(at: 1_020)
        #expect(series.count == lengths.count)
        #expect(series.values.allSatisfy { $0 == "2" })
    }

    @Test("a range of very many intervals is refused with the arithmetic")
    func tooManyPanes() throws {
        let (plan, problems) = Planner.plan([try rule(.record, "r", #"sum(rate({job="x"}[7d]))"#, interval: 7)])
        #expect(plan == nil)
        let message = try #require(problems.first).diagnostic.message
        #expect(message.contains("range 1w and interval 7s make 86402 panes per series"), "\(message)")
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
