/// Makes new inputs of old ones.
struct Mutator {
    /// Brackets of a grammar, to nest deeply.
    typealias Nest = (open: [UInt8], close: [UInt8])

    var random: SeededRandom
    let dictionary: [[UInt8]]
    let nests: [Nest]
    let deepest: Int
    let maximumBytes: Int

    private static let extremes = [
        "0", "1", "-1", "65535", "65536", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "18446744073709551616", "1e308", "1e309", "1e-400", "0x1p1023", "1e18", "007",
        String(repeating: "9", count: 400), "0." + String(repeating: "3", count: 400),
    ].map { Array($0.utf8) }
    private static let awkward: [UInt8] =
        Array("(){}[]|=!~<>\"`'\\,#+-*/^%0123456789.eE_:;$?@& \n\t\r".utf8) + [0, 0x1B, 0x1E, 0x7F, 0x80, 0xC3, 0xFF]

    /// A child of an input of the pool.
    mutating func child(of pool: [[UInt8]]) -> [UInt8] {
        var bytes = random.pick(pool)
        for _ in 0..<(random.once(in: 4) ? 1 + random.below(8) : 1 + random.below(3)) { mutate(&bytes, pool) }
        if bytes.count > maximumBytes { bytes.removeLast(bytes.count - maximumBytes) }
        return bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8], _ pool: [[UInt8]]) {
        let place = random.below(bytes.count + 1)
        let range = place..<place + random.below(min(bytes.count - place, random.once(in: 4) ? 256 : 12) + 1)
        switch random.below(14) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
        case 1 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 2, 0, 1: bytes.insert(random.pick(Self.awkward), at: place)
        case 3: bytes.removeSubrange(range)
        case 4: bytes.insert(contentsOf: bytes[range], at: random.below(bytes.count + 1))
        case 5,
            6 where !dictionary.isEmpty:
            bytes.insert(contentsOf: random.pick(dictionary), at: place)
        case 7 where !dictionary.isEmpty: bytes.replaceSubrange(range, with: random.pick(dictionary))
        case 8: splice(&bytes, at: place, random.pick(pool))
        case 9: bytes.replaceSubrange(range, with: cut(of: random.pick(pool)))
        case 10: bytes.removeLast(bytes.count - place)
        case 11: repeatPart(&bytes, range)
        case 12 where !nests.isEmpty: nest(&bytes, range)
        case 13: replaceNumber(&bytes, from: place)
        default: bytes.insert(contentsOf: cut(of: random.pick(pool)), at: place)
        }
    }

    /// The beginning of one input and the end of another.
    private mutating func splice(_ bytes: inout [UInt8], at place: Int, _ other: [UInt8]) {
        bytes.removeLast(bytes.count - place)
        bytes += other[random.below(other.count + 1)...]
    }

    private mutating func cut(of other: [UInt8]) -> ArraySlice<UInt8> {
        let start = random.below(other.count + 1)
        return other[start..<start + random.below(min(other.count - start, 64) + 1)]
    }

    private mutating func repeatPart(_ bytes: inout [UInt8], _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        let most = max(1, maximumBytes / range.count)
        let count = random.once(in: 20) ? most : min(most, 1 + random.below(40))
        bytes.replaceSubrange(range, with: Array(repeating: bytes[range], count: count).joined())
    }

    private mutating func nest(_ bytes: inout [UInt8], _ range: Range<Int>) {
        let nest = random.pick(nests)
        let most = min(deepest, maximumBytes / max(1, nest.open.count + nest.close.count))
        let depth = random.once(in: 10) ? most : 1 + random.below(6)
        // Now and then the closing ones are too few.
        let closing = random.once(in: 6) ? random.below(depth + 1) : depth
        bytes.insert(contentsOf: Array(repeating: nest.close, count: closing).joined(), at: range.upperBound)
        bytes.insert(contentsOf: Array(repeating: nest.open, count: depth).joined(), at: range.lowerBound)
    }

    /// Makes the next number in the text an extreme one.
    private mutating func replaceNumber(_ bytes: inout [UInt8], from place: Int) {
        func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
        let start = bytes[place...].firstIndex(where: isDigit) ?? place
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: random.pick(Self.extremes))
    }
}
