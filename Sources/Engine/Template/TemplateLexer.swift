/// Cuts a template's text into tokens, as Go's `text/template/parse` does.
struct TemplateLexer {
    let text: [UInt8]
    private var start = 0
    private var position = 0
    private var line = 1
    private var startLine = 1
    private var isInside = false
    private var parenDepth = 0
    private var failed: TemplateToken?

    init(_ text: [UInt8]) { self.text = text }

    /// The token at hand; the same error for ever after one.
    mutating func next() -> TemplateToken {
        if let failed { return failed }
        return isInside ? inside() : outside()
    }

    private func peek(_ distance: Int = 0) -> UInt8? {
        position + distance < text.count ? text[position + distance] : nil
    }

    private func starts(_ prefix: StaticString, at offset: Int) -> Bool {
        guard offset + prefix.utf8CodeUnitCount <= text.count else { return false }
        for index in 0..<prefix.utf8CodeUnitCount where unsafe text[offset + index] != prefix.utf8Start[index] {
            return false
        }
        return true
    }

    private func find(_ needle: StaticString, from offset: Int) -> Int? {
        var at = offset
        while at < text.count {
            if starts(needle, at: at) { return at }
            at += 1
        }
        return nil
    }

    private mutating func ignore() {
        for index in start..<position where text[index] == UInt8(ascii: "\n") { line += 1 }
        start = position
        startLine = line
    }

    private mutating func emit(_ kind: TemplateToken.Kind) -> TemplateToken {
        let token = TemplateToken(kind: kind, range: start..<position, line: startLine)
        ignore()
        return token
    }

    private mutating func fail(_ message: String) -> TemplateToken {
        let token = TemplateToken(kind: .error, range: start..<position, line: startLine, message: message)
        failed = token
        return token
    }

    static func isSpace(_ byte: UInt8?) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A
    }

    private mutating func outside() -> TemplateToken {
        guard let open = find("{{", from: position) else {
            position = text.count
            return position > start ? emit(.text) : emit(.end)
        }
        if open > position {
            var end = open
            if hasLeftTrim(open + 2) {
                while end > start, Self.isSpace(text[end - 1]) { end -= 1 }
            }
            position = end
            let token = TemplateToken(kind: .text, range: start..<end, line: startLine)
            position = open
            ignore()
            if end > token.range.lowerBound { return token }
        }
        return leftDelim()
    }

    private func hasLeftTrim(_ offset: Int) -> Bool {
        offset + 1 < text.count && text[offset] == UInt8(ascii: "-") && Self.isSpace(text[offset + 1])
    }

    private mutating func leftDelim() -> TemplateToken {
        position += 2
        let marker = hasLeftTrim(position) ? 2 : 0
        if starts("/*", at: position + marker) {
            position += marker
            ignore()
            return comment()
        }
        let token = TemplateToken(kind: .leftDelim, range: start..<position, line: startLine)
        isInside = true
        position += marker
        ignore()
        parenDepth = 0
        return token
    }

    private mutating func comment() -> TemplateToken {
        guard let close = find("*/", from: position + 2) else { return fail("unclosed comment") }
        position = close + 2
        guard let trims = rightDelimAhead() else { return fail("comment ends before closing delimiter") }
        skipRightDelim(trims: trims)
        return outside()
    }

    /// Whether the closing delimiter is next, and with a trim marker; nil when it is not.
    private func rightDelimAhead() -> Bool? {
        if Self.isSpace(peek()), peek(1) == UInt8(ascii: "-"), starts("}}", at: position + 2) { return true }
        return starts("}}", at: position) ? false : nil
    }

    private mutating func skipRightDelim(trims: Bool) {
        position += trims ? 4 : 2
        if trims { while Self.isSpace(peek()) { position += 1 } }
        ignore()
    }

    private mutating func rightDelim(trims: Bool) -> TemplateToken {
        let at = trims ? position + 2 : position
        let token = TemplateToken(kind: .rightDelim, range: at..<at + 2, line: startLine)
        isInside = false
        skipRightDelim(trims: trims)
        return token
    }

    private mutating func inside() -> TemplateToken {
        if let trims = rightDelimAhead() {
            return parenDepth == 0 ? rightDelim(trims: trims) : fail("unclosed left paren")
        }
        guard let byte = peek() else { return fail("unclosed action") }
        if Self.isSpace(byte) { return space() }
        if byte == UInt8(ascii: "."), let after = peek(1), after &- UInt8(ascii: "0") >= 10 {
            position += 1
            return fieldOrVariable(.field)
        }
        if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            || byte &- UInt8(ascii: "0") < 10
        {
            return number()
        }
        if wordScalar(at: position) != nil { return identifier() }
        return punctuation(byte)
    }

    private mutating func punctuation(_ byte: UInt8) -> TemplateToken {
        position += 1
        switch byte {
        case UInt8(ascii: "="): return emit(.assign)
        case UInt8(ascii: ":"):
            guard peek() == UInt8(ascii: "=") else { return fail("expected :=") }
            position += 1
            return emit(.declare)
        case UInt8(ascii: "|"): return emit(.pipe)
        case UInt8(ascii: "\""): return quoted(byte, .string, "unterminated quoted string")
        case UInt8(ascii: "'"): return quoted(byte, .charConstant, "unterminated character constant")
        case UInt8(ascii: "`"):
            guard let close = find("`", from: position) else { return fail("unterminated raw quoted string") }
            position = close + 1
            return emit(.rawString)
        case UInt8(ascii: "$"): return fieldOrVariable(.variable)
        case UInt8(ascii: "("):
            parenDepth += 1
            return emit(.leftParen)
        case UInt8(ascii: ")"):
            parenDepth -= 1
            return parenDepth < 0 ? fail("unexpected right paren") : emit(.rightParen)
        case 0x21...0x7E: return emit(.char)
        default:
            position -= 1
            return fail("unrecognized character in action: \(Self.described(scalar(at: position).scalar))")
        }
    }

    private mutating func space() -> TemplateToken {
        var count = 0
        while Self.isSpace(peek()) {
            position += 1
            count += 1
        }
        if peek() == UInt8(ascii: "-"), starts("}}", at: position + 1) {
            position -= 1
            if count == 1 {
                return parenDepth == 0 ? rightDelim(trims: true) : fail("unclosed left paren")
            }
        }
        return emit(.space)
    }

    private mutating func quoted(
        _ quote: UInt8, _ kind: TemplateToken.Kind, _ unterminated: String
    ) -> TemplateToken {
        while let byte = peek() {
            position += 1
            if byte == quote { return emit(kind) }
            if byte == UInt8(ascii: "\n") { break }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = peek(), escaped != UInt8(ascii: "\n") else { break }
                position += 1
            }
        }
        return fail(unterminated)
    }

    private mutating func fieldOrVariable(_ kind: TemplateToken.Kind) -> TemplateToken {
        if isAtTerminator { return emit(kind == .field ? .dot : kind) }
        while let length = wordScalar(at: position) { position += length }
        return isAtTerminator ? emit(kind) : badCharacter()
    }

    private mutating func badCharacter() -> TemplateToken {
        fail("bad character \(Self.described(scalar(at: position).scalar))")
    }

    private mutating func identifier() -> TemplateToken {
        while let length = wordScalar(at: position) { position += length }
        guard isAtTerminator else { return badCharacter() }
        let word = String(decoding: text[start..<position], as: UTF8.self)
        if let kind = TemplateToken.Kind(word: word) { return emit(kind) }
        return emit(word == "true" || word == "false" ? .bool : .identifier)
    }

    private var isAtTerminator: Bool {
        guard let byte = peek() else { return true }
        if Self.isSpace(byte) { return true }
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: "|"), UInt8(ascii: ":"), UInt8(ascii: ")"),
            UInt8(ascii: "("):
            return true
        default: return starts("}}", at: position)
        }
    }

    private mutating func number() -> TemplateToken {
        guard scanNumber() else { return badNumber() }
        if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") {
            guard scanNumber(), text[position - 1] == UInt8(ascii: "i") else { return badNumber() }
            return emit(.complex)
        }
        return emit(.number)
    }

    private mutating func badNumber() -> TemplateToken {
        fail("bad number syntax: \(GoQuote.quoted(text[start..<position]))")
    }

    private mutating func accept(_ bytes: StaticString) -> Bool {
        guard let byte = peek() else { return false }
        for index in 0..<bytes.utf8CodeUnitCount where unsafe bytes.utf8Start[index] == byte {
            position += 1
            return true
        }
        return false
    }

    private mutating func scanNumber() -> Bool {
        _ = accept("+-")
        var digits: StaticString = "0123456789_"
        var base = 10
        if accept("0") {
            if accept("xX") {
                (digits, base) = ("0123456789abcdefABCDEF_", 16)
            } else if accept("oO") {
                (digits, base) = ("01234567_", 8)
            } else if accept("bB") {
                (digits, base) = ("01_", 2)
            }
        }
        while accept(digits) {}
        if accept(".") { while accept(digits) {} }
        if base == 10 && accept("eE") || base == 16 && accept("pP") {
            _ = accept("+-")
            while accept("0123456789_") {}
        }
        _ = accept("i")
        if let length = wordScalar(at: position) {
            position += length
            return false
        }
        return true
    }

    /// The code point at `offset`: U+FFFD and one byte where the text is not UTF-8.
    private func scalar(at offset: Int) -> (scalar: UInt32, length: Int) { GoRune.decode(text[offset...]) }

    /// The length of the letter, digit or underscore at `offset`.
    private func wordScalar(at offset: Int) -> Int? {
        guard offset < text.count else { return nil }
        let byte = text[offset]
        if byte < 0x80 {
            return byte == UInt8(ascii: "_") || byte &- UInt8(ascii: "0") < 10
                || (byte | 0x20) &- UInt8(ascii: "a") < 26
                ? 1 : nil
        }
        let (scalar, length) = scalar(at: offset)
        return GoRune.isLetter(scalar) || GoRune.isDigit(scalar) ? length : nil
    }

    /// A code point as Go's `%#U` writes it; the end of the text is -1 there.
    private static func described(_ scalar: UInt32?) -> String {
        guard let scalar else { return "U+FFFFFFFFFFFFFFFF" }
        var digits = String(scalar, radix: 16, uppercase: true)
        while digits.count < 4 { digits = "0" + digits }
        guard GoRune.isPrintable(scalar), let character = Unicode.Scalar(scalar) else { return "U+\(digits)" }
        return "U+\(digits) '\(Character(character))'"
    }
}
