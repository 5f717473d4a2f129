import Records

// The parser stages: each scans the line into `extracted`, and `take` puts what came into the record.
extension Program {
    mutating func parseJSON(_ stage: Int, hint: Int) -> Bool {
        extracted.removeAll()
        let error = stages.json[stage].scan(record.line, into: &extracted, names: &names)
        let taken = take(stage: UInt16(truncatingIfNeeded: 1 + stage), overwriting: false, hint: hint)
        if error != .none, taken == .all { fail(.json, error) }
        return taken != .rejected
    }

    mutating func parseJSONPaths(_ stage: Int) -> Bool {
        extracted.removeAll()
        let error = stages.jsonPaths[stage].scan(record.line, into: &extracted)
        let number = UInt16(truncatingIfNeeded: 10_001 + stage)
        _ = take(stage: number, overwriting: true, hint: -1)
        if error != .notJSON, !record.line.isEmpty {
            // A path that is not there gives an empty label, unless there is one of that name.
            for index in 0..<stages.jsonTargets[stage].count {
                let id = stages.jsonTargets[stage][index]
                guard !record.isPresent(id) else { continue }
                record.set(id, Field(value: record.nothing, origin: .parsed, stage: number))
            }
        }
        if error != .none { fail(.json, error) }
        return true
    }

    mutating func parseLogfmt(_ stage: Int, hint: Int) -> Bool {
        let targets = stages.logfmtTargets[stage].count
        let number = UInt16(truncatingIfNeeded: 20_001 + stage)
        // Targets start as empty labels, but for those that the stream has.
        for index in 0..<targets {
            let id = stages.logfmtTargets[stage][index]
            guard !record.isOfStream(id) else { continue }
            record.set(id, Field(value: record.nothing, origin: .parsed, stage: number))
        }
        extracted.removeAll()
        let error = stages.logfmt[stage].scan(record.line, into: &extracted, names: &names)
        if targets > 0 { leaveSources(stage, hint: hint) }
        let taken = take(stage: number, overwriting: targets > 0, hint: hint)
        if error != .none, taken == .all {
            record.failure = .logfmt
            if keepsDetails { record.details = record.keep(stages.logfmt[stage].details.utf8) }
        }
        return taken != .rejected
    }

    /// A target whose pair has the name of a label that the metadata or another parser has given finds nothing, as
    /// in Loki, unless the pair's name is a target, too; and so does one whose pair's name the query does not need.
    private mutating func leaveSources(_ stage: Int, hint: Int) {
        for index in 0..<stages.logfmtSources[stage].count {
            let (target, source) = stages.logfmtSources[stage][index]
            let isGiven = record.origin(source) == .metadata || record.isExtracted(source)
            if isGiven || hint >= 0 && !stages.hints[hint].needs(source) { extracted.removeAll(of: target) }
        }
    }

    mutating func parseRegexp(_ stage: Int, hint: Int) -> Bool {
        extracted.removeAll()
        switch stages.scanRegexp(stage, record.line, into: &extracted) {
        case .match, .noMatch: break
        case .limit: regexLimits &+= 1
        }
        return take(stage: UInt16(truncatingIfNeeded: 30_001 + stage), overwriting: false, hint: hint) != .rejected
    }

    mutating func parsePattern(_ stage: Int, hint: Int) -> Bool {
        extracted.removeAll()
        stages.scanPattern(stage, record.line, into: &extracted)
        return take(stage: UInt16(truncatingIfNeeded: 40_001 + stage), overwriting: false, hint: hint) != .rejected
    }

    /// `unpack`: the string values of an object become labels and its `_entry` the line, where there is one.
    mutating func unpack(_ stage: Int, hint: Int) -> Bool {
        extracted.removeAll()
        let (error, entry) = stages.unpacks[stage].scan(record.line, into: &extracted, names: &names)
        if error != .none {
            fail(.json, error)
            return true
        }
        guard let entry else { return true }
        if let line = record.decoded(entry) { record.line = line }
        return take(stage: UInt16(truncatingIfNeeded: 50_001 + stage), overwriting: false, hint: hint) != .rejected
    }

    /// Notes an error of a parser; it takes the place of an earlier one.
    mutating func fail(_ failure: LineFailure, _ error: ScanError) {
        record.failure = failure
        if keepsDetails { record.details = stages.errorDetails[Int(error.rawValue)] }
    }

    enum Taken {
        case all
        /// Every label that is needed has been found: what stands behind it in the line was not read.
        case enough
        /// A filter on a label that was found does not hold.
        case rejected
    }

    /// The rules for names that are there already: a stream label stays and the value is stored as `…_extracted`;
    /// what another stage or the metadata gave stays; within one stage the later value wins.
    private mutating func take(stage: UInt16, overwriting: Bool, hint: Int) -> Taken {
        record.grow(to: names.count)
        for index in 0..<extracted.count {
            let item = extracted[index]
            var id = item.id
            let isTwin = record.isOfStream(id)
            if isTwin {
                guard let twin = twin(of: id) else { continue }
                id = twin
            }
            switch record.origin(id) {
            case .absent: break
            case .stream: continue
            case .metadata, .dropped:
                if !overwriting { continue }
            case .parsed:
                if !overwriting, record.stage(id) != stage || record.isTwin(id) != isTwin { continue }
            }
            if hint >= 0, !overwriting, !stages.hints[hint].needs(id) { continue }
            record.set(
                id, Field(value: item.value, origin: .parsed, form: item.form, stage: stage, isTwin: isTwin))
            if hint >= 0 {
                if let filter = stages.hints[hint].early(for: id), !passesLabelFilter(filter) { return .rejected }
                if hasEnough(hint) { return .enough }
            }
        }
        return .all
    }

    /// True when every label that the query needs has been given by a parser.
    private func hasEnough(_ hint: Int) -> Bool {
        let count = stages.hints[hint].required.count
        guard count > 0 else { return false }
        for index in 0..<count where !record.isExtracted(stages.hints[hint].required[index]) { return false }
        return true
    }
}

/// A plan's `Hint`, with names as numbers.
struct HintRuntime: ~Copyable {
    /// Empty where every label may be needed.
    var required = OwnedBuffer<FieldID>()
    /// By field: it is one of `required`.
    private var isRequired = OwnedBuffer<Bool>()
    private var early: [(id: FieldID, filter: Int)] = []

    init(_ hint: StageTables.Hint, names: inout NameTable) {
        for name in hint.required ?? [] {
            let id = names.known(name)
            required.append(id)
            if id.value >= isRequired.count {
                isRequired.append(repeating: false, count: id.value + 1 - isRequired.count)
            }
            isRequired[id.value] = true
        }
        early = hint.early.map { (names.known($0.name), Int($0.filter)) }
    }

    func needs(_ id: FieldID) -> Bool {
        required.count == 0 || id.value < isRequired.count && isRequired[id.value]
    }

    /// The label filter that is tried when a parser finds this label.
    func early(for id: FieldID) -> Int? {
        for item in early where item.id == id { return item.filter }
        return nil
    }
}
