// The form of a snapshot, version 1. Numbers are little endian; a text is its length (32 bits) and its bytes.
//
//   "millrace", version (32) · newest entry's time, lines evaluated, lines unmatched, regex limits (64 each)
//   number of label names (32), the names: keys of series with every label refer to them
//   number of rules (32), for each a section (its length in 64 bits, then):
//     identity, name, group · seen, nanoseconds, matched, failures (12) · number of leaves (32), for each:
//       stride (32) · width and number of its panes, 0 without (32 each) · time of the newest line of its selector
//       number of series (32) · the overflow series, -1 for none · updates of it
//       for each series: created, updated, length of its key, -1 for the overflow series (64 each)
//       length of all keys (64), the keys one after the other · the numbers of all series, `stride` each
//       number of exemplars (32), for each: series (32), time, value, length (8) and bytes of its values
//       number of panes with samples (32), for each: place among the numbers (64), the samples

extension Program {
    static let stateHeading = Array("millrace".utf8)
    static let stateVersion: UInt32 = 1

    /// Everything that a restart would lose, as bytes: the series of all rules, their windows and counts.
    ///
    /// Flat copies and nothing made per series: a few milliseconds for ten thousand. `restore` reads it back, in a
    /// program with other hashes, another plan or other workers.
    public func snapshot() -> [UInt8] {
        var size = 4_096
        for index in 0..<leaves.count { size += leaves[index].table.stateBytes + 256 }
        var writer = StateWriter(capacity: size)
        for byte in Self.stateHeading { writer.add(byte) }
        writer.add(Self.stateVersion)
        writer.add(newestEntry)
        writer.add(linesEvaluated)
        writer.add(linesUnmatched)
        writer.add(regexLimits)
        let known = plan.hasOpenKeys ? names.count : 0
        writer.add(UInt32(known))
        for number in 0..<known { writer.add(names.name(of: FieldID(number))) }
        writer.add(UInt32(plan.rules.count))
        for rule in plan.rules.indices {
            let start = writer.beginSection()
            writer.add(plan.identities[rule])
            writer.add(plan.rules[rule].name)
            writer.add(plan.rules[rule].group)
            rules[rule].encode(to: &writer)
            writer.add(UInt32(plan.leavesOfRule[rule].count))
            for leaf in plan.leavesOfRule[rule] {
                leaves[leaf].encode(newestLine: pulse.isWanted ? newestLine(of: leaf) : .min, to: &writer)
            }
            writer.endSection(start)
        }
        return writer.bytes
    }
}

extension RuleCounts {
    func encode(to writer: inout StateWriter) {
        writer.add(seen)
        writer.add(nanoseconds)
        writer.add(matched)
        for reason in LineFailure.allCases { writer.add(failed(reason)) }
    }

    init(decoding reader: inout StateReader) throws(StateDamage) {
        self.init()
        seen = try reader.count()
        nanoseconds = try reader.double()
        if !(nanoseconds >= 0 && nanoseconds < 1e300) { nanoseconds = 0 }
        matched = try reader.count()
        for reason in LineFailure.allCases {
            let count = try reader.count()
            setFailed(reason, count)
        }
        charged = seen
    }
}

extension Leaf {
    func encode(newestLine: Int64, to writer: inout StateWriter) {
        writer.add(UInt32(table.stride))
        writer.add(UInt32(hasPanes ? layout.state.width : 0))
        writer.add(UInt32(hasPanes ? layout.held : 0))
        writer.add(newestLine)
        table.encode(to: &writer)
        exemplars.encode(labels: exemplarFields.count, to: &writer)
        guard hasPanes, layout.state.keepsSamples else { return writer.add(UInt32(0)) }
        var places: [Int] = []
        for entry in 0..<table.count {
            for pane in 0..<layout.held {
                let at = entry * table.stride + 1 + layout.state.width * pane
                if table.values[at] > 0 { places.append(at) }
            }
        }
        writer.add(UInt32(places.count))
        for at in places {
            writer.add(UInt64(at))
            samples.content(of: Int(table.values[at + 1])).encode(to: &writer)
        }
    }
}

extension WindowSamples {
    func encode(to writer: inout StateWriter) {
        switch self {
        case .timed(let samples):
            writer.add(UInt8(0))
            writer.add(UInt32(samples.count))
            for sample in samples {
                writer.add(sample.time)
                writer.add(sample.value)
            }
        case .values(let values):
            writer.add(UInt8(1))
            writer.add(UInt32(values.count))
            for value in values { writer.add(value) }
        case .sketch(let sketch):
            writer.add(UInt8(2))
            sketch.encode(to: &writer)
        }
    }

    init(decoding reader: inout StateReader) throws(StateDamage) {
        switch try reader.byte() {
        case 0:
            var samples: [TimedSample] = []
            for _ in 0..<(try reader.elements(ofBytes: 16)) {
                samples.append(TimedSample(time: try reader.signed(), value: try reader.double()))
            }
            self = .timed(samples)
        case 1:
            let count = try reader.elements(ofBytes: 8)
            self = .values(try reader.doubles(count))
        case 2: self = .sketch(try QuantileSketch(decoding: &reader))
        case let kind: throw StateDamage(text: "samples of the unknown kind \(kind)")
        }
    }
}
