import Diagnostics
import Engine
import Records
import Testing

@Suite struct WindowZeroTests {
    private static let expr = #"sum by (u) (count_over_time({job="x"} | json [30s]))"#

    private func rule(idle: Int64? = nil) throws -> RuleDefinition {
        let nanoseconds = idle.map { $0 * 1_000_000_000 }
        var definition = try EngineTests.rule(.record, "r", Self.expr, interval: 15, idle: nanoseconds)
        definition.zero = true
        return definition
    }

    @Test("a series is 0 while its window is empty and lines of its selector come, and goes with them")
    func alive() throws {
        var mill = try Mill([rule()])
        mill.feed([#"{"u":"a"}"#], at: 1_000)
        #expect(mill.evaluate(at: 1_005) == [#"r{u="a"}"#: "1"])
        mill.feed([#"{"u":"b"}"#], at: 1_060)
        #expect(mill.evaluate(at: 1_065) == [#"r{u="a"}"#: "0", #"r{u="b"}"#: "1"])
        mill.feed(["not even JSON"], at: 1_100)
        #expect(mill.evaluate(at: 1_110) == [#"r{u="a"}"#: "0", #"r{u="b"}"#: "0"])
        #expect(mill.evaluate(at: 1_155) == [:])
        mill.feed([#"{"u":"b"}"#], at: 1_160)
        #expect(mill.evaluate(at: 1_170) == [#"r{u="b"}"#: "1"])
    }

    @Test("with 'idle' a series is 0 until its own last entry is that old")
    func idle() throws {
        var mill = try Mill([rule(idle: 120)])
        mill.feed([#"{"u":"a"}"#], at: 1_000)
        mill.feed([#"{"u":"b"}"#], at: 1_060)
        #expect(mill.evaluate(at: 1_110) == [#"r{u="a"}"#: "0", #"r{u="b"}"#: "0"])
        #expect(mill.evaluate(at: 1_140) == [#"r{u="b"}"#: "0"])
        #expect(mill.evaluate(at: 1_200) == [:])
    }

    @Test(
        "'zero' is refused where nothing is counted",
        arguments: [#"max_over_time({job="x"} | unwrap v [30s])"#, "vector(1)", #"absent_over_time({job="x"}[30s])"#])
    func refused(expr: String) throws {
        var definition = try EngineTests.rule(.record, "r", expr)
        definition.zero = true
        let (plan, problems) = Planner.plan([definition])
        #expect(plan == nil)
        #expect(problems.contains { $0.diagnostic.message.contains("'zero' needs") })
    }
}
