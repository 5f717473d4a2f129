/// A rule of a snapshot, read and checked as a whole before any of it is used.
struct SavedRule {
    let identity: String
    let name: String
    let group: String
    let counts: RuleCounts
    let leaves: [SavedLeaf]

    init(decoding reader: inout StateReader) throws(StateDamage) {
        identity = try reader.text()
        name = try reader.text()
        group = try reader.text()
        counts = try RuleCounts(decoding: &reader)
        var leaves: [SavedLeaf] = []
        for _ in 0..<(try reader.elements(ofBytes: 32)) { leaves.append(try SavedLeaf(decoding: &reader)) }
        self.leaves = leaves
        guard reader.isAtEnd else { throw StateDamage(text: "a rule with more than there should be") }
    }
}

/// The series of one leaf of a snapshot.
struct SavedLeaf {
    struct Exemplar {
        var time: Int64
        var value: Double
        /// The values, each behind its length.
        var bytes: [UInt8]
    }
    /// No pane is further away than this; the difference of two of them is a number, too.
    private static let farthest: Int64 = 1 << 61 + 2

    let stride: Int
    let paneWidth: Int
    let panes: Int
    let newestLine: Int64
    let count: Int
    let overflow: Int
    let overflowUpdates: UInt64
    private(set) var created: [Int64] = []
    private(set) var updated: [Int64] = []
    /// The key of each series in `keyBytes`; nil for the overflow series.
    private(set) var keys: [Range<Int>?] = []
    let keyBytes: [UInt8]
    let values: [Double]
    private(set) var exemplars: [Int: Exemplar] = [:]
    /// By the place in `values` of the pane's first number.
    private(set) var samples: [Int: WindowSamples] = [:]

    init(decoding reader: inout StateReader) throws(StateDamage) {
        stride = Int(try reader.word())
        paneWidth = Int(try reader.word())
        panes = Int(try reader.word())
        newestLine = try reader.signed()
        guard stride > 0, stride < 1 << 24 else { throw StateDamage(text: "series of \(stride) numbers") }
        count = try reader.elements(ofBytes: 24 + 8 * stride)
        overflow = Int(try reader.signed())
        overflowUpdates = try reader.count()
        var end = 0
        for index in 0..<count {
            created.append(try reader.signed())
            updated.append(try reader.signed())
            let length = try reader.signed()
            guard length >= 0 || (length == -1 && index == overflow), length < 1 << 32 else {
                throw StateDamage(text: "a key of \(length) bytes")
            }
            keys.append(length < 0 ? nil : end..<end + Int(length))
            end += Int(max(0, length))
        }
        guard try reader.unsigned() == UInt64(end) else { throw StateDamage(text: "keys of another length") }
        keyBytes = try reader.array(end)
        values = try reader.doubles(count * stride)
        for _ in 0..<(try reader.elements(ofBytes: 21)) {
            let entry = Int(try reader.word())
            guard entry < count else { throw StateDamage(text: "an exemplar of no series") }
            let time = try reader.signed()
            let value = try reader.double()
            exemplars[entry] = Exemplar(time: time, value: value, bytes: try reader.array(Int(try reader.byte())))
        }
        for _ in 0..<(try reader.elements(ofBytes: 13)) {
            let place = try reader.unsigned()
            guard place < UInt64(values.count) else { throw StateDamage(text: "samples of no pane") }
            samples[Int(place)] = try WindowSamples(decoding: &reader)
        }
    }

    /// The values of a key whose labels have an order of their own, as `count` ranges of `keyBytes`.
    func values(of key: Range<Int>, count: Int) throws(StateDamage) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var offset = key.lowerBound
        while offset < key.upperBound {
            let range = try value(at: offset, in: key)
            ranges.append(range)
            offset = range.upperBound
        }
        guard ranges.count == count else { throw StateDamage(text: "a key of \(ranges.count) labels") }
        return ranges
    }

    /// The numbers of the names and the values of a key that has a number before each.
    func pairs(of key: Range<Int>) throws(StateDamage) -> [(name: Int, value: Range<Int>)] {
        var pairs: [(name: Int, value: Range<Int>)] = []
        var offset = key.lowerBound
        while offset < key.upperBound {
            let name = try word(at: offset, in: key)
            let range = try value(at: offset + 4, in: key)
            pairs.append((Int(name), range))
            offset = range.upperBound
        }
        return pairs
    }

    private func value(at offset: Int, in key: Range<Int>) throws(StateDamage) -> Range<Int> {
        let count = Int(try word(at: offset, in: key))
        guard count <= key.upperBound - offset - 4 else { throw StateDamage(text: "a label beyond its key") }
        return offset + 4..<offset + 4 + count
    }

    private func word(at offset: Int, in key: Range<Int>) throws(StateDamage) -> UInt32 {
        guard offset + 4 <= key.upperBound else { throw StateDamage(text: "a key that ends too early") }
        return (0..<4).reduce(0) { $0 | UInt32(keyBytes[offset + $1]) << UInt32(8 * $1) }
    }

    /// Throws unless the numbers can be those of a leaf: what is read from them later must not trap.
    func check(_ leaf: borrowing Leaf, exemplarLabels: Int, names: Int) throws(StateDamage) {
        guard stride == leaf.table.stride, paneWidth == (leaf.hasPanes ? leaf.layout.state.width : 0),
            panes == (leaf.hasPanes ? leaf.layout.held : 0)
        else { throw StateDamage(text: "series of another form") }
        for key in keys {
            guard let key else { continue }
            if leaf.isOpen {
                for pair in try pairs(of: key) where pair.name >= names {
                    throw StateDamage(text: "a label without a name")
                }
            } else {
                _ = try values(of: key, count: leaf.fields.count)
            }
        }
        for exemplar in exemplars.values {
            var offset = 0
            for _ in 0..<exemplarLabels {
                guard offset < exemplar.bytes.count else { throw StateDamage(text: "an exemplar without a value") }
                offset += 1 + Int(exemplar.bytes[offset])
            }
            guard offset == exemplar.bytes.count, offset <= ExemplarTable.slotBytes else {
                throw StateDamage(text: "an exemplar of another length")
            }
        }
        switch leaf.kind {
        case .counter, .gauge: break
        case .histogram(let bounds):
            for entry in 0..<count {
                for bucket in 0...bounds.count {
                    let number = values[entry * stride + bucket]
                    guard number >= 0, number <= 0x1p53 else { throw StateDamage(text: "a bucket of \(number)") }
                }
            }
        case .panes(let layout):
            for entry in 0..<count {
                let newest = Int64(bitPattern: values[entry * stride].bitPattern)
                guard newest == .min || newest >= -Self.farthest && newest <= Self.farthest else {
                    throw StateDamage(text: "a pane of no time")
                }
            }
            for samples in samples.values {
                switch (samples, layout.state) {
                case (.timed, .counter), (.values, .quantile), (.sketch, .quantile): break
                case _: throw StateDamage(text: "samples of another kind")
                }
            }
        }
    }
}
