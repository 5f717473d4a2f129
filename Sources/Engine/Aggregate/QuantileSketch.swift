import Glibc

/// How often values came, in buckets whose bounds grow by a fixed factor: a value read from it is off by at most
/// `relativeError`, 0.5 % at first, whatever the number of samples.
///
/// With more than `limit` buckets in use, every two neighbours become one, which doubles the error; 4,096 buckets of
/// 0.5 % span 17 orders of magnitude. Signs, zero, infinities and NaN are exact. Two sketches merge into what one
/// sketch of all the values would be. (Masson et al., "DDSketch", VLDB 2019; collapsing as in "UDDSketch", 2020.)
struct QuantileSketch: Sendable {
    static let limit = 4_096
    private static let accuracy = 0.005
    private static let logarithm = log((1 + accuracy) / (1 - accuracy))

    /// By the bucket's number, in the order of the values: see `key`.
    private var counts: [Int32: UInt64] = [:]
    /// How often neighbours have been joined.
    private(set) var level = 0

    init() {}

    var bucketCount: Int { counts.count }

    /// How far a value that is read may be off, in parts of it.
    var relativeError: Double {
        let width = Self.logarithm * Double(1 << level)
        return tanh(width / 2)
    }

    mutating func add(_ value: Double) {
        counts[key(value), default: 0] += 1
        if counts.count > Self.limit { collapse() }
    }

    mutating func merge(_ other: QuantileSketch) {
        var other = other
        while other.level < level { other.collapse() }
        while level < other.level { collapse() }
        for (key, count) in other.counts { counts[key, default: 0] += count }
        while counts.count > Self.limit { collapse() }
    }

    /// The values at some ranks, counted from 0 in ascending order, NaN first; ranks must ascend.
    func values(at ranks: [UInt64]) -> [Double] {
        var result: [Double] = []
        var seen: UInt64 = 0
        for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
            seen += count
            while result.count < ranks.count, ranks[result.count] < seen { result.append(value(key)) }
        }
        return result
    }

    // MARK: Over a restart

    /// How many values came.
    var total: UInt64 { counts.values.reduce(0, +) }

    func encode(to writer: inout StateWriter) {
        writer.add(UInt32(level))
        writer.add(UInt32(counts.count))
        for (key, count) in counts {
            writer.add(UInt32(bitPattern: key))
            writer.add(count)
        }
    }

    init(decoding reader: inout StateReader) throws(StateDamage) {
        level = Int(try reader.word())
        guard level <= 20 else { throw StateDamage(text: "a sketch of level \(level)") }
        let number = try reader.elements(ofBytes: 12)
        guard number <= Self.limit else { throw StateDamage(text: "a sketch of \(number) buckets") }
        for _ in 0..<number {
            let key = Int32(bitPattern: try reader.word())
            let count = try reader.count()
            // Twice the greatest index that a number can have: sums and halves of them are far from any limit.
            let isSpecial = [Self.nan, Self.negativeInfinity, Self.infinity, 0].contains(key)
            guard isSpecial || (1...2 * Self.shift).contains(abs(key)), counts[key] == nil else {
                throw StateDamage(text: "a sketch with the bucket \(key)")
            }
            counts[key] = count
        }
    }

    // MARK: Buckets

    // NaN, -Inf, the negative numbers, zero, the positive numbers, +Inf; an index is shifted to be positive.
    private static let nan = Int32.min
    private static let negativeInfinity = Int32.min + 1
    private static let infinity = Int32.max
    private static let shift: Int32 = 200_000

    private func key(_ value: Double) -> Int32 {
        if value.isNaN { return Self.nan }
        if value == 0 { return 0 }
        if value.isInfinite { return value > 0 ? Self.infinity : Self.negativeInfinity }
        let index = log(abs(value)) / (Self.logarithm * Double(1 << level))
        let shifted = Int32(index.rounded(.up)) + Self.shift
        return value < 0 ? -shifted : shifted
    }

    private func value(_ key: Int32) -> Double {
        switch key {
        case Self.nan: return .nan
        case Self.negativeInfinity: return -.infinity
        case Self.infinity: return .infinity
        case 0: return 0
        case _:
            let width = Self.logarithm * Double(1 << level)
            // The place in the bucket from which both ends are as far, in parts of the value.
            let middle = log(2 / (1 + exp(width)))
            let index = Double(abs(key) - Self.shift)
            let magnitude = min(exp(index * width + middle), .greatestFiniteMagnitude)
            return key < 0 ? -magnitude : magnitude
        }
    }

    private mutating func collapse() {
        guard level < 20 else { return }
        level += 1
        var joined: [Int32: UInt64] = [:]
        for (key, count) in counts { joined[joinedKey(key), default: 0] += count }
        counts = joined
    }

    private func joinedKey(_ key: Int32) -> Int32 {
        switch key {
        case Self.nan, Self.negativeInfinity, Self.infinity, 0: return key
        case _:
            let index = abs(key) - Self.shift
            // Upwards: the bucket 2i - 1 and the bucket 2i become the bucket i.
            let half = index > 0 ? (index + 1) / 2 : index / 2
            return key < 0 ? -(half + Self.shift) : half + Self.shift
        }
    }
}
