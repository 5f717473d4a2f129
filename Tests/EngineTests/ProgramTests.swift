import Diagnostics
import Engine
import LogQL
import Records
import Testing

@Suite struct ProgramTests {
    static let ingress = [
        #"{"host":"a.example","method":"GET","status":200,"bytes_sent":10,"request_time":0.003,"geo":{"country":"DE"}}"#,
        #"{"host":"a.example","method":"POST","status":500,"bytes_sent":20,"request_time":0.250}"#,
        #"{"host":"b.example","method":"GET","status":200,"bytes_sent":30,"request_time":9.5}"#,
        #"{"host":"b.example","method":"GET","status":200,"bytes_sent":"x","request_time":"-"}"#,
        #"{"host":"b.example","method":"G"#,
    ]

    @Test("three rules over one stream count the same lines, each its own way")
    func threeKinds() throws {
        var mill = try Mill([
            rule(.counter, "requests_total", #"{job="x"} | json | __error__="""#, by: ["host", "method", "status"]),
            rule(.counter, "bytes_total", #"{job="x"} | json | unwrap bytes_sent"#, by: ["host"]),
            rule(
                .histogram(buckets: [0.005, 0.25, 1]), "seconds", #"{job="x"} | json | unwrap request_time"#,
                by: ["host"]),
        ])
        mill.feed(Self.ingress)
        #expect(
            mill.series() == [
                #"requests_total{host="a.example", method="GET", status="200"}"#: "1",
                #"requests_total{host="a.example", method="POST", status="500"}"#: "1",
                #"requests_total{host="b.example", method="GET", status="200"}"#: "2",
                #"bytes_total{host="a.example"}"#: "30",
                #"bytes_total{host="b.example"}"#: "30",
                #"seconds{host="a.example"}"#: "1 1 0 0 sum 0.253",
                #"seconds{host="b.example"}"#: "0 0 0 1 sum 9.5",
            ])
        let counts = mill.counts(1)
        #expect(counts.seen == 5)
        #expect(counts.matched == 3)
        #expect(counts.failed(.sampleExtraction) == 1)
        // The broken line ends before the field: it is no sample, and so it is filtered, not failed.
        #expect(counts.filtered == 1)
        #expect(mill.counts(0).filtered == 1)
    }

    @Test("a line with an error does not count unless the error is looked at, dropped or grouped by")
    func errors() throws {
        var mill = try Mill([
            rule(.counter, "all_total", #"{job="x"} | json"#),
            rule(.counter, "dropped_total", #"{job="x"} | json | drop __error__, __error_details__"#),
            rule(.counter, "errors_total", #"{job="x"} | json"#, by: ["__error__"]),
            rule(.counter, "broken_total", #"{job="x"} | json | __error__!="" | drop __error__"#),
            rule(.counter, "looked_total", #"{job="x"} | json | __error__=~"JSON.*""#),
        ])
        mill.feed(Self.ingress + [""])
        #expect(
            mill.series() == [
                "all_total{}": "4", "dropped_total{}": "6", "errors_total{}": "4", "broken_total{}": "2",
                "looked_total{}": "2",
                #"errors_total{__error__="JSONParserErr"}"#: "2",
            ])
        #expect(mill.counts(0).failed(.json) == 2)
    }

    @Test("selectors choose streams, and the code of others is not run")
    func selectors() throws {
        var mill = try Mill([
            rule(.counter, "prod_total", #"{job=~"x|y", env!="dev"}"#, by: ["job"]),
            rule(.counter, "none_total", #"{job="z"}"#),
        ])
        mill.feed(["1", "2"], labels: ["job": "x"])
        mill.feed(["3"], labels: ["job": "y", "env": "prod"])
        mill.feed(["4"], labels: ["job": "y", "env": "dev"])
        #expect(mill.series() == [#"prod_total{job="x"}"#: "2", #"prod_total{job="y"}"#: "1"])
        let partial = mill.program.collect(at: Timestamp(nanoseconds: 0))
        #expect(partial.linesEvaluated == 4)
        #expect(partial.linesUnmatched == 1)
    }

    @Test(
        "label filters decide as Loki's do",
        arguments: [
            (#"| json | status>=500"#, 1), (#"| json | status!=200"#, 1), (#"| json | missing!=1"#, 0),
            (#"| json | missing="""#, 4), (#"| json | host=~"a[.].*""#, 2), (#"| json | host=~"a.*""#, 3),
            (#"| json | method=~"GE""#, 0),
            (#"| json | method="GET" or status=500 | __error__="""#, 4),
            (#"| json | method="GET", bytes_sent>15 | __error__="""#, 1), (#"|= "POST" | json"#, 1),
            (#"!= "POST" | json"#, 2), (#"|~ "P.ST|b.exa" | json"#, 2), (#"| json | geo_country="DE""#, 1),
            (#"| json | label_format where=host | where="a.example""#, 2),
            (#"| json | label_format where=host | host="a.example""#, 0),
            (#"| json | drop host | host="""#, 3), (#"| json | keep host | method="""#, 3),
        ])
    func filters(pipeline: String, expected: Int) throws {
        var mill = try Mill([rule(.counter, "n_total", #"{job="x"} "# + pipeline)])
        mill.feed(
            Array(Self.ingress.prefix(3))
                + (pipeline.contains("__error__") || pipeline.contains("missing=\"") ? [Self.ingress[3]] : []))
        #expect(Int(mill.counts().matched) == expected)
    }

    @Test("a label that the stream has already is stored as _extracted")
    func collision() throws {
        var mill = try Mill([
            rule(.counter, "n_total", #"{job="x"} | json"#, by: ["host", "host_extracted"])
        ])
        mill.feed(Array(Self.ingress.prefix(1)), labels: ["job": "x", "host": "pod-1"])
        #expect(mill.series() == [#"n_total{host="pod-1", host_extracted="a.example"}"#: "1"])
    }

    @Test("structured metadata can be filtered and grouped by, and beats a parsed label")
    func metadata() throws {
        var mill = try Mill([
            rule(.counter, "n_total", #"{job="x"} | json | level="warn""#, by: ["level", "host"])
        ])
        mill.feed([(#"{"level":"info","host":"h"}"#, 1)], metadata: ["level": "warn"])
        mill.feed([(#"{"level":"info","host":"h"}"#, 2)])
        #expect(mill.series() == [#"n_total{host="h", level="warn"}"#: "1"])
    }

    @Test("regexp takes named groups; a line that does not match passes without labels")
    func regexp() throws {
        var mill = try Mill([
            rule(
                .counter, "n_total",
                #"{job="x"} | regexp "^(?P<method>\\S+) (?P<path>\\S+) (?P<status>\\d+)$" | status!="""#,
                by: ["method", "status"])
        ])
        mill.feed(["GET / 200", "GET /x 404", "hello", "POST /y 200"])
        #expect(
            mill.series() == [
                #"n_total{method="GET", status="200"}"#: "1", #"n_total{method="GET", status="404"}"#: "1",
                #"n_total{method="POST", status="200"}"#: "1",
            ])
    }

    @Test("series beyond the limit share one, and nothing is lost")
    func overflow() throws {
        var mill = try Mill([rule(.counter, "n_total", #"{job="x"} | json"#, by: ["user"], limit: 2)])
        mill.feed((0..<10).map { #"{"user":"u\#($0)"}"# })
        #expect(
            mill.series() == [
                #"n_total{user="u0"}"#: "1", #"n_total{user="u1"}"#: "1", #"n_total{user="__overflow__"}"#: "8",
            ])
        let partial = mill.program.collect(at: Timestamp(nanoseconds: 0))
        #expect(partial.overflowUpdates == [8])
    }

    @Test("initial series are there at 0, and static labels are on every series")
    func initial() throws {
        var mill = try Mill([
            rule(
                .counter, "n_total", #"{job="x"} | json"#, by: ["user"], initial: [LabelSet([Label("user", "a")])],
                labels: LabelSet([Label("team", "web")]))
        ])
        #expect(mill.series() == [#"n_total{team="web", user="a"}"#: "0"])
        mill.feed([#"{"user":"a"}"#, #"{"user":"b"}"#])
        #expect(mill.series() == [#"n_total{team="web", user="a"}"#: "1", #"n_total{team="web", user="b"}"#: "1"])
    }

    @Test(
        "gauges keep what they are told to",
        arguments: [
            (RuleDefinition.GaugeOperation.last, "5"), (.min, "3"), (.max, "9"), (.sum, "17"), (.inc, "17"),
            (.dec, "-17"),
        ])
    func gauges(operation: RuleDefinition.GaugeOperation, expected: String) throws {
        var mill = try Mill([rule(.gauge(operation), "depth", #"{job="x"} | json | unwrap depth"#)])
        mill.feed([#"{"depth":3}"#, #"{"depth":9}"#, #"{"depth":5}"#])
        #expect(mill.series() == ["depth{}": expected])
    }

    @Test("a counter never goes down: negative and infinite values are counted as failed")
    func negative() throws {
        var mill = try Mill([rule(.counter, "n_total", #"{job="x"} | json | unwrap v"#)])
        mill.feed([#"{"v":1}"#, #"{"v":-1}"#, #"{"v":"inf"}"#, #"{"v":"nan"}"#, #"{"v":2}"#])
        #expect(mill.series() == ["n_total{}": "3"])
        #expect(mill.counts().failed(.negative) == 1)
        #expect(mill.counts().failed(.notFinite) == 2)
    }

    @Test("escaped strings are one label value however they are spelled")
    func escapes() throws {
        var mill = try Mill([rule(.counter, "n_total", #"{job="x"} | json"#, by: ["u"])])
        mill.feed([#"{"u":"Zürich"}"#, #"{"u":"Z\u00fcrich"}"#, #"{"u":"a\"b"}"#])
        #expect(mill.series() == [#"n_total{u="Zürich"}"#: "2", #"n_total{u="a\"b"}"#: "1"])
    }

    @Test("idle series go; others stay")
    func idle() throws {
        var mill = try Mill([rule(.counter, "n_total", #"{job="x"} | json"#, by: ["u"], idle: 60_000_000_000)])
        mill.feed([#"{"u":"a"}"#], at: 1_000)
        mill.feed([#"{"u":"b"}"#], at: 1_100)
        #expect(mill.series() == [#"n_total{u="b"}"#: "1"])
    }

    @Test("an exemplar is the newest line's label in the bucket of its value")
    func exemplar() throws {
        var mill = try Mill([
            rule(
                .histogram(buckets: [1]), "s", #"{job="x"} | json | unwrap v"#,
                exemplar: [.init(label: "trace_id", field: "trace")])
        ])
        mill.feed([#"{"v":0.5,"trace":"abc"}"#, #"{"v":3,"trace":"def"}"#])
        let partial = mill.program.collect(at: Timestamp(nanoseconds: 0))
        let family = try #require(mill.program.plan.families([partial]).first)
        guard case .histogram(let histogram) = family.series[0].value else {
            Issue.record("no histogram")
            return
        }
        #expect(histogram.exemplars[0] == nil)
        #expect(histogram.exemplars[1]?.labels.text == #"{trace_id="def"}"#)
        #expect(histogram.exemplars[1]?.value == 3)
    }

    @Test("a reload keeps the series of unchanged rules and starts changed ones anew")
    func reload() throws {
        let same = try rule(.counter, "same_total", #"{job="x"} | json"#, by: ["u"])
        let windows = try rule(.record, "w", #"count_over_time({job="x"} | json [60s])"#)
        var mill = try Mill([same, rule(.counter, "other_total", #"{job="x"}"#), windows])
        mill.feed([#"{"u":"a"}"#], at: 1_000)
        let plan = try Mill.plan([
            rule(.counter, "other_total", #"{job="x"} |= "u""#),
            rule(.counter, "new_total", #"{job="x"} | json"#, by: ["z"]),
            windows, same,
        ])
        mill = mill.reloaded(plan)
        mill.feed([#"{"u":"a"}"#, #"{"u":"b"}"#], at: 1_001)
        #expect(
            mill.series() == [
                #"same_total{u="a"}"#: "2", #"same_total{u="b"}"#: "1", "other_total{}": "2", "new_total{}": "2",
            ])
        #expect(mill.evaluate(at: 1_005) == [#"w{job="x", u="a"}"#: "2", #"w{job="x", u="b"}"#: "1"])
    }

    @Test("any batching of the same lines gives the same series")
    func batching() throws {
        let rules = [
            try rule(.counter, "n_total", #"{job="x"} | json"#, by: ["host", "status"]),
            try rule(.histogram(buckets: [0.1, 1]), "s", #"{job="x"} | json | unwrap request_time | __error__="""#),
        ]
        var whole = try Mill(rules)
        let lines = (0..<200).map { Self.ingress[$0 % 5] }
        whole.feed(lines)
        var pieces = try Mill(rules)
        var rest = lines[...]
        var size = 1
        while !rest.isEmpty {
            pieces.feed(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            size = size % 7 + 1
        }
        #expect(whole.series() == pieces.series())
        #expect(whole.series().count == 4)
    }

    @Test("two rules that feed one metric are one series where their labels are the same")
    func sameMetric() throws {
        var mill = try Mill([
            rule(.counter, "n_total", #"{job="x"} |= "a""#), rule(.counter, "n_total", #"{job="x"} |= "b""#),
            rule(.histogram(buckets: [1]), "s", #"{job="x"} | json | unwrap v"#),
            rule(.histogram(buckets: [1]), "s", #"{job="x"} | json | unwrap w"#),
        ])
        mill.feed([#"{"v":1,"a":1}"#, #"{"w":2,"b":1}"#, #"{"a":1,"b":1}"#])
        #expect(mill.series() == ["n_total{}": "4", "s{}": "1 1 sum 3"])
    }

    @Test("forks go back to the state before: one rule's labels are not seen by the next")
    func forks() throws {
        var mill = try Mill([
            rule(.counter, "a_total", #"{job="x"} | json | label_format u=v | u="2""#, by: ["u", "v"]),
            rule(.counter, "b_total", #"{job="x"} | json | u="1""#, by: ["u", "v"]),
            rule(.counter, "c_total", #"{job="x"} | json | drop u | u="""#, by: ["v"]),
            rule(.counter, "d_total", #"{job="x"}"#, by: ["u"]),
        ])
        mill.feed([#"{"u":1,"v":2}"#])
        #expect(
            mill.series() == [
                #"a_total{u="2"}"#: "1", #"b_total{u="1", v="2"}"#: "1", #"c_total{v="2"}"#: "1", "d_total{}": "1",
            ])
    }
}

extension Mill {
    consuming func reloaded(_ plan: Plan) -> Mill {
        let now = now
        return Mill(program: Program(plan, keeping: program, at: Timestamp(nanoseconds: now)))
    }

    private init(program: consuming Program) {
        self.program = program
    }
}
