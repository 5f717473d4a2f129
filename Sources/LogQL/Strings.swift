/// The bytes of a string literal in double quotes with Go's escapes, or in backticks; nil where it is not one whole literal.
/// The result need not be UTF-8: `"\xff"` is one byte.
public func unquote(_ literal: String) -> [UInt8]? {
    let bytes = Array(literal.utf8)
    guard bytes.count >= 2, let quote = bytes.first, bytes.last == quote else { return nil }
    var rest = bytes[1..<bytes.count - 1]
    if quote == UInt8(ascii: "`") {
        return rest.contains(quote) ? nil : rest.filter { $0 != UInt8(ascii: "\r") }
    }
    guard quote == UInt8(ascii: "\"") else { return nil }
    var result: [UInt8] = []
    while let byte = rest.first {
        guard byte != quote, byte != UInt8(ascii: "\n") else { return nil }
        guard byte == UInt8(ascii: "\\") else {
            result.append(byte)
            rest = rest.dropFirst()
            continue
        }
        guard let (decoded, length) = decodeEscape(rest, quote: quote) else { return nil }
        result += decoded
        rest = rest.dropFirst(length)
    }
    return result
}

/// A string literal in double quotes that reads back as this text.
public func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        default:
            // A byte order mark and control characters are not safe on the way through editors and other readers.
            if scalar.value < 0x20 || scalar.value == 0x7F {
                result += "\\x" + hexadecimal(scalar.value, digits: 2)
            } else if (0x80..<0xA0).contains(scalar.value) || scalar.value == 0xFEFF {
                result += "\\u" + hexadecimal(scalar.value, digits: 4)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
    }
    return result + "\""
}

private func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// What the escape at the beginning of `bytes` stands for and how long it is; nil if it is none of Go's.
func decodeEscape(_ bytes: ArraySlice<UInt8>, quote: UInt8) -> (decoded: [UInt8], length: Int)? {
    guard let letter = bytes.dropFirst().first else { return nil }
    switch letter {
    case quote, UInt8(ascii: "\\"): return ([letter], 2)
    case UInt8(ascii: "n"): return ([0x0A], 2)
    case UInt8(ascii: "t"): return ([0x09], 2)
    case UInt8(ascii: "r"): return ([0x0D], 2)
    case UInt8(ascii: "a"): return ([0x07], 2)
    case UInt8(ascii: "b"): return ([0x08], 2)
    case UInt8(ascii: "f"): return ([0x0C], 2)
    case UInt8(ascii: "v"): return ([0x0B], 2)
    case UInt8(ascii: "x"):
        return escapeValue(bytes.dropFirst(2), digits: 2, radix: 16).map { ([UInt8($0)], 4) }
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
        guard let value = escapeValue(bytes.dropFirst(1), digits: 3, radix: 8), value < 256 else { return nil }
        return ([UInt8(value)], 4)
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
        let digits = letter == UInt8(ascii: "u") ? 4 : 8
        guard let value = escapeValue(bytes.dropFirst(2), digits: digits, radix: 16),
            let scalar = Unicode.Scalar(value)
        else { return nil }
        return (Array(String(Character(scalar)).utf8), 2 + digits)
    default: return nil
    }
}

private func escapeValue(_ bytes: ArraySlice<UInt8>, digits: Int, radix: UInt32) -> UInt32? {
    guard bytes.count >= digits else { return nil }
    var value: UInt32 = 0
    for byte in bytes.prefix(digits) {
        guard let digit = hexadecimalValue(byte), digit < radix else { return nil }
        value = value &* radix &+ UInt32(digit)
    }
    return value
}
