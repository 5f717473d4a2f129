import Records

/// One line of Docker's `json-file` driver: `{"log":"text\n","stream":"stdout","time":"2026-…Z"}`.
struct DockerLine {
    var time: Timestamp?
    var stream: ContainerStream?
    /// Where the unescaped text begins in the bytes that it was appended to; its newline is left out.
    var textStart = 0
    /// The text did not end in a newline: the rest is in the next line of the stream.
    var isPartial = false

    /// Reads the object and appends its text to `text`; nil, and `text` as before, when it is not of that form.
    init?(_ bytes: Span<UInt8>, start: Int, end: Int, appendingTo text: inout [UInt8]) {
        let before = text.count
        var reader = JSONReader(position: start, end: end)
        guard read(&reader, bytes, &text), time != nil, stream != nil else {
            text.removeLast(text.count - before)
            return nil
        }
        textStart = before
        guard text.count > before, text[text.count - 1] == UInt8(ascii: "\n") else {
            isPartial = true
            return
        }
        text.removeLast()
        if text.count > before, text[text.count - 1] == UInt8(ascii: "\r") { text.removeLast() }
    }

    private mutating func read(_ reader: inout JSONReader, _ bytes: Span<UInt8>, _ text: inout [UInt8]) -> Bool {
        var hasText = false
        var word: [UInt8] = []
        guard reader.take("{", bytes) else { return false }
        repeat {
            word.removeAll(keepingCapacity: true)
            guard reader.string(bytes, into: &word), reader.take(":", bytes) else { return false }
            if word.elementsEqual("log".utf8), !hasText {
                guard reader.string(bytes, into: &text) else { return false }
                hasText = true
            } else if word.elementsEqual("stream".utf8) {
                word.removeAll(keepingCapacity: true)
                guard reader.string(bytes, into: &word) else { return false }
                stream = ContainerStream.allCases.first { word.elementsEqual($0.name.utf8) }
            } else if word.elementsEqual("time".utf8) {
                word.removeAll(keepingCapacity: true)
                guard reader.string(bytes, into: &word) else { return false }
                time = RFC3339.timestamp(word.span)
            } else {
                guard reader.skipValue(bytes) else { return false }
            }
        } while reader.take(",", bytes)
        return hasText && reader.take("}", bytes) && reader.isAtEnd(bytes)
    }
}

/// Reads the little of JSON that Docker writes.
private struct JSONReader {
    var position: Int
    let end: Int

    mutating func skipSpace(_ bytes: Span<UInt8>) {
        while position < end, bytes[position] == 0x20 || bytes[position] == 0x09 || bytes[position] == 0x0D {
            position += 1
        }
    }

    mutating func isAtEnd(_ bytes: Span<UInt8>) -> Bool {
        skipSpace(bytes)
        return position == end
    }

    mutating func take(_ scalar: Unicode.Scalar, _ bytes: Span<UInt8>) -> Bool {
        skipSpace(bytes)
        guard position < end, bytes[position] == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    /// A string in quotes, unescaped; lone surrogates become U+FFFD.
    mutating func string(_ bytes: Span<UInt8>, into text: inout [UInt8]) -> Bool {
        guard take("\"", bytes) else { return false }
        while true {
            let rest = bytes.extracting(position..<end)
            var count = 0
            while count < rest.count, rest[count] != UInt8(ascii: "\""), rest[count] != UInt8(ascii: "\\") {
                count += 1
            }
            text.append(0..<count, of: rest)
            guard count < rest.count else { return false }
            position += count + 1
            if bytes[position - 1] == UInt8(ascii: "\"") { return true }
            guard escape(bytes, into: &text) else { return false }
        }
    }

    private mutating func escape(_ bytes: Span<UInt8>, into text: inout [UInt8]) -> Bool {
        guard position < end else { return false }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "u"):
            guard let unit = hexadecimal(bytes) else { return false }
            text.append(contentsOf: Array(String(scalar(unit, bytes)).utf8))
        default: return false
        }
        return true
    }

    private mutating func scalar(_ unit: UInt32, _ bytes: Span<UInt8>) -> Character {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        guard (0xD800..<0xDC00).contains(unit) else { return Character(Unicode.Scalar(unit) ?? replacement) }
        let before = position
        guard position + 1 < end, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
        else { return Character(replacement) }
        position += 2
        guard let low = hexadecimal(bytes), (0xDC00..<0xE000).contains(low) else {
            position = before
            return Character(replacement)
        }
        return Character(Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)) ?? replacement)
    }

    private mutating func hexadecimal(_ bytes: Span<UInt8>) -> UInt32? {
        guard position + 4 <= end else { return nil }
        var value: UInt32 = 0
        for index in position..<position + 4 {
            guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue, bytes[index] < 0x80 else {
                return nil
            }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }

    /// Passes over any value; of what it holds only the nesting and the strings are looked at.
    mutating func skipValue(_ bytes: Span<UInt8>) -> Bool {
        var depth = 0
        skipSpace(bytes)
        while position < end {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                var ignored: [UInt8] = []
                guard string(bytes, into: &ignored) else { return false }
                if depth == 0 { return true }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return true }
                depth -= 1
                if depth == 0 {
                    position += 1
                    return true
                }
            case UInt8(ascii: ",") where depth == 0: return true
            default: break
            }
            position += 1
        }
        return false
    }
}
