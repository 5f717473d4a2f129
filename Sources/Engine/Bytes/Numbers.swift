import Glibc

// Unsafe here: `strtod` reads a copy that ends with NUL, in a temporary allocation of the right size.

/// Numbers in the text of labels: what Go's `strconv.ParseFloat` takes.
enum Numbers {
    enum Failure: UInt8 { case syntax, range }
    enum Reading {
        case value(Double)
        case failure(Failure)
    }

    /// Powers of ten that a `Double` holds exactly.
    private static let powers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// Plain decimals (`-12.5`) with at most 19 digits and an exact result; nil for all others, valid or not.
    @inline(__always)
    static func plain(_ text: ByteView) -> Double? {
        var offset = 0
        guard text.count > 0 else { return nil }
        let negative = text.peek(0) == UInt8(ascii: "-")
        if negative { offset = 1 }
        var mantissa: UInt64 = 0
        let start = offset
        var point = -1
        while offset < text.count {
            let digit = text.peek(offset) &- UInt8(ascii: "0")
            if digit < 10 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
            } else if text.peek(offset) == UInt8(ascii: "."), point < 0 {
                point = offset
            } else {
                return nil
            }
            offset &+= 1
        }
        let digits = offset &- start &- (point < 0 ? 0 : 1)
        guard digits > 0, digits <= 19, mantissa <= 1 << 53 else { return nil }
        let decimals = point < 0 ? 0 : offset &- point &- 1
        let magnitude = Double(mantissa) / powers[decimals]
        return negative ? -magnitude : magnitude
    }

    /// A number in full Go syntax: underscores between digits, `inf`, `nan`, hexadecimal floats.
    static func read(_ text: ByteView) -> Reading {
        if let special = special(text) { return .value(special) }
        guard isFloat(text), underscoresAreGood(text) else { return .failure(.syntax) }
        let value = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.count + 1) { buffer in
            var count = 0
            for offset in 0..<text.count where text[offset] != UInt8(ascii: "_") {
                unsafe buffer[count] = CChar(bitPattern: text[offset])
                count += 1
            }
            unsafe buffer[count] = 0
            return unsafe strtod(buffer.baseAddress!, nil)
        }
        return value.isInfinite ? .failure(.range) : .value(value)
    }

    private static func special(_ text: ByteView) -> Double? {
        guard text.count > 0, text.count <= 9 else { return nil }
        let signed = text[0] == UInt8(ascii: "+") || text[0] == UInt8(ascii: "-")
        let word = text.dropping(signed ? 1 : 0)
        if word.isFoldedWord("inf") || word.isFoldedWord("infinity") {
            return text[0] == UInt8(ascii: "-") ? -.infinity : .infinity
        }
        return !signed && word.isFoldedWord("nan") ? .nan : nil
    }

    /// The grammar, with underscores anywhere between its characters.
    private static func isFloat(_ text: ByteView) -> Bool {
        var offset = 0
        func at(_ index: Int) -> UInt8 { index < text.count ? text[index] : 0 }
        if at(0) == UInt8(ascii: "+") || at(0) == UInt8(ascii: "-") { offset = 1 }
        let hexadecimal = at(offset) == UInt8(ascii: "0") && at(offset + 1) | 0x20 == UInt8(ascii: "x")
        if hexadecimal { offset += 2 }
        var digits = 0
        var points = 0
        while offset < text.count {
            let byte = text[offset]
            if byte == UInt8(ascii: ".") {
                points += 1
            } else if hexadecimal ? JSONEscape.hexDigit(byte) != nil : byte &- UInt8(ascii: "0") < 10 {
                digits += 1
            } else if byte != UInt8(ascii: "_") {
                break
            }
            offset += 1
        }
        guard digits > 0, points <= 1 else { return false }
        let mark = at(offset) | 0x20
        guard mark == (hexadecimal ? UInt8(ascii: "p") : UInt8(ascii: "e")) else {
            return offset == text.count && !hexadecimal
        }
        offset += 1
        if at(offset) == UInt8(ascii: "+") || at(offset) == UInt8(ascii: "-") { offset += 1 }
        guard at(offset) &- UInt8(ascii: "0") < 10 else { return false }
        while at(offset) &- UInt8(ascii: "0") < 10 || at(offset) == UInt8(ascii: "_") { offset += 1 }
        return offset == text.count
    }

    /// Underscores must separate digits; one may stand behind `0x`.
    private static func underscoresAreGood(_ text: ByteView) -> Bool {
        guard text.firstIndex(of: UInt8(ascii: "_")) != nil else { return true }
        var offset = text[0] == UInt8(ascii: "+") || text[0] == UInt8(ascii: "-") ? 1 : 0
        var lastIsDigit = false
        var lastIsUnderscore = false
        var hexadecimal = false
        if offset + 1 < text.count, text[offset] == UInt8(ascii: "0"), text[offset + 1] | 0x20 == UInt8(ascii: "x") {
            hexadecimal = true
            lastIsDigit = true
            offset += 2
        }
        while offset < text.count {
            let byte = text[offset]
            if byte &- UInt8(ascii: "0") < 10 || hexadecimal && JSONEscape.hexDigit(byte) != nil {
                lastIsDigit = true
                lastIsUnderscore = false
            } else if byte == UInt8(ascii: "_") {
                guard lastIsDigit else { return false }
                lastIsDigit = false
                lastIsUnderscore = true
            } else {
                guard !lastIsUnderscore else { return false }
                lastIsDigit = false
            }
            offset += 1
        }
        return !lastIsUnderscore
    }
}

extension ByteView {
    /// Equal to a word of small letters in any case.
    func isFoldedWord(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for offset in 0..<count where unsafe Self.lowercased(self[offset]) != word.utf8Start[offset] { return false }
        return true
    }
}

/// The number in a label's text, as Loki's number filter and `unwrap` read it; nil when it is none or does not fit
/// in a `Double`.
@inline(__always)
func parseDouble(_ text: ByteView) -> Double? {
    if let plain = Numbers.plain(text) { return plain }
    return parseUnusualDouble(text)
}

@inline(never)
private func parseUnusualDouble(_ text: ByteView) -> Double? {
    switch Numbers.read(text) {
    case .value(let value): value
    case .failure: nil
    }
}

/// Why `text` is not a number, in Go's words: for `__error_details__`.
func explainDouble(_ text: ByteView) -> String {
    let reason =
        switch Numbers.read(text) {
        case .failure(.range): "value out of range"
        case .failure(.syntax), .value: "invalid syntax"
        }
    return "strconv.ParseFloat: parsing \(goQuoted(text)): \(reason)"
}

/// The text as Go's `strconv.Quote` writes it.
func goQuoted(_ text: ByteView) -> String {
    var result = "\""
    for scalar in text.string.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\u{7}": result += "\\a"
        case "\u{8}": result += "\\b"
        case "\u{B}": result += "\\v"
        case "\u{C}": result += "\\f"
        case "\u{0}"..."\u{1F}", "\u{7F}":
            let hexadecimal = String(scalar.value, radix: 16)
            result += "\\x" + (hexadecimal.count < 2 ? "0" : "") + hexadecimal
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
