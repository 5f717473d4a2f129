/// A token of a template's text.
struct TemplateToken {
    enum Kind: UInt8 {
        case error, bool, char, charConstant, assign, declare, end, field, identifier, leftDelim, leftParen, number
        case complex, pipe, rawString, rightDelim, rightParen, space, string, text, variable
        /// Words of the language, the lone dot among them.
        case dot, blockWord, breakWord, continueWord, defineWord, elseWord, endWord, ifWord, nilWord, rangeWord
        case templateWord, withWord

        var isWord: Bool { rawValue >= Kind.dot.rawValue }
    }

    var kind: Kind
    /// The token's place in the text; for an error, of what it complains about.
    var range: Range<Int>
    var line: Int
    /// Of an error.
    var message = ""
}

extension TemplateToken.Kind {
    /// The word of the language that `word` is.
    init?(word: String) {
        switch word {
        case "block": self = .blockWord
        case "break": self = .breakWord
        case "continue": self = .continueWord
        case "define": self = .defineWord
        case "else": self = .elseWord
        case "end": self = .endWord
        case "if": self = .ifWord
        case "nil": self = .nilWord
        case "range": self = .rangeWord
        case "template": self = .templateWord
        case "with": self = .withWord
        default: return nil
        }
    }
}
