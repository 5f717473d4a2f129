/// Sizes in the text of labels (`1.5 MiB`): what Loki's bytes filter takes.
enum ByteSize {
    enum Failure { case number(ByteView), tooLarge, unit(ByteView) }
    enum Reading {
        case bytes(UInt64)
        case failure(Failure)
    }

    static func read(_ text: ByteView) -> Reading {
        var end = 0
        var hasComma = false
        while end < text.count {
            let byte = text[end]
            if byte == UInt8(ascii: ",") {
                hasComma = true
            } else if byte != UInt8(ascii: "."), byte &- UInt8(ascii: "0") >= 10 {
                break
            }
            end += 1
        }
        let digits = text[0..<end]
        guard let number = hasComma ? withoutCommas(digits) : parseDouble(digits) else {
            return .failure(.number(digits))
        }
        let unit = LabelName.trim(text.dropping(end))
        guard let factor = factor(unit) else { return .failure(.unit(unit)) }
        let product = number * factor
        return product < 0x1p64 ? .bytes(UInt64(product)) : .failure(.tooLarge)
    }

    private static func withoutCommas(_ digits: ByteView) -> Double? {
        let store = ByteStore()
        let bytes = digits.array.filter { $0 != UInt8(ascii: ",") }
        return withExtendedLifetime(store) { parseDouble(store.keep(bytes)) }
    }

    private static func factor(_ unit: ByteView) -> Double? {
        guard unit.count > 0 else { return 1 }
        guard unit.count <= 3 else { return nil }
        func lower(_ offset: Int) -> UInt8 { offset < unit.count ? ByteView.lowercased(unit[offset]) : 0 }
        if unit.count == 1, lower(0) == UInt8(ascii: "b") { return 1 }
        let power: Int
        switch lower(0) {
        case UInt8(ascii: "k"): power = 1
        case UInt8(ascii: "m"): power = 2
        case UInt8(ascii: "g"): power = 3
        case UInt8(ascii: "t"): power = 4
        case UInt8(ascii: "p"): power = 5
        case UInt8(ascii: "e"): power = 6
        default: return nil
        }
        let binary = lower(1) == UInt8(ascii: "i")
        let rest = binary ? 2 : 1
        guard unit.count == rest || unit.count == rest + 1 && lower(rest) == UInt8(ascii: "b") else { return nil }
        var factor = 1.0
        for _ in 0..<power { factor *= binary ? 1_024 : 1_000 }
        return factor
    }
}

/// The size in a label's text in bytes, as Loki's bytes filter and `unwrap bytes()` read it; nil when it is none or
/// does not fit.
func parseBytes(_ text: ByteView) -> UInt64? {
    switch ByteSize.read(text) {
    case .bytes(let value): value
    case .failure: nil
    }
}

/// Why `text` is not a size, in the words of Loki's parser: for `__error_details__`.
func explainBytes(_ text: ByteView) -> String {
    switch ByteSize.read(text) {
    case .failure(.number(let digits)): explainDouble(digits)
    case .failure(.tooLarge): "too large: \(text.string)"
    case .failure(.unit(let unit)): "unhandled size name: \(unit.string.lowercased())"
    case .bytes: ""
    }
}
