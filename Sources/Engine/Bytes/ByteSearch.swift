import Glibc

// Unsafe here: loads of 8 and 16 bytes that may run over a view's end. Sound because every view has
// `LineBatch.padding` (64) readable bytes behind it, and each load below starts at or before `count` and reaches
// at most 32 bytes further.

/// Tests of eight bytes at once. In a result, the lowest set bit stands in the first byte that passes; bits above
/// it may be false, so only `trailingZeroBitCount` may be asked.
enum Word {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let highs: UInt64 = 0x8080_8080_8080_8080

    @inline(__always)
    static func repeating(_ byte: UInt8) -> UInt64 { UInt64(byte) &* ones }

    /// Bytes that are zero; not yet masked with `highs`.
    @inline(__always)
    static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }

    /// Bytes that are `"` or `\`.
    @inline(__always)
    static func quoteOrBackslash(_ word: UInt64) -> UInt64 {
        (zeros(word ^ repeating(0x22)) | zeros(word ^ repeating(0x5C))) & highs
    }

    /// Bytes that end a JSON number or literal: white space and other control bytes, `,`, brackets, braces, `"`.
    @inline(__always)
    static func tokenEnd(_ word: UInt64) -> UInt64 {
        let folded = word | repeating(0x20)
        let blank = (word &- repeating(0x21)) & ~word
        return
            (blank | zeros(word ^ repeating(0x2C)) | zeros(word ^ repeating(0x22))
            | zeros(folded ^ repeating(0x7B)) | zeros(folded ^ repeating(0x7D))) & highs
    }

    /// Bytes that are a bracket, a brace or `"`.
    @inline(__always)
    static func bracketOrQuote(_ word: UInt64) -> UInt64 {
        let folded = word | repeating(0x20)
        return
            (zeros(word ^ repeating(0x22)) | zeros(folded ^ repeating(0x7B)) | zeros(folded ^ repeating(0x7D))) & highs
    }

    /// Bytes <= 0x20, `=` or `"`: what ends a logfmt key; for a bare value the same.
    @inline(__always)
    static func logfmtStop(_ word: UInt64) -> UInt64 {
        let blank = (word &- repeating(0x21)) & ~word
        return (blank | zeros(word ^ repeating(0x3D)) | zeros(word ^ repeating(0x22))) & highs
    }

    /// Keeps the first `count` bytes (0 to 8), clears the others.
    @inline(__always)
    static func lowMask(_ count: Int) -> UInt64 {
        count == 0 ? 0 : ~UInt64(0) &>> UInt64(truncatingIfNeeded: 64 &- 8 &* count)
    }
}

extension ByteView {
    static var empty: ByteView { unsafe ByteView(base: emptyBytes, count: 0) }

    /// The byte at `offset`, which may lie one behind the end: the caller has compared it with `count`, or goes on
    /// only after it has.
    @inline(__always)
    func peek(_ offset: Int) -> UInt8 {
        assert(offset >= 0 && offset <= count + 8)
        return unsafe base[offset]
    }

    /// `load8` for an offset that is known to be at most `count` + 24.
    @inline(__always)
    func word(_ offset: Int) -> UInt64 {
        assert(offset >= 0 && offset <= count + 24)
        return unsafe UInt64(littleEndian: UnsafeRawPointer(base + offset).loadUnaligned(as: UInt64.self))
    }

    /// Two bytes at an offset below `count`, the first one low.
    @inline(__always)
    func pair(_ offset: Int) -> UInt16 {
        assert(offset >= 0 && offset <= count)
        return unsafe UInt16(littleEndian: UnsafeRawPointer(base + offset).loadUnaligned(as: UInt16.self))
    }

    /// Sixteen bytes at an offset that is known to be at most `count` + 24.
    @inline(__always)
    func block(_ offset: Int) -> SIMD16<UInt8> {
        assert(offset >= 0 && offset <= count + 24)
        return unsafe UnsafeRawPointer(base + offset).loadUnaligned(as: SIMD16<UInt8>.self)
    }

    /// A part of the view whose bounds the caller has already established.
    @inline(__always)
    func part(_ start: Int, _ end: Int) -> ByteView {
        assert(start >= 0 && start <= end && end <= count)
        return unsafe ByteView(base: base + start, count: end &- start)
    }

    /// The offset of the first `"` or `\` at or after `start`; `count` or more when there is none.
    @inline(__always)
    func quoteOrBackslash(from start: Int) -> Int {
        var offset = start
        repeat {
            let found = Word.quoteOrBackslash(word(offset))
            if found != 0 { return offset &+ found.trailingZeroBitCount &>> 3 }
            offset &+= 8
        } while offset < count
        return count
    }

    /// True when a byte is not ASCII.
    @inline(__always)
    var hasNonASCII: Bool {
        var offset = 0
        while offset &+ 8 <= count {
            if word(offset) & Word.highs != 0 { return true }
            offset &+= 8
        }
        return word(offset) & Word.lowMask(count &- offset) & Word.highs != 0
    }

    /// A hash that depends on `seed`: 128-bit multiplications over 16 bytes at a time. Not for files: it may change.
    @inline(__always)
    func hash(seed: UInt64) -> UInt64 {
        let first: UInt64 = 0xA076_1D64_78BD_642F
        let second: UInt64 = 0xE703_7ED1_A0B4_28DB
        var state = seed ^ first
        let low: UInt64
        let high: UInt64
        if count <= 8 {
            low = word(0) & Word.lowMask(count)
            high = 0
        } else {
            var offset = 0
            while count &- offset > 16 {
                state = Self.mix(word(offset) ^ second, word(offset &+ 8) ^ state)
                offset &+= 16
            }
            // The last 8 to 16 bytes, as two words that may overlap.
            low = word(count &- offset > 8 ? offset : count &- 8)
            high = word(count &- 8)
        }
        return Self.mix(second ^ UInt64(truncatingIfNeeded: count), Self.mix(low ^ second, high ^ state))
    }

    @inline(__always)
    static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}

// A page of its own for views of nothing: they too promise padding.
nonisolated(unsafe) private let emptyBytes: UnsafePointer<UInt8> = {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 128)
    unsafe bytes.initialize(repeating: 0, count: 128)
    return unsafe UnsafePointer(bytes)
}()

/// Owns bytes that live as long as a program: literals to search for, keys to compare with, label values of streams.
/// Each view it gives has the padding that views promise.
@safe final class ByteStore {
    private var blocks: [UnsafeMutablePointer<UInt8>] = unsafe []

    /// Copies `bytes`; the view is good as long as the store lives.
    func keep(_ bytes: some Collection<UInt8>) -> ByteView {
        let count = bytes.count
        let block = UnsafeMutablePointer<UInt8>.allocate(capacity: count + 64)
        unsafe block.initialize(repeating: 0, count: count + 64)
        for (index, byte) in bytes.enumerated() { unsafe block[index] = byte }
        unsafe blocks.append(block)
        return unsafe ByteView(base: UnsafePointer(block), count: count)
    }

    deinit {
        while let block = unsafe blocks.popLast() { unsafe block.deallocate() }
    }
}
