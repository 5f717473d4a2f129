import Engine
import Foundation
import Records
import Testing

@testable import Offline

@Suite struct QueryTests {
    static let corpus = root + "/fixtures/logql/corpora/edge.jsonl"

    private func request(_ expression: String, _ change: (inout QueryRequest) -> Void = { _ in }) -> QueryRequest {
        var request = QueryRequest(expression)
        request.corpora = [Self.corpus]
        request.output = .loki
        change(&request)
        return request
    }

    @Test("a log query covers start to end, the end left out")
    func range() {
        let found = ask(
            request(#"{src="tick"}"#) {
                $0.start = .init("1795168810000000000")
                $0.end = .init("2026-11-20T10:00:30Z")
            })
        #expect(
            found.output
                == #"{"resultType":"streams","result":[{"stream":{"job":"edge","src":"tick"},"values":"#
                + #"[["1795168810000000000","tick n=1 v=7"],["1795168820000000000","tick n=2 v=3"]]}]}"# + "\n")
        #expect(found.errors == "")
        #expect(!found.failed)
    }

    @Test("a selector that matches no stream is told, with the streams that there are")
    func unmatched() {
        let found = ask(request(#"{src="nosuch"}"#))
        #expect(found.output == #"{"resultType":"streams","result":[]}"# + "\n")
        #expect(found.errors.contains("no stream matches the query's selector"))
        #expect(found.errors.contains("{job=\"edge\""))
        #expect(!found.failed)
        #expect(ask(request("vector(1)")).errors == "")
    }

    @Test("without times a log query covers all entries; limit and direction choose among them")
    func limit() {
        let found = ask(
            request(#"{src="tick"}"#) {
                $0.limit = 2
                $0.direction = .backward
                $0.output = .text
            })
        let lines = found.output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.contains(#"{job="edge", src="tick"} tick"#) })
        #expect(lines[0] > lines[1])
    }

    @Test("a metric query is asked at the newest entry, or over all of them")
    func metrics() throws {
        let folder = try TemporaryFolder()
        let lines = (0..<4).map { "{\"ts\":\"\($0 * 10)000000000\",\"labels\":{\"a\":\"b\"},\"line\":\"x\"}\n" }
        let path = try folder.write("c.jsonl", lines.joined())
        let instant = ask(request(#"count_over_time({a="b"}[20s])"#) { $0.corpora = [path] })
        #expect(
            instant.output == #"{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[30,"2"]}]}"# + "\n")
        let range = ask(
            request(#"count_over_time({a="b"}[20s])"#) {
                $0.corpora = [path]
                $0.step = 15_000_000_000
            })
        #expect(
            range.output
                == #"{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[0,"1"],[15,"2"],[30,"2"]]}]}"#
                + "\n")
    }

    @Test("the entries of an answer are a corpus")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let first = ask(request(#"{src="tick"}"#) { $0.output = .json })
        let path = try folder.write("again.jsonl", first.output)
        let again = ask(
            request(#"{src="tick"}"#) {
                $0.output = .json
                $0.corpora = [path]
            })
        #expect(first.output.utf8.count > 100)
        #expect(again.output == first.output)
    }

    @Test("several corpora are one; equal entries of theirs are one")
    func twice() {
        let once = ask(request(#"{src="tick"}"#))
        let twice = ask(request(#"{src="tick"}"#) { $0.corpora.append(Self.corpus) })
        #expect(once.output == twice.output)
    }

    @Test(
        "what cannot be asked is refused, with a caret where there is a place",
        arguments: [
            (#"{src="tick"} | jsn"#, nil, nil, nil, nil, "^^^ did you mean 'json'?"),
            (#"{src="tick"}"#, "5", nil, nil, nil, "log queries are not supported as an instant query type"),
            (#"{src="tick"}"#, nil, "6", "5", nil, "the end lies before the start"),
            (#"rate({src="tick"}[1m])"#, nil, "5", "6", "0", "the step must be greater than 0"),
            (#"rate({src="tick"}[1m])"#, nil, "0", "12000000000000", "1", "exceeded maximum resolution of 11,000"),
            (#"rate({src=~"("}[1m])"#, "5", nil, nil, nil, "^"),
        ] as [(String, String?, String?, String?, String?, String)])
    func refusals(query: String, time: String?, start: String?, end: String?, step: String?, message: String) {
        let found = ask(
            request(query) {
                $0.time = time.flatMap { .init($0) }
                $0.start = start.flatMap { .init($0) }
                $0.end = end.flatMap { .init($0) }
                $0.step = step.flatMap { QueryRequest.step($0) }
            })
        #expect(found.failed)
        #expect(found.output == "")
        #expect(found.errors.contains(message), "\(found.errors)")
    }

    @Test("lines of files have the labels that are given, and the times that they say")
    func tail() throws {
        let folder = try TemporaryFolder()
        let lines = "starting\ntime=2025-01-15T10:00:00Z a\n  a trace\ntime=2025-01-15T10:00:05Z b\n"
        let path = try folder.write("a.log", lines)
        let packed = try folder.write("b.log.gz", try gzip("time=2025-01-15T09:00:00Z c\n"))
        var request = QueryRequest(#"{job="x"}"#)
        request.tail = [path, packed]
        request.labels = [Label("job", "x"), Label("filename", "f")]
        request.clock = try clockForm(fromCommandLine: "field=time")
        let found = ask(request)
        #expect(
            found.output == """
                2025-01-15T09:00:00Z {filename="f", job="x"} time=2025-01-15T09:00:00Z c
                2025-01-15T10:00:00Z {filename="f", job="x"} starting
                2025-01-15T10:00:00Z {filename="f", job="x"} time=2025-01-15T10:00:00Z a
                2025-01-15T10:00:00Z {filename="f", job="x"}   a trace
                2025-01-15T10:00:05Z {filename="f", job="x"} time=2025-01-15T10:00:05Z b

                """)
        #expect(found.errors.contains("2 of 4 lines have no time that can be read"))
        request.labels = [Label("job", "x")]
        request.expression = #"{filename=~".*b.log.gz"}"#
        #expect(ask(request).output.contains("time=2025-01-15T09:00:00Z c"))
    }

    @Test("without a clock every line is inside the query, whenever it is asked")
    func untimed() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("a.log", "one\r\ntwo\n")
        for times in [(nil, nil), ("5", "9")] as [(String?, String?)] {
            var request = QueryRequest(#"{job="x"}"#)
            request.tail = [path]
            request.labels = [Label("job", "x")]
            request.start = times.0.flatMap { .init($0) }
            request.end = times.1.flatMap { .init($0) }
            let lines = ask(request).output.split(separator: "\n").map { $0.split(separator: " ").last ?? "" }
            #expect(lines == ["one", "two"])
        }
    }

    @Test("steps are seconds or durations")
    func steps() {
        #expect(QueryRequest.step("15") == 15_000_000_000)
        #expect(QueryRequest.step("0.5") == 500_000_000)
        #expect(QueryRequest.step("1m30s") == 90_000_000_000)
        #expect(QueryRequest.step("500ms") == 500_000_000)
        for wrong in ["soon", "0.5m", "1 m", ""] { #expect(QueryRequest.step(wrong) == nil) }
        #expect(QueryRequest.step("inf") == nil)
        #expect(QueryRequest.step("1e30") == nil)
    }

    @Test("a clock is described by field or regex and a format, in any order, with commas in them")
    func clocks() throws {
        #expect(try clockForm(fromCommandLine: "field=time").notation == .rfc3339)
        let layout = try clockForm(fromCommandLine: "format=Mon, 02 Jan 2006 15:04:05 MST,field=t")
        #expect(layout.notation == .layout("Mon, 02 Jan 2006 15:04:05 MST"))
        #expect(layout.place == .field("t"))
        let regex = try clockForm(fromCommandLine: #"regex=^(?P<t>\d{2,4}),x,format=unix_ms"#)
        #expect(regex.place == .regex(#"^(?P<t>\d{2,4}),x"#))
        #expect(regex.notation == .unix(3))
        for wrong in ["", "time", "field=a,regex=(?P<a>b)", "field=a,field=b", "format=unix", "field=a,format=never"] {
            #expect(throws: ClockProblem.self) { try clockForm(fromCommandLine: wrong) }
        }
    }
}
