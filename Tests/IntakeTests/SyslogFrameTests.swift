import Testing

@testable import Intake

@Suite("Syslog framing")
struct SyslogFrameTests {
    struct Message: Equatable, CustomStringConvertible {
        var bytes: [UInt8]
        var isCut = false
        var isIncomplete = false

        init(_ text: String, isCut: Bool = false, isIncomplete: Bool = false) {
            self.init(Array(text.utf8), isCut: isCut, isIncomplete: isIncomplete)
        }

        init(_ bytes: [UInt8], isCut: Bool, isIncomplete: Bool) {
            self.bytes = bytes
            self.isCut = isCut
            self.isIncomplete = isIncomplete
        }

        var description: String {
            "\(String(decoding: bytes, as: UTF8.self))\(isCut ? " (cut)" : "")\(isIncomplete ? " (incomplete)" : "")"
        }
    }

    /// The messages of the bytes when they come in chunks that end at these offsets.
    static func decode(_ bytes: [UInt8], limit: Int = 65_536, splits: [Int] = []) -> [Message] {
        var decoder = FrameDecoder(maximumMessageBytes: limit)
        var messages: [Message] = []
        func keep(_ frame: FrameDecoder.Frame, _ chunk: [UInt8]) {
            let source = frame.isCarried ? decoder.carried : chunk
            messages.append(
                Message(Array(source[frame.range]), isCut: frame.isCut, isIncomplete: frame.isIncomplete))
        }
        var start = 0
        for end in splits + [bytes.count] {
            let chunk = Array(bytes[start..<end])
            start = end
            var offset = 0
            while let frame = decoder.next(in: chunk.span, from: &offset) { keep(frame, chunk) }
            #expect(decoder.carried.count <= decoder.maximumMessageBytes)
        }
        if let frame = decoder.finish() { keep(frame, []) }
        return messages
    }

    static let table: [(String, [Message])] = [
        ("", []),
        ("<13>a\n<14>b\n", [Message("<13>a"), Message("<14>b")]),
        ("<13>a\r\n<14>b\r\n", [Message("<13>a"), Message("<14>b")]),
        ("<13>a\0<14>b\0\n", [Message("<13>a"), Message("<14>b")]),
        ("<13>a", [Message("<13>a")]),
        ("5 <13>a5 <14>b", [Message("<13>a"), Message("<14>b")]),
        ("5 <13>a\n5 <14>b\n", [Message("<13>a"), Message("<14>b")]),
        (
            "7 <13>a\nb6 <14>b\n<15>c\n5 <16>d",
            [Message("<13>a\nb"), Message("<14>b"), Message("<15>c"), Message("<16>d")]
        ),
        ("\n\r\n\0\n<13>a\n", [Message("<13>a")]),
        ("0 <13>a\n", [Message("0 <13>a")]),
        ("05 <13>a\n<13>b\n", [Message("05 <13>a"), Message("<13>b")]),
        ("12345678901234567890 <13>a\n<13>b\n", [Message("12345678901234567890 <13>a"), Message("<13>b")]),
        ("10 users logged in\n", [Message("10 users logged in")]),
        ("123: *Mar  1 cisco\n", [Message("123: *Mar  1 cisco")]),
        ("123", [Message("123")]),
        ("123 ", [Message("123 ")]),
        ("123\n45\n", [Message("123"), Message("45")]),
        ("50 <13>a", [Message("<13>a", isIncomplete: true)]),
        ("3 <13>abc\n", [Message("<13"), Message(">abc")]),
        ("hello\nworld", [Message("hello"), Message("world")]),
    ]

    @Test("messages are told apart, frame by frame", arguments: table)
    func framing(bytes: String, wanted: [Message]) {
        #expect(Self.decode(Array(bytes.utf8)) == wanted)
    }

    @Test("however the bytes are split, the messages are the same", arguments: table)
    func splits(bytes: String, wanted: [Message]) {
        let bytes = Array(bytes.utf8)
        for at in 0...bytes.count { #expect(Self.decode(bytes, splits: [at]) == wanted) }
        #expect(Self.decode(bytes, splits: Array(0..<bytes.count)) == wanted)
    }

    @Test("random bytes in random chunks give the same messages as in one piece")
    func randomSplits() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "<13>a", "1", "7 ", "5 <13>b", "\n", "\r\n", "\0", " ", "600 <", "xyz", String(repeating: "l", count: 300),
        ]
        for _ in 0..<3_000 {
            let text = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            let bytes = Array(text.utf8)
            let splits = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                Int.random(in: 0...bytes.count, using: &random)
            }.sorted()
            #expect(Self.decode(bytes, limit: 480, splits: splits) == Self.decode(bytes, limit: 480), "\(text)")
        }
    }

    @Test(
        "a message over the limit is cut, the next one is whole, and memory stays within the limit",
        arguments: [
            "", "3000000 ",
        ])
    func cut(count: String) {
        let long = "<13>" + String(repeating: "x", count: 3_000_000 - 4)
        let bytes = Array((count + long + "\n<14>next\n").utf8)
        let wanted = [Message(String(long.prefix(1_000)), isCut: true), Message("<14>next")]
        #expect(Self.decode(bytes, limit: 1_000) == wanted)
        #expect(Self.decode(bytes, limit: 1_000, splits: [3, 700, 1_500, 2_000_000]) == wanted)
        #expect(Self.decode(bytes, limit: 1_000, splits: Array(stride(from: 0, to: bytes.count, by: 4_097))) == wanted)
    }

    @Test(
        "the decoder knows whether a message is under way",
        arguments: [
            ("<13>a", true), ("<13>a\n", false), ("5 <13", true), ("5 <13>a", false), ("5", true), ("", false),
        ])
    func within(bytes: String, isWithin: Bool) {
        let bytes = Array(bytes.utf8)
        var decoder = FrameDecoder(maximumMessageBytes: 480)
        var offset = 0
        while decoder.next(in: bytes.span, from: &offset) != nil {}
        #expect(decoder.isWithinFrame == isWithin)
    }
}
