import LogQL
import Records

extension Double {
    /// The shortest digits that read back as the value, never with an exponent: `1.5`, `100000000000000000000`, `+Inf`,
    /// `-Inf`, `NaN`, `-0`.
    public var plainText: String {
        if isNaN { return "NaN" }
        if isInfinite { return self > 0 ? "+Inf" : "-Inf" }
        if self == 0 { return sign == .minus ? "-0" : "0" }
        let parts = magnitude.description.split(separator: "e", maxSplits: 1)
        let exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let halves = parts[0].split(separator: ".", maxSplits: 1)
        var digits = Array(halves[0].utf8)
        var point = digits.count
        if halves.count == 2, halves[1] != "0" { digits += Array(halves[1].utf8) }
        point += exponent
        let zero = UInt8(ascii: "0")
        var text: [UInt8] = sign == .minus ? [UInt8(ascii: "-")] : []
        if point <= 0 {
            text += [zero, UInt8(ascii: ".")] + [UInt8](repeating: zero, count: -point) + digits
        } else if digits.count <= point {
            text += digits + [UInt8](repeating: zero, count: point - digits.count)
        } else {
            text += digits[..<point] + [UInt8(ascii: ".")] + digits[point...]
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Timestamp {
    /// Seconds with at most three decimals, cut down to milliseconds, as Loki writes the times of samples.
    var sampleSeconds: String {
        let milliseconds = nanoseconds / 1_000_000
        let (seconds, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1_000)
        var text = (milliseconds < 0 ? "-" : "") + String(seconds)
        guard rest > 0 else { return text }
        var digits = String(rest + 1_000).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        text += "." + digits
        return text
    }
}

/// `name="value", …` with quotes and backslashes escaped, in braces.
func labelText(_ labels: [Label]) -> String {
    "{" + labels.map { "\($0.name)=\(quoted($0.value))" }.joined(separator: ", ") + "}"
}

/// Bytes with each one that is not part of UTF-8 replaced by U+FFFD, as Go does.
func repaired(_ bytes: [UInt8]) -> [UInt8] {
    if String(validating: bytes, as: UTF8.self) != nil { return bytes }
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
        let length = sequenceLength(bytes, index)
        if length == 0 {
            result += [0xEF, 0xBF, 0xBD]
            index += 1
        } else {
            result += bytes[index..<index + length]
            index += length
        }
    }
    return result
}

/// The bytes of the character that begins here; 0 where none does (RFC 3629).
private func sequenceLength(_ bytes: [UInt8], _ index: Int) -> Int {
    let first = bytes[index]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0x00...0x7F: return 1
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return 0
    }
    guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return 0 }
    for offset in 2..<max(2, length) where !(0x80...0xBF).contains(bytes[index + offset]) { return 0 }
    return length
}

/// Writes JSON into one array of bytes.
struct JSONOutput {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ text: String) { bytes += text.utf8 }

    mutating func string(_ text: String) { string(Array(text.utf8)) }

    /// What is not UTF-8 becomes U+FFFD.
    mutating func string(_ text: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in repaired(text) {
            switch byte {
            case UInt8(ascii: "\""): raw("\\\"")
            case UInt8(ascii: "\\"): raw("\\\\")
            case 0x0A: raw("\\n")
            case 0x0D: raw("\\r")
            case 0x09: raw("\\t")
            case 0..<0x20, 0x7F:
                let hex = String(byte, radix: 16)
                raw("\\u" + String(repeating: "0", count: 4 - hex.count) + hex)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Elements with commas between them.
    mutating func list<Element>(_ elements: [Element], _ write: (inout JSONOutput, Element) -> Void) {
        for (index, element) in elements.enumerated() {
            if index > 0 { raw(",") }
            write(&self, element)
        }
    }

    mutating func object(_ labels: [Label]) {
        raw("{")
        list(labels) { output, label in
            output.string(label.name)
            output.raw(":")
            output.string(label.value)
        }
        raw("}")
    }
}
