import Records
import Testing

@testable import Intake

@Suite("Framing")
struct FramingTests {
    /// The lines of some chunks, as a file that comes in pieces gives them.
    private func lines(of chunks: [[UInt8]], maximumLineBytes: Int = 100) -> [(text: [UInt8], isCut: Bool)] {
        var framer = LineFramer(maximumLineBytes: maximumLineBytes)
        var lines: [(text: [UInt8], isCut: Bool)] = []
        func add(_ bytes: [UInt8]) {
            var cursor = LineCursor(maximumLineBytes: maximumLineBytes)
            while let line = cursor.nextLine(in: bytes.span) {
                lines.append((Array(bytes[line.start..<line.end]), line.isCut))
            }
        }
        for bytes in chunks {
            var chunk = framer.partial + bytes
            framer.keepUnfinished(of: &chunk)
            #expect(framer.partial.count <= maximumLineBytes + 2)
            add(chunk)
        }
        let rest = framer.takeUnfinished()
        if !rest.isEmpty { add(rest) }
        return lines
    }

    @Test(
        "a line ends at a newline, and one carriage return before it is dropped",
        arguments: [
            ("a\nbc\n", ["a", "bc"]), ("a\r\nb\r\r\n", ["a", "b\r"]), ("\n\r\n", ["", ""]), ("a\nb", ["a", "b"]),
            ("", []), ("a\rb\n", ["a\rb"]), ("\r", [""]),
        ])
    func linesEnd(text: String, expected: [String]) {
        let lines = lines(of: [Array(text.utf8)])
        #expect(lines.map { String(decoding: $0.text, as: UTF8.self) } == expected)
        #expect(lines.allSatisfy { !$0.isCut })
    }

    @Test(
        "a line is cut at the limit, and the next one is whole",
        arguments: [(9, false), (10, false), (11, true), (5_000, true)])
    func longLines(length: Int, isCut: Bool) {
        for ending in ["\n", "\r\n"] {
            let text = String(repeating: "x", count: length) + ending + "next\n"
            for size in [1, 3, 7, text.utf8.count] {
                let lines = lines(of: chunks(Array(text.utf8)) { _ in size }, maximumLineBytes: 10)
                #expect(lines.map(\.text.count) == [min(length, 10), 4])
                #expect(lines.map(\.isCut) == [isCut, false])
            }
        }
    }

    @Test("how bytes are split into chunks changes nothing", arguments: 0..<40)
    func splitInvariance(seed: Int) {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let alphabet = Array("ab\n\r\0\u{FFFD}".utf8)
        let bytes = (0..<3_000).map { _ in
            Int.random(in: 0..<9, using: &numbers) == 0 ? UInt8(ascii: "\n") : alphabet.randomElement(using: &numbers)!
        }
        let whole = lines(of: [bytes], maximumLineBytes: 12)
        let pieces = lines(of: chunks(bytes) { _ in Int.random(in: 1...40, using: &numbers) }, maximumLineBytes: 12)
        #expect(whole.map(\.text) == pieces.map(\.text))
        #expect(whole.map(\.isCut) == pieces.map(\.isCut))
        #expect(whole.contains { $0.isCut } && whole.contains { !$0.isCut })
    }

    @Test(
        "RFC 3339 times are read to the nanosecond",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-22T19:24:38.123456789Z", 1_795_375_478_123_456_789),
            ("2026-11-22T20:24:38.5+01:00", 1_795_375_478_500_000_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000), ("1969-12-31T23:59:59.9Z", -100_000_000),
            ("2026-11-22 19:24:38.1234567891z", 1_795_375_478_123_456_789),
            ("1700-03-01t00:00:00-00:30", -8_515_236_600_000_000_000),
        ] as [(String, Int64)])
    func times(text: String, nanoseconds: Int64) {
        #expect(RFC3339.timestamp(Array(text.utf8).span)?.nanoseconds == nanoseconds)
    }

    @Test(
        "what is no RFC 3339 time is refused",
        arguments: [
            "", "2026-11-22", "2026-11-22T19:24:38", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
            "2026-11-22T24:00:00Z", "2026-11-22T19:24:38.Z", "2026-11-22T19:24:38+0100", "2026-11-22T19:24:38Zx",
            "9999-12-31T00:00:00Z", "0000-01-01T00:00:00Z", "2026-11-22T19:24:61Z", "2026-1a-22T19:24:38Z",
            "2026-00-22T19:24:38Z", "2100-02-29T00:00:00Z",
        ])
    func noTimes(text: String) {
        #expect(RFC3339.timestamp(Array(text.utf8).span) == nil)
    }

    @Test("every day of 130 years has its number")
    func days() {
        var expected = RFC3339.daysSinceEpoch(year: 1970, month: 1, day: 1)
        #expect(expected == 0)
        for year in 1970..<2100 {
            for month in 1...12 {
                for day in 1...RFC3339.daysInMonth(month, year) {
                    #expect(RFC3339.daysSinceEpoch(year: year, month: month, day: day) == expected)
                    expected += 1
                }
            }
        }
    }

    private func chunks(_ bytes: [UInt8], _ size: (Int) -> Int) -> [[UInt8]] {
        var chunks: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + size(start))
            chunks.append(Array(bytes[start..<end]))
            start = end
        }
        return chunks
    }
}

@Suite("Container formats")
struct FramingContainerTests {
    private struct Outcome {
        var entries: [Entry] = []
        var marks: [EntryReader.Marks] = []
        var resumeOffsets: [Int64] = []
    }

    private func read(_ format: LineFormat, _ chunks: [String], limit: Int = 1_000, atEnd: Bool = true) -> Outcome {
        let labels = SourceLabels(
            fixed: LabelSet([Label("job", "pods")]),
            variables: [
                .init(name: "out", template: LabelTemplate([.variable(scope: "cri", name: "stream")]))
            ])
        var reader = EntryReader(
            format: format, maximumLineBytes: limit,
            streams: EntryStreams(labels: labels, path: "/x.log", table: StreamTable()), at: 0)
        var clock = EntryClock()
        var outcome = Outcome()
        var offset: Int64 = 0
        func take(_ entries: consuming EntryReader.Entries) {
            outcome.marks.append(entries.marks)
            let batch = entries.seal()
            outcome.entries += batch.lines.map {
                Entry(
                    line: Array(batch.bytes[$0.bytes.range]), labels: batch.streams[Int($0.stream)].labels,
                    time: $0.time)
            }
        }
        for chunk in chunks {
            offset += Int64(chunk.utf8.count)
            if let entries = reader.entries(
                of: reader.partial + Array(chunk.utf8), endingAt: offset, at: 1_000, clock: &clock)
            {
                take(entries)
            }
            outcome.resumeOffsets.append(reader.resumeOffset)
        }
        if atEnd, let entries = reader.lastEntries(at: 1_000, clock: &clock) { take(entries) }
        return outcome
    }

    private static let time = "2026-11-22T19:24:38.5Z"
    private static let nanoseconds: Int64 = 1_795_375_478_500_000_000

    @Test("a CRI line gives its content, its time and its stream")
    func simple() {
        let outcome = read(
            .cri,
            ["\(Self.time) stdout F hello world\n\(Self.time) stderr F:x  two\n\(Self.time) stdout F\n"])
        #expect(outcome.entries.map(\.text) == ["hello world", " two", ""])
        #expect(outcome.entries.map { $0.labels["out"] } == ["stdout", "stderr", "stdout"])
        #expect(outcome.entries.allSatisfy { $0.time.nanoseconds == Self.nanoseconds })
        #expect(outcome.marks.allSatisfy { $0.withoutHeader == 0 })
    }

    @Test("parts are joined per stream, also over chunks")
    func joins() {
        let outcome = read(
            .cri,
            [
                "\(Self.time) stdout P one \n\(Self.time) stderr P e1\n\(Self.time) stdout P two ",
                "\n\(Self.time) stdout F three\n\(Self.time) stderr F e2\n\(Self.time) stdout F last\n",
            ])
        #expect(outcome.entries.map(\.text) == ["one two three", "e1e2", "last"])
        #expect(outcome.entries.map { $0.labels["out"] } == ["stdout", "stderr", "stdout"])
        #expect(outcome.resumeOffsets[0] == 0)
    }

    @Test("reading resumes where the first part of a line stands")
    func resumes() {
        let whole = "\(Self.time) stdout F whole\n"
        let outcome = read(.cri, [whole + "\(Self.time) stdout P part\n"])
        #expect(outcome.resumeOffsets == [Int64(whole.utf8.count)])
        #expect(outcome.entries.map(\.text) == ["whole", "part"])
        #expect(outcome.marks.map(\.withoutEnd) == [0, 1])
    }

    @Test("joined lines are cut at the limit and marked")
    func bounded() {
        let part = "\(Self.time) stdout P \(String(repeating: "x", count: 60))\n"
        let outcome = read(
            .cri, [String(repeating: part, count: 50), "\(Self.time) stdout F y\n\(Self.time) stdout F z\n"],
            limit: 100)
        #expect(outcome.entries.map(\.line.count) == [100, 1])
        #expect(outcome.marks.map(\.tooLong).reduce(0, +) == 1)
    }

    @Test(
        "a line that is not CRI passes as it stands and is marked",
        arguments: [
            "", "hello", "2026-11-22T19:24:38Z", "2026-11-22T19:24:38Z stdout", "2026-11-22T19:24:38Z stdout X hi",
            "2026-11-22T19:24:38Z stdin F hi", "yesterday stdout F hi", "2026-11-22T19:24:38Z stdout Full text",
            "2026-11-22T19:24:38Z stdout ", "2026-11-22T19:24:38Z stddut F x",
        ])
    func notCRI(line: String) {
        let outcome = read(.cri, [line + "\n"])
        #expect(outcome.entries.map(\.text) == [line])
        #expect(outcome.entries.map(\.labels) == [LabelSet([Label("job", "pods")])])
        #expect(outcome.marks.map(\.withoutHeader) == [1])
        #expect(outcome.entries[0].time.nanoseconds == 1_000)
    }

    @Test("Docker's lines are unescaped and joined")
    func docker() {
        let lines = [
            #"{"log":"a \"b\"\t\u00e9\ud83d\ude00\\\n","stream":"stdout","time":"2026-11-22T19:24:38.5Z"}"#,
            #"{"stream":"stderr","attrs":{"a":"}","b":[1,{}]},"log":"one ","time":"2026-11-22T19:24:38.5Z"}"#,
            #"{"log":"out\r\n","stream":"stdout","n":1.5,"time":"2026-11-22T19:24:38.5Z"}"#,
            #"{"log":"two\n","stream":"stderr","time":"2026-11-22T19:24:38.5Z"}"#,
            #"{"log":"no time\n","stream":"stderr"}"#,
            #"{"log":"\ud800x\n","stream":"stderr","time":"2026-11-22T19:24:38.5Z"} "#,
        ]
        let outcome = read(.docker, [lines.joined(separator: "\n") + "\n"])
        #expect(outcome.entries.map(\.text) == ["a \"b\"\té😀\\", "out", "one two", lines[4], "\u{FFFD}x"])
        #expect(outcome.entries.map { $0.labels["out"] } == ["stdout", "stdout", "stderr", nil, "stderr"])
        #expect(outcome.marks.map(\.withoutHeader) == [1])
    }

    @Test("no bytes make a reader trap", arguments: 0..<60)
    func hostile(seed: Int) {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let pieces = [
            "{", "}", "[", "]", "\"", "\\", "\\u", "\\ud83d", ":", ",", "\"log\"", "\"stream\"", "\"stdout\"",
            "\"time\"",
            "\"2026-11-22T19:24:38.5Z\"", "\n", "\r", " ", "F", "P", "stdout", "2026-11-22T19:24:38.5Z", "é", "\0",
        ]
        for format in LineFormat.allCases {
            let chunks = (0..<50).map { _ in
                (0..<40).map { _ in pieces.randomElement(using: &numbers)! }.joined()
            }
            let outcome = read(format, chunks, limit: 50)
            #expect(outcome.entries.allSatisfy { $0.line.count <= 50 })
            #expect(!outcome.entries.isEmpty)
        }
    }

    @Test("entries read together are a nanosecond apart, and never go back")
    func clock() {
        let outcome = read(.raw, ["a\nb\nc\n", "d\n", "e"])
        #expect(outcome.entries.map(\.time.nanoseconds) == [1_000, 1_001, 1_002, 1_003, 1_004])
    }
}

@Suite("Labels of sources")
struct FramingLabelTests {
    @Test("paths of pods say what runs in them")
    func pods() {
        let pod = PathVariables(path: "/var/log/pods/shop_cart-7f_0a-1b/web/3.log")
        #expect([pod["namespace"], pod["pod"], pod["uid"], pod["container"]] == ["shop", "cart-7f", "0a-1b", "web"])
        #expect([pod["filename"], pod["directory"]] == ["3.log", "/var/log/pods/shop_cart-7f_0a-1b/web"])
        let link = PathVariables(path: "/var/log/containers/cart-7f_shop_web-app-0123ab.log")
        #expect(
            [link["namespace"], link["pod"], link["container"], link["id"]] == ["shop", "cart-7f", "web-app", "0123ab"])
        let plain = PathVariables(path: "access.log")
        #expect(
            [plain["filename"], plain["directory"], plain["pod"], plain["nothing"]] == ["access.log", ".", nil, nil])
    }

    @Test("templates make streams, empty values no label, and a full table one stream for the rest")
    func streams() {
        let table = StreamTable(limit: 1)
        let labels = SourceLabels(
            fixed: LabelSet([Label("job", "j"), Label("host", "fixed")]),
            variables: [
                .init(name: "host", template: LabelTemplate([.literal("h-"), .variable(scope: "s", name: "x")])),
                .init(name: "none", template: LabelTemplate([.variable(scope: "s", name: "y")])),
            ])
        let first = labels.stream(in: table) { scope, name in scope == "s" && name == "x" ? "1" : nil }
        #expect(first.stream.labels == LabelSet([Label("job", "j"), Label("host", "h-1")]))
        #expect(!first.overflowed)
        let second = labels.stream(in: table) { _, _ in "2" }
        #expect(second.overflowed)
        #expect(
            second.stream.labels
                == LabelSet([Label("job", "j"), Label("host", "__overflow__"), Label("none", "__overflow__")]))
        #expect(labels.use(scope: "s") && !labels.use(scope: "path"))
    }
}
