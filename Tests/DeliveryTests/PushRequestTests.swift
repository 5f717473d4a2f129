import Foundation
import Records
import Testing

@testable import Delivery

@Suite struct PushRequestTests {
    static func odd() -> [LineBatch] {
        let table = StreamTable()
        let first = table.stream(for: LabelSet([Label("job", "a \"b\" \\ \n \t ü ☃ \u{1}"), Label("z", "1")]))!
        let second = table.stream(for: LabelSet([Label("job", "b")]))!
        return [
            batch([
                Entry(stream: first, nanoseconds: 1_700_000_000_000_000_001, line: Array("one".utf8)),
                Entry(stream: second, nanoseconds: 1, line: []),
                Entry(
                    stream: first, nanoseconds: -1, line: Array("zwölf \"quoted\" \\ \u{1F680}\u{0}".utf8),
                    metadata: [("trace_id", "abc"), ("user", "ünï \n")]),
            ]),
            batch([]),
            batch([
                Entry(stream: second, nanoseconds: 0, line: Array(repeating: UInt8(ascii: "x"), count: 70_000)),
                Entry(stream: first, nanoseconds: 1_700_000_000_000_000_002, line: Array("four".utf8)),
            ]),
        ]
    }

    @Test("what is encoded decodes to the same streams, joined over batches in order", arguments: PushEncoding.allCases)
    func roundTrip(encoding: PushEncoding) throws {
        let body = PushRequest.encode(Self.odd(), as: encoding)
        let request = try PushRequest.decode(
            body: body.bytes, contentType: body.contentType, contentEncoding: body.contentEncoding)
        try #require(request.streams.count == 2)
        #expect(body.lines == 5)
        #expect(
            request.streams[0].labels == [Label("job", "a \"b\" \\ \n \t ü ☃ \u{1}"), Label("z", "1")])
        #expect(
            request.streams[0].entries.map(\.line) == ["one", "zwölf \"quoted\" \\ \u{1F680}\u{0}", "four"])
        #expect(
            request.streams[0].entries.map(\.time.nanoseconds)
                == [1_700_000_000_000_000_001, -1, 1_700_000_000_000_000_002])
        #expect(
            Set(request.streams[0].entries[1].metadata) == [Label("trace_id", "abc"), Label("user", "ünï \n")])
        #expect(request.streams[1].entries.map(\.line.utf8.count) == [0, 70_000])
    }

    @Test("bytes that are not UTF-8 are sent as U+FFFD, in lines and in metadata", arguments: PushEncoding.allCases)
    func notUnicode(encoding: PushEncoding) throws {
        let stream = StreamTable().stream(for: LabelSet([Label("job", "x")]))!
        var builder = LineBatchBuilder(capacity: 64)
        let lines: [[UInt8]] = [
            Array("plain".utf8), [0x61, 0xFF, 0x62], Array("12345678".utf8) + [0xE2, 0x98], Array("fin".utf8),
        ]
        for line in lines {
            let range = builder.append(line)
            builder.addLine(range, time: Timestamp(nanoseconds: 1), stream: builder.index(of: stream)!)
        }
        builder.addMetadata(name: builder.metadataName("m"), value: builder.append([0xC3, 0x28]))
        let body = PushRequest.encode([builder.seal()], as: encoding)
        let entries = try PushRequest.decode(
            body: body.bytes, contentType: body.contentType, contentEncoding: body.contentEncoding
        ).streams[0].entries
        #expect(entries.map(\.line) == ["plain", "a\u{FFFD}b", "12345678\u{FFFD}", "fin"])
        #expect(entries[3].metadata == [Label("m", "\u{FFFD}(")])
    }

    @Test("UTF-8 is told from other bytes wherever they stand", arguments: [0, 1, 7, 8, 31, 32, 33, 63, 64, 100])
    func wellFormed(position: Int) {
        let plain = [UInt8](repeating: 0x61, count: 101)
        func with(_ bytes: [UInt8]) -> [UInt8] { Array(plain[..<position]) + bytes + Array(plain[position...]) }
        func isWellFormed(_ bytes: [UInt8]) -> Bool { isWellFormedUTF8(bytes.span) }
        #expect(isWellFormed(plain))
        #expect(isWellFormed(with(Array("ü☃\u{1F680}".utf8))))
        for wrong: [UInt8] in [
            [0xFF], [0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x98], [0xF5, 0x80, 0x80, 0x80],
        ] {
            #expect(!isWellFormed(with(wrong)))
            #expect(!isWellFormed(Array(plain[..<position]) + wrong))
        }
    }

    @Test("an encoder gives the same bytes every time, whatever it encoded before")
    func reuse() {
        var encoder = PushEncoder()
        let first = encoder.encode(Self.odd(), as: .protobufSnappy)
        _ = encoder.encode([batch(StreamTable().stream(for: LabelSet([Label("other", "table")]))!, "x")], as: .jsonGzip)
        #expect(encoder.encode(Self.odd(), as: .protobufSnappy).bytes == first.bytes)
    }

    @Test("gzip reads what we compress")
    func independentGzip() throws {
        let body = PushRequest.encode(Self.odd(), as: .jsonGzip)
        let result = try run("/bin/gzip", ["-dc"], input: body.bytes)
        #expect(result.status == 0)
        #expect(result.output.count == body.uncompressedBytes)
        let object = try JSONSerialization.jsonObject(with: Data(result.output))
        let streams = try #require((object as? [String: Any])?["streams"] as? [[String: Any]])
        #expect(streams.count == 2)
        #expect((streams[1]["stream"] as? [String: String]) == ["job": "b"])
    }

    @Test("a body that grows beyond the limit is refused before it does")
    func bomb() {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for (body, type, encoding) in [
            (Snappy.compress(zeros), "application/x-protobuf", nil), (Zlib.gzip(zeros), "application/json", "gzip"),
            (zeros, "application/json", nil), ([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0], "application/x-protobuf", nil),
        ] as [([UInt8], String, String?)] {
            #expect(throws: PushError.self) {
                try PushRequest.decode(body: body, contentType: type, contentEncoding: encoding, maximumBytes: 1_000)
            }
        }
    }

    @Test("damaged bodies are refused or read, and never trap", arguments: PushEncoding.allCases)
    func damaged(encoding: PushEncoding) throws {
        let body = PushRequest.encode(Self.odd().prefix(1) + [], as: encoding)
        let content =
            switch encoding {
            case .protobufSnappy: try Snappy.decompress(body.bytes, maximumBytes: 1 << 20)
            case .jsonGzip: try Zlib.gunzip(body.bytes, maximumBytes: 1 << 20)
            }
        var generator = SystemRandomNumberGenerator()
        var refused = 0
        for round in 0..<2_000 {
            var bytes = content
            switch round % 3 {
            case 0: bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            case 1: bytes.removeLast(Int.random(in: 1..<bytes.count, using: &generator))
            default: bytes.insert(.random(in: 0...255), at: Int.random(in: 0..<bytes.count, using: &generator))
            }
            let isJSON = encoding == .jsonGzip
            do {
                _ = try PushRequest.decode(
                    body: isJSON ? bytes : Snappy.compress(bytes), contentType: body.contentType, contentEncoding: nil)
            } catch {
                #expect([400, 422].contains(error.status))
                refused += 1
            }
        }
        #expect(refused > 500)
        for count in 0..<body.bytes.count {
            #expect(throws: PushError.self) {
                try PushRequest.decode(
                    body: Array(body.bytes.prefix(count)), contentType: body.contentType,
                    contentEncoding: body.contentEncoding)
            }
        }
    }

    @Test(
        "label texts are read with Go's quoting",
        arguments: [
            (#"{a="b"}"#, [Label("a", "b")]), (#"{b="1",a="2",}"#, [Label("a", "2"), Label("b", "1")]),
            (##"{ a = "\x41\u00fc\U0001F680\101\n\"" }"##, [Label("a", "Aü\u{1F680}A\n\"")]),
            ("{a='it', b=`raw\\n`}", [Label("a", "it"), Label("b", "raw\\n")]), ("{}", []), (#"{a=""}"#, []),
        ])
    func labels(text: String, expected: [Label]) throws {
        #expect(try LabelText.parse(text) == expected)
    }

    @Test(
        "label texts that are wrong are refused",
        arguments: [
            "", "{", "{a", "{a=", "{a=\"", "{a=\"x\"", "{a=\"x\",", "a=\"x\"", "{a=\"\\q\"}", "{a=\"\\u12\"}", "{,}",
            "{a=\"x\"}}", "{a=\"x\" b=\"y\"}", "{ü=\"x\"}", "{a=\"\\777\"}", "{a=\"\\ud800\"}", "{a=\"x\ny\"}",
            "{a=\"\\",
        ])
    func wrongLabels(text: String) {
        #expect(throws: PushError.self) { try LabelText.parse(text) }
    }

    @Test("deeply nested JSON is refused")
    func nesting() {
        let text = #"{"x":"# + String(repeating: "[", count: 100_000)
        #expect(throws: PushError.self) {
            try PushRequest.decode(body: Array(text.utf8), contentType: "application/json", contentEncoding: nil)
        }
    }

    @Test("the store keeps the newest lines, within its bounds")
    func store() throws {
        let store = PushStore(maximumLines: 10, maximumBytes: 200)
        let stream = StreamTable().stream(for: LabelSet([Label("j", "x")]))!
        for round in 0..<50 {
            let body = PushRequest.encode([batch(stream, "round \(round)", lines: 3)], as: .protobufSnappy)
            #expect(store.accept(body: body.bytes, contentType: body.contentType, contentEncoding: nil).status == 204)
        }
        #expect(store.counts.requests == 50)
        #expect(store.counts.lines == 150)
        #expect(store.newest(2).map(\.line) == ["round 49 2", "round 49 1"])
        #expect(store.newest(100).count == 10)
        #expect(store.newest(100).allSatisfy { $0.labels == #"{j="x"}"# })
        let large = PushRequest.encode([batch(stream, String(repeating: "y", count: 500))], as: .jsonGzip)
        #expect(store.accept(body: large.bytes, contentType: large.contentType, contentEncoding: "gzip").status == 204)
        #expect(store.newest(100).isEmpty)
        #expect(store.accept(body: [], contentType: nil, contentEncoding: nil).status == 400)
        #expect(store.counts.refused == 1)
    }
}
