/// Prints values as Go's `fmt` does: one verb with its flags.
struct GoPrinter {
    struct Flags: BitwiseCopyable {
        var plus = false
        var minus = false
        var sharp = false
        var space = false
        var zero = false
        /// `%+v` and `%#v`.
        var plusV = false
        var sharpV = false
        var width: Int?
        var precision: Int?
    }

    /// Wider is a bad width to Go.
    static let maximumWidth = 1_000_000

    var flags = Flags()

    /// A value as `%v` prints it.
    static func append(_ value: TemplateValue, to out: inout OwnedBuffer<UInt8>) throws(TemplateFailure) {
        var printer = GoPrinter()
        try printer.append(value, verb: UInt32(UInt8(ascii: "v")), to: &out)
    }

    static func string(_ value: TemplateValue) throws(TemplateFailure) -> String {
        var buffer = OwnedBuffer<UInt8>()
        try append(value, to: &buffer)
        return buffer.paddedView().string
    }

    /// A value with this verb and the flags.
    mutating func append(
        _ value: TemplateValue, verb: UInt32, to out: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        guard out.count <= TemplateLimits.outputBytes else { throw TextFunctions.tooLong }
        if verb == 0x54 {
            return pad(Array((value.typeName ?? "<nil>").utf8), &out)
        }
        switch value {
        case .nothing, .null:
            if verb == 0x76 { pad(Array("<nil>".utf8), &out) } else { try bad(value, verb, &out) }
        case .text(let text): try append(text, value, verb, &out)
        case .bool(let flag):
            guard verb == 0x74 || verb == 0x76 else { return try bad(value, verb, &out) }
            pad(Array((flag ? "true" : "false").utf8), &out)
        case .float(let number): try append(number, value, verb, &out)
        case .integer(let number, let type):
            if type.isNamed, isForText(verb), !flags.sharpV {
                var buffer = OwnedBuffer<UInt8>()
                GoMethods.appendName(number, type, to: &buffer)
                return try append(buffer.paddedView(), value, verb, &out)
            }
            try append(number, value, verb, &out)
        case .time(let time):
            guard isForText(verb) else { return try bad(value, verb, &out) }
            var buffer = OwnedBuffer<UInt8>()
            time.append(layout: GoTime.stringLayout, to: &buffer)
            try append(buffer.paddedView(), value, verb, &out)
        case .list(let list): try append(list, verb, &out)
        case .map(let map): try append(map, verb, &out)
        case .labels: break
        }
    }

    /// The verbs for which Go asks a value for its text.
    private func isForText(_ verb: UInt32) -> Bool {
        verb == 0x76 || verb == 0x73 || verb == 0x78 || verb == 0x58 || verb == 0x71
    }

    private mutating func append(
        _ list: TemplateList, _ verb: UInt32, _ out: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        guard verb != 0x70 else { return try bad(.list(list), verb, &out) }
        if flags.sharpV { out.append(text: "[]interface {}") }
        out.append(byte: flags.sharpV ? 0x7B : 0x5B)
        for (index, item) in list.items.enumerated() {
            if index > 0 { out.append(text: flags.sharpV ? ", " : " ") }
            try append(element: item, verb, &out)
        }
        out.append(byte: flags.sharpV ? 0x7D : 0x5D)
    }

    private mutating func append(
        _ map: TemplateMap, _ verb: UInt32, _ out: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        guard verb != 0x70 else { return try bad(.map(map), verb, &out) }
        out.append(text: flags.sharpV ? (TemplateValue.map(map).typeName ?? "") + "{" : "map[")
        for (index, entry) in map.entries.enumerated() {
            if index > 0 { out.append(text: flags.sharpV ? ", " : " ") }
            try append(.text(entry.key), verb: verb, to: &out)
            out.append(byte: 0x3A)
            try append(element: entry.value, verb, &out)
        }
        out.append(byte: flags.sharpV ? 0x7D : 0x5D)
    }

    private mutating func append(
        element: TemplateValue, _ verb: UInt32, _ out: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        if element.isNil { return out.append(text: flags.sharpV ? "interface {}(nil)" : "<nil>") }
        try append(element, verb: verb, to: &out)
    }

    /// Go's mark for a verb that does not fit the value.
    mutating func bad(
        _ value: TemplateValue, _ verb: UInt32, _ out: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        out.append(text: "%!")
        GoRune.append(verb, to: &out)
        out.append(byte: 0x28)
        if let name = value.isNil ? nil : value.typeName {
            out.append(text: name + "=")
            try append(value, verb: 0x76, to: &out)
        } else {
            out.append(text: "<nil>")
        }
        out.append(byte: 0x29)
    }

    /// Text padded to the width, in code points.
    func pad(_ bytes: [UInt8], _ out: inout OwnedBuffer<UInt8>, zeros: Bool? = nil) {
        var runes = 0
        for byte in bytes where byte & 0xC0 != 0x80 { runes += 1 }
        let padding = max(0, (flags.width ?? 0) - runes)
        if !flags.minus {
            out.append(repeating: zeros ?? flags.zero ? 0x30 : 0x20, count: padding)
        }
        for byte in bytes { out.append(byte) }
        if flags.minus { out.append(repeating: 0x20, count: padding) }
    }

    // MARK: texts

    private mutating func append(
        _ text: ByteView, _ value: TemplateValue, _ verb: UInt32, _ out: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        switch verb {
        case 0x76 where !flags.sharpV, 0x73:
            if flags.width == nil, flags.precision == nil { return out.append(text) }
            pad(truncated(text).array, &out)
        case 0x76: pad(Array(GoQuote.quoted(text.array).utf8), &out)
        case 0x78, 0x58: hexadecimal(text, upper: verb == 0x58, &out)
        case 0x71:
            var buffer = OwnedBuffer<UInt8>()
            let cut = truncated(text)
            let isRaw = flags.sharp && !cut.array.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x60 || $0 == 0x7F }
            if isRaw {
                buffer.append(byte: 0x60)
                buffer.append(cut)
                buffer.append(byte: 0x60)
            } else {
                GoQuote.append(cut.array[...], ascii: flags.plus, quote: 0x22, to: &buffer)
            }
            pad(buffer.paddedView().array, &out)
        default: try bad(value, verb, &out)
        }
    }

    private func truncated(_ text: ByteView) -> ByteView {
        guard let precision = flags.precision else { return text }
        return text[0..<text.offset(ofRune: precision)]
    }

    private func hexadecimal(_ text: ByteView, upper: Bool, _ out: inout OwnedBuffer<UInt8>) {
        let digits = Array((upper ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
        let count = min(text.count, flags.precision ?? text.count)
        var bytes: [UInt8] = []
        for offset in 0..<count {
            if flags.space, offset > 0 { bytes.append(0x20) }
            if flags.sharp, flags.space || offset == 0 { bytes += [0x30, upper ? 0x58 : 0x78] }
            bytes.append(digits[Int(text[offset] >> 4)])
            bytes.append(digits[Int(text[offset] & 15)])
        }
        pad(bytes, &out)
    }
}
