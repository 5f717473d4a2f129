import Glibc

/// Arithmetic as Loki takes it from sprig: 64-bit integers, decimals, floats.
enum NumberFunctions {
    static func apply(
        _ function: TemplateFunction, _ values: [TemplateValue]
    ) throws(TemplateFailure) -> TemplateValue {
        switch function {
        case .int: return .integer(integer(values[0]), .int)
        case .float64: return .float(float(values[0]))
        case .add: return long(values.reduce(0) { $0 &+ integer($1) })
        case .sub: return long(integer(values[0]) &- integer(values[1]))
        case .mul: return long(values.dropFirst().reduce(integer(values[0])) { $0 &* integer($1) })
        case .div, .mod: return try divided(integer(values[0]), integer(values[1]), remainder: function == .mod)
        case .max: return long(values.dropFirst().reduce(integer(values[0])) { max($0, integer($1)) })
        case .min: return long(values.dropFirst().reduce(integer(values[0])) { min($0, integer($1)) })
        case .maxf: return .float(values.dropFirst().reduce(float(values[0])) { larger($0, float($1)) })
        case .minf: return .float(values.dropFirst().reduce(float(values[0])) { -larger(-$0, -float($1)) })
        case .ceil: return .float(float(values[0]).rounded(.up))
        case .floor: return .float(float(values[0]).rounded(.down))
        case .round: return .float(rounded(values))
        case .addf: return try decimal(.float(0), values[...], GoDecimal.plus)
        case .subf: return try decimal(values[0], values.dropFirst(), GoDecimal.minus)
        case .mulf: return try decimal(values[0], values.dropFirst(), GoDecimal.times)
        case .divf: return try decimal(values[0], values.dropFirst(), GoDecimal.dividedBy)
        case .duration, .durationSeconds:
            let text = values[0].bytes
            guard let nanoseconds = parseGoDuration(text) else {
                throw TemplateFailure(message: explainGoDuration(text))
            }
            let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            return .float(Double(seconds) + Double(rest) / 1e9)
        case .bytes:
            let text = values[0].bytes
            guard let bytes = parseBytes(text) else { throw TemplateFailure(message: explainBytes(text)) }
            return .float(Double(bytes))
        default: return .nothing
        }
    }

    private static func long(_ value: Int64) -> TemplateValue { .integer(value, .int64) }

    /// What Loki's `int` makes of a value; 0 of what is no number.
    static func integer(_ value: TemplateValue) -> Int64 {
        switch value {
        case .integer(let value, let type): type == .duration ? 0 : value
        case .float(let value): truncated(value)
        case .bool(let value): value ? 1 : 0
        case .text(let text): GoLiteral.integer(withoutZeroDecimals(text).array[...]) ?? 0
        case .nothing, .null, .time, .list, .map, .labels: 0
        }
    }

    /// As an x86-64 does it.
    private static func truncated(_ value: Double) -> Int64 {
        Int64(exactly: value.rounded(.towardZero)) ?? .min
    }

    /// Without a point and zeros at the end.
    private static func withoutZeroDecimals(_ text: ByteView) -> ByteView {
        var end = text.count
        while end > 0, text[end - 1] == UInt8(ascii: "0") { end -= 1 }
        let isDecimal = end > 0 && end < text.count && text[end - 1] == UInt8(ascii: ".")
        return isDecimal ? text[0..<end - 1] : text
    }

    /// What Loki's `float64` makes of a value; 0 of what is no number.
    static func float(_ value: TemplateValue) -> Double {
        switch value {
        case .integer(let value, let type):
            return type == .int || type == .int64 || type == .uint8 ? Double(value) : 0
        case .float(let value): return value
        case .bool(let value): return value ? 1 : 0
        case .text(let text):
            if let plain = Numbers.plain(text) { return plain }
            if case .value(let value) = Numbers.read(text) { return value }
            return 0
        case .nothing, .null, .time, .list, .map, .labels: return 0
        }
    }

    private static func divided(
        _ left: Int64, _ right: Int64, remainder: Bool
    ) throws(TemplateFailure) -> TemplateValue {
        guard right != 0 else { throw TemplateFailure(message: "runtime error: integer divide by zero") }
        if right == -1 { return long(remainder ? 0 : 0 &- left) }
        return long(remainder ? left % right : left / right)
    }

    /// Go's `math.Max`.
    private static func larger(_ left: Double, _ right: Double) -> Double {
        if left == .infinity || right == .infinity { return .infinity }
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? right : left }
        return left > right ? left : right
    }

    private static func rounded(_ values: [TemplateValue]) -> Double {
        var up = 0.5
        if values.count > 2, case .float(let at) = values[2] { up = at }
        let power = pow(10, Double(values[1].integer))
        let digit = power * float(values[0])
        let fraction = digit.isInfinite ? Double.nan : digit - digit.rounded(.towardZero)
        return (fraction >= up ? digit.rounded(.up) : digit.rounded(.down)) / power
    }

    private static func decimal(
        _ first: TemplateValue, _ rest: ArraySlice<TemplateValue>,
        _ operation: (GoDecimal, GoDecimal) throws(TemplateFailure) -> GoDecimal
    ) throws(TemplateFailure) -> TemplateValue {
        var result = try GoDecimal(float(first))
        for value in rest { result = try operation(result, try GoDecimal(float(value))) }
        return .float(result.double)
    }
}
