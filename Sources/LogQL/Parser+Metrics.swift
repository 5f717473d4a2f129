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
    // MARK: Operations

    /// Operands and the operators between them, by precedence and with explicit stacks.
    mutating func parseOperation() throws(Stumble) -> Operand {
        var operands = [try parseOperand()]
        var pending: [PendingOperator] = []
        while let next = try acceptOperator() {
            while let last = pending.last, last.bindsBefore(next) { fold(&operands, pending.removeLast()) }
            pending.append(next)
            try countOperator()
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

    private mutating func wantMetric(_ place: String, at range: Range<Int>) {
        _ = fail(
            "expected a metric query \(place), found a log query",
            hint: "put it in a function: count_over_time({…}[5m])", at: range)
    }

    private mutating func acceptOperator() throws(Stumble) -> PendingOperator? {
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

    private mutating func unclosed(_ inner: Operand) -> Stumble {
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
    private mutating func recovering(
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
            throw fail("the number \(text.prefix(60)) cannot be read", hint: "write it in decimal", at: range)
        }
        diagnostics.report(
            "Loki reads \(text.prefix(60)) as 0", severity: .warning, hint: "write the number in decimal", at: range)
        return 0
    }

    // MARK: Functions

    private mutating func parseFunction(_ name: String) throws(Stumble) -> Operand {
        let start = current.range
        let word = name.lowercased()
        let isCall =
            peek().kind == .symbol(.openParenthesis) || peek().kind == .keyword(.by)
            || peek().kind == .keyword(.without)
        guard isCall else { throw notACall(name) }
        try deepen()
        defer { depth -= 1 }
        if let operation = RangeAggregation.Operation(rawValue: word) { return try parseRangeAggregation(operation) }
        if let operation = VectorAggregation.Operation(rawValue: word) { return try parseVectorAggregation(operation) }
        if word == "label_replace" { return try parseLabelReplace() }
        if word == "vector" { return try parseVector() }
        let meant = nearest(to: word, among: functionNames).map { "did you mean '\($0)'?" }
        _ = fail("unknown function '\(name)'", hint: foreignFunctions[word] ?? meant, at: start)
        while !at(.openParenthesis), current.kind != .end { advance() }
        advance()
        skip { _ in false }
        guard accept(.closeParenthesis) else { throw Stumble() }
        return Operand(range: span(from: start.lowerBound))
    }

    private mutating func notACall(_ name: String) -> Stumble {
        if functionNames.contains(name.lowercased()) {
            advance()
            return unexpected("'(' behind '\(name)'")
        }
        let hint =
            switch peek().kind {
            case .symbol(.equal), .symbol(.equalTilde), .symbol(.bangEqual), .symbol(.bangTilde):
                "a selector stands in braces: {\(name)=…}"
            default: "a selector is for example {job=\"nginx\"}"
            }
        return unexpected("a query", hint: hint)
    }

    private mutating func parseGrouping() throws(Stumble) -> Grouping? {
        guard at(.by) || at(.without) else { return nil }
        let without = at(.without)
        advance()
        return Grouping(without: without, labels: try parseLabels(place: without ? "behind 'without'" : "behind 'by'"))
    }

    private mutating func parseVectorAggregation(
        _ operation: VectorAggregation.Operation
    ) throws(Stumble) -> Operand {
        let start = current.range.lowerBound
        let name = operation.rawValue
        advance()
        let groupingStart = current.range.lowerBound
        var grouping = try parseGrouping()
        var groupingRange = span(from: groupingStart)
        try expect(.openParenthesis, "behind '\(name)'")
        var parameter: Double?
        var operand = try recovering(from: start) { (parser) throws(Stumble) in
            parameter = try parser.parseParameter(of: operation)
            let argument = try parser.parseOperation()
            if parser.at(.comma) {
                throw parser.unexpected(
                    "')'", hint: operation.takesParameter ? "the parameter is a number and stands first" : nil)
            }
            guard parser.at(.closeParenthesis) else { throw parser.unclosed(argument) }
            return argument
        }
        if grouping == nil {
            let start = current.range.lowerBound
            grouping = try parseGrouping()
            groupingRange = span(from: start)
        } else if at(.by) || at(.without) {
            throw unexpected("an operator or the end", hint: "'\(name)' is grouped already")
        }
        let range = span(from: start)
        if grouping != nil, operation == .sort || operation == .sortDescending {
            _ = fail("'\(name)' takes no grouping", at: groupingRange)
        }
        if operand.isLog { wantMetric("in '\(name)'", at: operand.range) }
        if operand.isConstant {
            _ = fail(
                "'\(name)' aggregates series, found a number", hint: "write vector(…) for a series of a number",
                at: operand.range)
        }
        operand.expression = operand.metric.map { argument in
            .metric(
                .vector(
                    VectorAggregation(
                        operation: operation, parameter: parameter, grouping: grouping, argument: argument, range: range
                    )))
        }
        operand.isConstant = false
        operand.range = range
        return operand
    }

    /// `3,` before the argument; reports where one is missing, wrong or too much.
    private mutating func parseParameter(of operation: VectorAggregation.Operation) throws(Stumble) -> Double? {
        let start = current.range
        let name = operation.rawValue
        let signed = at(.minus) || at(.plus)
        guard case .number(let text) = peek(signed ? 1 : 0).kind, peek(signed ? 2 : 1).kind == .symbol(.comma) else {
            if operation.takesParameter, !at(.closeParenthesis) {
                _ = fail(
                    "'\(name)' needs the number of series first", hint: "for example \(name)(10, …)",
                    at: start)
            }
            return nil
        }
        if signed { advance() }
        advance()
        let range = span(from: start.lowerBound)
        advance()
        guard operation.takesParameter else {
            _ = fail("'\(name)' takes no parameter", at: range)
            return nil
        }
        guard !signed, text.utf8.allSatisfy(isDigit), let count = Int64(text), count > 0 else {
            _ = fail("'\(name)' needs a whole number from 1 up, found \(signed ? "a sign" : text)", at: range)
            return nil
        }
        return Double(count)
    }

    private mutating func parseVector() throws(Stumble) -> Operand {
        let start = current.range.lowerBound
        advance()
        try expect(.openParenthesis, "behind 'vector'")
        return try recovering(from: start) { (parser) throws(Stumble) in
            guard case .number = parser.current.kind else {
                throw parser.unexpected("a number without a sign in 'vector'")
            }
            let number = try parser.parseSignedNumber(isFilter: false)
            guard parser.at(.closeParenthesis) else {
                throw parser.unexpected("')'", hint: "'vector' takes one plain number")
            }
            let range = start..<parser.current.range.upperBound
            return Operand(expression: .metric(.vectorOf(number, range)), range: range)
        }
    }

    private mutating func parseLabelReplace() throws(Stumble) -> Operand {
        let start = current.range.lowerBound
        advance()
        try expect(.openParenthesis, "behind 'label_replace'")
        let hint = "label_replace(query, \"destination\", \"replacement\", \"source\", \"regex\")"
        return try recovering(from: start) { (parser) throws(Stumble) in
            let argument = try parser.parseOperation()
            var texts: [String] = []
            for what in ["the new label", "the replacement", "the source label", "the regex"] {
                try parser.expect(.comma, "and \(what)", hint: hint)
                texts.append(try parser.expectString("\(what) in quotes", hint: hint))
            }
            guard parser.at(.closeParenthesis) else { throw parser.unexpected("')'", hint: hint) }
            let range = start..<parser.current.range.upperBound
            if argument.isLog { parser.wantMetric("in 'label_replace'", at: argument.range) }
            if argument.isConstant {
                _ = parser.fail("'label_replace' needs series, found a number", at: argument.range)
            }
            var result = Operand(range: range)
            result.expression = argument.metric.map { metric in
                .metric(
                    .labelReplace(
                        LabelReplace(
                            argument: metric, destination: texts[0], replacement: texts[1], source: texts[2],
                            regex: texts[3], range: range)))
            }
            return result
        }
    }
}

extension VectorAggregation.Operation {
    var takesParameter: Bool {
        switch self {
        case .topk, .bottomk, .approxTopk: true
        case .sum, .avg, .min, .max, .count, .stddev, .stdvar, .sort, .sortDescending: false
        }
    }
}

private let functionNames: [String] =
    RangeAggregation.Operation.allCases.map(\.rawValue) + VectorAggregation.Operation.allCases.map(\.rawValue)
    + ["label_replace", "vector"]

/// Functions of PromQL that people expect here, and what to do instead.
private let foreignFunctions: [String: String] = [
    "increase": "count_over_time counts the lines of a range",
    "irate": "LogQL has rate only",
    "delta": "LogQL has no delta; rate_counter follows a counter",
    "quantile": "quantile_over_time takes a quantile of unwrapped values",
    "count_values": "group by the label instead: count by (label) (…)",
    "group": "count by (…) (…) gives the same series",
    "label_join": "use label_replace or label_format",
    "histogram_quantile": "quantile_over_time takes a quantile of unwrapped values",
    "present_over_time": "compare: count_over_time(…) > bool 0",
    "absent": "use absent_over_time",
    "scalar": "LogQL has no scalar",
]
