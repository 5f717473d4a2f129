import Diagnostics

extension Lexer {
    /// A string in double quotes or backticks; single quotes are reported and read like double ones.
    mutating func scanString(quote: UInt8) -> String {
        let start = offset
        let raw = quote == UInt8(ascii: "`")
        var position = offset + 1
        var closed = false
        while let byte = byte(at: position) {
            if byte == quote {
                closed = true
                break
            }
            if !raw, byte == UInt8(ascii: "\n") { break }
            position += !raw && byte == UInt8(ascii: "\\") && self.byte(at: position + 1) != UInt8(ascii: "\n") ? 2 : 1
        }
        position = min(position, bytes.count)
        offset = closed ? position + 1 : position
        if !closed {
            diagnostics.report(
                "the string is not closed",
                hint: raw || position == bytes.count
                    ? nil : "a string in double quotes ends on its line; write \\n for a newline, or use backticks",
                at: start..<position)
            cutOff()
        } else if quote == UInt8(ascii: "'") {
            diagnostics.report(
                "a string stands in double quotes or backticks, not in single quotes", at: start..<offset)
        }
        let content = start + 1..<max(start + 1, position)
        let decoded = raw ? bytes[content].filter { $0 != UInt8(ascii: "\r") } : unescape(content, quote: quote)
        guard let string = String(validating: decoded, as: UTF8.self) else {
            diagnostics.report(
                "the string is not UTF-8 after its escapes are read",
                hint: "in a regex in backticks, \\x stands for a character", at: start..<offset)
            return String(decoding: decoded, as: UTF8.self)
        }
        return string
    }

    /// `“x”` as word processors write it: reported, and read as a string if it ends nearby.
    mutating func scanTypographicString() -> String? {
        let quotes: Set<Unicode.Scalar> = ["\u{201C}", "\u{201D}", "\u{201E}", "\u{2018}", "\u{2019}"]
        guard let first = scalar(at: offset), quotes.contains(first) else { return nil }
        var position = offset + 3
        while position < min(bytes.count, offset + 256), bytes[position] != UInt8(ascii: "\n") {
            if bytes[position] == 0xE2, let last = scalar(at: position), quotes.contains(last) {
                let content = text(offset + 3..<position)
                diagnostics.report(
                    "a string stands in plain double quotes or backticks", hint: "write \"\(content)\"",
                    at: offset..<position + 3)
                offset = position + 3
                return content
            }
            position += 1
        }
        return nil
    }

    private mutating func unescape(_ content: Range<Int>, quote: UInt8) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(content.count)
        var position = content.lowerBound
        while position < content.upperBound {
            let byte = bytes[position]
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                position += 1
                continue
            }
            let rest = bytes[position..<content.upperBound]
            if let (decoded, length) = decodeEscape(rest, quote: quote) {
                result += decoded
                position += length
            } else {
                let end = min(content.upperBound, position + 1 + (scalar(at: position + 1).map(UTF8.width) ?? 1))
                diagnostics.report(
                    "unknown escape '\(text(position..<end))' in a string",
                    hint: "strings in backticks have no escapes: write a regex in them", at: position..<end)
                position = end
            }
        }
        return result
    }

    /// `[5m]`: everything up to the bracket belongs to it.
    mutating func scanRange() -> Int64 {
        let start = offset
        guard let end = bytes[start...].prefix(256).firstIndex(of: UInt8(ascii: "]")) else {
            offset += 1
            while let byte = byte(at: offset), isDigit(byte) || isLetter(byte) { offset += 1 }
            diagnostics.report("the range is not closed", hint: "add ']'", at: start..<offset)
            return 0
        }
        offset = end + 1
        let written = text(start + 1..<end)
        if let window = parsePrometheusDuration(written) { return window }
        diagnostics.report(
            written.isEmpty
                ? "expected a duration in the brackets, found none"
                : "expected a duration such as 5m, found '\(written.prefix(40))'",
            hint: rangeHint(written), at: written.isEmpty ? start..<offset : start + 1..<end)
        return 0
    }

    private func rangeHint(_ written: String) -> String? {
        if written.isEmpty { return "write for example [5m]" }
        if written.utf8.first == UInt8(ascii: "$") { return "variables are not known here: write for example [5m]" }
        if written.utf8.contains(UInt8(ascii: ":")) { return "LogQL has no subqueries" }
        if written.utf8.allSatisfy(isDigit) { return "add a unit: [\(written)s]" }
        if written.utf8.contains(where: isBlank) { return "leave out the blanks" }
        if written.utf8.first == UInt8(ascii: "-") { return "a range looks back; 'offset' moves it" }
        if let other = parseDuration(written), other >= 0 {
            return other % 1_000_000 == 0
                ? "write [\(formatDuration(other))]" : "a range has whole milliseconds"
        }
        return "units are y, w, d, h, m, s and ms, from large to small"
    }

    /// A number, or a duration or size in bytes where a unit follows it closely.
    mutating func scanNumber() -> Token.Kind {
        let start = offset
        let problem = skipNumber()
        let range = start..<offset
        if let problem {
            while let byte = byte(at: offset), isLetter(byte) || isDigit(byte) { offset += 1 }
            diagnostics.report(problem, hint: sizeHint(text(start..<offset)), at: start..<offset)
            return .number("0")
        }
        if let duration = scanDuration(from: start, behind: offset) { return .duration(duration) }
        if let bytes = scanByteSize(from: start, behind: offset) { return .bytes(bytes) }
        return .number(text(range))
    }

    private func sizeHint(_ written: String) -> String? {
        parseByteSize(written) == nil || written.utf8.allSatisfy(isDigit)
            ? nil : "sizes have the units kB, KB, MB, GB, TB and KiB, MiB, GiB, TiB"
    }

    /// Moves behind a number as Go's scanner reads it; the text of what is wrong with it, or nil.
    private mutating func skipNumber() -> String? {
        let start = offset
        var problem: String?
        var base = 10
        var isFloat = false
        if bytes[offset] == UInt8(ascii: "0"), let letter = byte(at: offset + 1).map({ $0 | 0x20 }) {
            base = [UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2][letter] ?? 10
            if base != 10 { offset += 2 }
        }
        let digitsStart = offset
        skipDigits(hexadecimal: base == 16)
        if byte(at: offset) == UInt8(ascii: ".") {
            isFloat = true
            if base == 8 || base == 2 { problem = "a number with this prefix has no fraction" }
            offset += 1
            skipDigits(hexadecimal: base == 16)
        }
        let digits = bytes[digitsStart..<offset]
        if !digits.contains(where: { isDigit($0) || isLetter($0) && $0 != UInt8(ascii: "_") }) {
            problem = "the number has no digits"
        }
        if let letter = byte(at: offset).map({ $0 | 0x20 }), letter == UInt8(ascii: "e") || letter == UInt8(ascii: "p")
        {
            if letter == UInt8(ascii: "e"), base != 10 { problem = "an exponent with 'e' needs a decimal number" }
            if letter == UInt8(ascii: "p"), base != 16 { problem = "an exponent with 'p' needs a hexadecimal number" }
            isFloat = true
            offset += 1
            if byte(at: offset) == UInt8(ascii: "+") || byte(at: offset) == UInt8(ascii: "-") { offset += 1 }
            let before = offset
            skipDigits(hexadecimal: false)
            if problem == nil, offset == before { problem = "the exponent has no digits" }
        } else if base == 16, isFloat, problem == nil {
            problem = "a hexadecimal fraction needs an exponent with 'p'"
        }
        if problem == nil, !isFloat {
            let octal = base == 8 || (base == 10 && digits.count > 1 && digits.first == UInt8(ascii: "0"))
            let highest: UInt8 = base == 2 ? UInt8(ascii: "1") : octal ? UInt8(ascii: "7") : 0xFF
            if digits.contains(where: { isDigit($0) && $0 > highest }) {
                problem =
                    octal
                    ? "a number that begins with 0 has the digits 0 to 7" : "a binary number has the digits 0 and 1"
            }
        }
        if problem == nil, !hasSeparatedDigits(bytes[start..<offset]) { problem = "'_' must stand between digits" }
        return problem
    }

    private mutating func skipDigits(hexadecimal: Bool) {
        while let byte = byte(at: offset),
            isDigit(byte) || byte == UInt8(ascii: "_") || (hexadecimal && hexadecimalValue(byte) != nil)
        {
            offset += 1
        }
    }

    /// The duration of the text from `start` if letters or digits of one follow at `end`; moves behind it.
    mutating func scanDuration(from start: Int, behind end: Int) -> Int64? {
        var position = end
        while let byte = byte(at: position) {
            if isDigit(byte) || "numshdwy.".utf8.contains(byte) {
                position += 1
            } else if let scalar = byte >= 0x80 ? scalar(at: position) : nil, scalar == "µ" || scalar == "μ" {
                position += UTF8.width(scalar)
            } else {
                break
            }
            if position - start > 64 { return nil }
        }
        guard position > end, let duration = parseDuration(text(start..<position)) else { return nil }
        offset = position
        return duration
    }

    private mutating func scanByteSize(from start: Int, behind end: Int) -> UInt64? {
        var position = end
        while let byte = byte(at: position), isDigit(byte) || "BikKMGT.".utf8.contains(byte) {
            position += 1
            if position - start > 64 { return nil }
        }
        guard position > end, let size = parseByteSize(text(start..<position)) else { return nil }
        offset = position
        return size
    }
}
