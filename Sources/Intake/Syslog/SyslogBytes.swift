import Glibc

// The unsafe code of the syslog readers: an unaligned 8-byte load, and copies of parts of spans. The load is guarded by
// the span's count; the pointers of the copies do not outlive the closures that get them, and their ranges are checked
// by `extracting`.

/// The offset of the first LF or NUL at or after `start`; nil when there is none.
func frameTerminator(in bytes: Span<UInt8>, from start: Int) -> Int? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    let raw = unsafe bytes.bytes
    var at = start
    while at + 8 <= raw.byteCount {
        let word = unsafe UInt64(littleEndian: raw.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
        let lineEnds = word ^ (ones &* 0x0A)
        // The lowest set bit is exact: a false mark can only stand above a true one.
        let marks = ((lineEnds &- ones) & ~lineEnds | (word &- ones) & ~word) & highs
        if marks != 0 { return at + marks.trailingZeroBitCount / 8 }
        at += 8
    }
    while at < bytes.count {
        if bytes[at] == UInt8(ascii: "\n") || bytes[at] == 0 { return at }
        at += 1
    }
    return nil
}

/// Appends a part of a span with one copy.
func appendBytes(of bytes: Span<UInt8>, _ range: Range<Int>, to array: inout [UInt8]) {
    unsafe bytes.extracting(range).withUnsafeBufferPointer { part in unsafe array.append(contentsOf: part) }
}

/// A part of a span as text, with what is not UTF-8 replaced by U+FFFD: for cold code.
func text(of bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    unsafe bytes.extracting(range).withUnsafeBufferPointer { part in unsafe String(decoding: part, as: UTF8.self) }
}

/// A keyed 64-bit hash: not one to sign with, but a sender who does not know the seed cannot aim at a slot.
func seededHash(_ bytes: Span<UInt8>, seed: UInt64) -> UInt64 {
    var hash = seed ^ UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
    let raw = unsafe bytes.bytes
    var at = 0
    while at + 8 <= raw.byteCount {
        hash = unsafe mixed(hash ^ raw.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
        at += 8
    }
    var rest: UInt64 = 0
    while at < bytes.count {
        rest = rest << 8 | UInt64(bytes[at])
        at += 1
    }
    return mixed(hash ^ rest)
}

private func mixed(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low ^ (value >> 32)
}

/// Whether an array has the same bytes as a part of a span.
func sameBytes(_ array: [UInt8], _ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard array.count == range.count else { return false }
    for index in array.indices where array[index] != bytes[range.lowerBound + index] { return false }
    return true
}

extension SyslogPeer {
    /// The address as people write it, IPv4 in IPv6 as IPv4; empty when there is none.
    var text: String {
        var first = address.0
        var both = address
        let isMapped = count == 16 && both.0 == 0 && UInt32(truncatingIfNeeded: both.1) == 0xFFFF_0000
        if isMapped { first = both.1 >> 32 }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            let written: UnsafePointer<CChar>?
            switch (count, isMapped) {
            case (4, _), (_, true): unsafe written = inet_ntop(AF_INET, &first, base, 64)
            case (16, _): unsafe written = inet_ntop(AF_INET6, &both, base, 64)
            default: return ""
            }
            guard let written = unsafe written else { return "" }
            return unsafe String(cString: written)
        }
    }
}
