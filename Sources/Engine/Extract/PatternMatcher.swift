/// Why an expression of a query cannot be used, in Loki's words.
struct ExpressionError: Error, Equatable {
    var message: String
}

/// An expression of `pattern` or `|>`: captures and texts in turn.
struct PatternExpression {
    enum Part: Equatable {
        /// `<name>`; nil for `<_>`.
        case capture(String?)
        case literal([UInt8])
    }

    private(set) var parts: [Part] = []

    /// Reads an expression: `<name>` is a capture, everything else is text.
    init(_ text: String) {
        let bytes = Array(text.utf8)
        var literal: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            if bytes[offset] == UInt8(ascii: "<"), let end = Self.captureEnd(bytes, offset) {
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = []
                let name = String(decoding: bytes[offset + 1..<end], as: UTF8.self)
                parts.append(.capture(name == "_" ? nil : name))
                offset = end + 1
            } else {
                literal.append(bytes[offset])
                offset += 1
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
    }

    /// The `>` of a capture whose `<` stands at `start`.
    private static func captureEnd(_ bytes: [UInt8], _ start: Int) -> Int? {
        var end = start + 1
        guard end < bytes.count, LabelName.isPlain(bytes[end]), bytes[end] &- UInt8(ascii: "0") >= 10 else {
            return nil
        }
        while end < bytes.count, LabelName.isPlain(bytes[end]) { end += 1 }
        return end < bytes.count && bytes[end] == UInt8(ascii: ">") ? end : nil
    }

    /// The names of the captures, in order.
    var names: [String] {
        parts.compactMap { part in if case .capture(let name) = part { name } else { nil } }
    }

    /// What the `pattern` stage refuses; nil when the expression is good.
    var stageError: ExpressionError? {
        if parts.isEmpty {
            return ExpressionError(
                message: "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL")
        }
        if names.isEmpty { return ExpressionError(message: "at least one capture is required") }
        if let adjacent { return adjacent }
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            return ExpressionError(message: "duplicate capture name (\(name)): invalid expression")
        }
        return nil
    }

    /// What the line filter `|>` refuses; nil when the expression is good.
    var filterError: ExpressionError? {
        if let adjacent { return adjacent }
        return names.first.map { ExpressionError(message: "named captures are not allowed: found '<\($0)>'") }
    }

    private var adjacent: ExpressionError? {
        for (left, right) in zip(parts, parts.dropFirst()) {
            if case .capture(let first) = left, case .capture(let second) = right {
                return ExpressionError(
                    message: "found consecutive capture '<\(first ?? "_")><\(second ?? "_")>': invalid expression")
            }
        }
        return nil
    }
}

/// The `pattern` stage, compiled.
struct PatternMatcher {
    /// One capture and the text behind it.
    private struct Step: BitwiseCopyable {
        var field: FieldID
        var isNamed: Bool
        /// Empty behind a capture at the end.
        var literal: Needle
    }

    private var prefix = ByteView.empty
    private var steps: [Step] = []
    /// Owns the texts.
    private let store: ByteStore

    /// `fields` are those of the named captures, in order; the texts are kept in `store`.
    init(_ text: String, fields: [FieldID], store: ByteStore) throws(ExpressionError) {
        let expression = PatternExpression(text)
        if let error = expression.stageError { throw error }
        precondition(fields.count == expression.names.count, "one field for each named capture")
        self.store = store
        var next = 0
        for part in expression.parts {
            switch part {
            case .literal(let bytes):
                let needle = Needle(bytes, in: store)
                if steps.isEmpty { prefix = needle.bytes } else { steps[steps.count - 1].literal = needle }
            case .capture(let name):
                let field = name == nil ? FieldID(0) : fields[next]
                if name != nil { next += 1 }
                steps.append(Step(field: field, isNamed: name != nil, literal: Needle(.empty)))
            }
        }
    }

    /// Appends the captures of `line`; none when it does not begin with the pattern's first text. Where a later text
    /// is missing, the capture before it takes the rest of the line and the captures behind it give nothing.
    func scan(_ line: ByteView, into fields: inout FieldBuffer) {
        guard line.count > 0, line.count >= prefix.count, line.part(0, prefix.count).equals(prefix) else { return }
        var offset = prefix.count
        for index in steps.indices {
            let step = steps[index]
            let isLast = step.literal.bytes.isEmpty
            let end = isLast ? nil : step.literal.first(in: line, from: offset)
            if step.isNamed {
                let value = line.part(offset, end ?? line.count)
                fields.append(ExtractedField(id: step.field, form: .plain, value: value))
            }
            guard let end else { return }
            offset = end + step.literal.bytes.count
        }
    }
}

/// The line filter `|>`, compiled: texts that must follow each other, with at least one byte for each `<_>`.
struct PatternFilter {
    private var literals: [Needle] = []
    private let startsWithText: Bool
    private let endsWithText: Bool
    private let isEmpty: Bool
    /// Owns the texts.
    private let store: ByteStore

    init(_ text: String, store: ByteStore) throws(ExpressionError) {
        let expression = PatternExpression(text)
        if let error = expression.filterError { throw error }
        isEmpty = expression.parts.isEmpty
        self.store = store
        func isText(_ part: PatternExpression.Part?) -> Bool {
            if case .literal = part { true } else { false }
        }
        startsWithText = isText(expression.parts.first)
        endsWithText = isText(expression.parts.last)
        for part in expression.parts {
            if case .literal(let bytes) = part { literals.append(Needle(bytes, in: store)) }
        }
    }

    /// Whether the whole line is as the pattern says; the first occurrence of each text counts, without going back.
    func matches(_ line: ByteView) -> Bool {
        if isEmpty || line.isEmpty { return isEmpty && line.isEmpty }
        var offset = 0
        for index in literals.indices {
            if index == 0, startsWithText {
                let bytes = literals[0].bytes
                guard line.count >= bytes.count, line.part(0, bytes.count).equals(bytes) else { return false }
                offset = bytes.count
                continue
            }
            guard let found = literals[index].first(in: line, from: offset), found > offset else { return false }
            offset = found + literals[index].bytes.count
        }
        return endsWithText == (offset == line.count)
    }
}
