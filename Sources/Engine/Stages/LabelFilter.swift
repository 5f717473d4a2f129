import LogQL

/// The label filters of a program: their trees as rows of a table, children before parents.
struct LabelFilterTable: ~Copyable {
    enum Test: BitwiseCopyable {
        case equal(ByteView)
        case notEqual(ByteView)
        /// Index of the regex.
        case regex(Int32)
        case notRegex(Int32)
        case number(Comparison, Double)
        case duration(Comparison, Int64)
        case bytes(Comparison, UInt64)
        case ip(Int32, equal: Bool)
        /// Rows of the two sides.
        case and(Int32, Int32)
        case or(Int32, Int32)
    }
    struct Row: BitwiseCopyable {
        var test: Test
        var field: FieldID
        /// The label is `__error__`: the record's failure, not a field.
        var isError: Bool
    }

    private let regexSet: RegexSet
    /// Somebody looks at `__error_details__`.
    var keepsDetails = false
    private var rows = OwnedBuffer<Row>()
    /// The row of each filter's top.
    private var tops: [Int32] = []
    private var regexes = OwnedBuffer<Regex>()
    private var addresses = OwnedBuffer<IPFilter>()
    private var errorTexts = OwnedBuffer<ByteView>()

    init(_ filters: [LabelFilter], names: inout NameTable, constants: ByteStore, regexes set: RegexSet) {
        regexSet = set
        for failure in LineFailure.allCases { errorTexts.append(constants.keep(failure.text.utf8)) }
        for filter in filters { tops.append(add(filter, &names, constants)) }
    }

    private mutating func add(
        _ filter: LabelFilter, _ names: inout NameTable, _ constants: ByteStore
    ) -> Int32 {
        var name = ""
        let test: Test
        switch filter {
        case .text(let matcher):
            name = matcher.name
            switch matcher.operation {
            case .equal: test = .equal(constants.keep(matcher.value.utf8))
            case .notEqual: test = .notEqual(constants.keep(matcher.value.utf8))
            case .regex: test = .regex(add(matcher.value))
            case .notRegex: test = .notRegex(add(matcher.value))
            }
        case .number(let label, let comparison, let value): (name, test) = (label, .number(comparison, value))
        case .duration(let label, let comparison, let value): (name, test) = (label, .duration(comparison, value))
        case .bytes(let label, let comparison, let value): (name, test) = (label, .bytes(comparison, value))
        case .ip(let label, let equal, let text):
            name = label
            addresses.append(promised(text) { () throws(ExpressionError) in try IPFilter(text) })
            test = .ip(Int32(addresses.count - 1), equal: equal)
        case .and(let left, let right): test = .and(add(left, &names, constants), add(right, &names, constants))
        case .or(let left, let right): test = .or(add(left, &names, constants), add(right, &names, constants))
        }
        let field = name.isEmpty ? FieldID(0) : names.known(name)
        rows.append(Row(test: test, field: field, isError: name == "__error__"))
        return Int32(rows.count - 1)
    }

    private mutating func add(_ pattern: String) -> Int32 {
        regexes.append(promised(pattern) { () throws(RegexError) in try regexSet.compileLabelFilter(pattern) }.regex)
        return Int32(regexes.count - 1)
    }

    // MARK: Testing

    func passes(_ filter: Int, _ record: inout Record, limits: inout UInt64) -> Bool {
        holds(Int(tops[filter]), &record, &limits)
    }

    private func holds(_ index: Int, _ record: inout Record, _ limits: inout UInt64) -> Bool {
        let row = rows[index]
        switch row.test {
        case .and(let left, let right):
            return holds(Int(left), &record, &limits) && holds(Int(right), &record, &limits)
        case .or(let left, let right):
            return holds(Int(left), &record, &limits) || holds(Int(right), &record, &limits)
        case .equal(let text): return value(row, &record).equals(text)
        case .notEqual(let text): return !value(row, &record).equals(text)
        case .regex(let regex): return matches(Int(regex), value(row, &record), &limits)
        case .notRegex(let regex): return !matches(Int(regex), value(row, &record), &limits)
        case .ip(let address, let equal):
            if record.failure != .none { return true }
            guard record.isPresent(row.field) else { return false }
            return addresses[Int(address)].matches(record.value(row.field)) == equal
        case .number(let comparison, let wanted):
            guard record.isPresent(row.field) else { return false }
            let value = record.value(row.field)
            guard let number = parseDouble(value) else { return unreadable(&record) { explainDouble(value) } }
            return Self.compare(comparison, number, wanted)
        case .duration(let comparison, let wanted):
            guard record.isPresent(row.field) else { return false }
            let value = record.value(row.field)
            guard let duration = parseGoDuration(value) else {
                return unreadable(&record) { explainGoDuration(value) }
            }
            return Self.compare(comparison, duration, wanted)
        case .bytes(let comparison, let wanted):
            guard record.isPresent(row.field) else { return false }
            let value = record.value(row.field)
            guard let bytes = parseBytes(value) else { return unreadable(&record) { explainBytes(value) } }
            return Self.compare(comparison, bytes, wanted)
        }
    }

    /// A missing label has the empty value, and so has `__error_details__`; of `__error__` the record knows.
    private func value(_ row: Row, _ record: inout Record) -> ByteView {
        row.isError ? errorTexts[Int(record.failure.rawValue)] : record.value(row.field)
    }

    /// A value that does not convert is an error of the line, and the line passes.
    private func unreadable(_ record: inout Record, _ explanation: () -> String) -> Bool {
        guard record.failure == .none else { return true }
        record.failure = .labelFilter
        if keepsDetails { record.details = record.keep(explanation().utf8) }
        return true
    }

    private func matches(_ regex: Int, _ value: ByteView, _ limits: inout UInt64) -> Bool {
        switch regexes[regex].matches(value) {
        case .match: return true
        case .noMatch: return false
        case .limit:
            limits &+= 1
            return false
        }
    }

    private static func compare<Number: Comparable>(_ comparison: Comparison, _ a: Number, _ b: Number) -> Bool {
        switch comparison {
        case .equal: a == b
        case .notEqual: a != b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        case .less: a < b
        case .lessOrEqual: a <= b
        }
    }
}

extension Program {
    mutating func passesLabelFilter(_ stage: Int) -> Bool {
        stages.labelFilters.passes(stage, &record, limits: &regexLimits)
    }
}
