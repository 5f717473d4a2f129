import LogQL

/// A line filter made ready: its values are tried in turn, one that holds is enough.
struct LineFilterRuntime: ~Copyable {
    enum Kind: BitwiseCopyable {
        case contains
        case regex
        case pattern
    }
    let kind: Kind
    let isNegative: Bool
    private var literals = OwnedBuffer<Needle>()
    private var regexes = OwnedBuffer<Regex>()
    private var patterns = OwnedBuffer<PatternFilter>()
    private var addresses = OwnedBuffer<IPFilter>()

    init(_ filter: LineFilter, constants: ByteStore, regexes set: RegexSet) {
        switch filter.operation {
        case .contains: (kind, isNegative) = (.contains, false)
        case .notContains: (kind, isNegative) = (.contains, true)
        case .regex: (kind, isNegative) = (.regex, false)
        case .notRegex: (kind, isNegative) = (.regex, true)
        case .pattern: (kind, isNegative) = (.pattern, false)
        case .notPattern: (kind, isNegative) = (.pattern, true)
        }
        // In a chain Loki forgets empty texts.
        let named = filter.values.filter { $0 != .text("") }
        for value in named.isEmpty ? filter.values : named {
            switch (value, kind) {
            case (.ip(let text), _):
                addresses.append(promised(text) { () throws(ExpressionError) in try IPFilter(text) })
            case (.text(let text), .contains): literals.append(Needle(text.utf8, in: constants))
            case (.text(let text), .regex):
                regexes.append(promised(text) { () throws(RegexError) in try set.compileLineFilter(text) }.regex)
            case (.text(let text), .pattern):
                patterns.append(
                    promised(text) { () throws(ExpressionError) in try PatternFilter(text, store: constants) })
            }
        }
    }

    func passes(_ line: ByteView, failure: inout LineFailure) -> Bool {
        matches(line, &failure) != isNegative
    }

    private func matches(_ line: ByteView, _ failure: inout LineFailure) -> Bool {
        for index in 0..<literals.count where literals[index].isIn(line) { return true }
        for index in 0..<regexes.count {
            switch regexes[index].matches(line) {
            case .match: return true
            case .noMatch: continue
            case .limit: failure = .regexLimit
            }
        }
        for index in 0..<patterns.count where patterns[index].matches(line) { return true }
        for index in 0..<addresses.count where addresses[index].matches(line) { return true }
        return false
    }
}

extension Program {
    mutating func passesLineFilter(_ stage: Int) -> Bool {
        var failure = LineFailure.none
        let passes = stages.lineFilters[stage].passes(record.line, failure: &failure)
        if failure != .none { regexLimits &+= 1 }
        return passes
    }
}
