// Unsafe here: `unescapeJSON` writes through a pointer; it never writes more bytes than it has read.

/// Decodes the inside of a JSON string: escapes, and blanks for bytes that are not UTF-8 (and for U+FFFD), as Loki
/// does. An escape of a lone surrogate gives a blank too.
///
/// `out` must have room for `view.count` bytes. `replacement` stands for what is no text. Gives the length of the result, at most `view.count`; nil when an
/// escape cannot be decoded.
func unescapeJSON(
    _ view: ByteView, into out: UnsafeMutablePointer<UInt8>, replacement: UInt8 = UInt8(ascii: " ")
) -> Int? {
    var read = 0
    var written = 0
    while read < view.count {
        let byte = view[read]
        if byte == UInt8(ascii: "\\") {
            guard let rune = JSONEscape.decode(view, at: read) else { return nil }
            read += rune.length
            written += unsafe JSONEscape.encode(rune.isText ? rune.scalar : UInt32(replacement), out + written)
        } else if byte < 0x80 {
            unsafe out[written] = byte
            read += 1
            written += 1
        } else {
            let length = UTF8Rune.length(view, at: read)
            if length == 0 || UTF8Rune.isReplacement(view, at: read, length: length) {
                unsafe out[written] = replacement
                written += 1
            } else {
                for offset in 0..<length { unsafe out[written + offset] = view[read + offset] }
                written += length
            }
            read += max(1, length)
        }
    }
    return written
}

/// One escape of a JSON string.
struct JSONEscape {
    /// A code point; a surrogate when it stood alone.
    var scalar: UInt32
    /// Bytes of the escape: 2, 6, or 12 for a pair of surrogates.
    var length: Int

    /// `\'` is known to logfmt only.
    var isApostrophe: Bool { length == 2 && scalar == 0x27 }

    /// False for a lone surrogate and for U+FFFD, for which Loki puts a blank.
    var isText: Bool { !(0xD800...0xDFFF).contains(scalar) && scalar != 0xFFFD }
    var isLoneSurrogate: Bool { (0xD800...0xDFFF).contains(scalar) }

    /// The escape whose backslash stands at `offset`; nil when it is none.
    static func decode(_ text: ByteView, at offset: Int) -> JSONEscape? {
        guard offset + 1 < text.count else { return nil }
        let scalar: UInt32
        switch text[offset + 1] {
        case UInt8(ascii: "\""): scalar = 0x22
        case UInt8(ascii: "\\"): scalar = 0x5C
        case UInt8(ascii: "/"): scalar = 0x2F
        case UInt8(ascii: "'"): scalar = 0x27
        case UInt8(ascii: "b"): scalar = 0x08
        case UInt8(ascii: "f"): scalar = 0x0C
        case UInt8(ascii: "n"): scalar = 0x0A
        case UInt8(ascii: "r"): scalar = 0x0D
        case UInt8(ascii: "t"): scalar = 0x09
        case UInt8(ascii: "u"):
            guard let unit = fourHexDigits(text, at: offset + 2) else { return nil }
            if (0xD800...0xDBFF).contains(unit), offset + 7 < text.count, text[offset + 6] == UInt8(ascii: "\\"),
                text[offset + 7] == UInt8(ascii: "u"), let low = fourHexDigits(text, at: offset + 8),
                (0xDC00...0xDFFF).contains(low)
            {
                return JSONEscape(scalar: 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), length: 12)
            }
            return JSONEscape(scalar: unit, length: 6)
        default: return nil
        }
        return JSONEscape(scalar: scalar, length: 2)
    }

    private static func fourHexDigits(_ text: ByteView, at offset: Int) -> UInt32? {
        guard offset + 4 <= text.count else { return nil }
        var value: UInt32 = 0
        for index in offset..<offset + 4 {
            guard let digit = hexDigit(text[index]) else { return nil }
            value = value << 4 | digit
        }
        return value
    }

    static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// Writes a code point as UTF-8 and gives its length, which is never more than the escape's.
    fileprivate static func encode(_ scalar: UInt32, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        if scalar < 0x80 {
            unsafe out[0] = UInt8(truncatingIfNeeded: scalar)
            return 1
        }
        if scalar < 0x800 {
            unsafe out[0] = 0xC0 | UInt8(truncatingIfNeeded: scalar >> 6)
            unsafe out[1] = 0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F)
            return 2
        }
        if scalar < 0x10000 {
            unsafe out[0] = 0xE0 | UInt8(truncatingIfNeeded: scalar >> 12)
            unsafe out[1] = 0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F)
            unsafe out[2] = 0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F)
            return 3
        }
        unsafe out[0] = 0xF0 | UInt8(truncatingIfNeeded: scalar >> 18)
        unsafe out[1] = 0x80 | UInt8(truncatingIfNeeded: scalar >> 12 & 0x3F)
        unsafe out[2] = 0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F)
        unsafe out[3] = 0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F)
        return 4
    }

    /// How good the escapes of a string's inside are.
    enum Quality {
        case good
        /// All can be decoded, but one is a surrogate that stands alone.
        case loneSurrogate
        case bad
    }

    /// Checks every escape of a string's inside.
    static func check(_ text: ByteView) -> Quality {
        var quality = Quality.good
        var offset = text.firstIndex(of: UInt8(ascii: "\\"))
        while let place = offset {
            guard let escape = decode(text, at: place), !escape.isApostrophe else { return .bad }
            if escape.isLoneSurrogate { quality = .loneSurrogate }
            offset = text.firstIndex(of: UInt8(ascii: "\\"), from: place + escape.length)
        }
        return quality
    }
}

extension ExtractedField {
    /// A field from the inside of a JSON string. Where an escape cannot be decoded, Loki makes an empty label.
    @inline(__always)
    static func jsonString(_ id: FieldID, _ inside: ByteView, hasBackslash: Bool) -> ExtractedField {
        if hasBackslash || inside.hasNonASCII { return unusual(id, inside) }
        return ExtractedField(id: id, form: .plain, value: inside)
    }

    @inline(never)
    private static func unusual(_ id: FieldID, _ inside: ByteView) -> ExtractedField {
        switch JSONEscape.check(inside) {
        case .good:
            let plain = inside.firstIndex(of: UInt8(ascii: "\\")) == nil && !UTF8Rune.needsRepair(inside)
            return ExtractedField(id: id, form: plain ? .plain : .escaped, value: inside)
        case .loneSurrogate, .bad: return ExtractedField(id: id, form: .plain, value: .empty)
        }
    }
}
