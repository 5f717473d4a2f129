/// Finds where each byte of a scalar's value stands in the file, by reading the scalar a second time.
///
/// libyaml gives only the beginning and the end of a scalar. The second reading follows its rules for folding,
/// escapes and chomping, and its outcome is compared with libyaml's value: where they differ (Unicode line
/// breaks), every byte is said to stand at the beginning of the scalar.
struct ScalarMap {
    private struct Run {
        var bytes: [UInt8] = []
        var offsets: [Int] = []

        mutating func append(_ byte: UInt8, at offset: Int) {
            bytes.append(byte)
            offsets.append(offset)
        }

        mutating func append(_ other: Run) {
            bytes += other.bytes
            offsets += other.offsets
        }
    }

    private let source: [UInt8]
    private let end: Int
    private var position: Int
    private var run = Run()

    static func offsets(of scalar: Scalar) -> [Int] {
        let wanted = Array(scalar.text.utf8)
        switch scalar.style {
        case .plain, .singleQuoted, .doubleQuoted:
            var map = ScalarMap(scalar)
            let end = map.readFlow(scalar.style)
            if map.run.bytes == wanted { return map.run.offsets + [end] }
        case .literal, .folded:
            // The indentation may be relative to a parent that is not known here: the one that fits is it.
            for indent in [nil] + Array(0..<64).map(Optional.some) {
                var map = ScalarMap(scalar)
                map.readBlock(folded: scalar.style == .folded, indent: indent)
                if map.run.bytes == wanted {
                    return map.run.offsets + [map.run.offsets.last.map { $0 + 1 } ?? scalar.range.lowerBound]
                }
            }
        }
        return [Int](repeating: scalar.range.lowerBound, count: wanted.count + 1)
    }

    private init(_ scalar: Scalar) {
        source = scalar.source
        end = scalar.range.upperBound
        position = scalar.range.lowerBound
    }

    private func byte(_ offset: Int) -> UInt8 { offset < end ? source[offset] : 0 }

    private func isBlank(_ offset: Int) -> Bool { byte(offset) == 0x20 || byte(offset) == 0x09 }

    /// The length of the line break at an offset; 0 where there is none.
    private func breakLength(_ offset: Int) -> Int {
        switch byte(offset) {
        case 0x0A: 1
        case 0x0D: byte(offset + 1) == 0x0A ? 2 : 1
        default: 0
        }
    }

    // MARK: plain and quoted

    /// Reads to the end; answers where the value ends.
    private mutating func readFlow(_ style: Scalar.Style) -> Int {
        let last = style == .plain ? end : max(position, end - 1)
        if style != .plain { position += 1 }
        while position < last {
            if isBlank(position) || breakLength(position) > 0 {
                readSpace(to: last, joined: false)
            } else if style == .singleQuoted, byte(position) == 0x27 {
                run.append(0x27, at: position)
                position += 2
            } else if style == .doubleQuoted, byte(position) == 0x5C {
                readEscape(to: last)
            } else {
                run.append(source[position], at: position)
                position += 1
            }
        }
        return last
    }

    /// Blanks and line breaks: kept within a line, folded across lines. `joined` after an escaped line break.
    private mutating func readSpace(to last: Int, joined: Bool) {
        var blanks = Run()
        var breaks: [Int] = []
        while position < last {
            let length = breakLength(position)
            if length > 0 {
                breaks.append(position)
                position += length
            } else if isBlank(position) {
                blanks.append(source[position], at: position)
                position += 1
            } else {
                break
            }
        }
        if joined {
            for offset in breaks { run.append(0x0A, at: offset) }
        } else if breaks.isEmpty {
            run.append(blanks)
        } else if breaks.count == 1 {
            run.append(0x20, at: breaks[0])
        } else {
            for offset in breaks.dropFirst() { run.append(0x0A, at: offset) }
        }
    }

    private mutating func readEscape(to last: Int) {
        let start = position
        let length = breakLength(position + 1)
        if length > 0 {
            position += 1 + length
            return readSpace(to: last, joined: true)
        }
        let letter = byte(position + 1)
        position += 2
        var digits = 0
        let value: UInt32
        switch letter {
        case UInt8(ascii: "0"): value = 0
        case UInt8(ascii: "a"): value = 7
        case UInt8(ascii: "b"): value = 8
        case UInt8(ascii: "t"), 0x09: value = 9
        case UInt8(ascii: "n"): value = 10
        case UInt8(ascii: "v"): value = 11
        case UInt8(ascii: "f"): value = 12
        case UInt8(ascii: "r"): value = 13
        case UInt8(ascii: "e"): value = 27
        case UInt8(ascii: "N"): value = 0x85
        case UInt8(ascii: "_"): value = 0xA0
        case UInt8(ascii: "L"): value = 0x2028
        case UInt8(ascii: "P"): value = 0x2029
        case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
            digits = letter == UInt8(ascii: "x") ? 2 : letter == UInt8(ascii: "u") ? 4 : 8
            let text = String(decoding: source[min(position, last)..<min(position + digits, last)], as: UTF8.self)
            value = UInt32(text, radix: 16) ?? 0
        default: value = UInt32(letter)
        }
        position += digits
        for byte in String(Unicode.Scalar(value) ?? "?").utf8 { run.append(byte, at: start) }
    }

    // MARK: literal and folded

    private mutating func readBlock(folded: Bool, indent given: Int?) {
        position += 1
        var chomping = 0
        while position < end, breakLength(position) == 0 {
            if byte(position) == UInt8(ascii: "#") { break }
            if byte(position) == UInt8(ascii: "+") { chomping = 1 }
            if byte(position) == UInt8(ascii: "-") { chomping = -1 }
            position += 1
        }
        while position < end, breakLength(position) == 0 { position += 1 }
        position += breakLength(position)

        let indent = given ?? detectedIndent()
        var leadingBreak = Run()
        var trailingBreaks = Run()
        var leadingBlank = false
        var column = readBreaks(indent, into: &trailingBreaks)
        while column == indent, position < end {
            let startsBlank = isBlank(position)
            if folded, !leadingBreak.bytes.isEmpty, !leadingBlank, !startsBlank {
                if trailingBreaks.bytes.isEmpty { run.append(0x20, at: leadingBreak.offsets[0]) }
            } else {
                run.append(leadingBreak)
            }
            leadingBreak = Run()
            run.append(trailingBreaks)
            trailingBreaks = Run()
            leadingBlank = startsBlank
            while position < end, breakLength(position) == 0 {
                run.append(source[position], at: position)
                position += 1
            }
            if position < end { leadingBreak.append(0x0A, at: position) }
            position += breakLength(position)
            column = readBreaks(indent, into: &trailingBreaks)
        }
        if chomping != -1 { run.append(leadingBreak) }
        if chomping == 1 { run.append(trailingBreaks) }
    }

    /// Empty lines, then the indentation of the next line; answers how much of it there was.
    private mutating func readBreaks(_ indent: Int, into breaks: inout Run) -> Int {
        while true {
            var column = 0
            while column < indent, byte(position) == 0x20 {
                position += 1
                column += 1
            }
            let length = breakLength(position)
            if length == 0 { return column }
            breaks.append(0x0A, at: position)
            position += length
        }
    }

    /// The blanks before the first line that has more than blanks.
    private func detectedIndent() -> Int {
        var offset = position
        while offset < end {
            var column = 0
            while byte(offset) == 0x20 {
                offset += 1
                column += 1
            }
            let length = breakLength(offset)
            if length == 0 { return column }
            offset += length
        }
        return 1
    }
}
