/// Literals of Go's language: strings, characters, numbers.
enum GoLiteral {
    /// What a string in double quotes or backticks stands for; nil where it is none.
    static func unquoted(_ literal: ArraySlice<UInt8>) -> [UInt8]? {
        guard literal.count >= 2, let quote = literal.first, literal.last == quote else { return nil }
        var rest = literal.dropFirst().dropLast()
        if quote == UInt8(ascii: "`") { return rest.filter { $0 != UInt8(ascii: "\r") } }
        var buffer = OwnedBuffer<UInt8>()
        while let byte = rest.first {
            guard byte != quote, byte != UInt8(ascii: "\n") else { return nil }
            if byte != UInt8(ascii: "\\") {
                buffer.append(byte)
                rest = rest.dropFirst()
            } else {
                guard let escape = Escape(rest, quote: quote) else { return nil }
                if escape.isByte {
                    buffer.append(UInt8(truncatingIfNeeded: escape.value))
                } else {
                    GoRune.append(escape.value, to: &buffer)
                }
                rest = rest.dropFirst(escape.length)
            }
        }
        return buffer.paddedView().array
    }

    /// The code point of a character in single quotes; nil where it is none.
    static func character(_ literal: ArraySlice<UInt8>) -> UInt32? {
        let rest = literal.dropFirst().dropLast()
        guard literal.count >= 3, let byte = rest.first, byte != UInt8(ascii: "'") else { return nil }
        if byte == UInt8(ascii: "\\") {
            guard let escape = Escape(rest, quote: UInt8(ascii: "'")), escape.length == rest.count else { return nil }
            return escape.value
        }
        let (scalar, length) = GoRune.decode(rest)
        return length == rest.count ? scalar : nil
    }

    /// One escape with its backslash.
    struct Escape {
        var value: UInt32
        var length: Int
        /// `\x` and octal ones are bytes, not code points.
        var isByte = false

        init?(_ text: ArraySlice<UInt8>, quote: UInt8) {
            guard let letter = text.dropFirst().first else { return nil }
            func digits(_ from: Int, _ count: Int, _ radix: Int) -> UInt32? {
                let digits = text.dropFirst(from).prefix(count)
                guard digits.count == count, digits.allSatisfy({ JSONEscape.hexDigit($0) != nil }) else { return nil }
                return UInt32(String(decoding: digits, as: UTF8.self), radix: radix)
            }
            length = 2
            switch letter {
            case UInt8(ascii: "a"): value = 7
            case UInt8(ascii: "b"): value = 8
            case UInt8(ascii: "f"): value = 12
            case UInt8(ascii: "n"): value = 10
            case UInt8(ascii: "r"): value = 13
            case UInt8(ascii: "t"): value = 9
            case UInt8(ascii: "v"): value = 11
            case UInt8(ascii: "\\"), quote: value = UInt32(letter)
            case UInt8(ascii: "x"):
                guard let code = digits(2, 2, 16) else { return nil }
                (value, length, isByte) = (code, 4, true)
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                guard let code = digits(1, 3, 8), code < 256 else { return nil }
                (value, length, isByte) = (code, 4, true)
            case UInt8(ascii: "u"), UInt8(ascii: "U"):
                let count = letter == UInt8(ascii: "u") ? 4 : 8
                guard let code = digits(2, count, 16), Unicode.Scalar(code) != nil else { return nil }
                (value, length) = (code, 2 + count)
            default: return nil
            }
        }
    }

    enum NumberReading { case number(TemplateNumber), complex, overflow, bad }

    /// A number of a template.
    static func number(_ literal: ArraySlice<UInt8>) -> NumberReading {
        if literal.last == UInt8(ascii: "i") { return .complex }
        var number = TemplateNumber()
        number.unsigned = unsigned(literal)
        number.integer = integer(literal)
        if number.integer == 0 { number.unsigned = 0 }
        if let integer = number.integer {
            number.float = Double(integer)
        } else if let unsigned = number.unsigned {
            number.float = Double(unsigned)
        } else if let float = float(literal) {
            guard literal.contains(where: { ".eEpP".utf8.contains($0) }) else { return .overflow }
            number.float = float
            number.isFloatByForm = true
            number.integer = Int64(exactly: float)
            number.unsigned = UInt64(exactly: float)
        } else {
            return .bad
        }
        return .number(number)
    }

    private static func float(_ literal: ArraySlice<UInt8>) -> Double? {
        let store = ByteStore()
        guard case .value(let value) = Numbers.read(store.keep(literal)) else { return nil }
        return withExtendedLifetime(store) { value }
    }

    /// Go's `strconv.ParseInt` with base 0.
    static func integer(_ text: ArraySlice<UInt8>) -> Int64? {
        guard let first = text.first else { return nil }
        let signed = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
        guard let magnitude = unsigned(signed ? text.dropFirst() : text) else { return nil }
        if first == UInt8(ascii: "-") {
            return magnitude <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
        }
        return Int64(exactly: magnitude)
    }

    /// Go's `strconv.ParseUint` with base 0.
    static func unsigned(_ text: ArraySlice<UInt8>) -> UInt64? {
        var digits = text
        var radix: UInt64 = 10
        var hasPrefix = false
        if digits.first == UInt8(ascii: "0"), digits.count > 1 {
            hasPrefix = true
            radix = 8
            digits = digits.dropFirst()
            switch digits.first! | 0x20 {
            case UInt8(ascii: "x"): radix = 16
            case UInt8(ascii: "b"): radix = 2
            case UInt8(ascii: "o"): radix = 8
            default: digits = text.dropFirst(0)
            }
            if digits.startIndex != text.startIndex { digits = digits.dropFirst() }
            guard !digits.isEmpty else { return nil }
        }
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        // An underscore stands between digits, or behind the prefix.
        var mayBeUnderscore = hasPrefix
        for byte in digits {
            if byte == UInt8(ascii: "_") {
                guard mayBeUnderscore else { return nil }
                mayBeUnderscore = false
                continue
            }
            guard let digit = JSONEscape.hexDigit(byte).map({ UInt64($0) }), digit < radix else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: radix)
            let (sum, carries) = product.addingReportingOverflow(digit)
            guard !tooLarge, !carries else { return nil }
            value = sum
            mayBeUnderscore = true
        }
        return mayBeUnderscore || digits.last != UInt8(ascii: "_") ? value : nil
    }

    /// Go's `strconv.ParseInt` with base 10.
    static func decimal(_ text: ArraySlice<UInt8>) -> Int64? {
        let digits = text.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        guard !digits.isEmpty, text.count - digits.count <= 1, digits.allSatisfy({ $0 &- 0x30 < 10 }) else {
            return nil
        }
        return Int64(String(decoding: text, as: UTF8.self))
    }

    /// Why `decimal` failed, in Go's words.
    static func integerFailure(_ text: ByteView) -> String {
        let digits = text.array.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        let isNumber = !digits.isEmpty && text.count - digits.count <= 1 && digits.allSatisfy { $0 &- 0x30 < 10 }
        return "strconv.ParseInt: parsing \(GoQuote.quoted(text.array)): "
            + (isNumber ? "value out of range" : "invalid syntax")
    }
}
