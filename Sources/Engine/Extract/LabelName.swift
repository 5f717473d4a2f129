/// Makes label names from keys of lines, as Loki does.
enum LabelName {
    /// Appends `key`, made into a label name or a part of one: white space around it goes, each rune other than
    /// `[A-Za-z0-9_]` becomes `_`, and a digit at the very beginning gets `_` in front.
    static func append(_ key: ByteView, to name: inout [UInt8]) {
        let trimmed = trim(key)
        guard !trimmed.isEmpty else { return }
        if name.isEmpty, trimmed[0] &- UInt8(ascii: "0") < 10 { name.append(UInt8(ascii: "_")) }
        var offset = 0
        while offset < trimmed.count {
            let byte = trimmed[offset]
            if isPlain(byte) {
                name.append(byte)
                offset += 1
            } else {
                name.append(UInt8(ascii: "_"))
                offset += byte < 0x80 ? 1 : max(1, UTF8Rune.length(trimmed, at: offset))
            }
        }
    }

    /// True for a byte that a label name may have.
    @inline(__always)
    static func isPlain(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "_")
    }

    /// Without Unicode white space at both ends.
    static func trim(_ text: ByteView) -> ByteView {
        var start = 0
        var end = text.count
        while start < end {
            let length = blank(text, at: start)
            guard length > 0, start + length <= end else { break }
            start += length
        }
        while start < end {
            var first = end - 1
            while first > start, end - first < 3, text[first] & 0xC0 == 0x80 { first -= 1 }
            let length = blank(text, at: first)
            guard length > 0, first + length == end else { break }
            end = first
        }
        return text[start..<end]
    }

    /// The length of the white space rune at `offset`; 0 when there is none.
    private static func blank(_ text: ByteView, at offset: Int) -> Int {
        switch text[offset] {
        case 0x09...0x0D, 0x20: return 1
        case 0xC2:
            guard offset + 1 < text.count else { return 0 }
            return text[offset + 1] == 0x85 || text[offset + 1] == 0xA0 ? 2 : 0
        case 0xE1, 0xE2, 0xE3:
            guard offset + 2 < text.count else { return 0 }
            let rune = UInt32(text[offset]) << 16 | UInt32(text[offset + 1]) << 8 | UInt32(text[offset + 2])
            switch rune {
            case 0xE19A80, 0xE28080...0xE2808A, 0xE280A8, 0xE280A9, 0xE280AF, 0xE2819F, 0xE38080: return 3
            default: return 0
            }
        default: return 0
        }
    }
}

/// Reading UTF-8 that may be broken.
enum UTF8Rune {
    /// The length of the valid UTF-8 sequence at `offset`; 0 when the bytes there are none.
    static func length(_ text: ByteView, at offset: Int) -> Int {
        let first = text[offset]
        if first < 0x80 { return 1 }
        func follows(_ distance: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            offset + distance < text.count && range.contains(text[offset + distance])
        }
        switch first {
        case 0xC2...0xDF: return follows(1) ? 2 : 0
        case 0xE0: return follows(1, 0xA0...0xBF) && follows(2) ? 3 : 0
        case 0xED: return follows(1, 0x80...0x9F) && follows(2) ? 3 : 0
        case 0xE1...0xEF: return follows(1) && follows(2) ? 3 : 0
        case 0xF0: return follows(1, 0x90...0xBF) && follows(2) && follows(3) ? 4 : 0
        case 0xF4: return follows(1, 0x80...0x8F) && follows(2) && follows(3) ? 4 : 0
        case 0xF1...0xF3: return follows(1) && follows(2) && follows(3) ? 4 : 0
        default: return 0
        }
    }

    /// True when Loki would put blanks into the value: it has bytes that are not UTF-8, or U+FFFD itself.
    static func needsRepair(_ text: ByteView) -> Bool {
        var offset = 0
        while offset < text.count {
            let length = length(text, at: offset)
            if length == 0 || isReplacement(text, at: offset, length: length) { return true }
            offset += length
        }
        return false
    }

    static func isReplacement(_ text: ByteView, at offset: Int, length: Int) -> Bool {
        length == 3 && text[offset] == 0xEF && text[offset + 1] == 0xBF && text[offset + 2] == 0xBD
    }
}
