import Foundation
import Records
import Testing

@testable import Daemon

/// What a log line, a path or a label may hold when somebody wants to harm the reader of the page.
private let hostileTexts = [
    #"<script>document.title="pwned"</script>"#, #""><img src=x onerror=alert(1)>"#, #"' onmouseover='alert(1)"#,
    "</main></body><h1>gone", "&lt;b&gt;", "</style><style>*{display:none}", "\u{1B}[2J\u{7}", "a\u{202E}txt.exe",
    "\0nul", "\u{2028}line", "javascript:alert(1)", "<!--", "]]>", "{{7*7}}",
]

@Suite struct StatusPageTests {
    private func pageAndJSON(_ view: ServiceView) async -> (page: String, json: String) {
        let history = StatusHistory()
        let start = Timestamp.now
        history.add(await StatusSample(view, at: start))
        history.add(await StatusSample(view, at: Timestamp(nanoseconds: start.nanoseconds + 1_000_000_000)))
        let report = StatusReport(view: view, contents: history.current, now: start)
        return (StatusPage(report: report).document(nonce: "n"), report.json)
    }

    private func view(hostile text: String) -> ServiceView {
        var view = plainView()
        view.version = text
        view.readiness = { .catchingUp(text) }
        view.notices = { [text] }
        view.sources = { [SourceStatus(source: text, place: text, position: 1, lines: 1, problem: text)] }
        view.rules = {
            [
                RuleStatus(
                    group: text, rule: text, kind: text, linesMatched: 1, linesFiltered: 0, linesFailed: 0, series: 1,
                    problem: text)
            ]
        }
        view.destinations = {
            [
                DestinationStatus(
                    destination: text, batches: 1, lines: 1, bytes: 1, retries: 1, droppedLines: 1, queueBytes: 1,
                    problem: text)
            ]
        }
        let labels = LabelSet([Label(text, text)])
        view.snapshot = {
            Snapshot(
                at: .now,
                families: [
                    family(text + "_total", .counter, help: text, [(labels, 1)]), family(text, .gauge, [(labels, 2)]),
                ])
        }
        view.newestLines = { _ in [DeliveredLine(time: .now, labels: labels.text, line: Array(text.utf8))] }
        return view
    }

    @Test("no text from outside becomes markup", arguments: hostileTexts)
    func escaping(text: String) async throws {
        let calm = await pageAndJSON(view(hostile: "calm")).page
        let page = await pageAndJSON(view(hostile: text)).page
        // As many tags as with a harmless text: none was added, none closed.
        #expect(page.split(separator: "<").count == calm.split(separator: "<").count)
        #expect(page.split(separator: ">").count == calm.split(separator: ">").count)
        #expect(page.split(separator: "\"").count == calm.split(separator: "\"").count)
        for scalar in page.unicodeScalars where isDangerous(scalar) { #expect(scalar == "\n") }
    }

    @Test("the JSON document is valid and holds no character that a terminal obeys", arguments: hostileTexts)
    func json(text: String) async throws {
        let json = await pageAndJSON(view(hostile: text)).json
        let document = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        let sources = try #require(document?["sources"] as? [[String: Any]])
        #expect(sources[0]["place"] as? String == shown(text, limit: 300))
        for scalar in json.unicodeScalars where isDangerous(scalar) { #expect(scalar == "\n") }
        #expect(!json.contains("<"))
    }

    @Test("bytes that are not UTF-8 and lines without end do not break the page")
    func wildBytes() async throws {
        var view = plainView()
        view.newestLines = { _ in
            [
                DeliveredLine(
                    time: .now, labels: "{}", line: [0xFF, 0xC0, 0x80] + [UInt8](repeating: 0x61, count: 1 << 20))
            ]
        }
        let (page, json) = await pageAndJSON(view)
        #expect(page.contains("\u{FFFD}"))
        #expect(page.utf8.count < 40_000)
        #expect(json.utf8.count < 20_000)
        #expect(try JSONSerialization.jsonObject(with: Data(json.utf8)) is [String: Any])
    }

    @Test("the page stays small however much there is")
    func bounds() async throws {
        var view = plainView()
        let long = String(repeating: "x", count: 10_000)
        view.sources = {
            (0..<5_000).map { SourceStatus(source: "tail:0", place: "\($0)" + long, position: 1, lines: 1) }
        }
        view.snapshot = {
            Snapshot(
                at: .now,
                families: (0..<40).map { number in
                    family(
                        "f\(number)_total", .counter, help: long,
                        (0..<1_000).map {
                            (LabelSet((0..<20).map { Label("l\($0)", long) } + [Label("n", "\($0)")]), 1)
                        })
                })
        }
        let (page, json) = await pageAndJSON(view)
        #expect(page.utf8.count < 2_000_000)
        #expect(page.components(separatedBy: #"data-row="source""#).count - 1 == StatusHistory.rowLimit)
        #expect(page.components(separatedBy: #"data-row="series""#).count - 1 == StatusHistory.shownSeries)
        #expect(json.utf8.count < 2_000_000)
    }

    @Test("the shape changes with the rows and not with the numbers")
    func shape() async throws {
        func shape(_ sources: [SourceStatus]) async -> String {
            var view = plainView()
            view.sources = { sources }
            let sample = await StatusSample(view, at: .now)
            let history = StatusHistory()
            history.add(sample)
            return StatusPage(report: StatusReport(view: view, contents: history.current, now: .now)).shape
        }
        let one = await shape([SourceStatus(source: "stdin", place: "stdin", lines: 1)])
        #expect(await shape([SourceStatus(source: "stdin", place: "stdin", lines: 2)]) == one)
        #expect(await shape([SourceStatus(source: "stdin", place: "stdin", lines: 1, problem: "x")]) != one)
        #expect(await shape([]) != one)
    }

    @Test(
        "markup is what stands in the source, text is what is put in",
        arguments: [("a<b>&\"'", "<p>a&lt;b&gt;&amp;&quot;&#39;</p>"), ("ü☕", "<p>ü☕</p>"), ("", "<p></p>")])
    func html(text: String, markup: String) {
        let paragraph: HTML = "<p>\(text)</p>"
        #expect(paragraph.text == markup)
        let nested: HTML = "<i>\(paragraph)</i>"
        #expect(nested.text == "<i>\(markup)</i>")
    }

    @Test(
        "numbers are written for people",
        arguments: [
            (.count, 1_234_567, "1,234,567"), (.count, 0, "0"), (.perSecond, 0, "0/s"),
            (.perSecond, 1_258.4, "1,258/s"),
            (.perSecond, 62.94, "62.9/s"), (.perSecond, 1.999, "2/s"), (.perSecond, 0.05, "0.05/s"),
            (.bytes, 512, "512 B"), (.bytes, 1_536, "1.5 KiB"), (.bytes, 5e12, "4.55 TiB"),
            (.nanoseconds, 212, "212 ns"), (.nanoseconds, 1_830, "1.83 µs"), (.seconds, 59.9, "59 s"),
            (.seconds, 3_725, "1 h 2 min"), (.seconds, 200_000, "2 d 7 h"), (.percent, 0.031, "3.1 %"),
            (.value, -0.5, "-0.5"), (.value, .nan, "NaN"), (.value, -.infinity, "-Inf"), (.value, 1e300, "1e+300"),
            (.duration, 0.0576, "57.6 ms"), (.duration, 0, "0 s"), (.value, nil, "–"), (.count, 1e18, "1e+18"),
        ] as [(Figure, Double?, String)])
    func figures(figure: Figure, number: Double?, text: String) {
        #expect(figure.text(number) == text)
    }
}
