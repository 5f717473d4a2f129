/// The `json` stage: takes labels from a line that is a JSON object, as Loki 3.4.0 does.
///
/// `scan` first walks the line fast, expecting the keys of the line before. Whatever the walk does not like (syntax
/// errors, odd tokens, deep nesting) makes it give up; `scanExactly` then reads the line again, slowly, with the
/// parser's very order of checks, so that labels and error are Loki's.
///
/// Fields come in the order of the line; when one label comes twice, the later one wins.
struct JSONScanner: ~Copyable {
    var keys: JSONKeys
    private var memory: KeyMemory
    /// With chosen labels: stop reading once each of them has been found, as Loki does where it knows the labels
    /// that a query needs.
    let stopsWhenComplete: Bool
    /// By field: the scan in which the field was found last. Only kept for `stopsWhenComplete`.
    private var foundIn: [UInt32] = []
    private var scanNumber: UInt32 = 0
    private var missing = 0
    /// The nodes of the objects around the place that is being read.
    private var stack = [Int32](repeating: 0, count: maximumDepth)

    /// Objects deeper than this give no labels.
    static let maximumDepth = 128

    /// Every key becomes a label.
    init(seed: UInt64) {
        self.init(names: nil, seed: seed, stopsWhenComplete: false)
    }

    /// Only keys that become one of the labels `wanted` do.
    init(wanted: [(name: String, id: FieldID)], seed: UInt64, stopsWhenComplete: Bool = false) {
        self.init(names: wanted, seed: seed, stopsWhenComplete: stopsWhenComplete)
    }

    private init(names: [(name: String, id: FieldID)]?, seed: UInt64, stopsWhenComplete: Bool) {
        keys = JSONKeys(wanted: names, seed: seed)
        memory = KeyMemory(seed: seed)
        self.stopsWhenComplete = stopsWhenComplete && names != nil
        if self.stopsWhenComplete {
            foundIn = [UInt32](repeating: 0, count: (names!.map(\.id.value).max() ?? -1) + 1)
        }
    }

    /// Values that were lost because the name table was full, since the scanner was made.
    var refused: UInt64 { keys.refused }

    /// Appends the labels of `line` to `fields`. After an error, the labels before it are there.
    mutating func scan(_ line: ByteView, into fields: inout FieldBuffer, names: inout NameTable) -> ScanError {
        if memory.isFull || keys.nodesAreFull {
            memory.removeAll()
            keys.forgetNodes()
        }
        startCounting()
        if stopsWhenComplete && missing == 0 { return .none }
        let before = fields.count
        if walk(line, &fields, &names) { return .none }
        fields.truncate(to: before)
        startCounting()
        return scanExactly(line, into: &fields, names: &names)
    }

    private mutating func startCounting() {
        guard stopsWhenComplete else { return }
        missing = keys.wantedCount ?? 0
        scanNumber &+= 1
        if scanNumber == 0 {
            foundIn = [UInt32](repeating: 0, count: foundIn.count)
            scanNumber = 1
        }
    }

    /// Notes that a chosen label was found; true when it was the last one missing.
    mutating func completes(_ field: Int32) -> Bool {
        guard stopsWhenComplete, foundIn[Int(field)] != scanNumber else { return false }
        foundIn[Int(field)] = scanNumber
        missing -= 1
        return missing == 0
    }

    /// True when the line was read to its closing brace (or as far as necessary); false to have it read exactly.
    private mutating func walk(_ line: ByteView, _ fields: inout FieldBuffer, _ names: inout NameTable) -> Bool {
        var offset = line.skipJSONSpace(0)
        guard offset < line.count, line.peek(offset) == UInt8(ascii: "{") else { return false }
        offset = line.skipJSONSpace(offset &+ 1)
        var node = JSONKeys.root
        var depth = 0
        var entry: Int32 = 0
        while offset < line.count {
            // A key, or the end of an object.
            if line.peek(offset) == UInt8(ascii: "\"") {
                let key = offset &+ 1
                let expected = memory[entry].next
                let field: Int32
                var keyEnd = 0
                if memory.matches(expected, line, key, node: node),
                    key &+ Int(truncatingIfNeeded: memory[expected].length) <= line.count
                {
                    entry = expected
                    field = memory[entry].field
                    offset = key &+ Int(truncatingIfNeeded: memory[entry].length)
                } else {
                    let found = unexpectedKey(line, key, node: node, after: entry, names: &names)
                    guard found.offset > 0 else { return false }
                    entry = found.entry
                    field = found.field
                    keyEnd = found.keyEnd
                    offset = found.offset
                }
                if offset < line.count, line.peek(offset) <= 0x20 { offset = line.skipJSONSpace(offset) }
                guard offset < line.count else { return false }
                switch line.peek(offset) {
                case UInt8(ascii: "\""):
                    let end = line.stringEnd(offset &+ 1)
                    guard end.end < line.count else { return false }
                    if field >= 0 {
                        let inside = line.part(offset &+ 1, end.end)
                        fields.append(
                            .jsonString(FieldID(Int(field)), inside, hasBackslash: end.escaped))
                        if completes(field) { return true }
                    }
                    offset = end.end &+ 1
                case UInt8(ascii: "{"):
                    guard depth < Self.maximumDepth else { return false }
                    guard let below = child(line, key, keyEnd, entry: entry, node: node) else { return false }
                    stack[depth] = node
                    depth &+= 1
                    node = below
                    offset = line.skipJSONSpace(offset &+ 1)
                    continue
                case UInt8(ascii: "["):
                    guard let end = line.balancedArrayEnd(offset) else { return false }
                    offset = end
                default:
                    let end = line.jsonTokenEnd(offset)
                    let value = line.part(offset, end)
                    guard let isLabel = Self.isScalar(value) else { return false }
                    if field >= 0, isLabel {
                        fields.append(ExtractedField(id: FieldID(Int(field)), form: .plain, value: value))
                        if completes(field) { return true }
                    }
                    offset = end
                }
            } else if line.peek(offset) != UInt8(ascii: "}") {
                return false
            }
            // Behind a value, or at the brace of an object that is empty or ends with a comma.
            while true {
                if offset < line.count, line.peek(offset) <= 0x20 { offset = line.skipJSONSpace(offset) }
                guard offset < line.count else { return false }
                let byte = line.peek(offset)
                offset &+= 1
                if byte == UInt8(ascii: ",") {
                    if offset < line.count, line.peek(offset) <= 0x20 { offset = line.skipJSONSpace(offset) }
                    break
                }
                guard byte == UInt8(ascii: "}") else { return false }
                if depth == 0 { return true }
                depth &-= 1
                node = stack[depth]
            }
        }
        return false
    }

    /// A number or a word: true when it becomes a label, false for `null`, nil when it is neither.
    @inline(__always)
    private static func isScalar(_ value: ByteView) -> Bool? {
        guard value.count > 0 else { return nil }
        let first = value.peek(0)
        if first &- UInt8(ascii: "0") < 10 || first == UInt8(ascii: "-") { return true }
        return isWord(value)
    }

    static func isWord(_ value: ByteView) -> Bool? {
        if value.isJSONWord("true") || value.isJSONWord("false") { return true }
        return value.isJSONWord("null") ? false : nil
    }

    private struct FoundKey: BitwiseCopyable {
        var entry: Int32
        var field: Int32
        /// The key's closing quote.
        var keyEnd: Int
        /// Behind the colon; 0 when the key is broken.
        var offset: Int
    }

    /// A key that is not the one that followed the last time: looks it up, or learns it.
    @inline(never)
    private mutating func unexpectedKey(
        _ line: ByteView, _ start: Int, node: Int32, after previous: Int32, names: inout NameTable
    ) -> FoundKey {
        var found = FoundKey(entry: 0, field: -1, keyEnd: 0, offset: 0)
        let (end, escaped) = line.stringEnd(start)
        guard end < line.count else { return found }
        let key = line.part(start, end)
        if escaped, JSONEscape.check(key) != .good { return found }
        let colon = line.skipJSONSpace(end + 1)
        guard colon < line.count, line[colon] == UInt8(ascii: ":") else { return found }
        found.keyEnd = end
        found.offset = colon + 1
        guard node != JSONKeys.barren else { return remember(line, start, end, colon, node, previous, &found) }
        if colon == end + 1 {
            let known = memory.find(line[start..<colon + 1], node: node)
            if known != 0 {
                memory[previous].next = known
                found.entry = known
                found.field = memory[known].field
                return found
            }
        }
        found.field = keys.field(key, in: node, names: &names)
        return remember(line, start, end, colon, node, previous, &found)
    }

    private mutating func remember(
        _ line: ByteView, _ start: Int, _ end: Int, _ colon: Int, _ node: Int32, _ previous: Int32,
        _ found: inout FoundKey
    ) -> FoundKey {
        guard colon == end + 1 else { return found }
        let key = line[start..<colon + 1]
        let known = memory.find(key, node: node)
        found.entry = known != 0 ? known : memory.insert(key, node: node, field: found.field)
        if found.entry != 0 { memory[previous].next = found.entry }
        return found
    }

    /// The node of the object that is the value of a key; nil when there are too many.
    private mutating func child(
        _ line: ByteView, _ key: Int, _ keyEnd: Int, entry: Int32, node: Int32
    ) -> Int32? {
        if entry != 0, memory[entry].child != KeyMemory.unknownNode { return memory[entry].child }
        guard node != JSONKeys.barren else { return JSONKeys.barren }
        guard !keys.nodesAreFull else { return nil }
        let end = keyEnd > 0 ? keyEnd : key + Int(memory[entry].length) - 2
        let below = keys.child(line[key..<end], in: node)
        if entry != 0 { memory[entry].child = below }
        return below
    }
}
