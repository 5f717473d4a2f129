/// The functions that Go's `text/template` has itself.
enum GoBuiltins {
    static func apply(
        _ function: TemplateFunction, _ values: [TemplateValue], _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        switch function {
        case .not: return .bool(!values[0].isTrue)
        case .eq: return .bool(try equalsAny(values[0], values.dropFirst()))
        case .ne: return .bool(try !equalsAny(values[0], values.dropFirst()))
        case .lt: return .bool(try precedes(values[0], values[1]))
        case .ge: return .bool(try !precedes(values[0], values[1]))
        case .le: return .bool(try precedesOrEquals(values[0], values[1]))
        case .gt: return .bool(try !precedesOrEquals(values[0], values[1]))
        case .len: return .int(try length(values[0]))
        case .index: return try indexed(values[0], values.dropFirst())
        case .slice: return try sliced(values[0], values.dropFirst())
        case .call:
            if values[0].isNil { throw TemplateFailure(message: "call of nil") }
            throw TemplateFailure(message: "non-function of type \(values[0].typeName ?? "nil")")
        case .html, .js, .urlquery: return try escaped(function, values, &run)
        case .print: return try printed(values, spaces: false, &run)
        case .println: return try printed(values, spaces: true, &run)
        case .printf:
            run.scratch.truncate(to: 0)
            var format = GoFormat(values[0].bytes, values.dropFirst())
            try format.run(into: &run.scratch)
            return try run.takeText()
        default: return .nothing
        }
    }

    // MARK: comparison

    private enum BasicKind { case bool, integer, unsigned, float, string, other }

    private static func kind(_ value: TemplateValue) -> BasicKind {
        switch value {
        case .bool: .bool
        case .integer(_, .uint8): .unsigned
        case .integer: .integer
        case .float: .float
        case .text: .string
        case .nothing, .null, .time, .list, .map, .labels: .other
        }
    }

    private static func incompatible(_ left: TemplateValue, _ right: TemplateValue) -> TemplateFailure {
        let types = "\(left.typeName ?? "nil") and \(right.typeName ?? "nil")"
        return TemplateFailure(message: "incompatible types for comparison: \(types)")
    }

    private static func equalsAny(
        _ left: TemplateValue, _ others: ArraySlice<TemplateValue>
    ) throws(TemplateFailure) -> Bool {
        guard !others.isEmpty else { throw TemplateFailure(message: "missing argument for comparison") }
        for other in others where try equals(left.unwrapped, other.unwrapped) { return true }
        return false
    }

    private static func equals(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateFailure) -> Bool {
        switch (left, right) {
        case (.bool(let one), .bool(let other)): return one == other
        case (.integer(let one, _), .integer(let other, _)): return one == other
        case (.float(let one), .float(let other)): return one == other
        case (.text(let one), .text(let other)): return one.equals(other)
        case (.time(let one), .time(let other)): return one == other
        default: break
        }
        if left.isNil || right.isNil { return left.isNil && right.isNil }
        if kind(left) != kind(right) { throw incompatible(left, right) }
        // Maps and lists are equal to nil at most.
        let culprit = left.isComparable ? right : left
        let text = try GoPrinter.string(culprit)
        throw TemplateFailure(message: "non-comparable type \(text): \(culprit.typeName ?? "nil")")
    }

    private static func precedes(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateFailure) -> Bool {
        let invalid = TemplateFailure(message: "invalid type for comparison")
        guard kind(left) != .other, kind(right) != .other else { throw invalid }
        switch (left.unwrapped, right.unwrapped) {
        case (.integer(let one, _), .integer(let other, _)): return one < other
        case (.float(let one), .float(let other)): return one < other
        case (.text(let one), .text(let other)): return one.precedes(other)
        case (.bool, .bool): throw invalid
        default: throw incompatible(left, right)
        }
    }

    private static func precedesOrEquals(
        _ left: TemplateValue, _ right: TemplateValue
    ) throws(TemplateFailure) -> Bool {
        if try precedes(left, right) { return true }
        return try equals(left, right)
    }

    // MARK: parts

    private static func length(_ value: TemplateValue) throws(TemplateFailure) -> Int {
        switch value {
        case .text(let text): return text.count
        case .list(let list): return list.items.count
        case .map(let map): return map.entries.count
        case .null: throw TemplateFailure(message: "len of nil pointer")
        case .nothing: throw TemplateFailure(message: "reflect: call of reflect.Value.Type on zero Value")
        case .integer, .float, .bool, .time, .labels:
            throw TemplateFailure(message: "len of type \(value.typeName ?? "nil")")
        }
    }

    private static func position(_ index: TemplateValue, in count: Int) throws(TemplateFailure) -> Int {
        switch index.unwrapped {
        case .integer(let position, _):
            guard position >= 0, position <= Int64(count) else {
                throw TemplateFailure(message: "index out of range: \(position)")
            }
            return Int(position)
        case .nothing, .null: throw TemplateFailure(message: "cannot index slice/array with nil")
        default:
            throw TemplateFailure(message: "cannot index slice/array with type \(index.typeName ?? "nil")")
        }
    }

    private static func indexed(
        _ value: TemplateValue, _ indexes: ArraySlice<TemplateValue>
    ) throws(TemplateFailure) -> TemplateValue {
        var item = value
        if item.isNil { throw TemplateFailure(message: "index of untyped nil") }
        for index in indexes {
            switch item {
            case .text(let text):
                let place = try position(index, in: text.count)
                guard place < text.count else { throw TemplateFailure(message: "reflect: string index out of range") }
                item = .integer(Int64(text[place]), .uint8)
            case .list(let list):
                let place = try position(index, in: list.items.count)
                guard place < list.items.count else {
                    throw TemplateFailure(message: "reflect: slice index out of range")
                }
                item = list.items[place]
            case .map(let map):
                guard case .text(let key) = index else {
                    let got = index.isNil ? "value is nil" : "value has type \(index.typeName ?? "nil")"
                    throw TemplateFailure(message: "\(got); should be \(index.isNil ? "of type " : "")string")
                }
                item = map.find(key) ?? (map.isLabels ? .text(.empty) : .null)
            case .null, .nothing: throw TemplateFailure(message: "index of nil pointer")
            case .integer, .float, .bool, .time, .labels:
                throw TemplateFailure(message: "can't index item of type \(item.typeName ?? "nil")")
            }
        }
        return item
    }

    private static func sliced(
        _ value: TemplateValue, _ indexes: ArraySlice<TemplateValue>
    ) throws(TemplateFailure) -> TemplateValue {
        if value.isNil { throw TemplateFailure(message: "slice of untyped nil") }
        guard indexes.count <= 3 else {
            throw TemplateFailure(message: "too many slice indexes: \(indexes.count)")
        }
        let count: Int
        switch value {
        case .text(let text):
            if indexes.count == 3 { throw TemplateFailure(message: "cannot 3-index slice a string") }
            count = text.count
        case .list(let list): count = list.items.count
        default: throw TemplateFailure(message: "can't slice item of type \(value.typeName ?? "nil")")
        }
        var bounds = [0, count, count]
        for (place, index) in indexes.enumerated() { bounds[place] = try position(index, in: count) }
        for place in 0..<(indexes.count == 3 ? 2 : 1) where bounds[place] > bounds[place + 1] {
            throw TemplateFailure(message: "invalid slice index: \(bounds[place]) > \(bounds[place + 1])")
        }
        switch value {
        case .text(let text): return .text(text[bounds[0]..<bounds[1]])
        case .list(let list): return .list(TemplateList(Array(list.items[bounds[0]..<bounds[1]])))
        default: return .nothing
        }
    }

    // MARK: printing

    private static func printed(
        _ values: [TemplateValue], spaces: Bool, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        try append(values, spaces: spaces, to: &run.scratch)
        if spaces { run.scratch.append(byte: 0x0A) }
        return try run.takeText()
    }

    private static func append(
        _ values: [TemplateValue], spaces: Bool, to buffer: inout OwnedBuffer<UInt8>
    ) throws(TemplateFailure) {
        var lastIsText = false
        for (index, value) in values.enumerated() {
            var isText = false
            if case .text = value { isText = true }
            if index > 0, spaces || !isText && !lastIsText { buffer.append(byte: 0x20) }
            try GoPrinter.append(value, to: &buffer)
            lastIsText = isText
        }
    }

    private static func escaped(
        _ function: TemplateFunction, _ values: [TemplateValue], _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        var text = OwnedBuffer<UInt8>()
        let store = ByteStore()
        defer { withExtendedLifetime(store) {} }
        let noValue = store.keep("<no value>".utf8)
        // Nil is "<no value>" here, a text.
        let shown = values.map { $0.isNil ? TemplateValue.text(noValue) : $0 }
        try append(shown, spaces: false, to: &text)
        let view = text.paddedView()
        run.scratch.truncate(to: 0)
        try run.spend(bytes: view.count)
        switch function {
        case .html: GoEscapes.appendHTML(view, to: &run.scratch)
        case .js: GoEscapes.appendJS(view, to: &run.scratch)
        default: TextCodecs.appendURLEncoded(view, to: &run.scratch)
        }
        return try run.takeText()
    }
}

extension TemplateValue {
    /// Whether Go's `==` takes it.
    var isComparable: Bool {
        switch self {
        case .list, .map, .labels: false
        case .nothing, .null, .text, .integer, .float, .bool, .time: true
        }
    }
}

/// Escaping for HTML and JavaScript as Go's templates do it.
enum GoEscapes {
    static func appendHTML(_ text: ByteView, to buffer: inout OwnedBuffer<UInt8>) {
        for offset in 0..<text.count {
            switch text[offset] {
            case 0: buffer.append(text: "\u{FFFD}")
            case UInt8(ascii: "\""): buffer.append(text: "&#34;")
            case UInt8(ascii: "'"): buffer.append(text: "&#39;")
            case UInt8(ascii: "&"): buffer.append(text: "&amp;")
            case UInt8(ascii: "<"): buffer.append(text: "&lt;")
            case UInt8(ascii: ">"): buffer.append(text: "&gt;")
            default: buffer.append(text[offset])
            }
        }
    }

    static func appendJS(_ text: ByteView, to buffer: inout OwnedBuffer<UInt8>) {
        var offset = 0
        while offset < text.count {
            let (scalar, length) = GoRune.decode(text, at: offset)
            switch scalar {
            case 0x5C, 0x27, 0x22:
                buffer.append(byte: 0x5C)
                buffer.append(UInt8(scalar))
            case 0..<0x20, 0x3C, 0x3E, 0x26, 0x3D: appendUnicode(scalar, to: &buffer)
            case 0x20..<0x80: buffer.append(UInt8(scalar))
            default:
                if GoRune.isPrintable(scalar) {
                    buffer.append(text[offset..<offset + length])
                } else {
                    appendUnicode(scalar, to: &buffer)
                }
            }
            offset += length
        }
    }

    private static func appendUnicode(_ scalar: UInt32, to buffer: inout OwnedBuffer<UInt8>) {
        let digits = String(scalar, radix: 16, uppercase: true)
        buffer.append(text: "\\u" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits)
    }
}
