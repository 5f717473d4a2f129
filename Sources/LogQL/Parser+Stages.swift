import Diagnostics

extension Parser {
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
            guard query.stages.count < Self.maximumStages || !(lineFilterOperation != nil || at(.pipe)) else {
                _ = fail("too many stages: at most \(Self.maximumStages)", at: current.range)
                index = tokens.count - 1
                break
            }
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

    mutating func parseMatcher(name: String) throws(Stumble) -> Matcher {
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
            // Nothing else is said about an unwrap that was meant but is wrong.
            query.unwrap = Unwrap(label: "", conversion: .number, filters: [], range: span(from: start))
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
        var conversion = Unwrap.Conversion.number
        switch name.lowercased() {
        case "bytes": conversion = .bytes
        case "duration": conversion = .duration
        case "duration_seconds": conversion = .durationSeconds
        default:
            let names = ["bytes", "duration", "duration_seconds"]
            let meant = nearest(to: name, among: names).map { "did you mean '\($0)'?" }
            _ = fail(
                "unknown conversion '\(name)' in unwrap",
                hint: meant ?? "conversions are bytes, duration and duration_seconds", at: range)
        }
        let label = try closingOnFailure { (parser) throws(Stumble) in
            let label = try parser.expectLabel()
            try parser.expect(.closeParenthesis, "behind the label")
            return label
        }
        return Unwrap(label: label, conversion: conversion, filters: [], range: span(from: start))
    }
}

extension Token.Kind {
    var isRange: Bool {
        if case .range = self { true } else { false }
    }
}
