/// Go's `fmt.Sprintf`, with its marks for what does not fit.
struct GoFormat {
    private let format: ByteView
    private let values: ArraySlice<TemplateValue>
    private var offset = 0
    /// The next argument.
    private var next = 0
    private var reordered = false
    private var goodIndex = true
    /// Whether the last thing read was an argument index.
    private var afterIndex = false

    init(_ format: ByteView, _ values: ArraySlice<TemplateValue>) {
        self.format = format
        self.values = values
    }

    private func value(_ index: Int) -> TemplateValue { values[values.startIndex + index] }

    mutating func run(into out: inout OwnedBuffer<UInt8>) throws(TemplateFailure) {
        while offset < format.count {
            guard out.count <= TemplateLimits.outputBytes else { throw TextFunctions.tooLong }
            let percent = format.firstIndex(of: 0x25, from: offset) ?? format.count
            out.append(format[offset..<percent])
            offset = percent + 1
            if percent < format.count { try directive(&out) }
        }
        guard !reordered, next < values.count else { return }
        out.append(text: "%!(EXTRA ")
        for index in next..<values.count {
            if index > next { out.append(text: ", ") }
            let value = value(index)
            if value.isNil {
                out.append(text: "<nil>")
            } else {
                out.append(text: (value.typeName ?? "nil") + "=")
                try GoPrinter.append(value, to: &out)
            }
        }
        out.append(byte: 0x29)
    }

    private var byte: UInt8? { offset < format.count ? format[offset] : nil }

    /// What follows a percent sign.
    private mutating func directive(_ out: inout OwnedBuffer<UInt8>) throws(TemplateFailure) {
        var printer = GoPrinter()
        goodIndex = true
        afterIndex = false
        readFlags(&printer.flags)
        argumentIndex()
        readWidth(&printer, &out)
        if byte == 0x2E {
            offset += 1
            if afterIndex { goodIndex = false }
            argumentIndex()
            readPrecision(&printer, &out)
        }
        if !afterIndex { argumentIndex() }
        guard offset < format.count else { return out.append(text: "%!(NOVERB)") }
        let (verb, length) = GoRune.decode(format, at: offset)
        offset += length
        if verb == 0x25 {
            out.append(byte: 0x25)
        } else if !goodIndex {
            mark(verb, "(BADINDEX)", &out)
        } else if next >= values.count {
            mark(verb, "(MISSING)", &out)
        } else {
            if verb == 0x76 {
                (printer.flags.sharpV, printer.flags.sharp) = (printer.flags.sharp, false)
                (printer.flags.plusV, printer.flags.plus) = (printer.flags.plus, false)
            }
            let value = value(next)
            next += 1
            if verb == 0x77 { return try printer.bad(value, verb, &out) }
            try printer.append(value, verb: verb, to: &out)
        }
    }

    private func mark(_ verb: UInt32, _ text: String, _ out: inout OwnedBuffer<UInt8>) {
        out.append(text: "%!")
        GoRune.append(verb, to: &out)
        out.append(text: text)
    }

    private mutating func readFlags(_ flags: inout GoPrinter.Flags) {
        while let byte {
            switch byte {
            case 0x23: flags.sharp = true
            case 0x30: flags.zero = true
            case 0x2B: flags.plus = true
            case 0x2D: flags.minus = true
            case 0x20: flags.space = true
            default: return
            }
            offset += 1
        }
    }

    private mutating func readWidth(_ printer: inout GoPrinter, _ out: inout OwnedBuffer<UInt8>) {
        if byte == 0x2A {
            offset += 1
            if let width = starValue() {
                printer.flags.width = abs(width)
                if width < 0 {
                    printer.flags.minus = true
                    printer.flags.zero = false
                }
            } else {
                out.append(text: "%!(BADWIDTH)")
            }
            afterIndex = false
        } else {
            let start = offset
            printer.flags.width = number()
            if afterIndex, offset > start { goodIndex = false }
        }
    }

    private mutating func readPrecision(_ printer: inout GoPrinter, _ out: inout OwnedBuffer<UInt8>) {
        if byte == 0x2A {
            offset += 1
            let precision = starValue()
            if let precision, precision >= 0 { printer.flags.precision = precision }
            if precision == nil { out.append(text: "%!(BADPREC)") }
            afterIndex = false
        } else {
            printer.flags.precision = number() ?? 0
        }
    }

    /// The argument of a `*`; nil when it is no integer or too large.
    private mutating func starValue() -> Int? {
        guard next < values.count else { return nil }
        defer { next += 1 }
        guard case .integer(let value, .int) = value(next).unwrapped else {
            if case .integer(let value, _) = value(next).unwrapped { return bounded(value) }
            return nil
        }
        return bounded(value)
    }

    private func bounded(_ value: Int64) -> Int? {
        value.magnitude <= UInt64(GoPrinter.maximumWidth) ? Int(value) : nil
    }

    /// Decimal digits; nil when there are none or the number is too large, which skips them all the same.
    private mutating func number() -> Int? {
        var value: Int?
        while let byte, byte &- 0x30 < 10 {
            let sum = (value ?? 0) * 10 + Int(byte - 0x30)
            offset += 1
            guard sum <= GoPrinter.maximumWidth else { return nil }
            value = sum
        }
        return value
    }

    /// `[n]`: which argument is next.
    private mutating func argumentIndex() {
        guard byte == 0x5B else { return }
        reordered = true
        guard let close = format.firstIndex(of: 0x5D, from: offset) else {
            goodIndex = false
            offset += 1
            return
        }
        var index: Int? = 0
        let digits = format[offset + 1..<close]
        for position in 0..<digits.count {
            let digit = digits[position] &- 0x30
            index = index.flatMap { digit < 10 && $0 <= GoPrinter.maximumWidth ? $0 * 10 + Int(digit) : nil }
        }
        offset = close + 1
        guard let index, !digits.isEmpty, index >= 1, index <= values.count else {
            goodIndex = false
            return
        }
        next = index - 1
        afterIndex = true
    }
}
