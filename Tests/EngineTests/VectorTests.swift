import Diagnostics
import Engine
import LogQL
import Records
import Testing

/// The vector side over four series: `c` counts 1, 2, 3 and 4 lines of `{app="a", pod="1"}`, `{app="a", pod="2"}`,
/// `{app="b", pod="1"}` and `{app="b", pod="3"}`.
@Suite struct VectorTests {
    private static let instant: Int64 = 1_000_000_000_000
    static let c = #"count_over_time({app=~"a|b"}[1m])"#

    /// The answer in its order, as `{labels} value`.
    private func answer(_ expr: String) throws -> [String] {
        let definition = try rule(.record, "r", expr)
        let (made, problems) = Planner.plan([definition], options: PlanOptions(span: QuerySpan(at: Self.instant)))
        let plan = try #require(made, "\(problems.map(\.diagnostic.message))")
        var program = Program(plan, seed: 3)
        let streams = StreamTable()
        var builder = LineBatchBuilder(capacity: 1_024)
        for (number, labels) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "3")].enumerated() {
            let stream = streams.stream(for: LabelSet([Label("app", labels.0), Label("pod", labels.1)]))!
            let index = builder.index(of: stream)!
            for line in 0...number {
                builder.addLine(
                    builder.append(Array("v=\(line)".utf8)), time: Timestamp(nanoseconds: Self.instant - Int64(line)),
                    stream: index)
            }
        }
        program.ingest(builder.seal(), at: Timestamp(nanoseconds: Self.instant))
        let windows = program.evaluate(group: "g", at: Timestamp(nanoseconds: Self.instant))
        switch try plan.evaluate(rule: 0, [windows]) {
        case .scalar(let value): return ["\(value)"]
        case .vector(let elements): return elements.map { "\($0.labels.text) \($0.value)" }
        }
    }

    @Test(
        "aggregations, operators and functions give what Loki gives",
        arguments: [
            ("sum(C)", ["{} 10.0"]),
            ("avg by (app) (C)", [#"{app="a"} 1.5"#, #"{app="b"} 3.5"#]),
            ("max without (pod) (C)", [#"{app="a"} 2.0"#, #"{app="b"} 4.0"#]),
            ("stdvar(C)", ["{} 1.25"]),
            ("count by (app, nosuch) (C)", [#"{app="a"} 2.0"#, #"{app="b"} 2.0"#]),
            ("topk(1, C) by (app)", [#"{app="a", pod="2"} 2.0"#, #"{app="b", pod="3"} 4.0"#]),
            ("bottomk(2, C)", [#"{app="a", pod="1"} 1.0"#, #"{app="a", pod="2"} 2.0"#]),
            (
                "sort_desc(C)",
                [
                    #"{app="b", pod="3"} 4.0"#, #"{app="b", pod="1"} 3.0"#, #"{app="a", pod="2"} 2.0"#,
                    #"{app="a", pod="1"} 1.0"#,
                ]
            ),
            ("sum by (app) (C) / sum by (app) (C)", [#"{app="a"} 1.0"#, #"{app="b"} 1.0"#]),
            (
                "C / on (app) group_left sum by (app) (C)",
                [
                    #"{app="a", pod="1"} 0.3333333333333333"#, #"{app="a", pod="2"} 0.6666666666666666"#,
                    #"{app="b", pod="1"} 0.42857142857142855"#, #"{app="b", pod="3"} 0.5714285714285714"#,
                ]
            ),
            (
                "sum by (app) (C) - ignoring (pod) group_right C",
                [
                    #"{app="a", pod="1"} 2.0"#, #"{app="a", pod="2"} 1.0"#, #"{app="b", pod="1"} 4.0"#,
                    #"{app="b", pod="3"} 3.0"#,
                ]
            ),
            (
                #"max by (pod) (C) + on (pod) group_left (app) sum by (app, pod) (C > 1 < 3)"#,
                [#"{app="a", pod="2"} 4.0"#]
            ),
            (
                "sum by (app) (C) > on (app) group_right C",
                [
                    #"{app="a", pod="1"} 3.0"#, #"{app="a", pod="2"} 3.0"#, #"{app="b", pod="1"} 7.0"#,
                    #"{app="b", pod="3"} 7.0"#,
                ]
            ),
            ("C and on (pod) sum by (pod) (C > 3)", [#"{app="b", pod="3"} 4.0"#]),
            ("C unless on (pod) sum by (pod) (C > 2)", [#"{app="a", pod="2"} 2.0"#]),
            (
                "sum by (pod) (C > 3) or on (pod) sum by (pod) (C)",
                [#"{pod="1"} 4.0"#, #"{pod="2"} 2.0"#, #"{pod="3"} 4.0"#]
            ),
            ("sum(C > 100) or vector(0)", ["{} 0.0"]),
            ("3 < C", [#"{app="b", pod="3"} 4.0"#]),
            ("sum(C) >= bool 11", ["{} 0.0"]),
            ("2 ^ 3 ^ 2 - 12 % 5", ["510.0"]),
            ("1 > 2", ["0.0"]),
            ("sum(C) / 0", ["{} nan"]),
            (
                #"label_replace(sum by (app) (C), "x", "${2}-$1$$$3$nosuch", "app", "(a)|(b)")"#,
                [#"{app="a", x="-a$"} 3.0"#, #"{app="b", x="b-$"} 7.0"#]
            ),
            (
                #"label_replace(sum by (app) (C), "app", "", "app", "a")"#, ["{} 3.0", #"{app="b"} 7.0"#]
            ),
            (
                #"label_replace(sum by (app) (C), "x", "$n!$ ${", "app", "(?P<n>[b-z])")"#,
                [#"{app="a"} 3.0"#, #"{app="b", x="b!$ ${"} 7.0"#]
            ),
            ("sum by (app) (C) + sum by (app) (C) * sum by (app) (C)", [#"{app="a"} 12.0"#, #"{app="b"} 56.0"#]),
        ])
    func answers(expr: String, expected: [String]) throws {
        #expect(try answer(expr.replacing("C", with: Self.c)) == expected)
    }

    @Test(
        "series that do not match as the expression wants it are an error in Loki's words",
        arguments: [
            (
                "C + on (app) sum by (app) (C)",
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            ),
            (
                "sum by (app) (C) + on (app) C",
                "found duplicate series on the right hand-side;many-to-many matching not allowed: matching labels must be unique on one side"
            ),
            (
                "C + on (app) group_right C",
                "found duplicate series on the left hand-side;many-to-many matching not allowed: matching labels must be unique on one side"
            ),
        ])
    func errors(expr: String, message: String) throws {
        #expect(throws: EvaluationError(message: message)) {
            try answer(expr.replacing("C", with: Self.c))
        }
        // Without data nothing fails to match.
        #expect(try answer(expr.replacing("C", with: #"count_over_time({app="nosuch"}[1m])"#)) == [])
    }

    @Test("a rule that cannot be evaluated does not keep the others of its group from it")
    func groups() throws {
        var mill = try Mill([
            rule(
                .record, "bad",
                "X + on (job) X".replacing("X", with: #"count_over_time({job="x"} | json [30s])"#)),
            rule(.record, "good", #"sum(count_over_time({job="x"}[30s]))"#),
        ])
        mill.feed([#"{"u":"a"}"#, #"{"u":"b"}"#], at: 1_000)
        let instant = Timestamp(nanoseconds: 1_005_000_000_000)
        let result = mill.program.plan.evaluate(
            group: "g", at: instant, [mill.program.evaluate(group: "g", at: instant)])
        #expect(Mill.text(result.families) == ["good{}": "2"])
        #expect(result.errors.map(\.rule) == ["bad"])
        #expect(result.errors[0].error.message.hasPrefix("found duplicate series"))
    }

    @Test(
        "what cannot be evaluated is refused when planned",
        arguments: [
            (#"approx_topk(3, count_over_time({a="b"}[1m]))"#, "'approx_topk' cannot be evaluated"),
            (
                #"label_replace(count_over_time({a="b"}[1m]), "x", "y", "z", "(\\C)")"#,
                "does not compile"
            ),
        ])
    func refused(expr: String, message: String) throws {
        let (plan, problems) = Planner.plan([try rule(.record, "r", expr)])
        #expect(plan == nil)
        #expect(problems.contains { $0.diagnostic.message.contains(message) })
    }

    @Test("equal range aggregations of a rule are computed once")
    func shared() throws {
        let expr = "sum by (app) (C) / (sum by (app) (C) + sum by (pod) (C))".replacing("C", with: Self.c)
        var mill = try Mill([rule(.record, "r", expr)])
        mill.feed(["line"], labels: ["app": "a", "pod": "1"])
        #expect(mill.counts().matched == 2)
    }
}
