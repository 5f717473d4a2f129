import Diagnostics
import LogQL

// What only shows when a stage is made ready: regexes that do not compile, stages that are not built yet.
extension Planner {
    mutating func check(_ selector: Selector, rule: Int) {
        for matcher in selector.matchers { check(matcher, rule: rule, range: matcher.range) }
    }

    mutating func check(_ stage: Stage, rule: Int) {
        switch stage.kind {
        case .lineFilter(let filter): check(filter, rule: rule, range: stage.range)
        case .labelFilter(let filter): check(filter, rule: rule, range: stage.range)
        case .json(let extractions):
            for extraction in extractions {
                do throws(ExpressionError) {
                    _ = try JSONPath(extraction.expression)
                } catch {
                    problem(rule, "cannot read the path '\(extraction.expression)': \(error.message)", extraction.range)
                }
            }
        case .regexp(let pattern): checkExtractor(pattern, rule: rule, range: stage.range)
        case .pattern(let pattern):
            if let error = PatternExpression(pattern).stageError {
                problem(rule, "cannot read the pattern '\(pattern)': \(error.message)", stage.range)
            }
        case .lineFormat(let text): checkTemplate(text, name: "line", rule: rule, range: stage.range)
        case .labelFormat(let items):
            for item in items {
                if case .template(let text) = item.value {
                    checkTemplate(text, name: "label", rule: rule, range: item.range)
                }
            }
        case .drop(let choices), .keep(let choices):
            for choice in choices {
                if let matcher = choice.matcher { check(matcher, rule: rule, range: matcher.range) }
            }
        case .logfmt, .unpack, .decolorize: break
        }
    }

    mutating func check(_ filter: LabelFilter, rule: Int, range: Range<Int>) {
        switch filter {
        case .text(let matcher): check(matcher, rule: rule, range: matcher.range)
        case .ip(_, _, let text): checkAddress(text, rule: rule, range: range)
        case .and(let left, let right), .or(let left, let right):
            check(left, rule: rule, range: range)
            check(right, rule: rule, range: range)
        case .number, .duration, .bytes: break
        }
    }

    private mutating func check(_ filter: LineFilter, rule: Int, range: Range<Int>) {
        for value in filter.values {
            switch (value, filter.operation) {
            case (.ip(let text), _): checkAddress(text, rule: rule, range: range)
            case (.text(let text), .regex), (.text(let text), .notRegex):
                checkRegex(text, rule: rule, range: range)
            case (.text(let text), .pattern), (.text(let text), .notPattern):
                do throws(ExpressionError) {
                    _ = try PatternFilter(text, store: ByteStore())
                } catch {
                    problem(rule, "cannot read the pattern '\(text)': \(error.message)", range)
                }
            case (.text, .contains), (.text, .notContains): break
            }
        }
    }

    private mutating func check(_ matcher: Matcher, rule: Int, range: Range<Int>) {
        switch matcher.operation {
        case .regex, .notRegex: checkRegex(matcher.value, rule: rule, range: range)
        case .equal, .notEqual: break
        }
    }

    private mutating func checkRegex(_ pattern: String, rule: Int, range: Range<Int>) {
        do throws(RegexError) {
            guard let what = try RegexSet().compile(pattern).beyondRE2 else { return }
            warn(beyondRE2: what, rule: rule, range: range)
        } catch {
            problem(
                rule,
                "the regular expression '\(pattern)' does not compile: \(error.message), at its byte \(error.offset + 1)",
                range)
        }
    }

    private mutating func checkExtractor(_ pattern: String, rule: Int, range: Range<Int>) {
        checkRegex(pattern, rule: rule, range: range)
        do throws(RegexError) {
            _ = try RegexExtractor.names(pattern)
        } catch {
            problem(rule, "cannot use the regular expression '\(pattern)' as a parser: \(error.message)", range)
        }
    }

    private mutating func checkAddress(_ text: String, rule: Int, range: Range<Int>) {
        do throws(ExpressionError) {
            _ = try IPFilter(text)
        } catch {
            problem(rule, "wanted an address, a CIDR or a range 'first-last', found '\(text)'", range)
        }
    }

    private mutating func checkTemplate(_ text: String, name: String, rule: Int, range: Range<Int>) {
        do throws(TemplateError) {
            let template = try Template(text, name: name, regexes: RegexSet())
            if let what = template.beyondRE2 { warn(beyondRE2: what, rule: rule, range: range) }
        } catch {
            problem(rule, "cannot read the template: \(error.message)", range)
        }
    }

    private mutating func warn(beyondRE2 what: String, rule: Int, range: Range<Int>) {
        problems.append(
            PlanProblem(
                rule: rule,
                diagnostic: Diagnostic(
                    options.purpose == .query ? .error : .warning,
                    "Loki would refuse this regular expression: it uses \(what)", at: range)))
    }
}
