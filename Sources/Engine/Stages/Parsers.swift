import Records

// The parser stages: each scans the line into `extracted`, and `take` puts what came into the record.
extension Program {
    mutating func parseJSON(_ stage: Int) -> Bool {
        extracted.removeAll()
        let error = stages.json[stage].scan(record.line, into: &extracted, names: &names)
        take(stage: UInt16(truncatingIfNeeded: 1 + stage), overwriting: false)
        if error != .none { record.failure = .json }
        return true
    }

    mutating func parseJSONPaths(_ stage: Int) -> Bool {
        extracted.removeAll()
        let error = stages.jsonPaths[stage].scan(record.line, into: &extracted)
        take(stage: UInt16(truncatingIfNeeded: 10_001 + stage), overwriting: true)
        if error != .notJSON, !record.line.isEmpty {
            // A path that is not there gives an empty label, unless there is one of that name.
            for index in 0..<stages.jsonTargets[stage].count {
                let id = stages.jsonTargets[stage][index]
                guard !record.isPresent(id) else { continue }
                record.set(id, Field(value: record.nothing, origin: .parsed, stage: .max))
            }
        }
        if error != .none { record.failure = .json }
        return true
    }

    mutating func parseLogfmt(_ stage: Int) -> Bool {
        let targets = stages.logfmtTargets[stage].count
        // Targets start as empty labels, but for those that the stream has.
        for index in 0..<targets {
            let id = stages.logfmtTargets[stage][index]
            guard record.origin(id) != .stream else { continue }
            record.set(id, Field(value: record.nothing, origin: .parsed, stage: .max))
        }
        extracted.removeAll()
        let error = stages.logfmt[stage].scan(record.line, into: &extracted, names: &names)
        take(stage: UInt16(truncatingIfNeeded: 20_001 + stage), overwriting: targets > 0)
        if error != .none { record.failure = .logfmt }
        return true
    }

    mutating func parseRegexp(_ stage: Int) -> Bool {
        extracted.removeAll()
        switch stages.scanRegexp(stage, record.line, into: &extracted) {
        case .match, .noMatch: break
        case .limit: regexLimits &+= 1
        }
        take(stage: UInt16(truncatingIfNeeded: 30_001 + stage), overwriting: false)
        return true
    }

    mutating func parsePattern(_ stage: Int) -> Bool {
        extracted.removeAll()
        stages.scanPattern(stage, record.line, into: &extracted)
        take(stage: UInt16(truncatingIfNeeded: 40_001 + stage), overwriting: false)
        return true
    }

    /// The rules for names that are there already: a stream label stays and the value is stored as `…_extracted`;
    /// what another stage or the metadata gave stays; within one stage the later value wins.
    private mutating func take(stage: UInt16, overwriting: Bool) {
        record.grow(to: names.count)
        for index in 0..<extracted.count {
            let item = extracted[index]
            var id = item.id
            switch record.origin(id) {
            case .absent: break
            case .stream:
                guard let twin = twin(of: id) else { continue }
                id = twin
                if !overwriting, record.origin(id) != .absent, record.stage(id) != stage { continue }
            case .metadata, .dropped:
                if !overwriting { continue }
            case .parsed:
                if !overwriting, record.stage(id) != stage { continue }
            }
            record.set(id, Field(value: item.value, origin: .parsed, form: item.form, stage: stage))
        }
    }
}
