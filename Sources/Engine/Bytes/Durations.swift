/// Durations in the text of labels: what Go's `time.ParseDuration` takes.
enum GoDuration {
    enum Failure { case invalid, missingUnit, unknownUnit(ByteView) }
    enum Reading {
        case nanoseconds(Int64)
        case failure(Failure)
    }

    static func read(_ text: ByteView) -> Reading {
        var offset = 0
        guard text.count > 0 else { return .failure(.invalid) }
        let negative = text[0] == UInt8(ascii: "-")
        if negative || text[0] == UInt8(ascii: "+") { offset = 1 }
        if text.count == offset + 1, text[offset] == UInt8(ascii: "0") { return .nanoseconds(0) }
        guard offset < text.count else { return .failure(.invalid) }
        var total: UInt64 = 0
        while offset < text.count {
            guard let number = Number(text, &offset) else { return .failure(.invalid) }
            let start = offset
            while offset < text.count, text[offset] != UInt8(ascii: "."), !isDigit(text[offset]) { offset += 1 }
            guard offset > start else { return .failure(.missingUnit) }
            guard let unit = unit(text[start..<offset]) else { return .failure(.unknownUnit(text[start..<offset])) }
            guard let part = number.times(unit), let sum = add(total, part) else { return .failure(.invalid) }
            total = sum
        }
        if negative { return .nanoseconds(Int64(bitPattern: 0 &- total)) }
        return total < 1 << 63 ? .nanoseconds(Int64(total)) : .failure(.invalid)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private static func add(_ left: UInt64, _ right: UInt64) -> UInt64? {
        let sum = left &+ right
        return sum <= 1 << 63 ? sum : nil
    }

    /// Digits with an optional fraction.
    private struct Number {
        var whole: UInt64 = 0
        var fraction: UInt64 = 0
        var scale = 1.0

        /// Reads at `offset` and moves it; nil when there is no digit or the whole part is too large.
        init?(_ text: ByteView, _ offset: inout Int) {
            var digits = 0
            while offset < text.count, isDigit(text[offset]) {
                guard whole <= (1 << 63) / 10 else { return nil }
                whole = whole * 10 + UInt64(text[offset] - UInt8(ascii: "0"))
                guard whole <= 1 << 63 else { return nil }
                offset += 1
                digits += 1
            }
            if offset < text.count, text[offset] == UInt8(ascii: ".") {
                offset += 1
                var full = false
                while offset < text.count, isDigit(text[offset]) {
                    digits += 1
                    let digit = UInt64(text[offset] - UInt8(ascii: "0"))
                    offset += 1
                    if full || fraction > (1 << 63 - 1) / 10 || fraction * 10 + digit > 1 << 63 {
                        full = true
                        continue
                    }
                    fraction = fraction * 10 + digit
                    scale *= 10
                }
            }
            guard digits > 0 else { return nil }
        }

        func times(_ unit: UInt64) -> UInt64? {
            guard whole <= (1 << 63) / unit else { return nil }
            let product = whole * unit
            guard fraction > 0 else { return product }
            let sum = product + UInt64(Double(fraction) * (Double(unit) / scale))
            return sum <= 1 << 63 ? sum : nil
        }
    }

    private static func unit(_ text: ByteView) -> UInt64? {
        switch text.count {
        case 1:
            switch text[0] {
            case UInt8(ascii: "s"): return 1_000_000_000
            case UInt8(ascii: "m"): return 60_000_000_000
            case UInt8(ascii: "h"): return 3_600_000_000_000
            default: return nil
            }
        case 2 where text[1] == UInt8(ascii: "s"):
            switch text[0] {
            case UInt8(ascii: "n"): return 1
            case UInt8(ascii: "u"): return 1_000
            case UInt8(ascii: "m"): return 1_000_000
            default: return nil
            }
        case 3 where text[2] == UInt8(ascii: "s"):
            // The micro sign and the Greek letter.
            let isMicro = text[0] == 0xC2 && text[1] == 0xB5 || text[0] == 0xCE && text[1] == 0xBC
            return isMicro ? 1_000 : nil
        default: return nil
        }
    }
}

/// The duration in a label's text in nanoseconds, as Loki's duration filter and `unwrap duration()` read it; nil when
/// it is none or does not fit.
func parseGoDuration(_ text: ByteView) -> Int64? {
    switch GoDuration.read(text) {
    case .nanoseconds(let value): value
    case .failure: nil
    }
}

/// Why `text` is not a duration, in Go's words: for `__error_details__`.
func explainGoDuration(_ text: ByteView) -> String {
    switch GoDuration.read(text) {
    case .failure(.missingUnit): "time: missing unit in duration \(goQuoted(text))"
    case .failure(.unknownUnit(let unit)):
        "time: unknown unit \(goQuoted(unit)) in duration \(goQuoted(text))"
    case .failure(.invalid), .nanoseconds: "time: invalid duration \(goQuoted(text))"
    }
}
