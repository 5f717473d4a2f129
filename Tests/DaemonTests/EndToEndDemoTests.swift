import Foundation
import Glibc
import Testing

/// The status page as a browser has it after its script ran for some seconds.
private struct BrowsedPage {
    let text: String

    init(_ stage: Stage, _ url: String, seconds: Int) async throws {
        let browser = try peer("chromium", "chromium-browser", "google-chrome")
        let running = try stage.start(
            browser,
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(stage.path("profile"))",
                "--virtual-time-budget=\(seconds * 1_000)", "--dump-dom", url,
            ])
        #expect(await running.ended(within: 40) == 0, "\(running.said.suffix(1_000))")
        text = running.printed
    }

    /// The number under a key, `source.0.lines`.
    func number(_ key: String) -> Double? {
        guard let start = text.range(of: #"data-k="\#(key)" data-value=""#)?.upperBound else { return nil }
        return Double(text[start...].prefix { $0 != "\"" })
    }

    /// The numbers of all rows of a table, `source.*.lines`.
    func numbers(_ table: String, _ column: String) -> [Double] {
        var numbers: [Double] = []
        while let number = number("\(table).\(numbers.count).\(column)") { numbers.append(number) }
        return numbers
    }

    var families: [String] { text.matches(of: #/data-family="([^"]*)"/#).map { String($0.1) } }

    /// The labels and values of the series on the card of a family of counters.
    func series(of family: String) -> [(labels: [String: String], value: Double)] {
        guard let start = text.range(of: #"data-family="\#(family)""#)?.upperBound,
            let end = text[start...].range(of: "</article>")?.lowerBound
        else { return [] }
        return text[start..<end].components(separatedBy: #"data-row="series""#).dropFirst().compactMap { row in
            var labels: [String: String] = [:]
            for match in row.matches(of: #/<i>(.*?)</i>\s*<bdi>(.*?)</bdi>/#) {
                labels[String(match.1)] = String(match.2)
            }
            guard let value = row.firstMatch(of: #/\.value" data-value="([^"]*)"/#).flatMap({ Double($0.1) }) else {
                return nil
            }
            return (labels, value)
        }
    }
}

@Suite(.serialized) struct EndToEndDemoTests {
    /// The numbers of the last words: lines written, datagrams, frames, lines pushed.
    private func tally(_ printed: String) throws -> (written: Double, datagrams: Double, frames: Double, pushed: Double)
    {
        let match = try #require(
            printed.firstMatch(of: #/made: (\d+) log lines, (\d+) syslog datagrams, (\d+) .*\npushed: (\d+) lines/#),
            "\(printed)")
        let numbers = [match.1, match.2, match.3, match.4].map { Double($0) ?? -1 }
        return (numbers[0], numbers[1], numbers[2], numbers[3])
    }

    @Test("the demo's page shows everything in the browser, with the numbers of /metrics", .timeLimit(.minutes(2)))
    func page() async throws {
        try await withStage { stage in
            let port = try freePort()
            let demo = try await stage.startMillrace(
                ["demo", "--listen", "127.0.0.1:\(port)"], port: port, in: repository)
            let base = "http://127.0.0.1:\(port)"
            // Somebody has looked for a while, so that the page has rates.
            try await eventually("the page has rates", within: 20) {
                let page = try await ask(base + "/").body
                return page.contains(#"data-row="series""#) && page.contains(#"data-row="line""#)
                    && page.firstMatch(of: #/total\.lines_per_second" data-value="[1-9]/#) != nil
            }
            try await steadyRates(base)
            // Lines that go to the destination are read a moment before they are counted as delivered.
            let before = try await scrape(port)
            let page = try await BrowsedPage(stage, base + "/", seconds: 5)
            let after = try await scrape(port)

            func within(
                _ value: Double?, _ name: String, _ labels: [String: String] = [:],
                _ place: SourceLocation = #_sourceLocation
            ) {
                let low = before.sum(name, labels) ?? 0
                let high = after.sum(name, labels) ?? 0
                #expect(
                    value.map { $0 >= low && $0 <= high } == true,
                    "\(name) \(labels): \(value as Any) is not in \(low)...\(high)", sourceLocation: place)
            }
            within(page.number("total.lines"), "millrace_lines_read_total")
            #expect(page.number("total.lines") ?? 0 > 0)
            #expect(page.number("total.lines_per_second") ?? 0 > 0)
            #expect(page.numbers("destination", "lines").reduce(0, +) > 0)
            let sources = page.numbers("source", "lines")
            #expect(sources.count >= 3)
            #expect(sources.reduce(0, +) >= before.sum("millrace_lines_read_total", ["source": "syslog:1"]) ?? 0)
            within(page.numbers("destination", "lines").reduce(0, +), "millrace_push_lines_total")
            within(page.numbers("destination", "batches").reduce(0, +), "millrace_push_batches_total")
            within(page.numbers("rule", "matched").reduce(0, +), "millrace_rule_lines_matched_total")
            #expect(page.numbers("rule", "matched").count == after.sums("millrace_rule_series", by: ["rule"]).count)
            for family in ["ingress_requests_total", "ingress_response_bytes_total", "phoenix_log_messages_total"] {
                let series = page.series(of: family)
                #expect(series.contains { $0.value > 0 }, "\(family) is not among \(page.families)")
                for (labels, value) in series { within(value, family, labels) }
            }
            #expect(page.text.contains(#"data-row="line""#))
            #expect(page.text.contains(#"data-k="line.0.line""#))
            #expect(page.number("total.failed") == after.sum("millrace_rule_lines_failed_total") ?? 0)

            demo.signal(SIGTERM)
            #expect(await demo.ended(within: 12) == 0, "\(demo.said)")
            let made = try tally(demo.printed)
            #expect(made.written >= after.sum("millrace_lines_read_total", ["source": "tail:0"]) ?? 0)
            #expect(made.pushed >= after.sum("millrace_push_lines_total") ?? 0)
        }
    }

    /// A rule that gets lines all the time never shows a rate of 0.
    private func steadyRates(_ base: String) async throws {
        var rates: [Double: Double] = [:]
        try await eventually("four samples are shown", within: 10) {
            let text = try await ask(base + "/status.json").body
            let status = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            let rules = status?["rules"] as? [[String: Any]]
            let rule = try #require(rules?.first { $0["rule"] as? String == "ingress_requests_total" })
            let matched = try #require(rule["lines_matched"] as? Double)
            guard let rate = rule["lines_matched_per_second"] as? Double else { return false }
            rates[matched] = min(rate, rates[matched] ?? rate)
            return rates.count >= 4
        }
        #expect(rates.values.allSatisfy { $0 > 0 }, "\(rates)")
    }

    @Test("the demo ends after its time, and everything that it made was pushed", .timeLimit(.minutes(1)))
    func duration() async throws {
        try await withStage { stage in
            let port = try freePort()
            let demo = try stage.start(
                builtProgram(), ["demo", "--listen", "127.0.0.1:\(port)", "--duration", "3s"], in: repository)
            #expect(await demo.ended(within: 20) == 0, "\(demo.said)")
            let made = try tally(demo.printed)
            #expect(made.written > 100)
            #expect(made.datagrams > 10)
            #expect(made.frames > 10)
            #expect(made.pushed == made.written + made.datagrams + made.frames)
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "millrace-demo-\(demo.identifier)")
            #expect(!FileManager.default.fileExists(atPath: folder.path))
        }
    }
}
