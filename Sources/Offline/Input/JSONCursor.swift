/// Walks a JSON text (RFC 8259) strictly, value by value. Strings keep bytes that are not UTF-8; nesting is bounded.
struct JSONCursor {
    /// What was wanted, and the byte where it was not.
    struct Failure: Error {
        var wanted: String
        var position: Int
    }

    private static let maximumDepth = 64
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func failure(_ wanted: String) -> Failure { Failure(wanted: wanted, position: position) }

    /// The next byte that is not white space; nil at the end.
    mutating func peek() -> UInt8? {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ scalar: Unicode.Scalar) throws(Failure) {
        guard peek() == UInt8(ascii: scalar) else { throw failure("'\(scalar)'") }
        position += 1
    }

    /// The members of an object: `member` gets each key and reads its value.
    mutating func object(_ member: (inout JSONCursor, String) throws(Failure) -> Void) throws(Failure) {
        try take("{")
        if peek() == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            let key = String(decoding: try string(), as: UTF8.self)
            try take(":")
            try member(&self, key)
            if peek() == UInt8(ascii: "}") {
                position += 1
                return
            }
            try take(",")
        }
    }

    /// Nothing but white space may follow.
    mutating func end() throws(Failure) {
        guard peek() == nil else { throw failure("the end") }
    }

    /// A string, decoded.
    mutating func string() throws(Failure) -> [UInt8] {
        try take("\"")
        var content: [UInt8] = []
        var start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                content += bytes[start..<position]
                position += 1
                return content
            }
            guard byte >= 0x20 else { throw failure("no control character in a string") }
            if byte == UInt8(ascii: "\\") {
                content += bytes[start..<position]
                position += 1
                try escape(into: &content)
                start = position
            } else {
                position += 1
            }
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
            content += String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8
        default: throw failure("an escape")  // RFC 8259 has no others
        }
    }

    private mutating func codeUnit() throws(Failure) -> UInt32 {
        var unit: UInt32 = 0
        for digit in bytes[position...].prefix(4) {
            guard let value = Character(Unicode.Scalar(digit)).hexDigitValue, digit < 0x80 else {
                throw failure("four hexadecimal digits")
            }
            unit = unit << 4 | UInt32(value)
        }
        guard position + 4 <= bytes.count else { throw failure("four hexadecimal digits") }
        position += 4
        return unit
    }

    /// A number, `true`, `false` or `null` as its text.
    mutating func word() throws(Failure) -> String {
        _ = peek()
        let start = position
        while position < bytes.count, isWordByte(bytes[position]) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let isNumber = text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) } && Double(text)?.isFinite == true
        guard ["true", "false", "null"].contains(text) || isNumber else {
            position = start
            throw failure("a value")
        }
        return text
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Reads over a value of any kind.
    mutating func skip(depth: Int = 0) throws(Failure) {
        guard depth < Self.maximumDepth else { throw failure("at most \(Self.maximumDepth) levels") }
        switch peek() {
        case UInt8(ascii: "{"):
            try object { (cursor, _) throws(Failure) in try cursor.skip(depth: depth + 1) }
        case UInt8(ascii: "["):
            position += 1
            if peek() == UInt8(ascii: "]") {
                position += 1
                return
            }
            while true {
                try skip(depth: depth + 1)
                if peek() == UInt8(ascii: "]") {
                    position += 1
                    return
                }
                try take(",")
            }
        case UInt8(ascii: "\""): _ = try string()
        default: _ = try word()
        }
    }
}
