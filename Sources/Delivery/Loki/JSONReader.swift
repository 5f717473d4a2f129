/// Walks a JSON text (RFC 8259) value by value, without building a tree, so that a hostile text costs no memory
/// beyond what is kept of it. Nesting is bounded.
struct JSONReader {
    struct Failure: Error {
        let wanted: String
        let position: Int
    }
    /// How far an object or array has been read.
    struct Progress {
        fileprivate var isFirst = true
    }

    private static let maximumDepth = 64
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func failure(_ wanted: String) -> Failure {
        Failure(wanted: wanted, position: position)
    }

    /// The next byte that is not white space; nil at the end.
    mutating func peek() -> UInt8? {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ byte: Character) throws(Failure) {
        guard peek() == byte.asciiValue else { throw failure("'\(byte)'") }
        position += 1
    }

    mutating func object() throws(Failure) -> Progress {
        try take("{")
        return Progress()
    }

    mutating func array() throws(Failure) -> Progress {
        try take("[")
        return Progress()
    }

    /// The next member's key, with its colon read; nil at the object's end.
    mutating func nextKey(_ progress: inout Progress) throws(Failure) -> String? {
        guard try advance(&progress, closing: "}") else { return nil }
        let key = try string()
        try take(":")
        return key
    }

    /// Whether another element follows.
    mutating func nextElement(_ progress: inout Progress) throws(Failure) -> Bool {
        try advance(&progress, closing: "]")
    }

    private mutating func advance(_ progress: inout Progress, closing: Character) throws(Failure) -> Bool {
        if peek() == closing.asciiValue {
            position += 1
            return false
        }
        if !progress.isFirst { try take(",") }
        progress.isFirst = false
        return true
    }

    /// Nothing but white space may follow.
    mutating func end() throws(Failure) {
        guard peek() == nil else { throw failure("the end") }
    }

    mutating func string() throws(Failure) -> String {
        try take("\"")
        var content: [UInt8] = []
        while position < bytes.count {
            let start = position
            while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\") {
                position += 1
            }
            content.append(contentsOf: bytes[start..<position])
            guard position < bytes.count else { break }
            position += 1
            if bytes[position - 1] == UInt8(ascii: "\"") { return String(decoding: content, as: UTF8.self) }
            try escape(into: &content)
        }
        throw failure("the end of a string")
    }

    private mutating func escape(into content: inout [UInt8]) throws(Failure) {
        guard position < bytes.count else { throw failure("an escape") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(8)
        case UInt8(ascii: "f"): content.append(12)
        case UInt8(ascii: "n"): content.append(10)
        case UInt8(ascii: "r"): content.append(13)
        case UInt8(ascii: "t"): content.append(9)
        case UInt8(ascii: "u"):
            var unit = try codeUnit()
            if (0xD800..<0xDC00).contains(unit), bytes[position...].starts(with: "\\u".utf8) {
                let mark = position
                position += 2
                let low = try codeUnit()
                if (0xDC00..<0xE000).contains(low) {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    position = mark
                }
            }
            content.append(contentsOf: String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8)
        default: throw failure("an escape")  // RFC 8259 has no others
        }
    }

    private mutating func codeUnit() throws(Failure) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let unit = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("four hexadecimal digits") }
        position += 4
        return unit
    }

    /// A string, or a number, bool or null as its text.
    mutating func scalarText() throws(Failure) -> String {
        if peek() == UInt8(ascii: "\"") { return try string() }
        let start = position
        while position < bytes.count, isNameByte(bytes[position]) || "+-.".utf8.contains(bytes[position]) {
            position += 1
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard ["true", "false", "null"].contains(text) || Double(text)?.isFinite == true else {
            position = start
            throw failure("a value")
        }
        return text
    }

    mutating func skipValue() throws(Failure) {
        try skipValue(depth: 0)
    }

    private mutating func skipValue(depth: Int) throws(Failure) {
        guard depth < Self.maximumDepth else { throw failure("at most \(Self.maximumDepth) levels") }
        switch peek() {
        case UInt8(ascii: "{"):
            var members = try object()
            while try nextKey(&members) != nil { try skipValue(depth: depth + 1) }
        case UInt8(ascii: "["):
            var elements = try array()
            while try nextElement(&elements) { try skipValue(depth: depth + 1) }
        default: _ = try scalarText()  // strings, numbers, bools, null
        }
    }
}
