import Fuzzing
import Glibc
import LogQL
import Records
import Testing

@testable import Engine

/// Lines made to cost much, through whole queries.
@Suite("Hostile lines", .serialized)
struct HostileLineTests {
    private static let stages = [
        #"|= "zz" or "a""#, "|~ `(x+x+)+y|.`", "| json", #"| json a="a.a.a", b="[9]", c="k""#, "| logfmt",
        "| logfmt --strict",
        "| logfmt --keep-empty", #"| logfmt a="b", c="d""#, "| regexp `(?P<a>.)(?P<b>.*)`", "| pattern `<a> <_> <b>`",
        "| unpack",
        "| decolorize", "| json | a=~`.+`", "| logfmt | a > 5", "| json | drop a | keep b", "| json | label_format z=a",
        #"|= ip("10.0.0.0/8")"#, "| logfmt | addr = ip(\"::1/64\")", "|> `<_>a<_>`",
    ]

    static let lines: [(name: String, bytes: [UInt8])] = {
        func text(_ text: String) -> [UInt8] { Array(text.utf8) }
        func repeated(_ part: String, _ count: Int) -> [UInt8] { text(String(repeating: part, count: count)) }
        return [
            ("objects 10,000 levels deep", repeated("{\"a\":", 10_000) + text("1") + repeated("}", 10_000)),
            ("objects that do not close", repeated("{\"a\":", 100_000)),
            ("arrays that do not close", repeated("[", 1_000_000)),
            (
                "an array in an object, deep",
                text("{\"a\":") + repeated("[", 100_000) + repeated("]", 100_000) + text("}")
            ),
            ("a key of 1 MB", text("{\"") + repeated("k", 1 << 20) + text("\":1,\"a\":2}")),
            ("a key of 1 MB that is no name", text("{\"") + repeated("é", 1 << 19) + text("\":1,\"a\":2}")),
            ("escapes, 1 MB", text("{\"a\":\"") + repeated("\\u00e9", 170_000) + text("\"}")),
            ("backslashes, 1 MB", text("{\"a\":\"") + repeated("\\", 1 << 20) + text("\"}")),
            ("quotes, 1 MB", repeated("\"", 1 << 20)),
            (
                "100,000 members",
                text("{\"z\":0") + text((0..<100_000).map { ",\"k\($0)\":\($0)" }.joined()) + text("}")
            ),
            ("one member 100,000 times", text("{\"z\":0") + repeated(",\"a\":1", 100_000) + text("}")),
            ("100,000 pairs", text((0..<100_000).map { "k\($0)=\($0) " }.joined())),
            ("one pair 100,000 times", repeated("a=1 ", 100_000)),
            ("an unterminated quote, again and again", repeated("a=\"", 100_000)),
            ("equals signs, 1 MB", repeated("=", 1 << 20)), ("bare words, 1 MB", repeated("a ", 1 << 19)),
            ("10 MB of one letter", repeated("a", 10 << 20)), ("10 MB of blanks", repeated(" ", 10 << 20)),
            ("512 KiB that are no text", [UInt8](repeating: 0xFF, count: 1 << 19)),
            ("10 MB of NUL", [UInt8](repeating: 0, count: 10 << 20)),
            ("escape sequences, 1 MB", repeated("\u{1B}[31ma", 1 << 17)),
            ("escape sequences that do not end", repeated("\u{1B}[", 1 << 18)),
            ("parameters that do not end", text("\u{1B}[") + repeated("1;", 1 << 18)),
            ("addresses, 1 MB", repeated("10.0.0.1 ", 1 << 17)), ("colons, 1 MB", repeated("::", 1 << 19)),
        ]
    }()

    @Test("no line takes time or memory out of proportion, whatever the stage", arguments: lines.indices)
    func proportion(index: Int) throws {
        let (name, line) = Self.lines[index]
        for stage in Self.stages {
            let expression = try #require(parse(#"{job="x"} "# + stage).expression, "\(stage)")
            let batches = AskedLines.batches([line])
            let before = peakKilobytes()
            let took = threadTime {
                guard case .result(.streams(let streams)) = AskedLines.answer(expression, AskedLines.hour(), batches)
                else {
                    Issue.record("\(stage) on \(name): no streams")
                    return
                }
                for stream in streams {
                    #expect(stream.labels.count <= 4_096 + 10, "\(stage) on \(name): \(stream.labels.count) labels")
                    #expect(stream.entries.allSatisfy { $0.line.count <= line.count })
                }
            }
            #expect(took < HostileQueryTests.most, "\(stage) on \(name)")
            #expect(peakKilobytes() - before < 1 << 20, "\(stage) on \(name)")
        }
    }

    /// The most memory that this process has had, in KiB.
    private func peakKilobytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }

    @Test("names are bounded: labels beyond the table's room are left out, and the query goes on")
    func names() throws {
        let lines = (0..<100).map { line in Array((0..<1_000).map { "k\(line * 1_000 + $0)=1 " }.joined().utf8) }
        for stage in ["| logfmt", "| logfmt --keep-empty"] {
            guard case .result(.streams(let streams)) = AskedLines.answer(#"{job="x"} "# + stage, lines) else {
                Issue.record("no streams")
                return
            }
            #expect(Set(streams.flatMap { $0.labels.map(\.name) }).count <= 4_096)
            #expect(streams.map(\.entries.count).reduce(0, +) == 100)
        }
    }

    @Test(
        "NUL and what is not UTF-8 go through labels and lines",
        arguments: [
            ("| logfmt", Array("a=x\u{0}y".utf8), "x"), ("| logfmt", Array("a=\"".utf8) + [0xFF, 0x41, 0x22], " A"),
            ("| json", Array("{\"a\":\"x\\u0000y\"}".utf8), "x\u{0}y"),
            ("| json", Array("{\"a\":\"".utf8) + [0xC3, 0x41, 0x22, 0x7D], " A"),
            ("| regexp `(?P<a>.+)`", [0xFF, 0xFE, 0x41], "\u{FFFD}\u{FFFD}A"),
            ("| pattern `<a>`", [0xFF, 0x00, 0x41], "\u{FFFD}\u{0}A"),
        ])
    func oddBytes(stage: String, line: [UInt8], value: String) {
        guard case .result(.streams(let streams)) = AskedLines.answer(#"{job="x"} "# + stage, [line]) else {
            Issue.record("no streams")
            return
        }
        #expect(streams.count == 1)
        #expect(streams.first?.labels.first { $0.name == "a" }?.value == value)
        #expect(streams.first?.entries.map(\.line) == [line])
    }
}
