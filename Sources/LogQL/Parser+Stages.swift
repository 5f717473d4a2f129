import Diagnostics

extension Parser {
    // MARK: Log queries

    /// A selector and the stages behind it, `unwrap` included where it stands at the end.
    mutating func parseLogQuery() throws(Stumble) -> LogQuery {
        let selector = try parseSelector()
        var query = LogQuery(selector: selector, stages: [], unwrap: nil, range: selector.range)
        parsePipeline(into: &query)
        return query
    }

    mutating func parsePipeline(into query: inout LogQuery) {
        while true {
            let start = current.range.lowerBound
            if let operation = lineFilterOperation {
                do throws(Stumble) {
                    let filter = try parseLineFilter(operation)
                    query.stages.append(Stage(kind: .lineFilter(filter), range: span(from: start)))
                } catch {
                    skipToStage()
                }
            } else if at(.pipe) {
                advance()
                if at(.unwrap) {
                    parseUnwrap(from: start, into: &query)
                    return
                }
                do throws(Stumble) {
                    let kind = try parseStage()
                    query.stages.append(Stage(kind: kind, range: span(from: start)))
                } catch {
                    skipToStage()
                }
            } else {
                break
            }
        }
        query.range = query.range.lowerBound..<max(query.range.upperBound, lastEnd)
    }

    private mutating func skipToStage() {
        skip { kind in
            switch kind {
            case .symbol(.pipe), .symbol(.pipeEqual), .symbol(.pipeTilde), .symbol(.pipeGreater), .range: true
            default: false
            }
        }
    }

    mutating func parseSelector() throws(Stumble) -> Selector {
        let start = current.range.lowerBound
        try expect(.openBrace, "and a selector", hint: "a selector is for example {job=\"nginx\"}")
        var matchers: [Matcher] = []
        var isWhole = true
        while !at(.closeBrace) {
            do throws(Stumble) {
                let matcher = try parseMatcher(
                    name: expectLabel(matchers.isEmpty ? "a label name or '}'" : "a label name"))
                matchers.append(matcher)
                guard at(.closeBrace) || at(.comma) else { throw unexpected("',' or '}'") }
            } catch {
                isWhole = false
                skip { $0 == .symbol(.comma) || $0 == .symbol(.pipe) || $0.isRange }
                if at(.closeParenthesis) { throw Stumble() }
            }
            guard accept(.comma) else { break }
            if at(.closeBrace) {
                _ = unexpected("a label name", hint: "remove the comma before it")
                isWhole = false
            }
        }
        guard accept(.closeBrace) else {
            if isWhole { throw unexpected("'}' at the end of the selector") }
            throw Stumble()
        }
        let selector = Selector(matchers: matchers, range: span(from: start))
        if isWhole, !selector.matchers.contains(where: { !$0.matchesEmpty }) {
            _ = fail(
                "the selector matches streams without any of its labels",
                hint: "it needs one matcher that a missing label does not fulfil, such as job=\"nginx\" or job=~\".+\"",
                at: selector.range)
        }
        return selector
    }

    private mutating func parseMatcher(name: String) throws(Stumble) -> Matcher {
        let start = tokens[index - 1].range.lowerBound
        let operation: MatchOperator
        switch current.kind {
        case .symbol(.equal): operation = .equal
        case .symbol(.bangEqual): operation = .notEqual
        case .symbol(.equalTilde): operation = .regex
        case .symbol(.bangTilde): operation = .notRegex
        case .symbol(.equalEqual): throw unexpected("'=', '!=', '=~' or '!~' behind the label", hint: "use '='")
        default: throw unexpected("'=', '!=', '=~' or '!~' behind the label '\(name)'")
        }
        advance()
        let value = try expectString("a string")
        return Matcher(name: name, operation: operation, value: value, range: span(from: start))
    }

    // MARK: Line filters

    private var lineFilterOperation: LineFilter.Operation? {
        switch current.kind {
        case .symbol(.pipeEqual): .contains
        case .symbol(.bangEqual): .notContains
        case .symbol(.pipeTilde): .regex
        case .symbol(.bangTilde): .notRegex
        case .symbol(.pipeGreater): .pattern
        case .symbol(.bangGreater): .notPattern
        default: nil
        }
    }

    private mutating func parseLineFilter(_ operation: LineFilter.Operation) throws(Stumble) -> LineFilter {
        advance()
        var values: [LineFilter.Value] = []
        var addresses: [Range<Int>] = []
        repeat {
            let start = current.range
            if let address = try acceptIP() {
                values.append(.ip(address))
                addresses.append(span(from: start.lowerBound))
            } else {
                let text = try expectString("a string or ip(…)")
                if operation == .pattern || operation == .notPattern { checkPattern(text, at: start, isFilter: true) }
                values.append(.text(text))
            }
        } while accept(.or)
        if values.count == 1, let range = addresses.first, operation != .contains, operation != .notContains {
            throw fail("ip(…) goes with '|=' and '!=' only, found '\(operation.rawValue)'", at: range)
        }
        if values.count > 1, let range = addresses.first {
            // Loki forgets in an `or` chain that a value was an address; so the tree has what it means.
            diagnostics.report(
                "between 'or', ip(…) is the plain text of its address", severity: .warning,
                hint: "write a filter of its own",
                at: range)
            values = values.map { if case .ip(let address) = $0 { .text(address) } else { $0 } }
        }
        return LineFilter(operation: operation, values: values)
    }

    /// `ip("10.0.0.0/8")`, where the word `ip` is followed by a bracket.
    private mutating func acceptIP() throws(Stumble) -> String? {
        guard case .identifier(let name) = current.kind, name.lowercased() == "ip",
            peek().kind == .symbol(.openParenthesis)
        else { return nil }
        advance()
        advance()
        let range = current.range
        let address = try expectString("an address in quotes")
        try expect(.closeParenthesis, "behind the address")
        if !isAddressPattern(address) {
            throw fail(
                "'\(address)' is not an address", hint: "write an address, a network a.b.c.d/n, or a range first-last",
                at: range)
        }
        return address
    }

    // MARK: Stages

    private mutating func parseStage() throws(Stumble) -> Stage.Kind {
        let start = current.range
        guard case .keyword(let word) = current.kind else { return .labelFilter(try parseLabelFilter(isStage: true)) }
        let kind: Stage.Kind
        advance()
        switch word {
        case .json: kind = .json(try parseExtractions(.json))
        case .logfmt: kind = try parseLogfmt()
        case .regexp:
            let range = current.range
            let text = try expectString("a regex in quotes")
            checkCaptures(text, at: range)
            kind = .regexp(text)
        case .pattern:
            let range = current.range
            let text = try expectString("a pattern in quotes", hint: keywordAsLabel(word))
            checkPattern(text, at: range, isFilter: false)
            kind = .pattern(text)
        case .unpack: kind = .unpack
        case .decolorize: kind = .decolorize
        case .lineFormat:
            kind = .lineFormat(
                try expectString("a template in quotes", hint: "for example line_format \"{{.message}}\""))
        case .labelFormat: kind = .labelFormat(try parseLabelFormats())
        case .drop: kind = .drop(try parseLabelChoices())
        case .keep: kind = .keep(try parseLabelChoices())
        case .by, .without, .on, .ignoring, .groupLeft, .groupRight, .and, .or, .unless, .bool, .offset, .unwrap:
            throw fail(
                "expected a stage or a label name behind '|', found '\(word.rawValue)'",
                hint: "'\(word.rawValue)' is a keyword and cannot be a label name", at: start)
        }
        try checkStageEnd(after: word)
        return kind
    }

    /// A stage is followed by another one or by what ends a query, so that a mistake is reported where it is.
    private mutating func checkStageEnd(after word: Keyword) throws(Stumble) {
        switch current.kind {
        case .end, .range, .symbol(.pipe), .symbol(.closeParenthesis), .symbol(.closeBrace), .keyword(.offset): return
        case .symbol(.equal): throw unexpected("the end of '\(word.rawValue)'", hint: keywordAsLabel(word))
        case .flag(let flag) where word == .logfmt:
            throw unexpected("the end of 'logfmt'", hint: "flags stand before the labels: logfmt \(flag.rawValue) …")
        case .string, .number, .flag, .identifier, .duration, .bytes, .keyword:
            throw unexpected("'|' or the end of the stage '\(word.rawValue)'")
        case .symbol: return
        }
    }

    private func keywordAsLabel(_ word: Keyword) -> String? {
        at(.equal) ? "'\(word.rawValue)' is a keyword and cannot be a label name" : nil
    }

    private mutating func parseLogfmt() throws(Stumble) -> Stage.Kind {
        var strict = false
        var keepEmpty = false
        while case .flag(let flag) = current.kind {
            switch flag {
            case .strict: strict = true
            case .keepEmpty: keepEmpty = true
            }
            advance()
        }
        return .logfmt(strict: strict, keepEmpty: keepEmpty, try parseExtractions(.logfmt))
    }

    private mutating func parseExtractions(_ stage: Keyword) throws(Stumble) -> [Extraction] {
        var extractions: [Extraction] = []
        guard case .identifier = current.kind else { return [] }
        repeat {
            let start = current.range.lowerBound
            let label = try expectLabel()
            var expression = label
            if accept(.equal) {
                let range = current.range
                expression = try expectString("a string with the name or path in the line")
                if stage == .json, let problem = parseJSONPath(expression).problem {
                    throw fail(problem, hint: "paths look like a.b, a[0] or [\"a.b\"]", at: range)
                }
                if stage == .logfmt, expression.utf8.allSatisfy(isBlank) {
                    throw fail("expected the name of a logfmt key, found an empty string", at: range)
                }
            }
            extractions.append(Extraction(label: label, expression: expression, range: span(from: start)))
        } while accept(.comma)
        return extractions
    }

    private mutating func parseLabelFormats() throws(Stumble) -> [LabelFormat] {
        var formats: [LabelFormat] = []
        var seen: Set<String> = []
        repeat {
            let range = current.range
            let label = try expectLabel()
            try expect(.equal, "behind the label '\(label)'")
            let value: LabelFormat.Value
            switch current.kind {
            case .identifier(let source): value = .rename(source)
            case .string(let template): value = .template(template)
            default: throw unexpected("a label to rename or a template in quotes")
            }
            advance()
            if label == "__error__" { _ = fail("'__error__' cannot be formatted", at: range) }
            if !seen.insert(label).inserted {
                _ = fail(
                    "the label '\(label)' is set twice in one label_format", hint: "use a second label_format",
                    at: range)
            }
            formats.append(LabelFormat(label: label, value: value, range: span(from: range.lowerBound)))
        } while accept(.comma)
        return formats
    }

    private mutating func parseLabelChoices() throws(Stumble) -> [LabelChoice] {
        var choices: [LabelChoice] = []
        repeat {
            let name = try expectLabel()
            switch current.kind {
            case .symbol(.equal), .symbol(.bangEqual), .symbol(.equalTilde), .symbol(.bangTilde):
                choices.append(LabelChoice(name: name, matcher: try parseMatcher(name: name)))
            case .symbol(.greater), .symbol(.greaterEqual), .symbol(.less), .symbol(.lessEqual), .symbol(.equalEqual):
                throw unexpected("'=', '!=', '=~' or '!~' behind the label '\(name)'")
            default:
                choices.append(LabelChoice(name: name, matcher: nil))
            }
        } while accept(.comma)
        return choices
    }

    // MARK: unwrap

    private mutating func parseUnwrap(from start: Int, into query: inout LogQuery) {
        advance()
        do throws(Stumble) {
            var unwrap = try parseUnwrapLabel(from: start)
            while accept(.pipe) {
                guard !isUnwrapEnd else {
                    throw unexpected("a label filter behind 'unwrap'", hint: "other stages stand before 'unwrap'")
                }
                unwrap.filters.append(try parseLabelFilter(isStage: false))
            }
            if lineFilterOperation != nil {
                throw unexpected("'|' and a label filter behind 'unwrap'", hint: "line filters stand before 'unwrap'")
            }
            unwrap.range = span(from: start)
            query.unwrap = unwrap
        } catch {
            skip { $0.isRange }
        }
        query.range = query.range.lowerBound..<max(query.range.upperBound, lastEnd)
    }

    private var isUnwrapEnd: Bool {
        if case .keyword = current.kind { true } else { false }
    }

    private mutating func parseUnwrapLabel(from start: Int) throws(Stumble) -> Unwrap {
        let range = current.range
        let name = try expectLabel("a label name behind 'unwrap'")
        guard accept(.openParenthesis) else {
            return Unwrap(label: name, conversion: .number, filters: [], range: span(from: start))
        }
        let conversion: Unwrap.Conversion
        switch name.lowercased() {
        case "bytes": conversion = .bytes
        case "duration": conversion = .duration
        case "duration_seconds": conversion = .durationSeconds
        default:
            let names = ["bytes", "duration", "duration_seconds"]
            let meant = nearest(to: name, among: names).map { "did you mean '\($0)'?" }
            throw fail(
                "unknown conversion '\(name)' in unwrap",
                hint: meant ?? "conversions are bytes, duration and duration_seconds",
                at: range)
        }
        let label = try expectLabel()
        try expect(.closeParenthesis, "behind the label")
        return Unwrap(label: label, conversion: conversion, filters: [], range: span(from: start))
    }
}

extension Parser {
    // MARK: Label filters

    private enum Joint { case and, or, beside }

    /// `and` binds tighter than `or`; a comma or a blank is an `and` that takes everything to its right.
    private mutating func parseLabelFilter(isStage: Bool) throws(Stumble) -> LabelFilter {
        var operands = [try parseComparison(isStage: isStage)]
        var joints: [Joint] = []
        while true {
            if accept(.and) {
                joints.append(.and)
            } else if accept(.or) {
                joints.append(.or)
            } else if accept(.comma) || isComparisonStart {
                joints.append(.beside)
            } else {
                break
            }
            try countOperator()
            operands.append(try parseComparison(isStage: false))
        }
        var end = operands.count
        var result: LabelFilter?
        for position in joints.indices.reversed() where joints[position] == .beside {
            result = join(operands[position + 1..<end], joints[position + 1..<end - 1], then: result)
            end = position + 1
        }
        return join(operands[..<end], joints[..<(end - 1)], then: result)
    }

    /// A chain of `and` and `or`; `rest` belongs to its last operand.
    private func join(
        _ operands: ArraySlice<LabelFilter>, _ joints: ArraySlice<Joint>, then rest: LabelFilter?
    ) -> LabelFilter {
        var operands = Array(operands)
        if let rest { operands[operands.count - 1] = .and(operands[operands.count - 1], rest) }
        var alternatives = [operands[0]]
        for (joint, operand) in zip(joints, operands.dropFirst()) {
            if joint == .or {
                alternatives.append(operand)
            } else {
                alternatives[alternatives.count - 1] = .and(alternatives[alternatives.count - 1], operand)
            }
        }
        return alternatives.dropFirst().reduce(alternatives[0]) { .or($0, $1) }
    }

    private var isComparisonStart: Bool {
        if case .identifier = current.kind { true } else { at(.openParenthesis) }
    }

    private mutating func parseComparison(isStage: Bool) throws(Stumble) -> LabelFilter {
        if at(.openParenthesis) {
            try deepen()
            defer { depth -= 1 }
            advance()
            let inner = try parseLabelFilter(isStage: false)
            try expect(.closeParenthesis, "behind the label filter")
            return inner
        }
        let range = current.range
        let name = try expectLabel(isStage ? "a stage or a label name behind '|'" : "a label name")
        switch current.kind {
        case .symbol(.equal), .symbol(.bangEqual):
            let equal = at(.equal)
            if case .string = peek().kind { return .text(try parseMatcher(name: name)) }
            advance()
            if let address = try acceptIP() { return .ip(name: name, equal: equal, address) }
            return try parseQuantity(name, equal ? .equal : .notEqual, takesText: true)
        case .symbol(.equalTilde), .symbol(.bangTilde):
            return .text(try parseMatcher(name: name))
        case .symbol(let symbol):
            guard let comparison = Comparison(rawValue: symbol.rawValue) else { break }
            advance()
            return try parseQuantity(name, comparison, takesText: false)
        default: break
        }
        throw unknownStage(name, at: range, isStage: isStage)
    }

    private mutating func parseQuantity(
        _ name: String, _ comparison: Comparison, takesText: Bool
    ) throws(Stumble) -> LabelFilter {
        switch current.kind {
        case .duration(let duration):
            advance()
            return .duration(name: name, comparison, duration)
        case .bytes(let bytes):
            advance()
            return .bytes(name: name, comparison, bytes)
        case .number, .symbol(.plus), .symbol(.minus):
            return .number(name: name, comparison, try parseSignedNumber(isFilter: true))
        case .string where comparison == .equal:
            throw unexpected("a number, a duration or a size behind '=='", hint: "text is compared with '='")
        case .string:
            throw unexpected(
                "a number, a duration or a size behind '\(comparison.rawValue)'",
                hint: "leave out the quotes for a number; text is compared with '=', '!=', '=~' and '!~'")
        case .identifier(let word) where takesText:
            throw unexpected("a string, a number, a duration or a size", hint: "put it in quotes: \"\(word)\"")
        default:
            throw unexpected(takesText ? "a string, a number, a duration or a size" : "a number, a duration or a size")
        }
    }

    private mutating func unknownStage(_ name: String, at range: Range<Int>, isStage: Bool) -> Stumble {
        if isStage, !isOperatorLike {
            let stages = Keyword.stages.map(\.rawValue)
            let meant = nearest(to: name, among: stages).map { "did you mean '\($0)'?" }
            return fail(
                "unknown stage '\(name)'",
                hint: meant
                    ?? "stages are \(stages.joined(separator: ", ")), or a label filter such as \(name) = \"…\"",
                at: range)
        }
        return unexpected("a comparison behind the label '\(name)'", hint: "for example \(name) = \"…\" or \(name) > 5")
    }

    private var isOperatorLike: Bool {
        switch current.kind {
        case .symbol(.plus), .symbol(.minus), .symbol(.star), .symbol(.slash), .symbol(.percent), .symbol(.caret): true
        default: false
        }
    }
}

extension Token.Kind {
    var isRange: Bool {
        if case .range = self { true } else { false }
    }
}
