import LogQL
import Records

extension Program {
    /// A line has come through a rule's pipeline: finds its series and updates it. Always false: a leaf has no children.
    mutating func update(_ index: Int) -> Bool {
        let rule = leaves[index].rule
        // What lies in no window is not looked at: not even its errors count.
        if leaves[index].hasPanes, leaves[index].isOutside(record.time.nanoseconds) { return false }
        if record.failure != .none, !canUse(record.failure, index) {
            rules[rule].fail(record.failure)
            return false
        }
        let amount: Double
        switch leaves[index].amount {
        case .one: amount = 1
        case .unwrapped: amount = record.unwrapped
        case .lineBytes: amount = Double(record.line.count)
        }
        if let failure = refusal(of: amount, index) {
            rules[rule].fail(failure)
            return false
        }
        let entry = leaves[index].isOpen ? openEntry(index) : entry(index)
        switch add(amount, to: entry, index) {
        case .added: rules[rule].matched &+= 1
        case .late: rules[rule].fail(.late)
        case .full: rules[rule].fail(.full)
        }
        return false
    }

    /// Why a rule cannot take this value; nil when it can.
    @inline(__always)
    private func refusal(of amount: Double, _ index: Int) -> LineFailure? {
        switch leaves[index].kind {
        case .counter:
            if amount >= 0, amount < .infinity { return nil }
            return amount < 0 && amount > -.infinity ? .negative : .notFinite
        case .histogram: return amount.isFinite ? nil : .notFinite
        case .gauge: return nil
        case .panes:
            guard refusesAhead else { return nil }
            return record.time.nanoseconds.subtractingReportingOverflow(leaves[index].interval).partialValue > now
                ? .ahead : nil
        }
    }

    @inline(__always)
    private mutating func add(_ amount: Double, to entry: Int, _ index: Int) -> SampleOutcome {
        let base = entry * leaves[index].table.stride
        leaves[index].table.touch(entry, at: now)
        switch leaves[index].kind {
        case .counter:
            leaves[index].table.values[base] += amount
        case .histogram:
            let count = leaves[index].bounds.count
            var bucket = 0
            while bucket < count, amount > leaves[index].bounds[bucket] { bucket += 1 }
            leaves[index].table.values[base + bucket] += 1
            leaves[index].table.values[base + count + 1] += amount
            leaves[index].noteExemplar(amount, entry, &record)
        case .gauge(let operation):
            let old = leaves[index].table.values[base]
            let value: Double
            switch operation {
            case .last: value = amount
            case .min: value = old.isNaN || amount < old ? amount : old
            case .max: value = old.isNaN || amount > old ? amount : old
            case .sum: value = (old.isNaN ? 0 : old) + amount
            case .inc: value = (old.isNaN ? 0 : old) + amount
            case .dec: value = (old.isNaN ? 0 : old) - amount
            }
            leaves[index].table.values[base] = value
            leaves[index].table.values[base + 1] = Double(bitPattern: UInt64(bitPattern: record.time.nanoseconds))
        case .panes: return leaves[index].addSample(amount, at: record.time.nanoseconds, to: entry)
        }
        return .added
    }

    // MARK: Keys

    /// The series of the labels that the rule names; made when it is new.
    @inline(__always)
    mutating func entry(_ index: Int) -> Int {
        var hash = record.seed
        for position in 0..<leaves[index].fields.count {
            let id = leaves[index].fields[position]
            hash = ByteView.mix(hash ^ 0x9E37_79B9_7F4A_7C15, record.hash(id))
        }
        if let known = leaves[index].find(hash, in: &record) { return known }
        return addEntry(index, hash)
    }

    /// A series that was not there: cold, may allocate.
    @inline(never)
    private mutating func addEntry(_ index: Int, _ hash: UInt64) -> Int {
        var key = OwnedBuffer<UInt8>(capacity: 128)
        var labels: [Label] = []
        var overflow: [Label] = []
        for position in 0..<leaves[index].fields.count {
            let id = leaves[index].fields[position]
            let value = record.value(id)
            key.append(UInt32(truncatingIfNeeded: value.count))
            key.append(value)
            if !value.isEmpty { labels.append(Label(names.name(of: id), value.string)) }
            overflow.append(Label(names.name(of: id), "__overflow__"))
        }
        let fixed = plan.fixedLabels(of: index)
        return leaves[index].table.add(
            key: key, hash, at: now,
            identity: { SeriesIdentity(labels: LabelSet(labels).merging(fixed)) },
            overflowIdentity: { SeriesIdentity(labels: LabelSet(overflow).merging(fixed)) })
    }

    /// The series of the line's labels but those left out (or, where the leaf says so, of those named). A key is, for
    /// each label, the number of its name, the length of its value, and the value.
    ///
    /// In the series of rules a label with an empty value is the same as none; in a query it is not, as in Loki.
    mutating func openEntry(_ index: Int) -> Int {
        var key = gatheredKey(of: index)
        let view = key.paddedView()
        let hash = view.hash(seed: record.seed)
        if let known = leaves[index].table.find(key: view, hash) { return known }
        let labels = gatheredLabels(of: index)
        let fixed = plan.fixedLabels(of: index)
        return leaves[index].table.add(
            key: key, hash, at: now,
            identity: { SeriesIdentity(labels: LabelSet(labels).merging(fixed)) },
            overflowIdentity: {
                SeriesIdentity(labels: LabelSet([Label("overflow", "__overflow__")]).merging(fixed))
            })
    }

    /// The key of the labels that a leaf gathers from the line; nil: of all that the line has.
    mutating func gatheredKey(of index: Int?) -> OwnedBuffer<UInt8> {
        var key = OwnedBuffer<UInt8>(capacity: 512)
        for number in 0..<record.fieldCount where isLabel(FieldID(number), of: index) {
            let value = record.value(FieldID(number))
            key.append(UInt32(number))
            key.append(UInt32(truncatingIfNeeded: value.count))
            key.append(value)
        }
        return key
    }

    /// The same labels, as copies.
    mutating func gatheredLabels(of index: Int?) -> [Label] {
        var labels: [Label] = []
        for number in 0..<record.fieldCount where isLabel(FieldID(number), of: index) {
            labels.append(Label(names.name(of: FieldID(number)), record.value(FieldID(number)).string))
        }
        return labels
    }

    /// Labels that begin with `__` are no labels of rules' series.
    private mutating func isLabel(_ id: FieldID, of index: Int?) -> Bool {
        guard record.isPresent(id) else { return false }
        guard let index else { return true }
        guard leaves[index].isNamed(id) == leaves[index].keepsNamed else { return false }
        switch plan.options.purpose {
        case .query: return true
        case .rules: return !record.value(id).isEmpty && !names.name(of: id).hasPrefix("__")
        }
    }

    // MARK: Lines with an error

    /// Whether a line with an error can be used all the same: where the series are grouped by `__error__`, and where
    /// Loki would have found all labels that it needs before the place that is broken.
    private mutating func canUse(_ failure: LineFailure, _ index: Int) -> Bool {
        let keepsParserErrors = leaves[index].keepsParserErrors || leaves[index].takesErrors
        let keepsAll = leaves[index].takesErrors && plan.options.purpose == .rules
        if keepsAll || keepsParserErrors && failure.isOfParser {
            addErrorLabels()
            return true
        }
        if failure.isOfParser, foundSufficient(index) { return true }
        if plan.options.purpose == .query { noteQueryFailure() }
        return false
    }

    private func foundSufficient(_ index: Int) -> Bool {
        let count = leaves[index].sufficient.count
        guard count > 0, plan.options.purpose == .rules else { return false }
        for position in 0..<count where !record.isExtracted(leaves[index].sufficient[position]) { return false }
        return true
    }

    /// Keeps the first error in the words of Loki's API.
    private mutating func noteQueryFailure() {
        guard queryFailure == nil else { return }
        let kind = record.failure.text
        addErrorLabels()
        let labels = gatheredLabels(of: nil)
        queryFailure = QueryFailure(
            message: "pipeline error: '\(kind)' for series: '\(LabelSet(labels).text)'.\n"
                + "Use a label filter to intentionally skip this error. (e.g | __error__!=\"\(kind)\").\n"
                + "To skip all potential errors you can match empty errors.(e.g __error__=\"\")\n"
                + "The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n")
    }

    /// The series that a rule's `initial` names, at 0 before the first line.
    mutating func addInitialSeries() {
        for index in 0..<leaves.count {
            let rule = plan.rules[leaves[index].rule]
            for labels in rule.initial { addSeries(labels, to: index) }
        }
    }

    /// Makes the series with these label values if it is not there, and returns it.
    @discardableResult
    mutating func addSeries(_ labels: LabelSet, to index: Int) -> Int {
        record.rewindAll()
        for position in 0..<leaves[index].fields.count {
            let id = leaves[index].fields[position]
            let value = labels[names.name(of: id)] ?? ""
            record.set(id, Field(value: constants.keep(value.utf8), origin: value.isEmpty ? .absent : .parsed))
        }
        let entry = entry(index)
        record.rewindAll()
        return entry
    }
}

extension Plan {
    /// What every series of a leaf's rule gets; the labels of `record` rules are added after evaluation.
    func fixedLabels(of leaf: Int) -> LabelSet {
        switch leaves[leaf].kind {
        case .panes: .empty
        case .counter, .histogram, .gauge: rules[leaves[leaf].rule].labels
        }
    }
}
