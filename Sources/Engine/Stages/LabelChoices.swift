import LogQL

/// The items of one `drop` or `keep`.
struct LabelChoices: ~Copyable {
    struct Item: BitwiseCopyable {
        var field: FieldID
        var operation: MatchOperator?
        var text: ByteView
        var regex: Int32
        /// The item is `__error__` or `__error_details__`: of the record, not a label.
        var special: Special
    }
    enum Special: UInt8, BitwiseCopyable {
        case none, error, details
    }
    private var items = OwnedBuffer<Item>()
    private var regexes = OwnedBuffer<Regex>()

    init(_ choices: [LabelChoice], names: inout NameTable, constants: ByteStore, regexes set: RegexSet) {
        for choice in choices {
            var regex: Int32 = -1
            if let matcher = choice.matcher, matcher.operation == .regex || matcher.operation == .notRegex {
                regexes.append(set.checkedAnchored(matcher.value))
                regex = Int32(regexes.count - 1)
            }
            items.append(
                Item(
                    field: names.known(choice.name), operation: choice.matcher?.operation,
                    text: constants.keep((choice.matcher?.value ?? "").utf8), regex: regex,
                    special: choice.name == "__error__" ? .error : choice.name == "__error_details__" ? .details : .none
                ))
        }
    }

    var count: Int { items.count }
    func field(_ index: Int) -> FieldID { items[index].field }
    func special(_ index: Int) -> Special { items[index].special }

    func holds(_ index: Int, _ value: ByteView) -> Bool {
        let item = items[index]
        return switch item.operation {
        case nil: true
        case .equal: value.equals(item.text)
        case .notEqual: !value.equals(item.text)
        case .regex: regexes[Int(item.regex)].matches(value) == .match
        case .notRegex: regexes[Int(item.regex)].matches(value) != .match
        }
    }
}

extension Program {
    /// `drop`: takes away the labels whose items hold; `drop __error__` clears the error.
    mutating func drop(_ stage: Int) -> Bool {
        for index in 0..<stages.choices[stage].count {
            switch stages.choices[stage].special(index) {
            case .none: break
            case .error:
                let text = stages.errorTexts[Int(record.failure.rawValue)]
                if stages.choices[stage].holds(index, text) { record.failure = .none }
                continue
            case .details:
                if stages.choices[stage].holds(index, record.details) { record.details = record.nothing }
                continue
            }
            let id = stages.choices[stage].field(index)
            guard record.isPresent(id), stages.choices[stage].holds(index, record.value(id)) else { continue }
            record.takeAway(id)
        }
        return true
    }

    /// `keep`: takes away every label that no item keeps. The error stays.
    mutating func keep(_ stage: Int) -> Bool {
        for number in 0..<record.fieldCount {
            let id = FieldID(number)
            guard record.isPresent(id) else { continue }
            var kept = false
            for index in 0..<stages.choices[stage].count where stages.choices[stage].field(index) == id {
                kept = kept || stages.choices[stage].holds(index, record.value(id))
            }
            if !kept { record.takeAway(id) }
        }
        return true
    }

    /// `unwrap`: the number of a label; a line without it, or with an empty one, is no sample.
    mutating func unwrap(_ stage: Int) -> Bool {
        let item = stages.unwraps[stage]
        let value = record.value(item.label)
        if value.isEmpty { return false }
        let number: Double?
        switch item.conversion {
        case .number: number = parseDouble(value)
        case .bytes: number = parseBytes(value).map { Double($0) }
        case .duration, .durationSeconds: number = parseGoDuration(value).map { Double($0) / 1e9 }
        }
        record.unwrapped = number ?? 0
        guard number == nil, record.failure == .none else { return true }
        record.failure = .sampleExtraction
        if keepsDetails {
            switch item.conversion {
            case .number: record.details = record.keep(explainDouble(value).utf8)
            case .bytes: record.details = record.keep(explainBytes(value).utf8)
            case .duration, .durationSeconds: record.details = record.keep(explainGoDuration(value).utf8)
            }
        }
        return true
    }
}

extension Record {
    /// A label that is gone: missing for later stages, and not brought back by a later parser.
    mutating func takeAway(_ id: FieldID) {
        set(id, Field(value: nothing, origin: .dropped, stage: stage(id)))
    }
}
