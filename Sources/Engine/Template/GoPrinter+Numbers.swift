extension GoPrinter {
    // MARK: integers

    mutating func append(
        _ number: Int64, _ value: TemplateValue, _ verb: UInt32, _ out: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        switch verb {
        case 0x76, 0x64: integer(number, 10, verb, &out)
        case 0x62: integer(number, 2, verb, &out)
        case 0x6F, 0x4F: integer(number, 8, verb, &out)
        case 0x78, 0x58: integer(number, 16, verb, &out)
        case 0x63:
            var buffer = OwnedBuffer<UInt8>()
            GoRune.append(scalar(number), to: &buffer)
            pad(buffer.paddedView().array, &out)
        case 0x71:
            var buffer = OwnedBuffer<UInt8>()
            buffer.append(byte: 0x27)
            GoQuote.append(scalar(number), ascii: flags.plus, quote: 0x27, to: &buffer)
            buffer.append(byte: 0x27)
            pad(buffer.paddedView().array, &out)
        case 0x55: unicode(UInt64(bitPattern: number), &out)
        default: try bad(value, verb, &out)
        }
    }

    private func scalar(_ number: Int64) -> UInt32 {
        number >= 0 && number <= 0x10_FFFF ? UInt32(number) : GoRune.replacement
    }

    private func unicode(_ number: UInt64, _ out: inout OwnedBuffer<UInt8>) {
        var digits = String(number, radix: 16, uppercase: true)
        let least = max(4, flags.precision ?? 4)
        digits = String(repeating: "0", count: max(0, least - digits.utf8.count)) + digits
        var bytes = Array(("U+" + digits).utf8)
        if flags.sharp, number <= 0x10_FFFF, GoRune.isPrintable(UInt32(number)) {
            var buffer = OwnedBuffer<UInt8>()
            GoRune.append(UInt32(number), to: &buffer)
            bytes += [0x20, 0x27] + buffer.paddedView().array + [0x27]
        }
        pad(bytes, &out, zeros: false)
    }

    private func integer(_ number: Int64, _ radix: Int, _ verb: UInt32, _ out: inout OwnedBuffer<UInt8>) {
        let negative = number < 0
        var least = 0
        if let precision = flags.precision {
            least = precision
            if precision == 0, number == 0 {
                return out.append(repeating: 0x20, count: flags.width ?? 0)
            }
        } else if flags.zero, !flags.minus, let width = flags.width {
            least = width - (negative || flags.plus || flags.space ? 1 : 0)
        }
        var digits = Array(String(number.magnitude, radix: radix, uppercase: verb == 0x58).utf8)
        if digits.count < least { digits = [UInt8](repeating: 0x30, count: least - digits.count) + digits }
        var prefix: [UInt8] = []
        if flags.sharp {
            switch radix {
            case 2: prefix = [0x30, 0x62]
            case 8: prefix = digits.first == 0x30 ? [] : [0x30]
            case 16: prefix = [0x30, verb == 0x58 ? 0x58 : 0x78]
            default: break
            }
        }
        if verb == 0x4F { prefix = [0x30, 0x6F] }
        pad(sign(negative) + prefix + digits, &out, zeros: false)
    }

    private func sign(_ negative: Bool) -> [UInt8] {
        negative ? [0x2D] : flags.plus ? [0x2B] : flags.space ? [0x20] : []
    }

    // MARK: floats

    mutating func append(
        _ number: Double, _ value: TemplateValue, _ verb: UInt32, _ out: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        switch verb {
        case 0x76: float(number, GoFloat.Form(letter: 0x67), &out)
        case 0x65, 0x45, 0x66, 0x46, 0x67, 0x47, 0x62, 0x78, 0x58:
            float(number, GoFloat.Form(letter: verb == 0x46 ? 0x66 : UInt8(verb)), &out)
        default: try bad(value, verb, &out)
        }
    }

    private func float(_ number: Double, _ form: GoFloat.Form, _ out: inout OwnedBuffer<UInt8>) {
        let precision = flags.precision ?? form.defaultPrecision
        let negative = number.sign == .minus && !number.isNaN
        let isSpecial = !number.isFinite
        var digits: [UInt8]
        if isSpecial {
            digits = Array((number.isNaN ? "NaN" : "Inf").utf8)
        } else {
            digits = GoFloat.text(number.magnitude, form, precision: precision, keepsZeros: flags.sharp)
        }
        let sign: [UInt8]
        if isSpecial, !number.isNaN {
            sign = negative ? [0x2D] : flags.plus || !flags.space ? [0x2B] : [0x20]
        } else {
            sign = self.sign(negative)
        }
        guard flags.zero, !flags.minus, !isSpecial, let width = flags.width, !sign.isEmpty else {
            return pad(sign + digits, &out, zeros: isSpecial ? false : nil)
        }
        let missing = max(0, width - digits.count - 1)
        digits = [UInt8](repeating: 0x30, count: missing) + digits
        pad(sign + digits, &out)
    }
}

/// Floats as Go's `strconv.FormatFloat` writes them.
enum GoFloat {
    struct Form {
        var letter: UInt8

        var isUpper: Bool { letter < 0x60 }
        var lower: UInt8 { letter | 0x20 }

        /// -1: as many digits as are needed to read the number back.
        var defaultPrecision: Int { lower == 0x65 || lower == 0x66 ? 6 : -1 }
    }

    /// A number that is finite and not negative.
    static func text(_ number: Double, _ form: Form, precision: Int, keepsZeros: Bool) -> [UInt8] {
        switch form.lower {
        case 0x62: return binary(number)
        case 0x78: return hexadecimal(number, form, precision)
        default: break
        }
        let exact = precision < 0 ? Digits(shortest: number) : Digits(number, form, precision)
        var text: [UInt8]
        switch form.lower {
        case 0x65: text = exponential(exact, form, precision < 0 ? max(0, exact.digits.count - 1) : precision)
        case 0x66: text = plain(exact, precision < 0 ? max(0, exact.digits.count - exact.point) : precision)
        default: text = general(exact, form, precision)
        }
        if keepsZeros { text = withZeros(text, form, precision, exact) }
        return text
    }

    /// Decimal digits and where the point is.
    struct Digits {
        var digits: [UInt8]
        var point: Int

        init(shortest number: Double) {
            let shortest = ShortestDigits(number)
            (digits, point) = (shortest.digits, shortest.point)
        }

        /// Rounded, halves to even, as far as the form and precision need.
        init(_ number: Double, _ form: Form, _ precision: Int) {
            let exact = ExactDigits(number)
            (digits, point) = (exact.digits, exact.point)
            switch form.lower {
            case 0x65: round(to: precision + 1)
            case 0x66: round(to: point + precision)
            default: round(to: max(1, precision))
            }
        }

        private mutating func round(to count: Int) {
            guard count < digits.count else { return }
            guard count >= 0 else {
                (digits, point) = ([], 0)
                return
            }
            let next = digits[count]
            let isHalf = next == 5 && digits.count == count + 1
            let up = isHalf ? count > 0 && digits[count - 1] % 2 == 1 : next >= 5
            digits.removeLast(digits.count - count)
            if up {
                while digits.last == 9 { digits.removeLast() }
                if digits.isEmpty {
                    digits = [1]
                    point += 1
                } else {
                    digits[digits.count - 1] += 1
                }
            }
            while digits.last == 0 { digits.removeLast() }
            if digits.isEmpty { point = 0 }
        }

        func digit(_ index: Int) -> UInt8 { index >= 0 && index < digits.count ? digits[index] + 0x30 : 0x30 }
    }

    private static func exponential(_ exact: Digits, _ form: Form, _ precision: Int) -> [UInt8] {
        var text = [exact.digit(0)]
        if precision > 0 {
            text.append(0x2E)
            for index in 1...precision { text.append(exact.digit(index)) }
        }
        let exponent = exact.digits.isEmpty ? 0 : exact.point - 1
        text.append(form.isUpper ? 0x45 : 0x65)
        text.append(exponent < 0 ? 0x2D : 0x2B)
        let digits = Array(String(abs(exponent)).utf8)
        return text + (digits.count < 2 ? [0x30] : []) + digits
    }

    private static func plain(_ exact: Digits, _ precision: Int) -> [UInt8] {
        var text: [UInt8] = []
        if exact.point > 0 {
            for index in 0..<exact.point { text.append(exact.digit(index)) }
        } else {
            text.append(0x30)
        }
        if precision > 0 {
            text.append(0x2E)
            for index in 0..<precision { text.append(exact.digit(exact.point + index)) }
        }
        return text
    }

    private static func general(_ exact: Digits, _ form: Form, _ precision: Int) -> [UInt8] {
        var limit = precision
        if precision < 0 {
            limit = 6
        } else {
            if precision == 0 { limit = 1 }
            if limit > exact.digits.count, exact.digits.count >= exact.point { limit = exact.digits.count }
        }
        let exponent = exact.point - 1
        if exponent < -4 || exponent >= limit {
            var shown = exact.digits.count
            if precision >= 0 { shown = min(shown, max(1, precision)) }
            return exponential(exact, form, max(0, shown - 1))
        }
        return plain(exact, max(0, exact.digits.count - exact.point))
    }

    /// What the flag `#` adds: a point always, and for `%g` the zeros at the end.
    private static func withZeros(_ text: [UInt8], _ form: Form, _ precision: Int, _ exact: Digits) -> [UInt8] {
        let mark = text.firstIndex { $0 | 0x20 == 0x65 } ?? text.count
        var mantissa = Array(text[..<mark])
        if !mantissa.contains(0x2E) { mantissa.append(0x2E) }
        if form.lower == 0x67 {
            let wanted = precision < 0 ? 6 : max(1, precision)
            var seen = 0
            var leading = true
            for byte in mantissa where byte != 0x2E {
                if byte != 0x30 { leading = false }
                if !leading { seen += 1 }
            }
            if exact.digits.isEmpty { seen = 1 }
            if seen < wanted { mantissa += [UInt8](repeating: 0x30, count: wanted - seen) }
        }
        return mantissa + text[mark...]
    }

    // MARK: binary forms

    private static func parts(_ number: Double) -> (mantissa: UInt64, exponent: Int) {
        let raw = number.significandBitPattern
        let exponent = Int(number.exponentBitPattern)
        return exponent == 0 ? (raw, -1_074) : (raw | 1 << 52, exponent - 1_075)
    }

    private static func binary(_ number: Double) -> [UInt8] {
        let (mantissa, exponent) = parts(number)
        return Array("\(mantissa)p\(exponent < 0 ? "" : "+")\(exponent)".utf8)
    }

    private static func hexadecimal(_ number: Double, _ form: Form, _ precision: Int) -> [UInt8] {
        var (mantissa, exponent) = parts(number)
        if mantissa == 0 {
            exponent = 0
        } else {
            while mantissa & 1 << 60 == 0 {
                mantissa <<= 1
                exponent -= 1
            }
            exponent += 60
        }
        if precision >= 0, precision < 15 {
            let shift = UInt64(precision * 4)
            let extra = mantissa << shift & (1 << 60 - 1)
            mantissa >>= 60 - shift
            if extra | (mantissa & 1) > 1 << 59 { mantissa += 1 }
            mantissa <<= 60 - shift
            if mantissa & 1 << 61 != 0 {
                mantissa >>= 1
                exponent += 1
            }
        }
        var text = Array("0x".utf8) + [UInt8(mantissa >> 60 & 1) + 0x30]
        mantissa <<= 4
        if mantissa != 0 && precision < 0 || precision > 0 {
            text.append(0x2E)
            var left = precision < 0 ? Int.max : precision
            while left > 0, precision >= 0 || mantissa != 0 {
                let digit = UInt8(mantissa >> 60 & 15)
                text.append(digit < 10 ? digit + 0x30 : digit + 0x57)
                mantissa <<= 4
                left -= 1
            }
        }
        let digits = String(abs(exponent))
        text += Array("p\(exponent < 0 ? "-" : "+")\(digits.utf8.count < 2 ? "0" : "")\(digits)".utf8)
        return form.isUpper ? text.map { $0 &- 0x61 < 26 ? $0 - 32 : $0 } : text
    }
}

/// All decimal digits of a double, exactly.
struct ExactDigits {
    /// Most significant first, without zeros at either end; empty for 0.
    var digits: [UInt8]
    /// The point stands behind so many digits.
    var point: Int

    /// `number` must be finite and not negative.
    init(_ number: Double) {
        // Base a billion, least first: the mantissa times a power of two, or of five with the point moved.
        var limbs: [UInt64] = []
        let raw = number.significandBitPattern
        let biased = Int(number.exponentBitPattern)
        var mantissa = biased == 0 ? raw : raw | 1 << 52
        var exponent = biased == 0 ? -1_074 : biased - 1_075
        while mantissa != 0, mantissa & 1 == 0, exponent < 0 {
            mantissa >>= 1
            exponent += 1
        }
        while mantissa > 0 {
            limbs.append(mantissa % 1_000_000_000)
            mantissa /= 1_000_000_000
        }
        for _ in 0..<abs(exponent) {
            var carry: UInt64 = 0
            for index in limbs.indices {
                let product = limbs[index] * (exponent < 0 ? 5 : 2) + carry
                limbs[index] = product % 1_000_000_000
                carry = product / 1_000_000_000
            }
            if carry > 0 { limbs.append(carry) }
        }
        digits = []
        for limb in limbs.reversed() {
            let text = Array(String(limb).utf8)
            digits += [UInt8](repeating: 0, count: 9 - text.count) + text.map { $0 - 0x30 }
        }
        let leading = digits.prefix { $0 == 0 }.count
        digits.removeFirst(leading)
        point = digits.count + min(0, exponent)
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { point = 0 }
    }
}
