import Diagnostics

/// Cuts the bytes of a query into tokens.
///
/// Never recursive and linear in the text. A literal that is wrong is reported here and still yields a token, so that the parser goes on
/// behind it and nothing is reported twice.
struct Lexer {
    let bytes: [UInt8]
    var offset = 0
    var diagnostics = DiagnosticCollector()
    /// A string or range runs up to the end of the text, so what is missing there is no second mistake.
    private(set) var isCutOff = false

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    mutating func tokens() -> [Token] {
        var result: [Token] = []
        while !diagnostics.isFull, let token = next() { result.append(token) }
        result.append(Token(kind: .end, range: bytes.count..<bytes.count))
        return result
    }

    func byte(at position: Int) -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    private mutating func next() -> Token? {
        var isBehindUnknown = false
        while true {
            skipBlanks()
            guard let first = byte(at: offset) else { return nil }
            let start = offset
            if let kind = kind(startingWith: first) {
                return Token(kind: kind, range: start..<offset, isBehindUnknown: isBehindUnknown)
            }
            skipUnknown()
            isBehindUnknown = true
        }
    }

    private mutating func skipBlanks() {
        while let byte = byte(at: offset) {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                offset += 1
            case UInt8(ascii: "#"):
                while let byte = self.byte(at: offset), byte != UInt8(ascii: "\n") { offset += 1 }
            default:
                return
            }
        }
    }

    /// The kind of the token at `offset`, which moves behind it; nil where no token begins.
    private mutating func kind(startingWith first: UInt8) -> Token.Kind? {
        switch first {
        case UInt8(ascii: "\""), UInt8(ascii: "`"), UInt8(ascii: "'"):
            return .string(scanString(quote: first))
        case UInt8(ascii: "["):
            return .range(scanRange())
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            return scanNumber()
        case UInt8(ascii: ".") where byte(at: offset + 1).map(isDigit) ?? false:
            return scanNumber()
        case UInt8(ascii: "-"):
            if let flag = scanFlag() { return .flag(flag) }
            if let duration = scanDuration(from: offset, behind: offset + 1) { return .duration(duration) }
        case 0xE2:
            if let string = scanTypographicString() { return .string(string) }
        default:
            if let length = identifierLength() { return scanWord(length) }
        }
        return scanSymbol().map { .symbol($0) }
    }

    private mutating func scanSymbol() -> Symbol? {
        for length in [2, 1] where offset + length <= bytes.count {
            if let symbol = Symbol.byText[Array(bytes[offset..<offset + length])] {
                offset += length
                return symbol
            }
        }
        return nil
    }

    private mutating func scanWord(_ length: Int) -> Token.Kind {
        let word = text(offset..<offset + length)
        offset += length
        if let keyword = Keyword.byName[word] ?? Keyword.byName[word.lowercased()] { return .keyword(keyword) }
        return .identifier(word)
    }

    /// How many bytes of an identifier stand at `offset`: letters and digits of any script and `_`, as in Go.
    private func identifierLength() -> Int? {
        var position = offset
        while let byte = byte(at: position) {
            if isLetter(byte) || (isDigit(byte) && position > offset) {
                position += 1
            } else if byte >= 0x80, let scalar = scalar(at: position), isWordScalar(scalar, first: position == offset) {
                position += UTF8.width(scalar)
            } else {
                break
            }
        }
        return position > offset ? position - offset : nil
    }

    private func isWordScalar(_ scalar: Unicode.Scalar, first: Bool) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        case .decimalNumber: !first
        default: false
        }
    }

    func scalar(at position: Int) -> Unicode.Scalar? {
        var iterator = bytes[position..<min(position + 4, bytes.count)].makeIterator()
        var decoder = UTF8()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
        return scalar
    }

    /// `--strict`; a misspelt flag is reported and taken as `--strict`. `--` before anything but a letter is two signs.
    private mutating func scanFlag() -> ParserFlag? {
        guard byte(at: offset + 1) == UInt8(ascii: "-"), byte(at: offset + 2).map(isLetter) ?? false else { return nil }
        var end = offset + 2
        while let byte = byte(at: end), isLetter(byte) || byte == UInt8(ascii: "-") { end += 1 }
        let range = offset..<end
        offset = end
        let word = text(range)
        if let flag = ParserFlag(rawValue: word) { return flag }
        let meant = nearest(to: word, among: ParserFlag.allCases.map(\.rawValue))
        diagnostics.report(
            "unknown flag '\(word)'",
            hint: meant.map { "did you mean '\($0)'?" } ?? "flags are --strict and --keep-empty",
            at: range)
        return .strict
    }

    /// Reports a run of characters that begin no token, once.
    private mutating func skipUnknown() {
        let start = offset
        var first: Unicode.Scalar?
        while let byte = byte(at: offset), !isBlank(byte) {
            if offset > start, isASCIIToken(byte) { break }
            let scalar = scalar(at: offset)
            first = first ?? scalar
            offset += scalar.map(UTF8.width) ?? 1
            if offset - start > 64 { break }
        }
        diagnostics.report(
            "unexpected character '\(text(start..<offset))'", hint: first.flatMap(unknownHint), at: start..<offset)
    }

    private func isASCIIToken(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "{}()[,|=!<>+-*/%^\"'`#".utf8.contains(byte)
    }

    private func unknownHint(_ scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "\u{201C}", "\u{201D}", "\u{201E}", "\u{2018}", "\u{2019}": "use the plain quote \" or a backtick"
        case "\u{A0}", "\u{202F}", "\u{2007}": "this is a no-break space; use an ordinary one"
        case "&": "write 'and'"
        case "!": "a negation is '!=', '!~' or '!>'"
        case "@": "LogQL has no '@' modifier"
        case "$": "variables are not known here"
        case "]": "there is no '[' before it"
        case ";": "there is one query in an expression"
        case "\u{2013}", "\u{2014}", "\u{2212}": "use the plain hyphen '-'"
        default: nil
        }
    }

    /// Where a string does not end, nothing behind its beginning can be trusted.
    mutating func cutOff() {
        isCutOff = true
        offset = bytes.count
    }
}

func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_") }

func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D && byte != 0x0B && byte != 0x0C) }

/// Diagnostics of one text: the first few, one for each place.
struct DiagnosticCollector {
    static let maximum = 50
    private(set) var list: [Diagnostic] = []
    private var places: Set<Int> = []

    var isFull: Bool { list.count >= Self.maximum && hasErrors }

    var hasErrors: Bool { !places.isEmpty }

    mutating func report(
        _ message: String, severity: Diagnostic.Severity = .error, hint: String? = nil, at range: Range<Int>
    ) {
        if severity == .error, !places.insert(range.lowerBound).inserted { return }
        // An error always finds room: without one a broken text would look whole.
        guard list.count < Self.maximum || (severity == .error && !hasErrors) else { return }
        list.append(Diagnostic(severity, message, hint: hint, at: range))
    }
}
