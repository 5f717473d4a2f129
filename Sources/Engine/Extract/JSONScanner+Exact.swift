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

    private mutating func object(
        _ text: ByteView, prefix: ArraySlice<UInt8>?, depth: Int, _ fields: inout FieldBuffer, _ names: inout NameTable
    ) -> JSONWalk {
        text.eachMember { key, value in take(value, key, prefix: prefix, depth: depth, &fields, &names) }
    }

    private mutating func take(
        _ value: JSONValue, _ key: ByteView, prefix: ArraySlice<UInt8>?, depth: Int, _ fields: inout FieldBuffer,
        _ names: inout NameTable
    ) -> JSONWalk {
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

/// How a walk over the members of an object went on, or how it ended.
enum JSONWalk {
    case ended
    /// Every chosen label has been found: what follows need not be read.
    case complete
    case failed(ScanError)
}

extension ByteView {
    /// Goes through the members of the object that the text begins with, in the order of checks of Loki's parser, until
    /// `body` answers something else than `ended`.
    func eachMember(_ body: (ByteView, JSONValue) -> JSONWalk) -> JSONWalk {
        var offset = skipJSONSpace(0)
        guard offset < count, self[offset] == UInt8(ascii: "{") else { return .failed(.object) }
        offset = skipJSONSpace(offset + 1)
        guard offset < count else { return .failed(.malformed) }
        while offset < count {
            if self[offset] == UInt8(ascii: "}") { return .ended }
            guard self[offset] == UInt8(ascii: "\"") else { return .failed(.object) }
            let (end, escaped) = stringEnd(offset + 1)
            guard end < count else { return .failed(.malformed) }
            let key = self[offset + 1..<end]
            if escaped, JSONEscape.check(key) != .good { return .failed(.escape) }
            offset = skipJSONSpace(end + 1)
            guard offset < count, self[offset] == UInt8(ascii: ":") else { return .failed(.malformed) }
            offset = skipJSONSpace(offset + 1)
            guard offset < count else { return .failed(.malformed) }
            let value: JSONValue
            switch JSONValue.read(self, at: offset) {
            case .failure(let error): return .failed(error)
            case .success(let read): value = read
            }
            switch body(key, value) {
            case .ended: break
            case .complete: return .complete
            case .failed(let error): return .failed(error)
            }
            offset = skipJSONSpace(value.end)
            guard offset < count else { return .failed(.array) }
            if self[offset] == UInt8(ascii: "}") { return .ended }
            guard self[offset] == UInt8(ascii: ",") else { return .failed(.object) }
            offset = skipJSONSpace(offset + 1)
            guard offset < count else { return .failed(.array) }
        }
        return .failed(.object)
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
