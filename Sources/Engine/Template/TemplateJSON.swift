/// `fromJson`: JSON as Go's `encoding/json` decodes it into an `interface {}`.
struct TemplateJSON {
    private let text: ByteView
    private var offset = 0
    private var depth = 0

    /// What the text says; no value when it is not JSON.
    static func value(of text: ByteView, _ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue {
        var reader = TemplateJSON(text: text)
        guard let value = try reader.value(&run) else { return .nothing }
        reader.skipSpace()
        return reader.offset == text.count ? value.unwrapped : .nothing
    }

    private init(text: ByteView) { self.text = text }

    private var byte: UInt8? { offset < text.count ? text[offset] : nil }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    private mutating func value(_ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue? {
        try run.spend()
        skipSpace()
        switch byte {
        case UInt8(ascii: "{"): return try object(&run)
        case UInt8(ascii: "["): return try array(&run)
        case UInt8(ascii: "\""): return try string(&run).map { .text($0) }
        case UInt8(ascii: "t"): return word("true", .bool(true))
        case UInt8(ascii: "f"): return word("false", .bool(false))
        case UInt8(ascii: "n"): return word("null", .null)
        default: return number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: TemplateValue) -> TemplateValue? {
        for index in 0..<word.utf8CodeUnitCount {
            guard unsafe byte == word.utf8Start[index] else { return nil }
            offset += 1
        }
        return value
    }

    private mutating func object(_ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue? {
        offset += 1
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateLimits.jsonDepth else { return nil }
        var entries: [TemplateMap.Entry] = []
        skipSpace()
        if byte == UInt8(ascii: "}") {
            offset += 1
            return .map(TemplateMap([]))
        }
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\""), let key = try string(&run) else { return nil }
            skipSpace()
            guard byte == UInt8(ascii: ":") else { return nil }
            offset += 1
            guard let item = try value(&run) else { return nil }
            entries.append(TemplateMap.Entry(key: key, value: item))
            skipSpace()
            guard let mark = byte else { return nil }
            offset += 1
            if mark == UInt8(ascii: "}") { return .map(TemplateMap(entries)) }
            guard mark == UInt8(ascii: ",") else { return nil }
        }
    }

    private mutating func array(_ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue? {
        offset += 1
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateLimits.jsonDepth else { return nil }
        var items: [TemplateValue] = []
        skipSpace()
        if byte == UInt8(ascii: "]") {
            offset += 1
            return .list(TemplateList([]))
        }
        while true {
            guard let item = try value(&run) else { return nil }
            items.append(item)
            skipSpace()
            guard let mark = byte else { return nil }
            offset += 1
            if mark == UInt8(ascii: "]") { return .list(TemplateList(items)) }
            guard mark == UInt8(ascii: ",") else { return nil }
        }
    }

    private mutating func digits() -> Bool {
        let start = offset
        while let byte, byte &- 0x30 < 10 { offset += 1 }
        return offset > start
    }

    private mutating func number() -> TemplateValue? {
        let start = offset
        if byte == UInt8(ascii: "-") { offset += 1 }
        if byte == UInt8(ascii: "0") { offset += 1 } else { guard digits() else { return nil } }
        if byte == UInt8(ascii: ".") {
            offset += 1
            guard digits() else { return nil }
        }
        if let mark = byte, mark | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { offset += 1 }
            guard digits() else { return nil }
        }
        // Go leaves out what no double can hold.
        guard case .value(let value) = Numbers.read(text[start..<offset]) else { return .null }
        return .float(value)
    }

    private mutating func string(_ run: inout TemplateRun) throws(TemplateFailure) -> ByteView? {
        offset += 1
        let start = offset
        var isPlain = true
        while let byte, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { return nil }
            if byte == UInt8(ascii: "\\") || byte >= 0x80 { isPlain = false }
            offset += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard offset < text.count else { return nil }
        let inner = text[start..<offset]
        offset += 1
        if isPlain { return inner }
        run.scratch.truncate(to: 0)
        guard decode(inner, &run.scratch) else { return nil }
        return try run.takeText().bytes
    }

    /// False where an escape is none of JSON's.
    private func decode(_ inner: ByteView, _ result: inout OwnedBuffer<UInt8>) -> Bool {
        var offset = 0
        while offset < inner.count {
            if inner[offset] == UInt8(ascii: "\\") {
                guard let escape = JSONEscape.decode(inner, at: offset), !escape.isApostrophe else { return false }
                GoRune.append(escape.isLoneSurrogate ? GoRune.replacement : escape.scalar, to: &result)
                offset += escape.length
            } else {
                let (scalar, length) = GoRune.decode(inner, at: offset)
                GoRune.append(scalar, to: &result)
                offset += length
            }
        }
        return true
    }
}
