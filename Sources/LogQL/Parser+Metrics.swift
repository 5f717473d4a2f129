import Diagnostics

/// What a part of a query came to; without an expression where a mistake in it was reported already.
struct Operand {
    var expression: Expression?
    /// Only numbers and signs: Loki computes these before anything else.
    var isConstant = false
    var range: Range<Int>

    var isLog: Bool { if case .log = expression { true } else { false } }

    var metric: MetricExpression? { if case .metric(let metric) = expression { metric } else { nil } }
}

/// A binary operator whose right side is still being read.
private struct PendingOperator {
    var operation: BinaryOperation.Operation
    var returnBool: Bool
    var matching: BinaryOperation.Matching?
    var range: Range<Int>

    func bindsBefore(_ other: PendingOperator) -> Bool {
        operation.precedence > other.operation.precedence
            || (operation.precedence == other.operation.precedence && operation != .power)
    }
}

extension BinaryOperation.Operation {
    /// Tighter binding is larger; only `^` is right-associative.
    var precedence: Int {
        switch self {
        case .or: 1
        case .and, .unless: 2
        case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual: 3
        case .add, .subtract: 4
        case .multiply, .divide, .modulo: 5
        case .power: 6
        }
    }

    var isSet: Bool { self == .and || self == .or || self == .unless }
}

extension Parser {
    /// Operands and the operators between them, by precedence and with explicit stacks.
    mutating func parseOperation() throws(Stumble) -> Operand {
        var operands = [try parseOperand()]
        var pending: [PendingOperator] = []
        while let next = try acceptOperator(behind: operands[operands.count - 1]) {
            while let last = pending.last, last.bindsBefore(next) { fold(&operands, pending.removeLast()) }
            pending.append(next)
            try countOperator(atMost: Self.maximumMetricOperators)
            operands.append(try parseOperand())
        }
        while let last = pending.popLast() { fold(&operands, last) }
        return operands[0]
    }

    private mutating func fold(_ operands: inout [Operand], _ pending: PendingOperator) {
        let right = operands.removeLast()
        let left = operands.removeLast()
        let range = left.range.lowerBound..<right.range.upperBound
        var result = Operand(range: range)
        result.isConstant = left.isConstant && right.isConstant
        for (side, operand) in [("left", left), ("right", right)] {
            if operand.isLog {
                wantMetric("on the \(side) of '\(pending.operation.rawValue)'", at: operand.range)
            } else if pending.operation.isSet, operand.isConstant {
                _ = fail(
                    "'\(pending.operation.rawValue)' combines series, found a number on its \(side)",
                    hint: "write vector(…) for a series of a number", at: operand.range)
            }
        }
        if let left = left.metric, let right = right.metric {
            result.expression = .metric(
                .binary(
                    BinaryOperation(
                        operation: pending.operation, left: left, right: right, returnBool: pending.returnBool,
                        matching: pending.matching, range: range)))
        }
        operands.append(result)
    }

    mutating func wantMetric(_ place: String, at range: Range<Int>) {
        _ = fail(
            "expected a metric query \(place), found a log query",
            hint: "put it in a function: count_over_time({…}[5m])", at: range)
    }

    private mutating func acceptOperator(behind operand: Operand) throws(Stumble) -> PendingOperator? {
        let operation: BinaryOperation.Operation
        switch current.kind {
        case .keyword(.and): operation = .and
        case .keyword(.or): operation = .or
        case .keyword(.unless): operation = .unless
        case .symbol(let symbol):
            guard let found = BinaryOperation.Operation(rawValue: symbol.rawValue) else { return nil }
            operation = found
        default: return nil
        }
        if operand.isLog { throw logOperand(operand, before: operation) }
        var pending = PendingOperator(operation: operation, returnBool: false, matching: nil, range: current.range)
        advance()
        pending.returnBool = accept(.bool)
        if at(.on) || at(.ignoring) {
            let on = at(.on)
            advance()
            let labels = try parseLabels(place: on ? "behind 'on'" : "behind 'ignoring'")
            var matching = BinaryOperation.Matching(on: on, labels: labels, cardinality: .oneToOne, include: [])
            if at(.groupLeft) || at(.groupRight) {
                matching.cardinality = at(.groupLeft) ? .groupLeft : .groupRight
                advance()
                if at(.openParenthesis) { matching.include = try parseLabels(place: "behind the grouping") }
            }
            pending.matching = matching
        } else if at(.groupLeft) || at(.groupRight) {
            throw unexpected("an operand", hint: "'on (…)' or 'ignoring (…)' stands before it")
        }
        return pending
    }

    private mutating func logOperand(_ operand: Operand, before operation: BinaryOperation.Operation) -> Stumble {
        if case .string = peek().kind {
            return unexpected(
                "a line filter, '|' and a stage, or the end",
                hint: operation == .and
                    ? "write a second filter: |= \"…\"" : "line filters are '|=', '!=', '|~', '!~', '|>' and '!>'")
        }
        wantMetric("on the left of '\(operation.rawValue)'", at: operand.range)
        return Stumble()
    }

    /// `(a, b)`, possibly empty.
    mutating func parseLabels(place: String) throws(Stumble) -> [String] {
        try expect(.openParenthesis, place)
        var labels: [String] = []
        if accept(.closeParenthesis) { return labels }
        repeat {
            labels.append(try expectLabel(labels.isEmpty ? "a label name or ')'" : "a label name"))
        } while accept(.comma)
        try expect(.closeParenthesis, "or ',' behind the label '\(labels[labels.count - 1])'")
        return labels
    }

    private mutating func parseOperand() throws(Stumble) -> Operand {
        let start = current.range.lowerBound
        switch current.kind {
        case .symbol(.openBrace):
            let query = try parseLogQuery()
            return Operand(expression: .log(query), range: query.range)
        case .symbol(.openParenthesis):
            try deepen()
            defer { depth -= 1 }
            advance()
            var operand = try recovering(from: start) { (parser) throws(Stumble) in
                let inner = try parser.parseOperation()
                guard parser.at(.closeParenthesis) else { throw parser.unclosed(inner) }
                return inner
            }
            operand.range = span(from: start)
            return operand
        case .number, .symbol(.plus), .symbol(.minus):
            let number = try parseSignedNumber(isFilter: false)
            return Operand(
                expression: .metric(.literal(number, span(from: start))), isConstant: true, range: span(from: start))
        case .identifier(let name):
            return try parseFunction(name)
        case .duration, .bytes:
            throw unexpected("a query or a plain number", hint: "durations and sizes are for label filters and ranges")
        default:
            throw unexpected(
                "a query", hint: current.kind == .end && index == 0 ? "a selector is for example {job=\"nginx\"}" : nil)
        }
    }

    mutating func unclosed(_ inner: Operand) -> Stumble {
        if inner.isLog, current.kind.isRange {
            return fail(
                "expected a metric query, found a range of a log query",
                hint: "name what is computed: count_over_time(…)",
                at: current.range)
        }
        return unexpected("')'", hint: inner.isLog ? nil : operatorHint)
    }

    private var operatorHint: String? {
        switch current.kind {
        case .symbol(.equal): "did you mean '=='?"
        case .keyword(.offset): "offset stands behind the range: [5m] offset 1m"
        default: nil
        }
    }

    /// Reads what stands in brackets that are open already; a mistake in it ends at the closing one, so that what follows is read too.
    mutating func recovering(
        from start: Int, _ body: (inout Parser) throws(Stumble) -> Operand
    ) throws(Stumble) -> Operand {
        var operand: Operand
        do throws(Stumble) {
            operand = try body(&self)
        } catch {
            skip { _ in false }
            operand = Operand(range: span(from: start))
        }
        guard accept(.closeParenthesis) else {
            if operand.expression == nil { throw Stumble() }
            throw unexpected("')'")
        }
        return operand
    }

    /// `5`, `+5`, `- 5`. A number that Go reads only with a prefix, such as `0x10`, counts as 0 in a label filter, as in Loki.
    mutating func parseSignedNumber(isFilter: Bool) throws(Stumble) -> Double {
        let negative = at(.minus)
        if negative || at(.plus) { advance() }
        guard case .number(let text) = current.kind else {
            var hint: String?
            if case .identifier(let name) = current.kind, peek().kind == .symbol(.openParenthesis), !isFilter {
                hint = "a sign belongs to a number; write 0 - \(name)(…)"
            }
            throw unexpected("a number", hint: hint)
        }
        let range = current.range
        advance()
        if let value = parseNumber(text) { return negative ? -value : value }
        guard isFilter, parseNumber(text.filter { $0 != "_" }) == nil, Double(text)?.isInfinite != true else {
            let isLarge = Double(text)?.isInfinite == true
            throw fail(
                "the number \(text.prefix(60)) \(isLarge ? "is too large" : "cannot be read")",
                hint: isLarge ? nil : "write it in decimal", at: range)
        }
        diagnostics.report(
            "Loki reads \(text.prefix(60)) as 0", severity: .warning, hint: "write the number in decimal", at: range)
        return 0
    }
}
