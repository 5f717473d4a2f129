/// The `json name="path"` stage: finds values by path, without checking the line as a whole, as Loki 3.4.0 does.
///
/// Only what is found is given. Where the line begins like JSON, the caller makes an empty label of each other path,
/// unless a label of that name is there already; an empty line and one with `.notJSON` get no labels at all.
struct JSONPathScanner {
    private struct Path {
        var steps: [JSONPath.Step]
        var id: FieldID
        /// Steps that the keys around the place being read agree with.
        var matched = 0
        var isDone = false
    }

    private var paths: [Path]
    private var open = 0
    private var error = ScanError.none
    /// Arrays of the line that could not be read to their ends. Each may have been looked through up to the end of
    /// the line, and the search goes on within: beyond `mostBroken` of them the line is given up.
    private var broken = 0
    private static let mostBroken = 64
    private let longest: Int

    init(_ paths: [(path: JSONPath, id: FieldID)]) {
        self.paths = paths.map { Path(steps: $0.path.steps, id: $0.id) }
        longest = paths.map(\.path.steps.count).max() ?? 0
    }

    /// Appends the values found to `fields`. The error is that of the last value that was broken.
    mutating func scan(_ line: ByteView, into fields: inout FieldBuffer) -> ScanError {
        guard !line.isEmpty else { return .none }
        switch line[0] {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""): break
        default: return .notJSON
        }
        for index in paths.indices { (paths[index].matched, paths[index].isDone) = (0, false) }
        open = paths.count
        error = .none
        broken = 0
        walk(line, &fields)
        return error
    }

    /// Goes over all strings and brackets of the line; keys are strings in front of a colon.
    private mutating func walk(_ line: ByteView, _ fields: inout FieldBuffer) {
        var level = 0
        var offset = 0
        while offset < line.count, open > 0 {
            switch line[offset] {
            case UInt8(ascii: "{"): level += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): level -= 1
            case UInt8(ascii: "["):
                guard level >= 0 else { return error = .malformed }
                guard let end = array(line, offset, level, &fields) else { return }
                offset = end
                continue
            case UInt8(ascii: "\""):
                let (end, escaped) = line.stringEnd(offset + 1)
                guard end < line.count else { return }
                let colon = line.skipJSONSpace(end + 1)
                guard colon < line.count else { return }
                if line[colon] == UInt8(ascii: ":") {
                    let key = line[offset + 1..<end]
                    if escaped, JSONEscape.check(key) != .good { return }
                    if level <= longest {
                        guard level > 0 else { return error = .malformed }
                        meet(key, escaped, level, line, colon + 1, &fields)
                    }
                    offset = colon
                } else {
                    offset = end
                }
            default: break
            }
            offset += 1
        }
    }

    /// A key at a level: takes its value for each path that ends here.
    private mutating func meet(
        _ key: ByteView, _ escaped: Bool, _ level: Int, _ line: ByteView, _ offset: Int, _ fields: inout FieldBuffer
    ) {
        for index in paths.indices where paths[index].matched >= level - 1 && paths[index].steps.count >= level {
            guard Self.equal(key, escaped, paths[index].steps[level - 1]) else {
                paths[index].matched = level - 1
                continue
            }
            paths[index].matched = level
            guard paths[index].steps.count == level, !paths[index].isDone else { continue }
            finish(index)
            let start = line.skipJSONSpace(offset)
            guard start < line.count else {
                error = .malformed
                continue
            }
            switch JSONValue.read(line, at: start) {
            case .success(let value): emit(value, paths[index].id, &fields)
            case .failure(let failure): error = failure
            }
        }
    }

    private mutating func finish(_ index: Int) {
        paths[index].isDone = true
        open -= 1
    }

    private static func equal(_ key: ByteView, _ escaped: Bool, _ step: JSONPath.Step) -> Bool {
        guard case .key(let name) = step else { return false }
        guard escaped else { return key.equals(name) }
        return ExtractedField(id: FieldID(0), form: .escaped, value: key).decoded == name
    }

    /// An array at a level: takes the elements that paths name. Gives the offset behind it, or as far as it could be
    /// read; nil when it does not end.
    private mutating func array(
        _ line: ByteView, _ start: Int, _ level: Int, _ fields: inout FieldBuffer
    ) -> Int? {
        func isWanted(_ path: Path) -> Int? {
            guard !path.isDone, path.matched >= level, path.steps.count > level,
                case .index(let number) = path.steps[level]
            else { return nil }
            return number
        }
        guard paths.contains(where: { isWanted($0) != nil }) else {
            return line.blockEnd(start, open: UInt8(ascii: "["), close: UInt8(ascii: "]"))
        }
        var elements = JSONElements(line, at: start)
        var number = 0
        while let element = elements.next() {
            for index in paths.indices where isWanted(paths[index]) == number {
                finish(index)
                let steps = paths[index].steps[(level + 1)...]
                if let value = Self.value(element, steps) { emit(value, paths[index].id, &fields) }
            }
            number += 1
        }
        if elements.isBroken {
            broken += 1
            guard broken <= Self.mostBroken else {
                error = .malformed
                return nil
            }
        }
        return elements.offset
    }

    /// The value at the end of `steps` below `value`; nil when it is not there.
    private static func value(_ value: JSONValue, _ steps: ArraySlice<JSONPath.Step>) -> JSONValue? {
        guard let step = steps.first else { return value }
        switch step {
        case .index(let wanted):
            guard value.kind == .array else { return nil }
            var elements = JSONElements(value.text, at: 0)
            var number = 0
            while let element = elements.next() {
                if number == wanted { return self.value(element, steps.dropFirst()) }
                number += 1
            }
            return nil
        case .key:
            guard value.kind == .object else { return nil }
            var offset = value.text.skipJSONSpace(1)
            while offset < value.text.count, value.text[offset] == UInt8(ascii: "\"") {
                let (end, escaped) = value.text.stringEnd(offset + 1)
                guard end < value.text.count else { return nil }
                let colon = value.text.skipJSONSpace(end + 1)
                guard colon < value.text.count, value.text[colon] == UInt8(ascii: ":") else { return nil }
                let start = value.text.skipJSONSpace(colon + 1)
                guard start < value.text.count, case .success(let member) = JSONValue.read(value.text, at: start)
                else { return nil }
                if equal(value.text[offset + 1..<end], escaped, step) { return self.value(member, steps.dropFirst()) }
                offset = value.text.skipJSONSpace(member.end)
                guard offset < value.text.count, value.text[offset] == UInt8(ascii: ",") else { return nil }
                offset = value.text.skipJSONSpace(offset + 1)
            }
            return nil
        }
    }

    private mutating func emit(_ value: JSONValue, _ id: FieldID, _ fields: inout FieldBuffer) {
        switch value.kind {
        case .null: fields.append(ExtractedField(id: id, form: .plain, value: .empty))
        case .object, .number, .word: fields.append(ExtractedField(id: id, form: .plain, value: value.text))
        case .string, .array:
            // Loki decodes the text of an array like that of a string.
            let escaped = value.escaped || value.text.firstIndex(of: UInt8(ascii: "\\")) != nil
            fields.append(.jsonString(id, value.text, hasBackslash: escaped))
        }
    }
}

/// The elements of an array, one after the other, up to its end or to what is broken.
private struct JSONElements {
    private let text: ByteView
    /// Behind what has been read.
    private(set) var offset: Int
    /// An element could not be read.
    private(set) var isBroken = false
    private var isOver = false

    /// The array's `[` stands at `start`.
    init(_ text: ByteView, at start: Int) {
        self.text = text
        offset = text.skipJSONSpace(start + 1)
        if offset < text.count, text[offset] == UInt8(ascii: "]") {
            offset += 1
            isOver = true
        }
    }

    mutating func next() -> JSONValue? {
        guard !isOver else { return nil }
        guard offset < text.count, case .success(let value) = JSONValue.read(text, at: offset) else {
            isBroken = true
            return nil
        }
        offset = text.skipJSONSpace(value.end)
        if offset < text.count, text[offset] == UInt8(ascii: ",") {
            offset = text.skipJSONSpace(offset + 1)
        } else {
            isOver = true
            if offset < text.count, text[offset] == UInt8(ascii: "]") { offset += 1 }
        }
        return value
    }
}

extension ExtractedField {
    /// A copy of the value, decoded: for cold code.
    var decoded: [UInt8] {
        switch form {
        case .plain: return value.array
        case .escaped:
            return unsafe [UInt8](unsafeUninitializedCapacity: value.count) { buffer, count in
                guard let start = buffer.baseAddress else { return }
                count = unsafe unescapeJSON(value, into: start) ?? 0
            }
        }
    }
}
