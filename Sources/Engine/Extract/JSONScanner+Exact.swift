extension JSONScanner {
    /// Reads a line in the order in which Loki's parser does: an object's end is looked for before its keys are read,
    /// blocks count only their own kind of bracket, a number is whatever begins like one.
    mutating func scanExactly(
        _ line: ByteView, into fields: inout FieldBuffer, names: inout NameTable
    ) -> ScanError {
        switch object(line, prefix: [], depth: 0, &fields, &names) {
        case .failed(let error): error
        case .ended, .complete: .none
        }
    }

    private enum Outcome {
        case ended
        /// Every chosen label has been found.
        case complete
        case failed(ScanError)
    }

    private mutating func object(
        _ text: ByteView, prefix: ArraySlice<UInt8>?, depth: Int, _ fields: inout FieldBuffer, _ names: inout NameTable
    ) -> Outcome {
        var offset = text.skipJSONSpace(0)
        guard offset < text.count, text[offset] == UInt8(ascii: "{") else { return .failed(.object) }
        offset = text.skipJSONSpace(offset + 1)
        guard offset < text.count else { return .failed(.malformed) }
        while offset < text.count {
            if text[offset] == UInt8(ascii: "}") { return .ended }
            guard text[offset] == UInt8(ascii: "\"") else { return .failed(.object) }
            let (end, escaped) = text.stringEnd(offset + 1)
            guard end < text.count else { return .failed(.malformed) }
            let key = text[offset + 1..<end]
            if escaped, JSONEscape.check(key) != .good { return .failed(.escape) }
            offset = text.skipJSONSpace(end + 1)
            guard offset < text.count, text[offset] == UInt8(ascii: ":") else { return .failed(.malformed) }
            offset = text.skipJSONSpace(offset + 1)
            guard offset < text.count else { return .failed(.malformed) }
            let value: JSONValue
            switch JSONValue.read(text, at: offset) {
            case .failure(let error): return .failed(error)
            case .success(let read): value = read
            }
            offset = value.end
            switch take(value, key, prefix: prefix, depth: depth, &fields, &names) {
            case .ended: break
            case .complete: return .complete
            case .failed(let error): return .failed(error)
            }
            offset = text.skipJSONSpace(offset)
            guard offset < text.count else { return .failed(.array) }
            if text[offset] == UInt8(ascii: "}") { return .ended }
            guard text[offset] == UInt8(ascii: ",") else { return .failed(.object) }
            offset = text.skipJSONSpace(offset + 1)
            guard offset < text.count else { return .failed(.array) }
        }
        return .failed(.object)
    }

    private mutating func take(
        _ value: JSONValue, _ key: ByteView, prefix: ArraySlice<UInt8>?, depth: Int, _ fields: inout FieldBuffer,
        _ names: inout NameTable
    ) -> Outcome {
        switch value.kind {
        case .null, .array: return .ended
        case .object:
            guard depth < Self.maximumDepth else { return .ended }
            let below = keys.childPrefix(key, prefix: prefix)
            return object(value.text, prefix: below?[...], depth: depth + 1, &fields, &names)
        case .string, .number, .word:
            let target = keys.target(key, prefix: prefix, names: &names)
            guard target.field >= 0, admits(target.field, target.variant) else { return .ended }
            let id = FieldID(Int(target.field))
            if value.kind == .string {
                fields.append(.jsonString(id, value.text, hasBackslash: value.escaped))
            } else {
                fields.append(ExtractedField(id: id, form: .plain, value: value.text))
            }
            return isComplete ? .complete : .ended
        }
    }
}

/// A value as Loki's parser delimits it.
struct JSONValue {
    enum Kind { case string, number, word, null, array, object }
    var kind: Kind
    /// The value's bytes; of a string, what is between its quotes.
    var text: ByteView
    var escaped = false
    /// Behind the value.
    var end: Int

    enum Reading {
        case success(JSONValue)
        case failure(ScanError)
    }

    /// The value that begins at `offset`, which is not white space.
    static func read(_ text: ByteView, at offset: Int) -> Reading {
        switch text[offset] {
        case UInt8(ascii: "\""):
            let (end, escaped) = text.stringEnd(offset + 1)
            guard end < text.count else { return .failure(.string) }
            return .success(
                JSONValue(kind: .string, text: text[offset + 1..<end], escaped: escaped, end: end + 1))
        case UInt8(ascii: "["):
            guard let end = text.blockEnd(offset, open: UInt8(ascii: "["), close: UInt8(ascii: "]")) else {
                return .failure(.array)
            }
            return .success(JSONValue(kind: .array, text: text[offset..<end], end: end))
        case UInt8(ascii: "{"):
            guard let end = text.blockEnd(offset, open: UInt8(ascii: "{"), close: UInt8(ascii: "}")) else {
                return .failure(.object)
            }
            return .success(JSONValue(kind: .object, text: text[offset..<end], end: end))
        default: return scalar(text, at: offset)
        }
    }

    private static func scalar(_ text: ByteView, at offset: Int) -> Reading {
        var end = offset
        scan: while end < text.count {
            switch text[end] {
            case 0x20, 0x0A, 0x0D, 0x09, UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): break scan
            default: end += 1
            }
        }
        let value = text[offset..<end]
        switch text[offset] {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            return .success(JSONValue(kind: .number, text: value, end: end))
        default:
            guard let isLabel = JSONScanner.isWord(value) else { return .failure(.value) }
            return .success(JSONValue(kind: isLabel ? .word : .null, text: value, end: end))
        }
    }
}
