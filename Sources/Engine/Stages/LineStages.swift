import Records

/// The `unpack` stage: what `pack` in Promtail made of an entry. Labels are the object's strings, the line its `_entry`.
struct UnpackScanner: ~Copyable {
    private let wanted: [FieldID]?

    /// nil: every label is wanted.
    init(wanted: [FieldID]?) {
        self.wanted = wanted
    }

    /// The labels go to `fields`; the result is the entry, undecoded, where the object has one. After an error there
    /// are no labels.
    // Mutating only because the compiler sees a borrowed scanner and the buffers as one access to the program.
    mutating func scan(
        _ line: ByteView, into fields: inout FieldBuffer, names: inout NameTable
    ) -> (ScanError, entry: ExtractedField?) {
        if line.isEmpty { return (.none, nil) }
        guard line[0] == UInt8(ascii: "{") else { return (.packed, nil) }
        var entry: ExtractedField?
        var name: [UInt8] = []
        let store = ByteStore()
        let walk = line.eachMember { key, value in
            guard value.kind == .string else { return .ended }
            if key.equals(Array("_entry".utf8)) {
                entry = .jsonString(FieldID(0), value.text, hasBackslash: value.escaped)
                return .ended
            }
            name.removeAll(keepingCapacity: true)
            LabelName.append(key, to: &name)
            let view = store.keep(name)
            let known = wanted == nil ? names.id(for: view) : names.find(view)
            guard let id = known, wanted?.contains(id) ?? true else { return .ended }
            fields.append(.jsonString(id, value.text, hasBackslash: value.escaped))
            return .ended
        }
        if case .failed(let error) = walk {
            fields.removeAll()
            return (error, nil)
        }
        return (.none, entry)
    }
}

/// The `decolorize` stage: takes ANSI escape sequences out of a line.
struct Decolorizer {
    private let regex: Regex

    /// Sequences begin with ESC or the one-character CSI; then come parameters of up to four digits and a final
    /// character, or any words and a BEL (ECMA-48, section 5.4, and xterm's titles).
    private static let pattern =
        "[\u{1B}\u{9B}][\\[\\]()#;?]*"
        + "(?:(?:(?:[a-zA-Z\\d]*(?:;[a-zA-Z\\d]*)*)?\u{7})|(?:(?:\\d{1,4}(?:;\\d{0,4})*)?[\\dA-PRZcf-ntqry=><~]))"

    init(in set: RegexSet) {
        regex = promised(Self.pattern) { () throws(RegexError) in try set.compile(Self.pattern, capturing: true) }.regex
    }

    /// The line without its sequences; nil where it has none. The bytes are the arena's.
    func clean(_ line: ByteView, in arena: inout Arena) -> ByteView? {
        guard Self.mayHaveSequence(line) else { return nil }
        let room = unsafe arena.reserve(line.count)
        var kept = 0
        var offset = 0
        while offset < line.count, regex.matches(line.dropping(offset)) == .match, let found = regex.group(0) {
            for index in 0..<found.lowerBound { unsafe room[kept + index] = line[offset + index] }
            kept += found.lowerBound
            offset += max(1, found.upperBound)
        }
        guard offset > 0 else { return nil }
        for index in offset..<max(offset, line.count) { unsafe room[kept + index - offset] = line[index] }
        return arena.commit(kept + max(0, line.count - offset))
    }

    private static func mayHaveSequence(_ line: ByteView) -> Bool {
        line.firstIndex(of: 0x1B) != nil || line.firstIndex(of: 0x9B) != nil
    }
}

extension Program {
    mutating func decolorize() -> Bool {
        if let line = stages.decolorizer?.clean(record.line, in: &record.arena) { record.line = line }
        return true
    }
}

extension Record {
    /// A copy that lives as long as the line.
    mutating func keep(_ bytes: some Collection<UInt8>) -> ByteView {
        let room = unsafe arena.reserve(bytes.count)
        var count = 0
        for byte in bytes {
            unsafe room[count] = byte
            count += 1
        }
        return arena.commit(count)
    }

    /// The text of a JSON string; nil where it cannot be decoded.
    mutating func decoded(_ field: ExtractedField) -> ByteView? {
        guard field.form != .plain else { return field.value }
        let room = unsafe arena.reserve(field.value.count)
        return unsafe unescapeJSON(field.value, into: room).map { arena.commit($0) }
    }
}
