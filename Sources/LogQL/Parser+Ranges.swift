import Diagnostics

/// A log query with its window, in the middle of being read.
private struct LogRange {
    var query: LogQuery
    var window: Int64?
    var offset: Int64 = 0
}

extension Parser {
    /// `count_over_time({…} | … [5m] offset 1m)`, a parameter and a grouping included, with Loki's rules on what goes together.
    mutating func parseRangeAggregation(_ operation: RangeAggregation.Operation) throws(Stumble) -> Operand {
        let start = current.range
        let name = operation.rawValue
        advance()
        if at(.by) || at(.without) {
            throw unexpected("'(' behind '\(name)'", hint: "the grouping of a range stands behind its brackets")
        }
        try expect(.openParenthesis, "behind '\(name)'")
        var parameter: Double?
        var logRange: LogRange?
        do throws(Stumble) {
            parameter = try parseParameter(of: operation)
            let found = try parseLogRange(in: name)
            guard at(.closeParenthesis) else { throw unexpectedBehindRange() }
            logRange = found
        } catch {
            skip { _ in false }
        }
        guard accept(.closeParenthesis) else { throw Stumble() }
        let groupingStart = current.range.lowerBound
        var grouping: Grouping?
        if at(.by) || at(.without) {
            let without = at(.without)
            advance()
            grouping = Grouping(
                without: without, labels: try parseLabels(place: without ? "behind 'without'" : "behind 'by'"))
            if !operation.takesGrouping {
                _ = fail(
                    "'\(name)' takes no grouping", hint: "aggregate it: sum by (…) (\(name)(…))",
                    at: span(from: groupingStart))
            }
        }
        let range = span(from: start.lowerBound)
        guard let logRange, let window = logRange.window else { return Operand(range: range) }
        checkUnwrap(logRange.query, operation, at: start)
        let aggregation = RangeAggregation(
            operation: operation, parameter: parameter, query: logRange.query, window: window, offset: logRange.offset,
            grouping: grouping, range: range)
        return Operand(expression: .metric(.range(aggregation)), range: range)
    }

    private mutating func checkUnwrap(
        _ query: LogQuery, _ operation: RangeAggregation.Operation, at range: Range<Int>
    ) {
        let name = operation.rawValue
        switch (operation.unwrapping, query.unwrap) {
        case (.forbidden, .some(let unwrap)):
            _ = fail(
                "'\(name)' counts lines and takes no unwrap", hint: "sum_over_time adds up values", at: unwrap.range)
        case (.required, .none):
            _ = fail("'\(name)' needs values", hint: "add '| unwrap label' before the range", at: range)
        case (.forbidden, .none), (.required, .some), (.optional, _): break
        }
    }

    private mutating func unexpectedBehindRange() -> Stumble {
        switch current.kind {
        case .range: unexpected("')'", hint: "there is a range already")
        case .keyword(.offset): unexpected("')'", hint: "there is an offset already")
        case .symbol(.pipe), .symbol(.pipeEqual), .symbol(.pipeTilde), .symbol(.pipeGreater), .symbol(.bangEqual),
            .symbol(.bangTilde), .symbol(.bangGreater):
            unexpected("')'", hint: "the range stands behind the last stage, or right behind the selector")
        default: unexpected("')'")
        }
    }

    /// The quantile of `quantile_over_time`.
    private mutating func parseParameter(of operation: RangeAggregation.Operation) throws(Stumble) -> Double? {
        let start = current.range
        let name = operation.rawValue
        let signed = at(.minus) || at(.plus)
        guard case .number(let text) = peek(signed ? 1 : 0).kind else {
            if operation == .quantileOverTime {
                if case .string = current.kind {
                    throw unexpected("the quantile as a number", hint: "leave out the quotes")
                }
                _ = fail("'\(name)' needs the quantile first", hint: "for example \(name)(0.99, …)", at: start)
            }
            return nil
        }
        if signed { advance() }
        advance()
        let range = span(from: start.lowerBound)
        try expect(.comma, "behind the parameter")
        guard operation == .quantileOverTime else {
            _ = fail("'\(name)' takes no parameter", at: range)
            return nil
        }
        guard !signed, let value = parseNumber(text) else {
            _ = fail(signed ? "the quantile has no sign" : "the quantile \(text.prefix(60)) cannot be read", at: range)
            return nil
        }
        return value
    }

    private mutating func parseLogRange(in name: String) throws(Stumble) -> LogRange {
        guard at(.openParenthesis) else { return try parsePlainLogRange(in: name) }
        try deepen()
        defer { depth -= 1 }
        advance()
        var inner =
            at(.openParenthesis) ? try parseLogRange(in: name) : try parsePlainLogRange(in: name, isBracketed: true)
        try expect(.closeParenthesis, "behind the log query")
        guard inner.window == nil else { return inner }
        let isBare = inner.query.stages.isEmpty && inner.query.unwrap == nil
        if try acceptRange(&inner), isBare { parsePipeline(into: &inner.query) }
        return inner
    }

    private mutating func parsePlainLogRange(in name: String, isBracketed: Bool = false) throws(Stumble) -> LogRange {
        guard at(.openBrace) else {
            var hint: String? = "for example \(name)({job=\"nginx\"}[5m])"
            if case .identifier = current.kind, peek().kind == .symbol(.openParenthesis) {
                hint = "LogQL has no subqueries"
            }
            throw unexpected("a log query in '\(name)'", hint: hint)
        }
        let selector = try parseSelector()
        var result = LogRange(query: LogQuery(selector: selector, stages: [], unwrap: nil, range: selector.range))
        if try acceptRange(&result) {
            parsePipeline(into: &result.query)
            return result
        }
        parsePipeline(into: &result.query)
        if try acceptRange(&result) || isBracketed && at(.closeParenthesis) { return result }
        if at(.offset) { throw unexpected("a range such as [5m]", hint: "offset stands behind the range") }
        throw unexpected("a range such as [5m] in '\(name)'")
    }

    /// `[5m]` and an offset behind it.
    private mutating func acceptRange(_ logRange: inout LogRange) throws(Stumble) -> Bool {
        guard case .range(let window) = current.kind else { return false }
        logRange.window = window
        advance()
        guard accept(.offset) else { return true }
        guard case .duration(let offset) = current.kind else {
            var hint = "for example offset 5m or offset -5m"
            if case .number(let text) = current.kind { hint = "add a unit: \(text)s" }
            if at(.minus) { hint = "the sign stands right before the number" }
            throw unexpected("a duration behind 'offset'", hint: hint)
        }
        logRange.offset = offset
        advance()
        return true
    }
}

extension RangeAggregation.Operation {
    enum Unwrapping { case forbidden, optional, required }

    /// Whether `by` and `without` may stand behind the brackets.
    var takesGrouping: Bool {
        switch self {
        case .avgOverTime, .minOverTime, .maxOverTime, .stddevOverTime, .stdvarOverTime, .quantileOverTime,
            .firstOverTime,
            .lastOverTime:
            true
        case .rate, .rateCounter, .countOverTime, .bytesRate, .bytesOverTime, .sumOverTime, .absentOverTime: false
        }
    }

    var unwrapping: Unwrapping {
        switch self {
        case .countOverTime, .bytesRate, .bytesOverTime: .forbidden
        case .rate, .absentOverTime: .optional
        case .rateCounter, .sumOverTime, .avgOverTime, .minOverTime, .maxOverTime, .stddevOverTime, .stdvarOverTime,
            .quantileOverTime, .firstOverTime, .lastOverTime:
            .required
        }
    }
}
