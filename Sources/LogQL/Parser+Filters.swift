import Diagnostics

extension Parser {
    var lineFilterOperation: LineFilter.Operation? {
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

    mutating func parseLineFilter(_ operation: LineFilter.Operation) throws(Stumble) -> LineFilter {
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
        let address = try closingOnFailure { (parser) throws(Stumble) in
            let address = try parser.expectString("an address in quotes")
            try parser.expect(.closeParenthesis, "behind the address")
            return address
        }
        if !isAddressPattern(address) {
            throw fail(
                "'\(address)' is not an address", hint: "write an address, a network a.b.c.d/n, or a range first-last",
                at: range)
        }
        return address
    }

    private enum Joint { case and, or, beside }

    /// `and` binds tighter than `or`; a comma or a blank is an `and` that takes everything to its right.
    mutating func parseLabelFilter(isStage: Bool) throws(Stumble) -> LabelFilter {
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
            try countOperator(atMost: Self.maximumOperators)
            operands.append(try parseComparison(isStage: false))
        }
        var end = operands.count
        var result: LabelFilter?
        /// Brackets that the canonical text needs around alternatives behind a comma.
        var brackets = 0
        for position in joints.indices.reversed() where joints[position] == .beside {
            result = join(operands[position + 1..<end], joints[position + 1..<end - 1], then: result)
            end = position + 1
            if case .or = result { brackets += 1 }
            guard depth + brackets <= Self.maximumDepth else {
                throw fail("too many alternatives behind commas: at most \(Self.maximumDepth)", at: current.range)
            }
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
            return try closingOnFailure { (parser) throws(Stumble) in
                let inner = try parser.parseLabelFilter(isStage: false)
                try parser.expect(.closeParenthesis, "behind the label filter")
                return inner
            }
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
        case .identifier(let word) where word.lowercased() == "ip" && peek().kind == .symbol(.openParenthesis):
            throw unexpected("a number, a duration or a size", hint: "ip(…) is compared with '=' and '!='")
        case .symbol(.greater) where comparison == .equal, .symbol(.less) where comparison == .equal:
            throw unexpected("a number, a duration or a size", hint: "the sign '=' stands last: '>=' or '<='")
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
        if !isStage, let written = brokenQuantity(endingAt: range) {
            return fail(
                "'\(written.text)' is no number, duration or size",
                hint: written.text.hasSuffix("xx")
                    ? "a class of numbers is a regex: =~ \"\(written.text.dropLast(2))..\""
                    : "durations look like 5s, 1h30m or 1.5h, sizes like 5kB or 1MiB, both without blanks",
                at: written.range)
        }
        return unexpected("a comparison behind the label '\(name)'", hint: "for example \(name) = \"…\" or \(name) > 5")
    }

    /// `5kb` and `5 MB` are read as a number and the label of a next filter: the text of both, if it looks like that.
    private func brokenQuantity(endingAt range: Range<Int>) -> (text: String, range: Range<Int>)? {
        guard index >= 2, case .identifier(let unit) = tokens[index - 1].kind else { return nil }
        let before = tokens[index - 2]
        let isClose = before.range.upperBound == range.lowerBound
        switch before.kind {
        case .number(let number):
            guard isClose || parseByteSize(number + unit) != nil || parseDuration(number + unit) != nil else {
                return nil
            }
        case .bytes, .duration:
            guard isClose else { return nil }
        default: return nil
        }
        let whole = before.range.lowerBound..<range.upperBound
        return (String(decoding: source[whole].prefix(60), as: UTF8.self), whole)
    }

    private var isOperatorLike: Bool {
        switch current.kind {
        case .symbol(.plus), .symbol(.minus), .symbol(.star), .symbol(.slash), .symbol(.percent), .symbol(.caret): true
        default: false
        }
    }
}
