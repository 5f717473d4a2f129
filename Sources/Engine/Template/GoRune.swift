/// Code points as Go's `unicode` and `utf8` packages see them.
enum GoRune {
    static let replacement: UInt32 = 0xFFFD

    /// The first code point of `bytes` and its length: U+FFFD and 1 where they are not UTF-8.
    static func decode(_ bytes: ArraySlice<UInt8>) -> (scalar: UInt32, length: Int) {
        guard let first = bytes.first else { return (replacement, 0) }
        if first < 0x80 { return (UInt32(first), 1) }
        func at(_ index: Int) -> UInt8 {
            bytes.startIndex + index < bytes.endIndex ? bytes[bytes.startIndex + index] : 0
        }
        return decode(first, at(1), at(2), at(3))
    }

    static func decode(_ view: ByteView, at offset: Int) -> (scalar: UInt32, length: Int) {
        let first = view[offset]
        if first < 0x80 { return (UInt32(first), 1) }
        func at(_ index: Int) -> UInt8 { offset + index < view.count ? view[offset + index] : 0 }
        return decode(first, at(1), at(2), at(3))
    }

    private static func decode(
        _ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8
    ) -> (scalar: UInt32, length: Int) {
        func tail(_ byte: UInt8) -> UInt32? { byte & 0xC0 == 0x80 ? UInt32(byte & 0x3F) : nil }
        switch first {
        case 0xC2...0xDF:
            if let low = tail(second) { return (UInt32(first & 0x1F) << 6 | low, 2) }
        case 0xE0...0xEF:
            if let middle = tail(second), let low = tail(third) {
                let scalar = UInt32(first & 0x0F) << 12 | middle << 6 | low
                if scalar >= 0x800, !(0xD800...0xDFFF).contains(scalar) { return (scalar, 3) }
            }
        case 0xF0...0xF4:
            if let high = tail(second), let middle = tail(third), let low = tail(fourth) {
                let scalar = UInt32(first & 0x07) << 18 | high << 12 | middle << 6 | low
                if scalar >= 0x1_0000, scalar <= 0x10_FFFF { return (scalar, 4) }
            }
        default: break
        }
        return (replacement, 1)
    }

    static func append(_ scalar: UInt32, to bytes: inout OwnedBuffer<UInt8>) {
        let valid = scalar <= 0x10_FFFF && !(0xD800...0xDFFF).contains(scalar) ? scalar : replacement
        switch valid {
        case 0..<0x80: bytes.append(UInt8(valid))
        case 0x80..<0x800:
            bytes.append(0xC0 | UInt8(valid >> 6))
            bytes.append(0x80 | UInt8(valid & 0x3F))
        case 0x800..<0x1_0000:
            bytes.append(0xE0 | UInt8(valid >> 12))
            bytes.append(0x80 | UInt8(valid >> 6 & 0x3F))
            bytes.append(0x80 | UInt8(valid & 0x3F))
        default:
            bytes.append(0xF0 | UInt8(valid >> 18))
            bytes.append(0x80 | UInt8(valid >> 12 & 0x3F))
            bytes.append(0x80 | UInt8(valid >> 6 & 0x3F))
            bytes.append(0x80 | UInt8(valid & 0x3F))
        }
    }

    private static func category(_ scalar: UInt32) -> Unicode.GeneralCategory {
        Unicode.Scalar(scalar)?.properties.generalCategory ?? .unassigned
    }

    static func isLetter(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return (scalar | 0x20) &- 0x61 < 26 }
        switch category(scalar) {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    static func isDigit(_ scalar: UInt32) -> Bool {
        scalar < 0x80 ? scalar &- 0x30 < 10 : category(scalar) == .decimalNumber
    }

    /// What Go's `unicode.IsSpace` takes.
    static func isSpace(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// What Go's `strconv.IsPrint` takes: the blank is the only space.
    static func isPrintable(_ scalar: UInt32) -> Bool {
        if scalar < 0x7F { return scalar >= 0x20 }
        switch category(scalar) {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }

    /// One code point to one, as Go's `unicode.ToUpper`.
    static func upper(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return scalar &- 0x61 < 26 ? scalar - 32 : scalar }
        let mapped = Unicode.Scalar(scalar)?.properties.uppercaseMapping.unicodeScalars
        return mapped.map { $0.count == 1 ? $0.first!.value : simpleUpper(scalar) } ?? scalar
    }

    /// Where the full mapping has several code points but the simple one has one.
    private static func simpleUpper(_ scalar: UInt32) -> UInt32 {
        switch scalar {
        case 0x1F80...0x1F87, 0x1F90...0x1F97, 0x1FA0...0x1FA7: scalar + 8
        case 0x1FB3, 0x1FC3, 0x1FF3: scalar + 9
        default: scalar
        }
    }

    /// One code point to one, as Go's `unicode.ToLower`.
    static func lower(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return scalar &- 0x41 < 26 ? scalar + 32 : scalar }
        if scalar == 0x130 { return 0x69 }
        let mapped = Unicode.Scalar(scalar)?.properties.lowercaseMapping.unicodeScalars
        return mapped.map { $0.count == 1 ? $0.first!.value : scalar } ?? scalar
    }

    /// One code point to one, as Go's `unicode.ToTitle`.
    static func title(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return upper(scalar) }
        let mapped = Unicode.Scalar(scalar)?.properties.titlecaseMapping.unicodeScalars
        return mapped.map { $0.count == 1 ? $0.first!.value : simpleUpper(scalar) } ?? scalar
    }
}

/// Quoted text as Go's `strconv.Quote` writes it.
enum GoQuote {
    static func quoted(_ bytes: some Sequence<UInt8>) -> String {
        var buffer = OwnedBuffer<UInt8>()
        append(Array(bytes)[...], ascii: false, quote: UInt8(ascii: "\""), to: &buffer)
        return buffer.paddedView().string
    }

    /// `ascii`: everything beyond ASCII as an escape.
    static func append(_ bytes: ArraySlice<UInt8>, ascii: Bool, quote: UInt8, to buffer: inout OwnedBuffer<UInt8>) {
        buffer.append(quote)
        var rest = bytes
        while !rest.isEmpty {
            let (scalar, length) = GoRune.decode(rest)
            if length == 1, scalar == GoRune.replacement {
                appendHexadecimal(UInt32(rest[rest.startIndex]), "\\x", 2, to: &buffer)
            } else {
                append(scalar, ascii: ascii, quote: quote, to: &buffer)
            }
            rest = rest.dropFirst(length)
        }
        buffer.append(quote)
    }

    static func append(_ scalar: UInt32, ascii: Bool, quote: UInt8, to buffer: inout OwnedBuffer<UInt8>) {
        if scalar == UInt32(quote) || scalar == 0x5C {
            buffer.append(byte: 0x5C)
            buffer.append(UInt8(scalar))
            return
        }
        if scalar < 0x80 || !ascii, GoRune.isPrintable(scalar) { return GoRune.append(scalar, to: &buffer) }
        let letters: [UInt8] = Array("abtnvfr".utf8)
        switch scalar {
        case 7...13:
            buffer.append(byte: 0x5C)
            buffer.append(letters[Int(scalar - 7)])
        case 0..<0x20, 0x7F: appendHexadecimal(scalar, "\\x", 2, to: &buffer)
        case 0..<0x1_0000: appendHexadecimal(scalar, "\\u", 4, to: &buffer)
        default: appendHexadecimal(scalar, "\\U", 8, to: &buffer)
        }
    }

    private static func appendHexadecimal(
        _ value: UInt32, _ mark: String, _ digits: Int, to buffer: inout OwnedBuffer<UInt8>
    ) {
        buffer.append(text: mark)
        for shift in stride(from: (digits - 1) * 4, through: 0, by: -4) {
            let digit = UInt8(value >> UInt32(shift) & 15)
            buffer.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}

extension OwnedBuffer where Element == UInt8 {
    mutating func append(byte: UInt8) { append(byte) }

    mutating func append(text: String) {
        for byte in text.utf8 { append(byte) }
    }
}
