import Diagnostics

extension Parser {
    mutating func parseFunction(_ name: String) throws(Stumble) -> Operand {
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
        if ["nan", "inf"].contains(name.lowercased()) {
            return unexpected("a query", hint: "there is no such number here; 0 / 0 gives NaN")
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
