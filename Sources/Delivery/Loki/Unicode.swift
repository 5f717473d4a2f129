// `unsafe` here: the bytes of bytes (sound for `UInt8`, which has no padding), and 8-byte loads, which the loop's
// condition keeps within the span.

/// Whether bytes are well-formed UTF-8; ASCII, the common case, is looked at 32 bytes at a time.
func isWellFormedUTF8(_ bytes: Span<UInt8>) -> Bool {
    let raw = unsafe bytes.bytes
    var position = 0
    var seen: UInt64 = 0
    while position + 32 <= raw.byteCount {
        for offset in stride(from: position, to: position + 32, by: 8) {
            seen |= unsafe raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        if seen & 0x8080_8080_8080_8080 != 0 { break }
        position += 32
    }
    while position < bytes.count, bytes[position] < 0x80 { position += 1 }
    guard position < bytes.count else { return true }
    do {
        _ = try UTF8Span(validating: bytes.extracting(position..<bytes.count))
        return true
    } catch {
        return false
    }
}

/// The bytes with each sequence that is not UTF-8 replaced by U+FFFD.
func repairedUTF8(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    Array(String(decoding: bytes, as: UTF8.self).utf8)
}
