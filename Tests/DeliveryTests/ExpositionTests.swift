import Foundation
import Records
import Testing

@testable import Delivery

@Suite struct ExpositionTests {
    static let start = Timestamp(nanoseconds: 1_520_872_607_123_000_000)

    static func series(_ labels: [String: String], _ value: SeriesValue, created: Timestamp? = start) -> SeriesSnapshot
    {
        let labels = LabelSet(labels.map { Label($0.key, $0.value) })
        return SeriesSnapshot(identity: SeriesIdentity(labels: labels), value: value, created: created)
    }

    static let snapshot = Snapshot(
        at: start,
        families: [
            MetricFamily(
                name: "requests_total", help: "Requests, \"all\" of\nthem \\.", kind: .counter,
                series: [
                    series(["path": "/b\"\\\n", "code": "200"], .number(1_000_000)),
                    series(["path": "/a", "code": "200"], .number(0.25)),
                ]),
            MetricFamily(
                name: "queue_depth", help: "Depth.", kind: .gauge,
                series: [series([:], .number(-.infinity), created: nil)]),
            MetricFamily(
                name: "request_duration_seconds", help: "Durations.", kind: .histogram,
                series: [
                    series(
                        ["host": "h"],
                        .histogram(
                            HistogramValue(
                                bounds: [0.1, 1, 2.5e6], counts: [1, 2, 0, 3], sum: 12.5,
                                exemplars: [
                                    nil,
                                    Exemplar(
                                        labels: LabelSet([Label("trace_id", "abc")]), value: 0.67,
                                        time: Timestamp(nanoseconds: 1_520_879_607_789_000_000)),
                                    nil,
                                    Exemplar(
                                        labels: LabelSet([Label("long", String(repeating: "x", count: 125))]), value: 1,
                                        time: start),
                                ])))
                ]),
        ])

    @Test("Prometheus text has help and type, escaped, and series sorted by labels")
    func text() {
        let text = String(decoding: render(Self.snapshot, as: .text), as: UTF8.self)
        #expect(
            text == #"""
                # HELP requests_total Requests, "all" of\nthem \\.
                # TYPE requests_total counter
                requests_total{code="200",path="/a"} 0.25
                requests_total{code="200",path="/b\"\\\n"} 1000000
                # HELP queue_depth Depth.
                # TYPE queue_depth gauge
                queue_depth -Inf
                # HELP request_duration_seconds Durations.
                # TYPE request_duration_seconds histogram
                request_duration_seconds_bucket{host="h",le="0.1"} 1
                request_duration_seconds_bucket{host="h",le="1"} 3
                request_duration_seconds_bucket{host="h",le="2.5e+06"} 3
                request_duration_seconds_bucket{host="h",le="+Inf"} 6
                request_duration_seconds_sum{host="h"} 12.5
                request_duration_seconds_count{host="h"} 6

                """#)
    }

    @Test("OpenMetrics has families without _total, times of creation, exemplars that are short enough, and an end")
    func openMetrics() {
        let text = String(decoding: render(Self.snapshot, as: .openMetrics), as: UTF8.self)
        #expect(
            text == #"""
                # HELP requests Requests, \"all\" of\nthem \\.
                # TYPE requests counter
                requests_total{code="200",path="/a"} 0.25
                requests_created{code="200",path="/a"} 1520872607.123
                requests_total{code="200",path="/b\"\\\n"} 1000000
                requests_created{code="200",path="/b\"\\\n"} 1520872607.123
                # HELP queue_depth Depth.
                # TYPE queue_depth gauge
                queue_depth -Inf
                # HELP request_duration_seconds Durations.
                # TYPE request_duration_seconds histogram
                request_duration_seconds_bucket{host="h",le="0.1"} 1
                request_duration_seconds_bucket{host="h",le="1.0"} 3 # {trace_id="abc"} 0.67 1520879607.789
                request_duration_seconds_bucket{host="h",le="2.5e+06"} 3
                request_duration_seconds_bucket{host="h",le="+Inf"} 6
                request_duration_seconds_count{host="h"} 6
                request_duration_seconds_sum{host="h"} 12.5
                request_duration_seconds_created{host="h"} 1520872607.123
                # EOF

                """#)
    }

    @Test("an empty snapshot is an empty text, and in OpenMetrics its end")
    func empty() {
        let nothing = Snapshot(at: Self.start, families: [])
        #expect(render(nothing, as: .text).isEmpty)
        #expect(render(nothing, as: .openMetrics) == Array("# EOF\n".utf8))
    }

    @Test(
        "values are written so that Prometheus reads the same number",
        arguments: [
            (0, "0"), (-0.0, "0"), (42, "42"), (-7, "-7"), (1e15, "1000000000000000"), (1e21, "1e+21"), (0.1, "0.1"),
            (1e-7, "1e-07"), (.nan, "NaN"), (.infinity, "+Inf"), (-1.5, "-1.5"),
            (9_007_199_254_740_991, "9007199254740991"),
        ])
    func numbers(value: Double, text: String) {
        var writer = ExpositionWriter()
        writer.number(value)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
    }

    @Test(
        "bounds are written as Go writes them, in OpenMetrics never as integers",
        arguments: [
            (0, "0", "0.0"), (1, "1", "1.0"), (10, "10", "10.0"), (100_000, "100000", "100000.0"),
            (1e6, "1e+06", "1e+06"), (1e10, "1e+10", "1e+10"), (0.005, "0.005", "0.005"), (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"), (-2.5, "-2.5", "-2.5"), (1_234_567.5, "1.2345675e+06", "1.2345675e+06"),
            (123.25, "123.25", "123.25"), (1e100, "1e+100", "1e+100"),
        ])
    func bounds(value: Double, text: String, openMetrics: String) {
        #expect(String(decoding: BoundaryTexts.text(value, alwaysFraction: false), as: UTF8.self) == text)
        #expect(String(decoding: BoundaryTexts.text(value, alwaysFraction: true), as: UTF8.self) == openMetrics)
    }

    @Test(
        "the format is the one that the Accept header prefers",
        arguments: [
            (nil, ExpositionFormat.text), ("", .text), ("*/*", .text), ("text/html,*/*;q=0.8", .text),
            ("application/openmetrics-text", .openMetrics),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
                    + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", .openMetrics
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
                    + "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.3",
                .openMetrics
            ),
            ("application/openmetrics-text; version=1.0.0; q=0.2, text/plain; version=0.0.4; q=0.3", .text),
            ("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.1", .text),
            ("application/openmetrics-text;q=0", .text), ("application/openmetrics-text;q=x", .text),
            (";;,=,;q=", .text),
        ] as [(String?, ExpositionFormat)])
    func negotiation(accept: String?, format: ExpositionFormat) {
        #expect(ExpositionFormat.format(accept: accept) == format)
    }

    @Test(
        "promtool finds nothing wrong with the text",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")))
    func promtool() throws {
        let metrics = SelfMetrics()
        metrics.counter(.linesRead, "tail:0").add(5)
        metrics.gauge(.started).set(1_520_872_607.5)
        let families = Self.snapshot.families + metrics.families()
        let result = try run(
            "/usr/bin/promtool", ["check", "metrics"],
            input: render(Snapshot(at: Self.start, families: families), as: .text))
        #expect(result.status == 0, "\(String(decoding: result.output, as: UTF8.self))")
        #expect(result.output.isEmpty, "\(String(decoding: result.output, as: UTF8.self))")
    }

    @Test("100,000 series are rendered")
    func many() {
        let series = (0..<100_000).map { Self.series(["host": "h\($0 % 100)", "path": "/\($0)"], .number(Double($0))) }
        let family = MetricFamily(name: "x_total", help: "X.", kind: .counter, series: series)
        let bytes = render(Snapshot(at: Self.start, families: [family]), as: .text)
        #expect(bytes.count { $0 == UInt8(ascii: "\n") } == 100_002)
    }
}
