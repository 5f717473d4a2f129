import Records

/// Reads the text form of a label set, `{a="b", c="d"}`, with the grammar and the error texts of Prometheus's parser.
///
/// A metric name before the braces is not accepted: no client of Loki sends one.
struct LabelText {
    private enum Token: Equatable {
        case leftBrace, rightBrace, equals, comma, end
        case identifier(String)
        case string(String)

        var name: String {
            switch self {
            case .leftBrace: "\"{\""
            case .rightBrace: "\"}\""
            case .equals: "\"=\""
            case .comma: "\",\""
            case .end: "end of input"
            case .identifier(let text): "identifier \(quoted(text))"
            case .string(let text): "string \(quoted(text))"
            }
        }
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0
    /// Where the token read last began.
    private var start = 0

    /// The labels sorted by name, without those whose value is empty. Fails as Loki 3.4 does, columns included.
    static func parse(_ text: String) throws(PushError) -> [Label] {
        var parser = LabelText(scalars: Array(text.unicodeScalars))
        return try parser.labels().filter { !$0.value.isEmpty }.sorted()
    }

    private init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    private mutating func labels() throws(PushError) -> [Label] {
        var labels: [Label] = []
        let opening = try next()
        guard opening == .leftBrace else { throw unexpected(opening, expected: "\"{\"", context: "") }
        var token = try next()
        while token != .rightBrace {
            guard case .identifier(let name) = token else {
                throw unexpected(token, expected: "identifier or \"}\"", context: "in label set")
            }
            let equals = try next()
            guard equals == .equals else { throw unexpected(equals, expected: "\"=\"", context: "in label set") }
            let value = try next()
            guard case .string(let text) = value else {
                throw unexpected(value, expected: "string", context: "in label set")
            }
            labels.append(Label(name, text))
            token = try next()
            if token == .comma {
                token = try next()
            } else if token != .rightBrace {
                throw unexpected(token, expected: "\",\" or \"}\"", context: "in label set")
            }
        }
        let rest = try next()
        guard rest == .end else { throw unexpected(rest, expected: "end of input", context: "") }
        return labels
    }

    private mutating func next() throws(PushError) -> Token {
        while position < scalars.count, [" ", "\t", "\n", "\r"].contains(scalars[position]) { position += 1 }
        start = position
        guard position < scalars.count else { return .end }
        let scalar = scalars[position]
        position += 1
        switch scalar {
        case "{": return .leftBrace
        case "}": return .rightBrace
        case "=": return .equals
        case ",": return .comma
        case "\"", "'", "`": return .string(try string(closing: scalar))
        case "a"..."z", "A"..."Z", "_":
            while position < scalars.count, scalars[position].isASCII, isNameByte(UInt8(scalars[position].value)) {
                position += 1
            }
            return .identifier(text(start..<position))
        default:  // every other character
            throw failure("unexpected character inside braces: '\(scalar)'")
        }
    }

    private mutating func string(closing: Unicode.Scalar) throws(PushError) -> String {
        let first = position
        while position < scalars.count, scalars[position] != closing {
            if scalars[position] == "\\", closing != "`" { position += 1 }
            if position < scalars.count, scalars[position] == "\n", closing != "`" { break }
            position += 1
        }
        guard position < scalars.count, scalars[position] == closing else {
            throw failure(closing == "`" ? "unterminated raw string" : "unterminated quoted string")
        }
        position += 1
        let content = first..<position - 1
        if closing == "`" { return text(content) }
        guard let result = Self.unquoted(scalars[content]) else { throw failure("invalid syntax") }
        return result
    }

    /// The text between quotes with Go's escapes resolved; nil for an escape that Go does not know.
    private static func unquoted(_ scalars: ArraySlice<Unicode.Scalar>) -> String? {
        // Bytes, since \xff and \377 stand for bytes, not for characters.
        var bytes: [UInt8] = []
        var rest = scalars
        while let scalar = rest.popFirst() {
            guard scalar == "\\" else {
                bytes += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                continue
            }
            guard let escape = rest.popFirst() else { return nil }
            let simple: [Unicode.Scalar: UInt8] = [
                "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 0x5C, "\"": 0x22, "'": 0x27,
            ]
            if let byte = simple[escape] {
                bytes.append(byte)
                continue
            }
            let radix = ("0"..."7").contains(escape) ? 8 : 16
            let digits: Int? =
                switch escape {
                case "x": 2
                case "u": 4
                case "U": 8
                case "0"..."7": 3
                default: nil  // every other character is no escape
                }
            guard let digits else { return nil }
            if radix == 8 { rest = scalars[(rest.startIndex - 1)...] }
            guard rest.count >= digits, rest.prefix(digits).allSatisfy({ $0.properties.isASCIIHexDigit }),
                let value = UInt32(String(String.UnicodeScalarView(rest.prefix(digits))), radix: radix)
            else { return nil }
            rest = rest.dropFirst(digits)
            if escape == "u" || escape == "U" {
                guard let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar) else { return nil }
                bytes += Array(encoded)
            } else {
                guard value < 256 else { return nil }
                bytes.append(UInt8(value))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func text(_ range: Range<Int>) -> String {
        String(String.UnicodeScalarView(scalars[range]))
    }

    private func unexpected(_ token: Token, expected: String, context: String) -> PushError {
        failure("unexpected \(token.name)\(context.isEmpty ? "" : " " + context), expected \(expected)")
    }

    /// A failure at the token read last; positions are line and column, both from 1.
    private func failure(_ message: String) -> PushError {
        let before = scalars[..<start]
        let line = before.count { $0 == "\n" } + 1
        let column = start - (before.lastIndex(of: "\n") ?? -1)
        return PushError("couldn't parse labels: \(line):\(column): parse error: \(message)")
    }
}
