/// A word, sign or literal of a query and the bytes that it covers.
struct Token {
    enum Kind: Hashable {
        case end
        case identifier(String)
        case keyword(Keyword)
        case symbol(Symbol)
        case string(String)
        /// As it is written; what it is worth depends on where it stands.
        case number(String)
        /// Nanoseconds.
        case duration(Int64)
        case bytes(UInt64)
        /// `[5m]`, brackets included; nanoseconds.
        case range(Int64)
        case flag(ParserFlag)
    }

    var kind: Kind
    var range: Range<Int>
    /// Characters that are no token stand before it and were reported, so that it is no surprise where it is not expected.
    var isBehindUnknown = false
}

/// Words that cannot be label names. Names of functions can, so they are identifiers.
enum Keyword: String, CaseIterable {
    case by, without, on, ignoring
    case groupLeft = "group_left"
    case groupRight = "group_right"
    case and, or, unless, bool, offset, unwrap
    case json, logfmt, regexp, pattern, unpack, decolorize, drop, keep
    case lineFormat = "line_format"
    case labelFormat = "label_format"

    static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

    /// The keywords that begin a pipeline stage.
    static let stages: [Keyword] = [
        .json, .logfmt, .regexp, .pattern, .unpack, .decolorize, .lineFormat, .labelFormat, .drop, .keep, .unwrap,
    ]
}

enum ParserFlag: String, CaseIterable {
    case strict = "--strict"
    case keepEmpty = "--keep-empty"
}

enum Symbol: String, CaseIterable {
    case openBrace = "{"
    case closeBrace = "}"
    case openParenthesis = "("
    case closeParenthesis = ")"
    case comma = ","
    case pipe = "|"
    case pipeEqual = "|="
    case pipeTilde = "|~"
    case pipeGreater = "|>"
    case bangEqual = "!="
    case bangTilde = "!~"
    case bangGreater = "!>"
    case equal = "="
    case equalTilde = "=~"
    case equalEqual = "=="
    case greater = ">"
    case greaterEqual = ">="
    case less = "<"
    case lessEqual = "<="
    case plus = "+"
    case minus = "-"
    case star = "*"
    case slash = "/"
    case percent = "%"
    case caret = "^"

    static let byText = Dictionary(uniqueKeysWithValues: allCases.map { (Array($0.rawValue.utf8), $0) })
}

extension Token.Kind {
    /// The token as a person reads it in `found …`.
    var shown: String {
        switch self {
        case .end: "the end of the expression"
        case .identifier(let name): "'\(name.prefix(60))'"
        case .keyword(let word): "'\(word.rawValue)'"
        case .symbol(let symbol): "'\(symbol.rawValue)'"
        case .string: "a string"
        case .number(let text): "the number \(text.prefix(60))"
        case .duration: "a duration"
        case .bytes: "a size in bytes"
        case .range: "a range in brackets"
        case .flag(let flag): "'\(flag.rawValue)'"
        }
    }
}
