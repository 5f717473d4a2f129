extension RegexSyntax {
    // MARK: escapes

    mutating func escape() throws(RegexError) {
        guard offset + 1 < pattern.count else { throw fail("trailing backslash at end of expression", offset) }
        let letter = peek(1)
        switch letter {
        case UInt8(ascii: "d"), UInt8(ascii: "w"):
            begin(.asciiClass)
            copy(2)
        case UInt8(ascii: "s"):
            begin(.asciiClass)
            offset += 2
            emit("[\\t\\n\\f\\r ]")
        case UInt8(ascii: "S"):
            begin(.wide)
            offset += 2
            emit("[^\\t\\n\\f\\r ]")
        case UInt8(ascii: "D"), UInt8(ascii: "W"):
            begin(.wide)
            copy(2)
        case UInt8(ascii: "b"), UInt8(ascii: "A"), UInt8(ascii: "z"):
            if letter == UInt8(ascii: "A"), translated.isEmpty { isAnchored = true }
            begin(.assertion)
            copy(2)
        case UInt8(ascii: "B"):
            begin(.assertion)
            needsUTF = true
            copy(2)
        case UInt8(ascii: "p"), UInt8(ascii: "P"):
            begin(.wide)
            needsUTF = true
            copy(2)
            if peek() == UInt8(ascii: "{") {
                while offset < pattern.count, peek() != UInt8(ascii: "}") { copy(1) }
            }
            copy(1)
        case UInt8(ascii: "Q"): quoted()
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "x"), UInt8(ascii: "a"), UInt8(ascii: "f"),
            UInt8(ascii: "t"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "v"):
            try codePoint()
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
            begin(.wide)
            needsUTF = true
            beyond(letter == UInt8(ascii: "k") || letter == UInt8(ascii: "g") ? "a back-reference" : "a PCRE escape")
            copy(2)
        case 0x80...: throw fail("invalid escape sequence", offset)
        default:
            // An escaped sign is that sign.
            translated.append(UInt8(ascii: "\\"))
            offset += 1
            text(1)
        }
    }

    /// `\Q...\E`
    mutating func quoted() {
        offset += 2
        while offset < pattern.count, !rest(startsWith: "\\E") {
            var length = 1
            while peek(length) & 0xC0 == 0x80 { length += 1 }
            if length == 1, !LabelName.isPlain(peek()) { translated.append(UInt8(ascii: "\\")) }
            text(length)
        }
        offset += 2
    }

    /// An escape that stands for one code point; a digit may also begin a back-reference.
    mutating func codePoint() throws(RegexError) {
        guard let (scalar, length) = RegexSyntax.codePoint(pattern[offset...]) else {
            guard peek(1) &- UInt8(ascii: "1") < 9 else { throw fail("invalid escape sequence", offset) }
            begin(.wide)
            beyond("a back-reference")
            return copy(2)
        }
        if scalar >= 0x80 { needsUTF = true }
        translated += "\\x{\(String(scalar, radix: 16))}".utf8
        offset += length
        guard scalar < 0x80 else {
            begin(.character)
            endRun()
            literalSoFar = nil
            return
        }
        let before = offset
        literalCharacter([UInt8(scalar)], copied: 0)
        offset = before
    }

    /// The code point that an escape at the beginning of `text` stands for, and the escape's length.
    static func codePoint(_ text: ArraySlice<UInt8>) -> (UInt32, Int)? {
        let bytes = Array(text.prefix(16))
        switch bytes.count > 1 ? bytes[1] : 0 {
        case UInt8(ascii: "a"): return (7, 2)
        case UInt8(ascii: "f"): return (12, 2)
        case UInt8(ascii: "t"): return (9, 2)
        case UInt8(ascii: "n"): return (10, 2)
        case UInt8(ascii: "r"): return (13, 2)
        case UInt8(ascii: "v"): return (11, 2)
        case UInt8(ascii: "x"):
            if bytes.count > 3, bytes[2] == UInt8(ascii: "{"), let end = bytes.firstIndex(of: UInt8(ascii: "}")) {
                let digits = String(decoding: bytes[3..<end], as: UTF8.self)
                guard let scalar = UInt32(digits, radix: 16), scalar <= 0x10FFFF else { return nil }
                return (scalar, end + 1)
            }
            guard bytes.count > 3, let high = JSONEscape.hexDigit(bytes[2]), let low = JSONEscape.hexDigit(bytes[3])
            else { return nil }
            return (high << 4 | low, 4)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            var end = 2
            while end < min(4, bytes.count), bytes[end] &- UInt8(ascii: "0") < 8 { end += 1 }
            // One digit that is not zero would be a back-reference.
            guard end > 2 || bytes[1] == UInt8(ascii: "0") else { return nil }
            return (bytes[1..<end].reduce(0) { $0 << 3 | UInt32($1 - UInt8(ascii: "0")) }, end)
        default: return nil
        }
    }

    // MARK: classes

    mutating func characterClass() throws(RegexError) {
        let start = offset
        var wide = false
        var letters = false
        copy(1)
        if peek() == UInt8(ascii: "^") {
            wide = true
            copy(1)
        }
        var isFirst = true
        while offset < pattern.count, isFirst || peek() != UInt8(ascii: "]") {
            isFirst = false
            let byte = peek()
            if byte == UInt8(ascii: "["), peek(1) == UInt8(ascii: ":") {
                guard let end = namedClassEnd() else {
                    copy(1)
                    continue
                }
                if peek(2) == UInt8(ascii: "^") { wide = true }
                letters = true
                copy(end - offset)
            } else if byte == UInt8(ascii: "\\") {
                try classEscape(&wide)
            } else {
                if byte >= 0x80 { needsUTF = true }
                if (byte | 0x20) &- UInt8(ascii: "a") < 26 { letters = true }
                copy(1)
            }
        }
        guard offset < pattern.count else {
            throw fail("missing closing ]: `\(String(decoding: pattern[start...], as: UTF8.self))`", start)
        }
        copy(1)
        if flags.fold, letters { needsUTF = true }
        let end = offset
        begin(wide ? .wide : .asciiClass)
        offset = end
    }

    func namedClassEnd() -> Int? {
        var end = offset + 2
        if end < pattern.count, pattern[end] == UInt8(ascii: "^") { end += 1 }
        while end < pattern.count, (pattern[end] | 0x20) &- UInt8(ascii: "a") < 26 { end += 1 }
        guard end + 1 < pattern.count, pattern[end] == UInt8(ascii: ":"), pattern[end + 1] == UInt8(ascii: "]") else {
            return nil
        }
        return end + 2
    }

    mutating func classEscape(_ wide: inout Bool) throws(RegexError) {
        guard offset + 1 < pattern.count else { throw fail("trailing backslash at end of expression", offset) }
        let letter = peek(1)
        switch letter {
        case UInt8(ascii: "s"):
            emit("\\t\\n\\f\\r ")
            offset += 2
        case UInt8(ascii: "S"):
            wide = true
            emit("\\S\\x0b")
            offset += 2
        case UInt8(ascii: "D"), UInt8(ascii: "W"):
            wide = true
            copy(2)
        case UInt8(ascii: "p"), UInt8(ascii: "P"):
            wide = true
            needsUTF = true
            copy(2)
        default:
            if let (scalar, length) = Self.codePoint(pattern[offset...]) {
                if scalar >= 0x80 { needsUTF = true }
                emit("\\x{\(String(scalar, radix: 16))}")
                offset += length
            } else {
                copy(2)
            }
        }
    }
}
