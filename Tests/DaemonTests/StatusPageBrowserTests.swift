import Foundation
import Records
import Synchronization
import Testing

@testable import Daemon

private let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

@Suite(.enabled(if: browser != nil, "needs Chromium"), .serialized)
struct StatusPageBrowserTests {
    /// The document as the browser has it after a while, its script run.
    private func document(_ url: String, seconds: Int) async throws -> String {
        let path = try #require(browser)
        let profile = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: profile) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments = [
            "60", path, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(profile.path)",
            "--virtual-time-budget=\(seconds * 1_000)", "--dump-dom", url,
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return await withCheckedContinuation { done in
            // Reading blocks: not on a thread of the pool.
            Thread.detachNewThread {
                let bytes = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                done.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    /// The number that the page has under a key.
    private func number(_ key: String, in document: String) -> Double? {
        guard let start = document.range(of: #"data-k="\#(key)" data-value=""#)?.upperBound else { return nil }
        return Double(document[start...].prefix { $0 != "\"" })
    }

    @Test("the numbers in the browser are the service's, and the script keeps them fresh")
    func numbers() async throws {
        let source = Source()
        var view = plainView()
        view.sources = {
            [
                SourceStatus(
                    source: "tail:0", place: "/var/log/a.log", position: 4_096, bytesBehind: 7, lines: source.next())
            ]
        }
        view.destinations = {
            [
                DestinationStatus(
                    destination: "http://loki:3100", batches: 12, lines: 345, bytes: 6_789, retries: 2, droppedLines: 1,
                    queueBytes: 99)
            ]
        }
        view.snapshot = {
            Snapshot(at: .now, families: [family("a_total", .counter, [(LabelSet([Label("host", "h")]), 42)])])
        }
        try await withEndpoints(view) { base in
            let first = try await ask(base + "/").body
            let shown = try #require(number("source.0.lines", in: first))
            let page = try await document(base + "/", seconds: 8)
            #expect(number("source.0.bytes_behind", in: page) == 7)
            #expect(number("source.0.position", in: page) == 4_096)
            #expect(number("destination.0.batches", in: page) == 12)
            #expect(number("destination.0.retries", in: page) == 2)
            #expect(number("family.0.0.value", in: page) == 42)
            #expect(page.contains(#"class="on""#))
            // The browser's time runs faster than the server's, which samples at most twice a second.
            var later = try #require(number("source.0.lines", in: page))
            for _ in 0..<5 where later <= shown {
                later = try #require(number("source.0.lines", in: try await document(base + "/", seconds: 8)))
            }
            #expect(later > shown)
        }
    }

    @Test("a hostile line is seen as text and runs nothing")
    func hostile() async throws {
        let attack = #"<img src=x onerror="document.title='pwned'"><script>document.title='pwned'</script>"#
        var view = plainView()
        view.push = { _, _, _ in PushAnswer(status: 204) }
        view.newestLines = { _ in
            [DeliveredLine(time: .now, labels: LabelSet([Label("x", attack)]).text, line: Array(attack.utf8))]
        }
        view.sources = { [SourceStatus(source: "tail:0", place: attack, lines: 1, problem: attack)] }
        view.snapshot = {
            Snapshot(at: .now, families: [family("a_total", .counter, [(LabelSet([Label("host", attack)]), 42)])])
        }
        try await withEndpoints(view) { base in
            let page = try await document(base + "/", seconds: 5)
            #expect(page.contains("<title>Millrace</title>"))
            #expect(!page.contains("<img"))
            #expect(page.components(separatedBy: "<script").count == 2)
            #expect(page.contains("&lt;img src=x"))
        }
    }
}

/// A count that is another each time it is asked for.
private final class Source: Sendable {
    private let lines = Mutex<UInt64>(1_000)

    func next() -> UInt64 {
        lines.withLock {
            $0 += 10
            return $0
        }
    }
}
