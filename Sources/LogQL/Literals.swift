/// The nanoseconds of a duration as LogQL reads it: `1d12h`, `5m`, `500ms` (whole numbers, units from large to small, up to `y`), or as
/// Go writes it: `1.5h`, `-5s`, `1m0.5s`, `300us` (fractions and a sign, up to `h`); nil for anything else and beyond 292 years.
public func parseDuration(_ text: String) -> Int64? {
    parsePrometheusDuration(text) ?? parseGoDuration(text)
}

/// The nanoseconds of a duration of whole numbers with the units `y w d h m s ms` in this order, each at most once, or `0`; as
/// in `[1d12h]`. A year has 365 days.
public func parsePrometheusDuration(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    if bytes == [UInt8(ascii: "0")] { return 0 }
    guard !bytes.isEmpty else { return nil }
    let units: [(name: [UInt8], milliseconds: Int64)] = [
        (Array("y".utf8), 365 * 86_400_000), (Array("w".utf8), 7 * 86_400_000), (Array("d".utf8), 86_400_000),
        (Array("h".utf8), 3_600_000), (Array("m".utf8), 60_000), (Array("s".utf8), 1000), (Array("ms".utf8), 1),
    ]
    var total: Int64 = 0
    var rank = -1
    var position = 0
    while position < bytes.count {
        let digits = bytes[position...].prefix(while: isDigit)
        guard !digits.isEmpty, let number = wholeNumber(digits).flatMap(Int64.init(exactly:)) else {
            return nil
        }
        position += digits.count
        let name = Array(bytes[position...].prefix { !isDigit($0) })
        position += name.count
        guard let index = units.firstIndex(where: { $0.name == name }), index > rank else { return nil }
        rank = index
        let (part, overflow) = number.multipliedReportingOverflow(by: units[index].milliseconds * 1_000_000)
        let (sum, overflows) = total.addingReportingOverflow(part)
        guard !overflow, !overflows else { return nil }
        total = sum
    }
    return total
}

/// The nanoseconds of a duration in Go's syntax: a sign, then decimal numbers with the units `h m s ms us µs ns` in any order, or `0`.
public func parseGoDuration(_ text: String) -> Int64? {
    var bytes = Array(text.utf8)[...]
    let negative = bytes.first == UInt8(ascii: "-")
    if negative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
    if bytes.elementsEqual([UInt8(ascii: "0")]) { return 0 }
    guard !bytes.isEmpty else { return nil }
    var total: UInt64 = 0
    while !bytes.isEmpty {
        let whole = bytes.prefix(while: isDigit)
        bytes = bytes.dropFirst(whole.count)
        var fraction: ArraySlice<UInt8> = []
        if bytes.first == UInt8(ascii: ".") {
            bytes = bytes.dropFirst()
            fraction = bytes.prefix(while: isDigit)
            bytes = bytes.dropFirst(fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        let name = bytes.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
        bytes = bytes.dropFirst(name.count)
        guard let unit = goUnits[String(decoding: name, as: UTF8.self)] else { return nil }
        guard let number = whole.isEmpty ? 0 : wholeNumber(whole) else { return nil }
        let (part, overflow) = number.multipliedReportingOverflow(by: unit)
        // As in Go, the fraction is cut to what an Int64 holds, then scaled as a floating point number.
        var scaled: UInt64 = 0
        var scale = 1.0
        for digit in fraction where scaled <= UInt64(Int64.max - 9) / 10 {
            scaled = scaled * 10 + UInt64(digit - UInt8(ascii: "0"))
            scale *= 10
        }
        let rest = scaled == 0 ? 0 : UInt64(Double(scaled) * (Double(unit) / scale))
        let (both, overflows) = part.addingReportingOverflow(rest)
        let (sum, overflowed) = total.addingReportingOverflow(both)
        guard !overflow, !overflows, !overflowed, sum <= 1 << 63 else { return nil }
        total = sum
    }
    if negative { return total == 1 << 63 ? .min : -Int64(total) }
    return Int64(exactly: total)
}

private let goUnits: [String: UInt64] = [
    "h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "µs": 1000,
    "μs": 1000, "ns": 1,
]

private func wholeNumber(_ digits: some Sequence<UInt8>) -> UInt64? {
    var number: UInt64 = 0
    for digit in digits {
        let (tenfold, overflow) = number.multipliedReportingOverflow(by: 10)
        let (sum, overflows) = tenfold.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
        guard !overflow, !overflows else { return nil }
        number = sum
    }
    return number
}

/// The shortest text that `parseDuration` reads back as these nanoseconds: `1d12h`, `5m`, `1500ms` as `1s500ms`, `0s`, `-1h30m`.
public func formatDuration(_ nanoseconds: Int64) -> String {
    guard nanoseconds != 0 else { return "0s" }
    var rest = nanoseconds.magnitude
    // A sign, µs and ns exist only in Go's syntax, which knows neither days nor weeks.
    let long = nanoseconds > 0 && rest % 1_000_000 == 0
    var text = nanoseconds < 0 ? "-" : ""
    let second: UInt64 = 1_000_000_000
    let units: [(name: String, length: UInt64)] = [
        ("w", 604_800 * second), ("d", 86_400 * second), ("h", 3600 * second), ("m", 60 * second), ("s", second),
        ("ms", 1_000_000), ("us", 1000), ("ns", 1),
    ]
    for (name, length) in units where long || length <= 3600 * second {
        // Weeks only where nothing else is needed: 9d reads better than 1w2d.
        if name == "w", rest % length != 0 { continue }
        if rest >= length { text += "\(rest / length)\(name)" }
        rest %= length
    }
    return text
}

/// The bytes of a size: a decimal number, an optional blank, and a unit in any case: none, `B`, `kB`, `MB` … `EB` (powers of 1000) or
/// `KiB` … `EiB` (powers of 1024), where the `B` may be left out; nil for anything else and from 2⁶⁴ up. Commas between digits are ignored, a fraction
/// of a byte is cut off.
public func parseByteSize(_ text: String) -> UInt64? {
    let bytes = Array(text.utf8)
    let digits = bytes.prefix { isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ",") }
    let number = String(decoding: digits.filter { $0 != UInt8(ascii: ",") }, as: UTF8.self)
    guard let value = parseNumber(number) else { return nil }
    var unit = bytes[digits.count...].drop(while: isBlank)
    while let last = unit.last, isBlank(last) { unit.removeLast() }
    guard let factor = byteUnits[String(decoding: unit, as: UTF8.self).lowercased()] else { return nil }
    let size = value * factor
    return size < 18_446_744_073_709_551_616 ? UInt64(size) : nil
}

private let byteUnits: [String: Double] = {
    var units: [String: Double] = ["": 1, "b": 1]
    for (index, letter) in ["k", "m", "g", "t", "p", "e"].enumerated() {
        let decimal = (0...index).reduce(1.0) { product, _ in product * 1000 }
        let binary = (0...index).reduce(1.0) { product, _ in product * 1024 }
        units[letter] = decimal
        units[letter + "b"] = decimal
        units[letter + "i"] = binary
        units[letter + "ib"] = binary
    }
    return units
}()

/// The shortest size that `parseByteSize` reads back as these bytes: `5kB`, `1MiB`, `1234B`.
public func formatByteSize(_ bytes: UInt64) -> String {
    guard bytes > 0 else { return "0B" }
    var best = "\(bytes)B"
    var decimal: UInt64 = 1
    var binary: UInt64 = 1
    for letter in ["k", "M", "G", "T"] {
        decimal *= 1000
        binary *= 1024
        if bytes % binary == 0 { best = "\(bytes / binary)\(letter.uppercased())iB" }
        if bytes % decimal == 0 { best = "\(bytes / decimal)\(letter)B" }
    }
    return best
}

/// A size as a query may contain it; Go's scanner takes `0B` for the beginning of a binary number.
func queryByteSize(_ bytes: UInt64) -> String { bytes == 0 ? "0kB" : formatByteSize(bytes) }

/// The number that Go's `ParseFloat` reads: decimal with sign, fraction, exponent and `_` between digits, hexadecimal with a `p` exponent,
/// `inf`, `infinity` and `nan` in any case; nil for anything else (`0x10`, `1,5`) and for what is beyond a Double.
public func parseNumber(_ text: String) -> Double? {
    var bytes = Array(text.utf8)[...]
    var negative = false
    if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
        negative = sign == UInt8(ascii: "-")
        bytes.removeFirst()
    }
    let word = String(decoding: bytes, as: UTF8.self).lowercased()
    if word == "inf" || word == "infinity" { return negative ? -.infinity : .infinity }
    if word == "nan" { return .nan }
    guard hasSeparatedDigits(bytes) else { return nil }
    let plain = bytes.filter { $0 != UInt8(ascii: "_") }
    let hexadecimal = plain.count > 1 && plain[0] == UInt8(ascii: "0") && plain[1] | 0x20 == UInt8(ascii: "x")
    var rest = plain[(hexadecimal ? 2 : 0)...]
    func isMantissaDigit(_ byte: UInt8) -> Bool { hexadecimal ? hexadecimalValue(byte) != nil : isDigit(byte) }
    let whole = rest.prefix(while: isMantissaDigit)
    rest = rest.dropFirst(whole.count)
    var fraction: ArraySlice<UInt8> = []
    if rest.first == UInt8(ascii: ".") {
        fraction = rest.dropFirst().prefix(while: isMantissaDigit)
        rest = rest.dropFirst(fraction.count + 1)
    }
    guard !whole.isEmpty || !fraction.isEmpty else { return nil }
    var exponent = ""
    if let letter = rest.first, letter | 0x20 == (hexadecimal ? UInt8(ascii: "p") : UInt8(ascii: "e")) {
        var digits = rest.dropFirst()
        if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            digits = digits.dropFirst()
        }
        guard !digits.isEmpty, digits.allSatisfy(isDigit) else { return nil }
        exponent = String(decoding: rest, as: UTF8.self)
    } else if hexadecimal || !rest.isEmpty {
        return nil
    }
    let mantissa = String(decoding: whole, as: UTF8.self) + "." + String(decoding: fraction, as: UTF8.self)
    let normal =
        (hexadecimal ? "0x" : "") + (whole.isEmpty ? "0" + mantissa : mantissa) + (fraction.isEmpty ? "0" : "")
        + exponent
    guard let value = Double(normal), value.isFinite else { return nil }
    return negative ? -value : value
}

/// The shortest text that reads back as this number, without a fraction where it has none.
public func formatNumber(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// Whether every `_` stands between digits; a prefix such as `0x` counts as a digit.
func hasSeparatedDigits(_ number: some Collection<UInt8>) -> Bool {
    guard number.contains(UInt8(ascii: "_")) else { return true }
    let bytes = Array(number)
    let prefixed = bytes.count > 1 && bytes[0] == UInt8(ascii: "0") && "xXoObB".utf8.contains(bytes[1])
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "_") {
        guard index > 0, index + 1 < bytes.count else { return false }
        let before = hexadecimalValue(bytes[index - 1]) != nil || (prefixed && index == 2)
        guard before, hexadecimalValue(bytes[index + 1]) != nil else { return false }
    }
    return true
}

func hexadecimalValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
