/// Base64 and URL escaping as Go has them.
enum TextCodecs {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func base64(_ text: ByteView, _ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        var offset = 0
        while offset < text.count {
            let left = text.count - offset
            let group =
                UInt32(text[offset]) << 16 | (left > 1 ? UInt32(text[offset + 1]) << 8 : 0)
                | (left > 2 ? UInt32(text[offset + 2]) : 0)
            for index in 0..<4 {
                let isPadding = index > left
                let letter = letters[Int(group >> UInt32(18 - 6 * index) & 63)]
                run.scratch.append(isPadding ? UInt8(ascii: "=") : letter)
            }
            offset += 3
        }
        return try run.takeText()
    }

    /// What the text encodes, or the error's text.
    static func fromBase64(_ text: ByteView, _ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        if let place = decodeBase64(text, &run.scratch) {
            run.scratch.truncate(to: 0)
            run.scratch.append(text: "illegal base64 data at input byte \(place)")
        }
        return try run.takeText()
    }

    /// Where the error is; nil when there is none.
    private static func decodeBase64(_ text: ByteView, _ result: inout OwnedBuffer<UInt8>) -> Int? {
        var offset = 0
        func skipNewlines() { while offset < text.count, text[offset] == 0x0A || text[offset] == 0x0D { offset += 1 } }
        while true {
            var group: UInt32 = 0
            var digits = 0
            while digits < 4 {
                if offset == text.count { return digits == 0 ? nil : offset - digits }
                let byte = text[offset]
                offset += 1
                if let digit = letters.firstIndex(of: byte) {
                    group = group << 6 | UInt32(digit)
                    digits += 1
                } else if byte == 0x0A || byte == 0x0D {
                    continue
                } else if byte == UInt8(ascii: "="), digits >= 2 {
                    skipNewlines()
                    if digits == 2 {
                        if offset == text.count { return text.count }
                        if text[offset] != UInt8(ascii: "=") { return offset - 1 }
                        offset += 1
                        skipNewlines()
                    }
                    group <<= digits == 2 ? 12 : 6
                    result.append(UInt8(group >> 16 & 255))
                    if digits == 3 { result.append(UInt8(group >> 8 & 255)) }
                    return offset < text.count ? offset : nil
                } else {
                    return offset - 1
                }
            }
            for shift in [16, 8, 0] as [UInt32] { result.append(UInt8(group >> shift & 255)) }
        }
    }

    static func urlEncoded(_ text: ByteView, _ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        appendURLEncoded(text, to: &run.scratch)
        return try run.takeText()
    }

    static func appendURLEncoded(_ text: ByteView, to buffer: inout OwnedBuffer<UInt8>) {
        let hexadecimal = Array("0123456789ABCDEF".utf8)
        for offset in 0..<text.count {
            let byte = text[offset]
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x2E, 0x7E: buffer.append(byte)
            case 0x20: buffer.append(byte: 0x2B)
            default:
                buffer.append(byte: 0x25)
                buffer.append(hexadecimal[Int(byte >> 4)])
                buffer.append(hexadecimal[Int(byte & 15)])
            }
        }
    }

    static func urlDecoded(_ text: ByteView, _ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        var offset = 0
        while offset < text.count {
            let byte = text[offset]
            offset += 1
            switch byte {
            case 0x25:
                guard offset + 1 < text.count, let high = JSONEscape.hexDigit(text[offset]),
                    let low = JSONEscape.hexDigit(text[offset + 1])
                else {
                    let bad = text[offset - 1..<min(offset + 2, text.count)]
                    throw TemplateFailure(message: "invalid URL escape \(GoQuote.quoted(bad.array))")
                }
                run.scratch.append(UInt8(high << 4 | low))
                offset += 2
            case 0x2B: run.scratch.append(byte: 0x20)
            default: run.scratch.append(byte)
            }
        }
        return try run.takeText()
    }
}
