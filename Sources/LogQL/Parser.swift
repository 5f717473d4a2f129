public import Diagnostics

/// What is left of a text after parsing it.
public struct Parsed: Sendable {
    /// nil where there are errors; warnings alone leave it.
    public var expression: Expression?
    /// In the order in which they stand in the text; at most 50.
    public var diagnostics: [Diagnostic]
}

/// Parses a log query or a metric query as Loki 3.4 has them; a log query may also end with `| unwrap x` and label filters.
///
/// Rules that need no compiled regex are checked too. Whether regexes and templates compile is found out by whoever compiles them; the
/// rule that a selector needs a matcher that does not match the empty value is checked with the regexes' syntax only.
/// Never traps and never recurses deeper than 200 levels; texts over 128 KiB are refused.
public func parse(_ text: String) -> Parsed {
    guard text.utf8.count <= Parser.maximumLength else {
        let diagnostic = Diagnostic(
            .error, "the expression is too long: at most \(Parser.maximumLength) bytes, found \(text.utf8.count)",
            at: 0..<0)
        return Parsed(expression: nil, diagnostics: [diagnostic])
    }
    var lexer = Lexer(text)
    let tokens = lexer.tokens()
    var parser = Parser(source: lexer.bytes, tokens: tokens, diagnostics: lexer.diagnostics, isCutOff: lexer.isCutOff)
    let expression = parser.parseAll()
    let diagnostics = parser.diagnostics.list.sorted { $0.range.lowerBound < $1.range.lowerBound }
    return Parsed(expression: parser.diagnostics.hasErrors ? nil : expression, diagnostics: diagnostics)
}

/// Thrown after a mistake was reported, up to the next place where parsing can go on.
struct Stumble: Error {}

/// Recursive descent over the tokens. What nests is bounded by `maximumDepth`, what chains by `maximumOperators`, so the tree that comes
/// out can be walked and released recursively.
struct Parser {
    static let maximumLength = 131_072
    static let maximumDepth = 200
    static let maximumOperators = 2000
    /// Between metrics: plans and answers go down their tree, with larger frames than label filters have.
    static let maximumMetricOperators = 500
    /// Of one pipeline: stages follow each other in depth where they are planned.
    static let maximumStages = 1000

    let source: [UInt8]
    let tokens: [Token]
    var index = 0
    var diagnostics: DiagnosticCollector
    /// The text ends inside a string: nothing more is reported at its end.
    let isCutOff: Bool
    var depth = 0
    var operators = 0

    init(source: [UInt8], tokens: [Token], diagnostics: DiagnosticCollector, isCutOff: Bool) {
        self.source = source
        self.tokens = tokens
        self.diagnostics = diagnostics
        self.isCutOff = isCutOff
    }

    mutating func parseAll() -> Expression? {
        do throws(Stumble) {
            let operand = try parseOperation()
            if current.kind != .end { throw trailing(after: operand) }
            return operand.expression
        } catch {
            return nil
        }
    }

    var current: Token { tokens[index] }

    func peek(_ distance: Int = 1) -> Token {
        tokens[min(index + distance, tokens.count - 1)]
    }

    /// From an offset to the end of the token before the current one; empty where nothing was read.
    func span(from start: Int) -> Range<Int> { start..<max(start, lastEnd) }

    /// The end of the token before the current one.
    var lastEnd: Int { index == 0 ? 0 : tokens[index - 1].range.upperBound }

    mutating func advance() {
        if index < tokens.count - 1 { index += 1 }
    }

    func at(_ symbol: Symbol) -> Bool { current.kind == .symbol(symbol) }

    func at(_ keyword: Keyword) -> Bool { current.kind == .keyword(keyword) }

    mutating func accept(_ symbol: Symbol) -> Bool {
        guard at(symbol) else { return false }
        advance()
        return true
    }

    mutating func accept(_ keyword: Keyword) -> Bool {
        guard at(keyword) else { return false }
        advance()
        return true
    }

    mutating func expect(_ symbol: Symbol, _ place: String, hint: String? = nil) throws(Stumble) {
        guard accept(symbol) else { throw unexpected("'\(symbol.rawValue)' \(place)", hint: hint) }
    }

    mutating func expectString(_ what: String, hint: String? = nil) throws(Stumble) -> String {
        guard case .string(let text) = current.kind else {
            var hint = hint
            if case .identifier(let name) = current.kind { hint = hint ?? "put it in quotes: \"\(name)\"" }
            if case .number(let text) = current.kind { hint = hint ?? "put it in quotes: \"\(text)\"" }
            throw unexpected(what, hint: hint)
        }
        advance()
        return text
    }

    mutating func expectLabel(_ what: String = "a label name") throws(Stumble) -> String {
        guard case .identifier(let name) = current.kind else {
            var hint: String?
            switch current.kind {
            case .keyword(let word): hint = "'\(word.rawValue)' is a keyword and cannot be a label name"
            case .string: hint = "label names stand without quotes"
            case .duration, .bytes, .number: hint = "label names begin with a letter or '_'"
            case .symbol(.closeBrace), .symbol(.closeParenthesis), .end:
                if index > 0, tokens[index - 1].kind == .symbol(.comma) { hint = "remove the comma before it" }
            default: break
            }
            throw unexpected(what, hint: hint)
        }
        advance()
        return name
    }

    mutating func fail(_ message: String, hint: String? = nil, at range: Range<Int>) -> Stumble {
        diagnostics.report(message, hint: hint, at: range)
        if diagnostics.isFull { index = tokens.count - 1 }
        return Stumble()
    }

    mutating func unexpected(_ wanted: String, hint: String? = nil) -> Stumble {
        if (isCutOff && current.kind == .end) || current.isBehindUnknown { return Stumble() }
        return fail("expected \(wanted), found \(current.kind.shown)", hint: hint, at: current.range)
    }

    /// Goes one level deeper; the caller goes back with `depth -= 1`. Beyond the limit nothing more of the text is read.
    mutating func deepen() throws(Stumble) {
        guard depth < Self.maximumDepth else {
            let stumble = fail("too deeply nested: at most \(Self.maximumDepth) levels", at: current.range)
            index = tokens.count - 1
            throw stumble
        }
        depth += 1
    }

    mutating func countOperator(atMost most: Int) throws(Stumble) {
        operators += 1
        guard operators <= most else {
            let stumble = fail("too many operators: at most \(most)", at: current.range)
            index = tokens.count - 1
            throw stumble
        }
    }

    /// Moves to the next token for which `isStop` holds, or to the bracket that closes what is open around here, or to the end. Brackets
    /// that are opened on the way are passed as a whole.
    mutating func skip(to isStop: (Token.Kind) -> Bool) {
        var open = 0
        while current.kind != .end {
            switch current.kind {
            case .symbol(.openParenthesis), .symbol(.openBrace):
                open += 1
            case .symbol(.closeParenthesis), .symbol(.closeBrace):
                if open == 0 { return }
                open -= 1
            case let kind:
                if open == 0, isStop(kind) { return }
            }
            advance()
        }
    }

    /// Reads what stands in brackets that are open already; after a mistake in it the closing one is passed, so that whoever goes on does not
    /// take it for his own.
    mutating func closingOnFailure<Result>(
        _ body: (inout Parser) throws(Stumble) -> Result
    ) throws(Stumble) -> Result {
        do throws(Stumble) {
            return try body(&self)
        } catch {
            skip { _ in false }
            _ = accept(.closeParenthesis)
            throw error
        }
    }

    private mutating func trailing(after operand: Operand) -> Stumble {
        let isLog = if case .log = operand.expression { true } else { false }
        let wanted = isLog ? "a line filter, '|' and a stage, or the end" : "an operator or the end"
        switch current.kind {
        case .range where isLog:
            return fail(
                "a log query has no range", hint: "put it in a function: count_over_time({…}[5m])", at: current.range)
        case .symbol(.closeParenthesis), .symbol(.closeBrace):
            return unexpected(wanted, hint: "there is no bracket open before it")
        case .keyword(let word) where isLog && Keyword.stages.contains(word):
            return unexpected(wanted, hint: "write '| \(word.rawValue)'")
        case .keyword(.offset):
            return unexpected(wanted, hint: "offset stands behind the range: [5m] offset 1m")
        case .symbol(.equal) where isLog:
            return unexpected(wanted, hint: "line filters are '|=', '!=', '|~', '!~', '|>' and '!>'")
        case .symbol(.equal):
            return unexpected(wanted, hint: "did you mean '=='?")
        case .duration where isLog:
            return unexpected(wanted, hint: "a duration is written without blanks: 1h30m")
        default:
            return unexpected(wanted)
        }
    }
}
