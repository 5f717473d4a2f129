import Foundation
import Testing

/// Access log lines of an ingress, with what they add up to.
struct IngressTruth {
    private(set) var lines = 0
    private(set) var bytes: [String: Double] = [:]
    /// By `host|method|status`.
    private(set) var requests: [String: Double] = [:]
    private(set) var seconds = 0.0
    /// Requests that took at most 100 ms.
    private(set) var quick = 0.0

    /// The next line, with its newline; `number` stands in it, so that no two lines are the same.
    mutating func next() -> String {
        let number = lines
        let host = ["shop.example", "api.example", "img.example"][number % 3]
        let status = number % 17 == 0 ? 503 : number % 5 == 0 ? 404 : 200
        let method = number % 7 == 0 ? "POST" : "GET"
        let size = 100 + number % 1_000
        let milliseconds = number % 400
        lines += 1
        bytes[host, default: 0] += Double(size)
        requests["\(host)|\(method)|\(status)", default: 0] += 1
        seconds += Double(milliseconds) / 1_000
        if milliseconds <= 100 { quick += 1 }
        let time = "0.\(String(1_000 + milliseconds).dropFirst())"
        return #"{"time":"2026-01-01T00:00:00+00:00","request_id":"\#(number)","trace_id":"trace\#(number)","#
            + #""host":"\#(host)","method":"\#(method)","path":"/a?b=\"\#(number)\"","status":\#(status),"#
            + #""bytes_sent":\#(size),"request_time":\#(time),"upstream_response_time":"\#(time)","#
            + #""user_agent":"é \\ \"quoted\" \u00e9"}"# + "\n"
    }
}

/// A log file that a program appends to, rotated as logrotate does it.
struct RotatedLog {
    let path: String
    private var file: FileHandle
    private var rotations = 0

    init(_ path: String) throws {
        self.path = path
        file = try Self.make(path)
    }

    private static func make(_ path: String) throws -> FileHandle {
        try Data().write(to: URL(fileURLWithPath: path))
        guard let file = FileHandle(forWritingAtPath: path) else { throw CocoaError(.fileWriteUnknown) }
        return file
    }

    func append(_ text: String) throws { try file.write(contentsOf: Data(text.utf8)) }

    /// Renames the file; what is appended still goes to it until `reopen`.
    mutating func moveAway() throws {
        rotations += 1
        try FileManager.default.moveItem(atPath: path, toPath: "\(path).\(rotations)")
    }

    mutating func reopen() throws {
        try file.close()
        file = try Self.make(path)
    }
}

@Suite struct EndToEndPrometheusTests {
    /// What Prometheus answers to an instant query, by the values of some labels.
    private func query(_ expression: String, by labels: [String] = [], at port: Int) async throws -> [String: Double] {
        var components = URLComponents()
        components.queryItems = [URLQueryItem(name: "query", value: expression)]
        let text = try #require(components.percentEncodedQuery).replacing("+", with: "%2B")
        let answer = try await ask("http://127.0.0.1:\(port)/api/v1/query?\(text)")
        let body = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any]
        let data = body?["data"] as? [String: Any]
        let result = try #require(data?["result"] as? [[String: Any]], "\(answer.body)")
        var values: [String: Double] = [:]
        for series in result {
            let metric = series["metric"] as? [String: String] ?? [:]
            let pair = series["value"] as? [Any]
            values[labels.map { metric[$0] ?? "" }.joined(separator: "|")] = (pair?.last as? String).flatMap(
                Double.init)
        }
        return values
    }

    @Test("Prometheus has the exact counts of a log that was rotated while it was read", .timeLimit(.minutes(2)))
    func rotatedLog() async throws {
        let prometheus = try peer("prometheus")
        let promtool = try peer("promtool")
        try await withStage { stage in
            let port = try freePort()
            let config = try stage.write(
                """
                sources:
                  - tail: {paths: ["\(stage.path("access.log"))"], labels: {job: ingress}}
                rules: ["\(repository)/rules/ingress-nginx"]
                metrics: {listen: "127.0.0.1:\(port)"}
                """, to: "millrace.yaml")
            var truth = IngressTruth()
            var log = try RotatedLog(stage.path("access.log"))
            for _ in 0..<500 { try log.append(truth.next()) }
            _ = try await stage.startMillrace(["run", "--config", config], port: port)
            let server = try freePort()
            _ = try stage.start(
                prometheus,
                [
                    "--config.file=\(try stage.fill("prometheus.yml", ["TARGET": "127.0.0.1:\(port)"]))",
                    "--storage.tsdb.path=\(stage.path("tsdb"))", "--web.listen-address=127.0.0.1:\(server)",
                    "--enable-feature=exemplar-storage", "--log.level=warn",
                ])
            for _ in 0..<4 {
                try await write(600, &truth, to: log)
                try log.moveAway()
                // The writer has not noticed yet: these lines go to the file under its new name.
                try await write(50, &truth, to: log)
                try log.reopen()
                try await write(150, &truth, to: log)
                let lines = Double(truth.lines)
                try await eventually("all lines of the rotated file are read", within: 15) {
                    try await scrape(port).sum("millrace_lines_read_total") == lines
                }
            }
            try await eventually("Prometheus has all lines", within: 20) {
                (try? await query("sum(ingress_requests_total)", at: server)) == ["": Double(truth.lines)]
            }
            #expect(
                try await query(
                    "sum by (host, method, status) (ingress_requests_total)", by: ["host", "method", "status"],
                    at: server) == truth.requests)
            #expect(
                try await query("sum by (host) (ingress_response_bytes_total)", by: ["host"], at: server)
                    == truth.bytes)
            let histogram = "ingress_request_duration_seconds"
            #expect(try await query("sum(\(histogram)_count)", at: server) == ["": Double(truth.lines)])
            #expect(try await query(#"sum(\#(histogram)_bucket{le="0.1"})"#, at: server) == ["": truth.quick])
            let seconds = try #require(try await query("sum(\(histogram)_sum)", at: server)[""])
            #expect(abs(seconds - truth.seconds) < 1e-6)
            #expect(try await query(#"up{job="millrace"}"#, at: server) == ["": 1])
            let targets = try await ask("http://127.0.0.1:\(server)/api/v1/targets").body
            #expect(targets.contains(#""health":"up""#))
            #expect(targets.contains(#""lastError":"""#))
            let exemplars = try await ask(
                "http://127.0.0.1:\(server)/api/v1/query_exemplars?query=\(histogram)_bucket&start=0&end=9999999999"
            ).body
            #expect(exemplars.contains(#""trace_id":"trace"#))
            try await exposition(stage, port: port, promtool: promtool)
        }
    }

    /// Writes lines in pieces that do not end where lines end.
    private func write(_ count: Int, _ truth: inout IngressTruth, to log: RotatedLog) async throws {
        var left = count
        while left > 0 {
            let lines = (0..<min(left, 40)).map { _ in truth.next() }.joined()
            left -= 40
            let middle = lines.index(lines.startIndex, offsetBy: lines.count * 2 / 3)
            try log.append(String(lines[..<middle]))
            await Task.yield()
            try log.append(String(lines[middle...]))
        }
    }

    private func exposition(_ stage: Stage, port: Int, promtool: String) async throws {
        let metrics = "http://127.0.0.1:\(port)/metrics"
        let plain = try await ask(metrics)
        #expect(plain.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        try stage.write(plain.body, to: "exposition.txt")
        let lint = try stage.start("/bin/sh", ["-c", "exec '\(promtool)' check metrics <exposition.txt"])
        // 3: it found something to say. Names with a colon are those of recording rules, which it does not expect here.
        let status = await lint.ended(within: 20)
        #expect(status == 0 || status == 3)
        let remarks = (lint.said + lint.printed).split(separator: "\n")
        #expect(remarks.filter { !$0.prefix { $0 != " " }.contains(":") } == [])
        let open = try await ask(metrics, headers: [("Accept", "application/openmetrics-text; version=1.0.0")])
        #expect(open.headers["content-type"]?.hasPrefix("application/openmetrics-text; version=1.0.0") == true)
        #expect(open.body.hasSuffix("\n# EOF\n"))
        #expect(
            Exposition(open.body).sum("ingress_requests_total") == Exposition(plain.body).sum("ingress_requests_total"))
    }
}
