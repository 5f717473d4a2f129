/// A decimal number of any length, `digits` times ten to `exponent`: what Loki's float arithmetic is done in.
struct GoDecimal {
    /// Base 10, least first, without zeros at the end; empty for 0.
    private var digits: [UInt8]
    private var exponent: Int
    private var isNegative: Bool

    /// Digits behind the point that a quotient keeps.
    private static let divisionDigits = 16
    /// The most digits that a number may have: past it there is no sense, only work.
    private static let maximumDigits = 4_000

    private init(digits: [UInt8], exponent: Int, isNegative: Bool) throws(TemplateFailure) {
        guard digits.count <= Self.maximumDigits else { throw TemplateFailure(message: "decimal is too long") }
        self.digits = digits
        while self.digits.last == 0 { self.digits.removeLast() }
        self.exponent = exponent
        self.isNegative = isNegative && !self.digits.isEmpty
    }

    /// The shortest decimal that reads back as `value`.
    init(_ value: Double) throws(TemplateFailure) {
        guard value.isFinite else {
            let name = value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf"
            throw TemplateFailure(message: "Cannot create a Decimal from \(name)")
        }
        let shortest = ShortestDigits(value)
        try self.init(
            digits: shortest.digits.reversed(), exponent: shortest.point - shortest.digits.count,
            isNegative: value.sign == .minus)
    }

    /// The nearest double.
    var double: Double {
        let text =
            (isNegative ? "-" : "") + (digits.isEmpty ? "0" : "")
            + String(decoding: digits.reversed().map { $0 + 0x30 }, as: UTF8.self)
        return Double(text + "e\(exponent)") ?? 0
    }

    // MARK: arithmetic

    static func plus(_ left: GoDecimal, _ right: GoDecimal) throws(TemplateFailure) -> GoDecimal {
        let exponent = min(left.exponent, right.exponent)
        let first = try left.shifted(to: exponent)
        let second = try right.shifted(to: exponent)
        if left.isNegative == right.isNegative {
            return try GoDecimal(digits: sum(first, second), exponent: exponent, isNegative: left.isNegative)
        }
        if precedes(first, second) {
            return try GoDecimal(
                digits: difference(second, first), exponent: exponent, isNegative: right.isNegative)
        }
        return try GoDecimal(digits: difference(first, second), exponent: exponent, isNegative: left.isNegative)
    }

    static func minus(_ left: GoDecimal, _ right: GoDecimal) throws(TemplateFailure) -> GoDecimal {
        var negated = right
        negated.isNegative = !right.isNegative && !right.digits.isEmpty
        return try plus(left, negated)
    }

    static func times(_ left: GoDecimal, _ right: GoDecimal) throws(TemplateFailure) -> GoDecimal {
        guard left.digits.count + right.digits.count <= maximumDigits else {
            throw TemplateFailure(message: "decimal is too long")
        }
        var product = [UInt32](repeating: 0, count: left.digits.count + right.digits.count + 1)
        for (low, digit) in left.digits.enumerated() {
            for (high, other) in right.digits.enumerated() { product[low + high] += UInt32(digit) * UInt32(other) }
        }
        var carry: UInt32 = 0
        var digits: [UInt8] = []
        for value in product {
            digits.append(UInt8((value + carry) % 10))
            carry = (value + carry) / 10
        }
        return try GoDecimal(
            digits: digits, exponent: left.exponent + right.exponent, isNegative: left.isNegative != right.isNegative)
    }

    /// Rounded to 16 digits behind the point, halves away from zero.
    static func dividedBy(_ left: GoDecimal, _ right: GoDecimal) throws(TemplateFailure) -> GoDecimal {
        guard !right.digits.isEmpty else { throw TemplateFailure(message: "decimal division by 0") }
        // left / right = quotient * 10^-16
        let shift = left.exponent - right.exponent + divisionDigits
        var numerator = left.digits
        var denominator = right.digits
        guard abs(shift) <= maximumDigits else { throw TemplateFailure(message: "decimal is too long") }
        let zeros = [UInt8](repeating: 0, count: abs(shift))
        if shift >= 0 { numerator = zeros + numerator } else { denominator = zeros + denominator }
        var remainder: [UInt8] = []
        var quotient = [UInt8](repeating: 0, count: numerator.count)
        for index in numerator.indices.reversed() {
            remainder.insert(numerator[index], at: 0)
            while remainder.last == 0 { remainder.removeLast() }
            while !precedes(remainder, denominator) {
                remainder = difference(remainder, denominator)
                while remainder.last == 0 { remainder.removeLast() }
                quotient[index] += 1
            }
        }
        if !precedes(sum(remainder, remainder), denominator) { quotient = sum(quotient, [1]) }
        return try GoDecimal(
            digits: quotient, exponent: -divisionDigits, isNegative: left.isNegative != right.isNegative)
    }

    private func shifted(to exponent: Int) throws(TemplateFailure) -> [UInt8] {
        if digits.isEmpty { return [] }
        let zeros = self.exponent - exponent
        guard zeros <= Self.maximumDigits else { throw TemplateFailure(message: "decimal is too long") }
        return [UInt8](repeating: 0, count: zeros) + digits
    }

    private static func sum(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var carry: UInt8 = 0
        for index in 0..<max(left.count, right.count) {
            let digit = (index < left.count ? left[index] : 0) + (index < right.count ? right[index] : 0) + carry
            result.append(digit % 10)
            carry = digit / 10
        }
        if carry > 0 { result.append(carry) }
        return result
    }

    /// `left` must not be less than `right`.
    private static func difference(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var borrow = 0
        for index in left.indices {
            var digit = Int(left[index]) - (index < right.count ? Int(right[index]) : 0) - borrow
            borrow = digit < 0 ? 1 : 0
            if digit < 0 { digit += 10 }
            result.append(UInt8(digit))
        }
        return result
    }

    private static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let length = max(left.count, right.count)
        for index in stride(from: length - 1, through: 0, by: -1) {
            let (first, second) = (index < left.count ? left[index] : 0, index < right.count ? right[index] : 0)
            if first != second { return first < second }
        }
        return false
    }
}

/// The decimal digits of a double: the fewest that read back as it.
struct ShortestDigits {
    /// Most significant first, without zeros at either end; empty for 0.
    var digits: [UInt8] = []
    /// The point stands behind so many digits.
    var point = 0

    init(_ value: Double) {
        var exponent = 0
        var seenPoint = false
        var text = Array(value.magnitude.description.utf8)[...]
        if let mark = text.firstIndex(of: UInt8(ascii: "e")) {
            exponent = Int(String(decoding: text[(mark + 1)...], as: UTF8.self)) ?? 0
            text = text[..<mark]
        }
        for byte in text {
            if byte == UInt8(ascii: ".") {
                seenPoint = true
            } else {
                if !digits.isEmpty || byte != UInt8(ascii: "0") {
                    digits.append(byte - UInt8(ascii: "0"))
                    if !seenPoint { point += 1 }
                } else if seenPoint {
                    point -= 1
                }
            }
        }
        point += exponent
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { point = 0 }
    }
}
