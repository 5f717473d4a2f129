import LogQL
import Records

extension Program {
    /// A line has come through a rule's pipeline: finds its series and updates it. Always false: a leaf has no children.
    mutating func update(_ index: Int) -> Bool {
        let rule = leaves[index].rule
        // What lies in no window is not looked at: not even its errors count.
        if leaves[index].hasPanes, leaves[index].isOutside(record.time.nanoseconds) { return false }
        if record.failure != .none, !leaves[index].takesErrors {
            rules[rule].fail(record.failure)
            return false
        }
        if leaves[index].takesErrors, let errorField {
            record.set(errorField, Field(value: stages.errorTexts[Int(record.failure.rawValue)], origin: .parsed))
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
    private mutating func entry(_ index: Int) -> Int {
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

    /// The series of every label of the line but those left out. A key is, for each label, the number of its name,
    /// the length of its value, and the value.
    mutating func openEntry(_ index: Int) -> Int {
        var key = OwnedBuffer<UInt8>(capacity: 512)
        for number in 0..<record.fieldCount {
            let id = FieldID(number)
            guard record.isPresent(id), !isLeftOut(id, index), !isInternal(id) else { continue }
            let value = record.value(id)
            if value.isEmpty { continue }
            key.append(UInt32(number))
            key.append(UInt32(truncatingIfNeeded: value.count))
            key.append(value)
        }
        let view = key.paddedView()
        let hash = view.hash(seed: record.seed)
        if let known = leaves[index].table.find(key: view, hash) { return known }
        var labels: [Label] = []
        for number in 0..<record.fieldCount {
            let id = FieldID(number)
            guard record.isPresent(id), !isLeftOut(id, index), !isInternal(id) else { continue }
            labels.append(Label(names.name(of: id), record.value(id).string))
        }
        let fixed = plan.fixedLabels(of: index)
        return leaves[index].table.add(
            key: key, hash, at: now,
            identity: { SeriesIdentity(labels: LabelSet(labels.filter { !$0.value.isEmpty }).merging(fixed)) },
            overflowIdentity: {
                SeriesIdentity(labels: LabelSet([Label("overflow", "__overflow__")]).merging(fixed))
            })
    }

    /// Labels that begin with `__` are no labels of series.
    private func isInternal(_ id: FieldID) -> Bool { names.name(of: id).hasPrefix("__") }

    private func isLeftOut(_ id: FieldID, _ index: Int) -> Bool {
        for position in 0..<leaves[index].fields.count where leaves[index].fields[position] == id { return true }
        return false
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
