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
    /// True when it must be known which labels the line has given: to stop early, or because several keys make one
    /// label (`a.b` and `a-b`).
    private var tracksLabels: Bool
    /// By field: the scan in which it was found last, and from which variant of its key.
    private var found: [(scan: UInt32, variant: UInt32)] = []
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
        tracksLabels = self.stopsWhenComplete
    }

    /// Values that were lost because the name table was full, since the scanner was made.
    var refused: UInt64 { keys.refused }

    /// Appends the labels of `line` to `fields`. After an error, the labels before it are there.
    mutating func scan(_ line: ByteView, into fields: inout FieldBuffer, names: inout NameTable) -> ScanError {
        if memory.isFull || keys.nodesAreFull {
            memory.removeAll()
            keys.forgetNodes()
        }
        startTracking()
        if isComplete { return .none }
        let before = fields.count
        if walk(line, &fields, &names) { return .none }
        fields.truncate(to: before)
        startTracking()
        return scanExactly(line, into: &fields, names: &names)
    }

    private mutating func startTracking() {
        missing = stopsWhenComplete ? keys.wantedCount ?? 0 : Int.max
        scanNumber &+= 1
        if scanNumber == 0 {
            for index in found.indices { found[index].scan = 0 }
            scanNumber = 1
        }
    }

    /// True when every chosen label has been found and that is enough.
    @inline(__always)
    var isComplete: Bool { missing == 0 }

    /// Notes that a label was found; false when another key has given it already.
    mutating func admits(_ field: Int32, _ variant: UInt32) -> Bool {
        let index = Int(field)
        while found.count <= index { found.append((scan: 0, variant: 0)) }
        if found[index].scan == scanNumber { return found[index].variant == variant }
        found[index] = (scan: scanNumber, variant: variant)
        missing -= 1
        return true
    }

    /// True when the line was read to its closing brace (or as far as necessary); false to have it read exactly.
    private mutating func walk(_ line: ByteView, _ fields: inout FieldBuffer, _ names: inout NameTable) -> Bool {
        var offset = line.skipJSONSpace(0)
        guard offset < line.count, line.peek(offset) == UInt8(ascii: "{") else { return false }
        offset = line.skipJSONSpace(offset &+ 1)
        var node = JSONKeys.root
        var depth = 0
        // Where the object of the first level below the line's own begins: the exact reading looks for its end before
        // it takes labels from within.
        var outermost = 0
        var entry: Int32 = 0
        while offset < line.count {
            // A key, or the end of an object.
            if line.peek(offset) == UInt8(ascii: "\"") {
                let key = offset &+ 1
                var target: JSONKeys.Target
                let expected = memory[entry].next
                if memory.matches(expected, line, key, node: node) {
                    entry = expected
                    target = JSONKeys.Target(field: memory[entry].field, variant: memory[entry].variant)
                    offset = key &+ Int(truncatingIfNeeded: memory[entry].length)
                } else {
                    let found = unexpectedKey(line, key, node: node, after: entry)
                    entry = found.entry
                    target = found.target
                    offset = found.offset
                    guard offset > 0 else { return false }
                }
                guard offset < line.count else { return false }
                var first = line.peek(offset)
                if first <= 0x20 {
                    offset = line.skipJSONSpace(offset)
                    guard offset < line.count else { return false }
                    first = line.peek(offset)
                }
                if first == UInt8(ascii: "\"") {
                    offset = string(line, offset, Key(key, entry, node), &target, &fields, &names)
                    if offset <= 0 { return offset == 0 && (depth == 0 || line.closesBrace(at: outermost)) }
                } else if first == UInt8(ascii: "{") {
                    guard depth < Self.maximumDepth, let below = child(line, Key(key, entry, node)) else {
                        return false
                    }
                    if depth == 0 { outermost = offset }
                    stack[depth] = node
                    depth &+= 1
                    node = below
                    offset = line.skipJSONSpace(offset &+ 1)
                    continue
                } else if first == UInt8(ascii: "[") {
                    guard let end = line.balancedArrayEnd(offset) else { return false }
                    offset = end
                } else {
                    offset = scalar(line, offset, Key(key, entry, node), &target, &fields, &names)
                    if offset <= 0 { return offset == 0 && (depth == 0 || line.closesBrace(at: outermost)) }
                }
                // The usual case: `,"` and the next key.
                if offset < line.count, line.pair(offset) == 0x222C {
                    offset &+= 1
                    continue
                }
            } else if line.peek(offset) != UInt8(ascii: "}") {
                return false
            }
            offset = behindValue(line, offset, &node, &depth)
            if offset <= 0 { return offset == 0 }
        }
        return false
    }

    /// From behind a value, or from the brace of an object that is empty or ends with a comma, to the next key. Gives
    /// its offset, or `complete` behind the last brace, or `giveUp`.
    @inline(__always)
    private func behindValue(_ line: ByteView, _ start: Int, _ node: inout Int32, _ depth: inout Int) -> Int {
        var offset = start
        while true {
            offset = line.skipJSONSpace(offset)
            guard offset < line.count else { return Self.giveUp }
            let byte = line.peek(offset)
            offset &+= 1
            if byte == UInt8(ascii: ",") { return line.skipJSONSpace(offset) }
            guard byte == UInt8(ascii: "}") else { return Self.giveUp }
            if depth == 0 { return Self.complete }
            depth &-= 1
            node = stack[depth]
        }
    }

    /// A key on its way: where its first byte stands, its entry, its object.
    private struct Key: BitwiseCopyable {
        var start: Int
        var entry: Int32
        var node: Int32

        @inline(__always)
        init(_ start: Int, _ entry: Int32, _ node: Int32) { (self.start, self.entry, self.node) = (start, entry, node) }
    }

    /// What the parts of the walk give instead of an offset.
    private static let complete = 0
    private static let giveUp = -1

    /// The string whose quote stands at `offset`. Gives the offset behind it, or `complete`, or `giveUp`.
    @inline(__always)
    private mutating func string(
        _ line: ByteView, _ offset: Int, _ key: Key, _ target: inout JSONKeys.Target, _ fields: inout FieldBuffer,
        _ names: inout NameTable
    ) -> Int {
        let end = line.stringEnd(offset &+ 1)
        guard end.end < line.count else { return Self.giveUp }
        guard target.field != JSONKeys.Target.nowhere.field else { return end.end &+ 1 }
        if target.field < 0 {
            guard let known = learn(line, key, &names) else { return Self.giveUp }
            target = known
        }
        if target.field >= 0, !tracksLabels || admits(target.field, target.variant) {
            let inside = line.part(offset &+ 1, end.end)
            fields.append(.jsonString(FieldID(target), inside, hasBackslash: end.escaped))
            if isComplete { return Self.complete }
        }
        return end.end &+ 1
    }

    /// The number or word that begins at `offset`. Gives what `string` gives.
    @inline(__always)
    private mutating func scalar(
        _ line: ByteView, _ offset: Int, _ key: Key, _ target: inout JSONKeys.Target, _ fields: inout FieldBuffer,
        _ names: inout NameTable
    ) -> Int {
        let end = line.jsonTokenEnd(offset)
        let value = line.part(offset, end)
        guard let isLabel = Self.isScalar(value) else { return Self.giveUp }
        guard isLabel, target.field != JSONKeys.Target.nowhere.field else { return end }
        if target.field < 0 {
            guard let known = learn(line, key, &names) else { return Self.giveUp }
            target = known
        }
        if target.field >= 0, !tracksLabels || admits(target.field, target.variant) {
            fields.append(ExtractedField(id: FieldID(target), form: .plain, value: value))
            // What no token has may belong to it all the same: whoever goes on finds that out, here nobody does.
            if isComplete { return line.endsJSONToken(end) ? Self.complete : Self.giveUp }
        }
        return end
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
        var entry: Int32 = 0
        var target = JSONKeys.Target.unknown
        /// Behind the colon; 0 when the line must be read exactly.
        var offset = 0
    }

    /// A key that is not the one that followed the last time: looks it up, or remembers it.
    @inline(never)
    private mutating func unexpectedKey(
        _ line: ByteView, _ start: Int, node: Int32, after previous: Int32
    ) -> FoundKey {
        var found = FoundKey()
        let (end, escaped) = line.stringEnd(start)
        guard end < line.count else { return found }
        if escaped, JSONEscape.check(line[start..<end]) != .good { return found }
        let colon = line.skipJSONSpace(end + 1)
        guard colon < line.count, line[colon] == UInt8(ascii: ":") else { return found }
        found.offset = colon + 1
        guard colon == end + 1 else { return found }
        let key = line[start..<colon + 1]
        found.entry = memory.find(key, node: node)
        if found.entry != 0 {
            found.target = JSONKeys.Target(field: memory[found.entry].field, variant: memory[found.entry].variant)
        } else {
            found.entry = memory.insert(key, node: node, target: .unknown)
        }
        if found.entry != 0 { memory[previous].next = found.entry }
        return found
    }

    /// Finds out where the values of a key go; nil when labels of this line have been taken without regard to which
    /// key gave them, and now that counts.
    @inline(never)
    private mutating func learn(_ line: ByteView, _ key: Key, _ names: inout NameTable) -> JSONKeys.Target? {
        let target = keys.target(line[key.start..<line.stringEnd(key.start).end], in: key.node, names: &names)
        if key.entry != 0 { (memory[key.entry].field, memory[key.entry].variant) = (target.field, target.variant) }
        guard target.variant != 0, !tracksLabels else { return target }
        tracksLabels = true
        return nil
    }

    /// The node of the object that is the value of a key; nil when there are too many.
    private mutating func child(_ line: ByteView, _ key: Key) -> Int32? {
        if key.entry != 0, memory[key.entry].child != KeyMemory.unknownNode { return memory[key.entry].child }
        guard key.node != JSONKeys.barren else { return JSONKeys.barren }
        guard !keys.nodesAreFull else { return nil }
        let below = keys.child(line[key.start..<line.stringEnd(key.start).end], in: key.node)
        if key.entry != 0 { memory[key.entry].child = below }
        return below
    }
}

extension FieldID {
    /// The field of a target that has one.
    @inline(__always)
    fileprivate init(_ target: JSONKeys.Target) { index = UInt16(truncatingIfNeeded: target.field) }
}
