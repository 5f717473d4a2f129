/// Writes a JSON document (RFC 8259) piece by piece.
///
/// Commas are set where needed; `<`, `>` and `&` are written as escapes, so that the text is safe within HTML too.
struct JSONText: Sendable {
    private(set) var text = ""
    private var needsComma = false

    mutating func object(_ members: (inout JSONText) -> Void) {
        separate()
        text += "{"
        needsComma = false
        members(&self)
        text += "}"
        needsComma = true
    }

    mutating func array(_ elements: (inout JSONText) -> Void) {
        separate()
        text += "["
        needsComma = false
        elements(&self)
        text += "]"
        needsComma = true
    }

    /// The name of a member; exactly one value has to follow.
    mutating func key(_ name: String) {
        separate()
        quote(name)
        text += ":"
        needsComma = false
    }

    mutating func string(_ value: String) {
        separate()
        quote(value)
        needsComma = true
    }

    /// A number; null where JSON has no word for it (NaN, the infinities).
    mutating func number(_ value: Double) {
        guard value.isFinite else { return null() }
        if let whole = Int64(exactly: value) { literal("\(whole)") } else { literal("\(value)") }
    }

    mutating func number(_ value: some BinaryInteger) { literal("\(value)") }
    mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }
    mutating func null() { literal("null") }

    mutating func member(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    mutating func member(_ name: String, _ value: Double?) {
        key(name)
        if let value { number(value) } else { null() }
    }

    mutating func member<Number: BinaryInteger>(_ name: String, _ value: Number?) {
        key(name)
        if let value { number(value) } else { null() }
    }

    mutating func member(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    private mutating func literal(_ word: String) {
        separate()
        text += word
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text += "," }
    }

    private mutating func quote(_ value: String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "<", ">", "&", "\u{2028}", "\u{2029}": escape(scalar.value)
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    escape(scalar.value)
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }

    private mutating func escape(_ value: UInt32) {
        let digits = String(value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
