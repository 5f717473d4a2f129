/// A text from a log or a peer as a page may show it: at most `limit` scalars, then `…`, and every control character
/// (of terminals and of text direction too) as a visible sign.
func shown(_ text: String, limit: Int) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        if count == limit { return result + "…" }
        count += 1
        switch scalar.value {
        case 0..<0x20: result.unicodeScalars.append(Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}")
        case 0x7F: result += "\u{2421}"
        default:
            if isDangerous(scalar) { result += "\u{FFFD}" } else { result.unicodeScalars.append(scalar) }
        }
    }
    return result
}

/// Bytes of a log line as a page may show them; what is not UTF-8 becomes U+FFFD.
func shown(_ bytes: [UInt8], limit: Int) -> String {
    // A scalar has at most four bytes, so that no more than this can be shown.
    let text = String(decoding: bytes.prefix(4 * limit + 4), as: UTF8.self)
    return shown(text, limit: limit)
}

/// How a number is written for a person.
enum Figure: Sendable {
    /// `duration` has seconds in the unit that fits, `seconds` counts whole ones up to days.
    case count, perSecond, bytes, bytesPerSecond, nanoseconds, duration, seconds, percent, value

    func text(_ number: Double?) -> String {
        guard let number else { return "–" }
        guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Inf" : "+Inf" }
        switch self {
        case .count: return abs(number) < 1e15 ? grouped(Int64(number)) : significant(number)
        case .perSecond: return significant(number) + "/s"
        case .bytes: return scaled(number, 1_024, ["B", "KiB", "MiB", "GiB", "TiB"])
        case .bytesPerSecond: return Figure.bytes.text(number) + "/s"
        case .nanoseconds: return scaled(number, 1_000, ["ns", "µs", "ms", "s"])
        case .duration: return number == 0 ? "0 s" : scaled(number * 1e9, 1_000, ["ns", "µs", "ms", "s"])
        case .seconds: return uptime(number)
        case .percent: return significant(number * 100) + " %"
        case .value: return significant(number)
        }
    }
}

/// Three significant digits, thousands grouped, no exponent where a person would not write one.
private func significant(_ number: Double) -> String {
    let size = abs(number)
    if size == 0 { return "0" }
    if size >= 1e15 || size < 1e-4 { return "\(number)" }
    if size >= 100 { return grouped(Int64(number.rounded())) }
    let decimals = size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : size >= 0.01 ? 4 : size >= 0.001 ? 5 : 6
    return fixed(number, decimals)
}

/// A number with at most `decimals` decimals, trailing zeros left out.
private func fixed(_ number: Double, _ decimals: Int) -> String {
    var scale: Int64 = 1
    for _ in 0..<decimals { scale *= 10 }
    let scaled = Int64((abs(number) * Double(scale)).rounded())
    var digits = String(scaled % scale)
    digits = String(repeating: "0", count: decimals - digits.count) + digits
    while digits.last == "0" { digits.removeLast() }
    let sign = number < 0 && scaled > 0 ? "-" : ""
    return sign + grouped(scaled / scale) + (decimals == 0 || digits.isEmpty ? "" : "." + digits)
}

private func grouped(_ number: Int64) -> String {
    let digits = String(number.magnitude)
    var result = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { result += "," }
        result.append(digit)
    }
    return result
}

private func scaled(_ number: Double, _ step: Double, _ units: [String]) -> String {
    var value = number
    var index = 0
    while abs(value) >= step, index < units.count - 1 {
        value /= step
        index += 1
    }
    return (index == 0 && value == value.rounded() ? grouped(Int64(value)) : significant(value)) + " " + units[index]
}

private func uptime(_ seconds: Double) -> String {
    let seconds = Int64(max(0, seconds))
    if seconds < 60 { return "\(seconds) s" }
    if seconds < 3_600 { return "\(seconds / 60) min \(seconds % 60) s" }
    if seconds < 86_400 { return "\(seconds / 3_600) h \(seconds / 60 % 60) min" }
    return "\(seconds / 86_400) d \(seconds / 3_600 % 24) h"
}
