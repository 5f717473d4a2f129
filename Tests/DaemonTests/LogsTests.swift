import Foundation
import Logging
import Records
import Synchronization
import Testing

@testable import Daemon

@Suite struct LogsTests {
    private let time = Timestamp(nanoseconds: 1_795_375_221_123_456_789)

    private func line(_ form: LogForm, _ message: String, _ pairs: Logger.Metadata) -> String {
        LineLog(label: "millrace", form: form, level: .info) { _ in }
            .line(at: time, level: .warning, message: message, pairs: pairs)
    }

    @Test("a text line has the time, the level, the message and the pairs in order")
    func text() {
        #expect(
            line(.text, "file is gone", ["path": "/var/log/a b.log", "bytes": "7", "empty": ""])
                == "2026-11-22T19:20:21.123Z warn  file is gone bytes=7 empty=\"\" path=\"/var/log/a b.log\"\n")
    }

    @Test("a JSON line is one object, nested values included")
    func json() throws {
        let text = line(
            .json, "a \"quoted\"\nmessage", ["labels": ["a": "b"], "list": ["x", "y"], "time": "mine"])
        #expect(text.hasSuffix("}\n"))
        #expect(text.filter { $0 == "\n" }.count == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["time"] as? String == "2026-11-22T19:20:21.123Z")
        #expect(object["level"] as? String == "warn")
        #expect(object["message"] as? String == "a \"quoted\"\nmessage")
        #expect(object["labels"] as? [String: String] == ["a": "b"])
        #expect(object["list"] as? [String] == ["x", "y"])
        #expect(object["time_"] as? String == "mine")
    }

    @Test(
        "what a peer sent cannot forge a line or command the terminal",
        arguments: ["a\nwarn  forged", "\u{1B}[2Jgone", "\u{9B}31m", "a\u{202E}b", "\r\u{8}"])
    func hostile(text: String) {
        for form in LogForm.allCases {
            let line = line(form, text, ["peer": .string(text), text: "x"])
            let controls = line.unicodeScalars.filter { $0.value < 0x20 || $0.value == 0x7F }
            #expect(controls.map(\.value) == [0x0A])
            if case .text = form { #expect(!line.dropLast().unicodeScalars.contains(where: isDangerous)) }
        }
    }

    @Test("what lies below the level is not written")
    func level() {
        let sink = Sink()
        var logger = Logger(label: "x") { LineLog(label: $0, form: .text, level: .warning, write: sink.take) }
        logger[metadataKey: "source"] = "tail:0"
        logger.info("quiet")
        logger.error("loud", metadata: ["n": "1"])
        #expect(sink.lines.count == 1)
        #expect(sink.lines.first?.hasSuffix("error loud n=1 source=tail:0\n") == true)
    }

    @Test(
        "times are written as RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999_000_000, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (-1_000_000, "1969-12-31T23:59:59.999Z"), (1_735_689_599_000_000_000, "2024-12-31T23:59:59.000Z"),
        ] as [(Int64, String)])
    func times(nanoseconds: Int64, text: String) {
        #expect(Timestamp(nanoseconds: nanoseconds).rfc3339 == text)
    }
}

private final class Sink: Sendable {
    private let taken = Mutex<[String]>([])

    var lines: [String] { taken.withLock { $0 } }
    @Sendable func take(_ line: String) { taken.withLock { $0.append(line) } }
}
