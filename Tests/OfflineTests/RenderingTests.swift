import Engine
import Records
import Testing

@testable import Offline

@Suite struct RenderingTests {
    @Test(
        "numbers are written with the shortest digits and never with an exponent",
        arguments: [
            (1.5, "1.5"), (3, "3"), (-0.0, "-0"), (0, "0"), (1e21, "1000000000000000000000"),
            (1.25e-7, "0.000000125"), (123456789.125, "123456789.125"), (0.1, "0.1"), (1e16, "10000000000000000"),
            (1.7976931348623157e308, "17976931348623157" + String(repeating: "0", count: 292)),
            (.leastNonzeroMagnitude, "0." + String(repeating: "0", count: 323) + "5"), (.infinity, "+Inf"),
            (-.infinity, "-Inf"),
            (.nan, "NaN"), (-12.5e20, "-1250000000000000000000"), (100, "100"),
            (0.016666666666666666, "0.016666666666666666"),
        ])
    func numbers(value: Double, text: String) { #expect(value.plainText == text) }

    @Test(
        "times of samples are seconds, cut down to milliseconds",
        arguments: [
            (1_795_168_801_000_000_000, "1795168801"), (1_795_168_801_001_999_999, "1795168801.001"),
            (1_795_168_801_120_000_000, "1795168801.12"), (-1_500_000_000, "-1.5"), (0, "0"), (999_999, "0"),
        ] as [(Int64, String)])
    func times(nanoseconds: Int64, text: String) {
        #expect(Timestamp(nanoseconds: nanoseconds).sampleSeconds == text)
    }

    @Test(
        "every byte that is not UTF-8 becomes one U+FFFD",
        arguments: [
            ([0x61, 0xFF, 0x62], "a\u{FFFD}b"), ([0xE2, 0x82], "\u{FFFD}\u{FFFD}"), ([0xE2, 0x82, 0xAC], "€"),
            ([0xF0, 0x9F, 0x98], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xC0, 0x80], "\u{FFFD}\u{FFFD}"),
            ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xF0, 0x9F, 0x98, 0x80], "😀"), ([0xC3], "\u{FFFD}"),
        ] as [([UInt8], String)])
    func repair(bytes: [UInt8], expected: String) { #expect(text(repaired(bytes)) == expected) }

    private let time = Timestamp(nanoseconds: 1_795_168_801_000_000_000)
    private var instant: QueryTimes { .instant(time) }

    @Test("a vector is the API's data object, a table, or lines of JSON")
    func vector() {
        let result = QueryResult.vector([
            QuerySample(labels: [Label("host", "a\"b"), Label("x", "")], time: time, value: 3),
            QuerySample(labels: [], time: time, value: 12.5),
        ])
        #expect(
            text(render(result, instant, as: .loki))
                == #"{"resultType":"vector","result":[{"metric":{"host":"a\"b","x":""},"value":[1795168801,"3"]},"#
                + #"{"metric":{},"value":[1795168801,"12.5"]}]}"# + "\n")
        #expect(
            text(render(result, instant, as: .text)) == #"{host="a\"b", x=""}     3"# + "\n{}                   12.5\n")
        #expect(
            text(render(result, instant, as: .json))
                == #"{"ts":"1795168801000000000","labels":{"host":"a\"b","x":""},"value":"3"}"# + "\n"
                + #"{"ts":"1795168801000000000","labels":{},"value":"12.5"}"# + "\n")
    }

    @Test("a scalar and a matrix as the API writes them")
    func others() {
        #expect(
            text(render(.scalar(.nan), instant, as: .loki))
                == #"{"resultType":"scalar","result":[1795168801,"NaN"]}"# + "\n")
        let range = QueryTimes.range(
            start: Timestamp(nanoseconds: 0), end: Timestamp(nanoseconds: 500_000_000), step: 500_000_000)
        let matrix = QueryResult.matrix([
            QuerySeries(
                labels: [Label("a", "1")],
                points: [(Timestamp(nanoseconds: 0), 1), (Timestamp(nanoseconds: 500_000_000), -.infinity)])
        ])
        #expect(
            text(render(matrix, range, as: .loki))
                == #"{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[0,"1"],[0.5,"-Inf"]]}]}"# + "\n")
        #expect(
            text(render(matrix, range, as: .text))
                == "{a=\"1\"}\n  1970-01-01T00:00:00Z       1\n  1970-01-01T00:00:00.5Z  -Inf\n")
        #expect(text(render(.matrix([]), range, as: .loki)) == #"{"resultType":"matrix","result":[]}"# + "\n")
    }

    @Test("entries stand in order of time, and cannot command the terminal")
    func streams() {
        let result = QueryResult.streams([
            QueryStream(
                labels: [Label("a", "1")], entries: [(Timestamp(nanoseconds: 2), Array("x\u{1B}[31m\ny".utf8))]),
            QueryStream(labels: [Label("a", "2")], entries: [(Timestamp(nanoseconds: 1), [0xFF])]),
        ])
        let times = QueryTimes.log(
            start: Timestamp(nanoseconds: 0), end: Timestamp(nanoseconds: 9), direction: .forward, limit: 10)
        #expect(
            text(render(result, times, as: .text))
                == "1970-01-01T00:00:00.000000001Z {a=\"2\"} \u{FFFD}\n"
                + "1970-01-01T00:00:00.000000002Z {a=\"1\"} x\\x1b[31m\\ny\n")
        #expect(
            text(render(result, times, as: .loki))
                == #"{"resultType":"streams","result":[{"stream":{"a":"1"},"values":[["2","x\u001b[31m\ny"]]},"#
                + #"{"stream":{"a":"2"},"values":[["1","\#u{FFFD}"]]}]}"# + "\n")
    }
}
