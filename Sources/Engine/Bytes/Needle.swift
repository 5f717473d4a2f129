import Glibc

// Unsafe here: 16-byte loads that may run at most 15 bytes over a view's end, into its padding.

/// A literal to search for, with the two bytes of it that are rarest in logs. The bytes belong to a `ByteStore`.
struct Needle: BitwiseCopyable {
    let bytes: ByteView
    /// Offsets of the two bytes that are compared first; equal for a literal of one byte.
    private let rare: Int
    private let other: Int
    /// True: ASCII letters match in both cases. `bytes` is lower case then.
    let folded: Bool

    /// `bytes` must outlive the needle. With `folded`, ASCII letters match in either case.
    init(_ bytes: ByteView, folded: Bool = false) {
        self.bytes = bytes
        self.folded = folded
        var best = 0
        for index in 0..<bytes.count where Self.frequency(bytes[index]) < Self.frequency(bytes[best]) { best = index }
        var second = best == 0 ? max(0, bytes.count - 1) : 0
        for index in 0..<bytes.count
        where index != best && Self.frequency(bytes[index]) < Self.frequency(bytes[second]) {
            second = index
        }
        rare = best
        other = second
    }

    init(_ text: some Collection<UInt8>, folded: Bool = false, in store: ByteStore) {
        let bytes = folded ? text.map(ByteView.lowercased) : Array(text)
        self.init(store.keep(bytes), folded: folded)
    }

    /// How common a byte is in logs, roughly: a rank, higher is more common.
    private static func frequency(_ byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "e"): 9
        case UInt8(ascii: "\""), UInt8(ascii: "0")...UInt8(ascii: "3"), UInt8(ascii: "a"), UInt8(ascii: "t"): 8
        case UInt8(ascii: "o"), UInt8(ascii: "s"), UInt8(ascii: "r"), UInt8(ascii: "i"), UInt8(ascii: "n"): 7
        case UInt8(ascii: "4")...UInt8(ascii: "9"), UInt8(ascii: "c"), UInt8(ascii: "d"), UInt8(ascii: "."),
            UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: "/"):
            6
        case UInt8(ascii: "l"), UInt8(ascii: "m"), UInt8(ascii: "p"), UInt8(ascii: "u"), UInt8(ascii: "-"),
            UInt8(ascii: "="), UInt8(ascii: "_"):
            5
        case UInt8(ascii: "a")...UInt8(ascii: "z"): 4
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): 3
        case 0x21...0x7E: 2
        default: 1
        }
    }

    /// The offset of the first occurrence in `text` at or after `start`; nil when there is none.
    func first(in text: ByteView, from start: Int = 0) -> Int? {
        let last = text.count - bytes.count
        guard start <= last else { return nil }
        guard bytes.count > 0 else { return start }
        return folded ? firstFolded(in: text, from: start, last: last) : firstExact(in: text, from: start, last: last)
    }

    @inline(__always)
    func isIn(_ text: ByteView) -> Bool { first(in: text) != nil }

    private func firstExact(in text: ByteView, from start: Int, last: Int) -> Int? {
        if bytes.count == 1 { return text.firstIndex(of: bytes[0], from: start) }
        let left = SIMD16<UInt8>(repeating: bytes[rare])
        let right = SIMD16<UInt8>(repeating: bytes[other])
        var offset = start
        while offset <= last {
            let both = (Self.block(text, offset &+ rare) .== left) .& (Self.block(text, offset &+ other) .== right)
            if let found = verify(both, text, offset, last) { return found }
            offset &+= 16
        }
        return nil
    }

    private func firstFolded(in text: ByteView, from start: Int, last: Int) -> Int? {
        let left = SIMD16<UInt8>(repeating: bytes[rare])
        let right = SIMD16<UInt8>(repeating: bytes[other])
        // A letter and its upper case differ in one bit; setting it in other bytes only makes candidates.
        let leftFold = SIMD16<UInt8>(repeating: Self.isLetter(bytes[rare]) ? 0x20 : 0)
        let rightFold = SIMD16<UInt8>(repeating: Self.isLetter(bytes[other]) ? 0x20 : 0)
        var offset = start
        while offset <= last {
            let both =
                ((Self.block(text, offset &+ rare) | leftFold) .== left)
                .& ((Self.block(text, offset &+ other) | rightFold) .== right)
            if let found = verify(both, text, offset, last) { return found }
            offset &+= 16
        }
        return nil
    }

    @inline(__always)
    private static func isLetter(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "a") < 26 }

    @inline(__always)
    private static func block(_ text: ByteView, _ offset: Int) -> SIMD16<UInt8> {
        assert(offset >= 0 && offset < text.count)
        return unsafe UnsafeRawPointer(text.base + offset).loadUnaligned(as: SIMD16<UInt8>.self)
    }

    /// Compares the whole literal at each candidate of a block of 16.
    @inline(__always)
    private func verify(_ mask: SIMDMask<SIMD16<Int8>>, _ text: ByteView, _ offset: Int, _ last: Int) -> Int? {
        let words = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        guard words[0] | words[1] != 0 else { return nil }
        return candidates(words, text, offset, last)
    }

    @inline(never)
    private func candidates(_ words: SIMD2<UInt64>, _ text: ByteView, _ offset: Int, _ last: Int) -> Int? {
        for half in 0..<2 {
            var word = words[half]
            while word != 0 {
                let lane = word.trailingZeroBitCount >> 3
                let place = offset + half * 8 + lane
                guard place <= last else { return nil }
                if matches(text, at: place) { return place }
                word &= ~(UInt64(0xFF) << UInt64(lane * 8))
            }
        }
        return nil
    }

    /// True when the literal stands in `text` at `offset`; `offset` + its length is within `text`.
    @inline(__always)
    private func matches(_ text: ByteView, at offset: Int) -> Bool {
        guard folded else {
            return unsafe memcmp(text.base + offset, bytes.base, bytes.count) == 0
        }
        for index in 0..<bytes.count where ByteView.lowercased(text[offset + index]) != bytes[index] { return false }
        return true
    }
}

extension ByteView {
    /// The byte, an ASCII capital as its small letter.
    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte }

    /// Equal but for the case of ASCII letters; `other` is lower case.
    func equalsFolded(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where Self.lowercased(self[index]) != other[index] { return false }
        return true
    }
}
