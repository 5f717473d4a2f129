/// Decides which label a JSON key becomes: the chosen labels of a program, or all.
struct JSONKeys {
    /// The chosen labels by sanitised name, with their fields; nil when all keys become labels.
    private var wanted: ByteTable?
    private var wantedFields: [FieldID] = []
    /// Names of objects that chosen labels may come from: `a`, `a_b`, and (by a key without a name) `a_b_c` for `a_b_c`.
    private var wantedPrefixes: ByteTable
    /// Names of objects met so far (keys joined with `_`), by node.
    private var nodes: ByteTable
    private var scratch: [UInt8] = []
    /// Of the key that was joined last: a hash of it, decoded, and whether it is its own name.
    private var keyHash: UInt64 = 0
    private var keyIsName = false
    private let seed: UInt64
    /// Values that were lost because the name table is full, ever.
    private(set) var refused: UInt64 = 0

    static let root: Int32 = 0
    /// An object that no chosen label can come from.
    static let barren: Int32 = -2
    static let maximumNodes = 1_024

    init(wanted names: [(name: String, id: FieldID)]?, seed: UInt64) {
        self.seed = seed
        nodes = ByteTable(seed: seed)
        wantedPrefixes = ByteTable(seed: seed)
        _ = nodes.insert(.empty)
        guard let names else { return }
        var table = ByteTable(seed: seed)
        let store = ByteStore()
        defer { withExtendedLifetime(store) {} }
        for (name, id) in names {
            let view = store.keep(name.utf8)
            if table.insert(view) == wantedFields.count { wantedFields.append(id) }
            for offset in 0..<view.count where view[offset] == UInt8(ascii: "_") {
                _ = wantedPrefixes.insert(view[0..<offset])
            }
            _ = wantedPrefixes.insert(view)
        }
        wanted = table
    }

    /// How many labels are chosen; nil for all.
    var wantedCount: Int? { wanted?.count }

    var nodesAreFull: Bool { nodes.count >= Self.maximumNodes }

    /// Forgets the objects met so far; nodes start anew.
    mutating func forgetNodes() {
        nodes.removeAll()
        _ = nodes.insert(.empty)
    }

    /// Where the value of a key goes.
    struct Target: BitwiseCopyable {
        /// Negative when the value is not wanted, has no name, or found no room.
        var field: Int32
        /// Loki lets the first of different keys that make one label win, but the last of equal keys, where a nested
        /// key counts as its joined name. 0: the key is its label's name; else a hash of the key.
        var variant: UInt32

        static let nowhere = Target(field: -1, variant: 0)
        /// Not asked for yet: a key that has had no value for a label must not take room in the name table.
        static let unknown = Target(field: -2, variant: 0)
    }

    /// The target of a key in an object. Keys that are not of JSON have no escapes.
    mutating func target(
        _ key: ByteView, in node: Int32, names: inout NameTable, isJSON: Bool = true
    ) -> Target {
        guard node != Self.barren else { return .nowhere }
        return target(key, prefix: nodes.range(of: Int(node)), names: &names, isJSON: isJSON)
    }

    /// The same, given the name of the object; nil for one that gives no labels.
    mutating func target(
        _ key: ByteView, prefix: ArraySlice<UInt8>?, names: inout NameTable, isJSON: Bool = true
    ) -> Target {
        guard let prefix else { return .nowhere }
        let joined = !prefix.isEmpty
        join(key, to: prefix, isJSON: isJSON)
        guard !scratch.isEmpty else { return .nowhere }
        return withScratch { name, keys in
            let field = keys.field(name, names: &names)
            guard field >= 0, !joined, !keys.keyIsName else { return Target(field: field, variant: 0) }
            let hash = UInt32(truncatingIfNeeded: keys.keyHash)
            return Target(field: field, variant: hash == 0 ? 1 : hash)
        }
    }

    private mutating func field(_ name: ByteView, names: inout NameTable) -> Int32 {
        if let wanted { return wanted.find(name).map { Int32(wantedFields[$0].value) } ?? -1 }
        if let id = names.id(for: name) { return Int32(id.value) }
        refused += 1
        return -1
    }

    /// The node of the object below a key.
    mutating func child(_ key: ByteView, in node: Int32) -> Int32 {
        guard node != Self.barren else { return Self.barren }
        join(key, to: nodes.range(of: Int(node)))
        return withScratch { name, keys in
            guard keys.mayHold(name) else { return Self.barren }
            return Int32(keys.nodes.insert(name))
        }
    }

    /// The name of the object below a key; nil when no wanted label can come from it.
    mutating func childPrefix(_ key: ByteView, prefix: ArraySlice<UInt8>?) -> [UInt8]? {
        guard let prefix else { return nil }
        join(key, to: prefix)
        return withScratch { name, keys in keys.mayHold(name) ? name.array : nil }
    }

    private func mayHold(_ name: ByteView) -> Bool {
        guard name.count < NameTable.maximumNameBytes else { return false }
        // An object without a name gives its keys to the level above it.
        return wanted == nil || name.isEmpty || wantedPrefixes.find(name) != nil
    }

    /// Puts the sanitised name of `key`, behind that of its object, into `scratch`.
    private mutating func join(_ key: ByteView, to prefix: ArraySlice<UInt8>, isJSON: Bool = true) {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: prefix)
        let separated = !scratch.isEmpty
        if separated { scratch.append(UInt8(ascii: "_")) }
        let before = scratch.count
        if !isJSON || key.firstIndex(of: UInt8(ascii: "\\")) == nil {
            append(key, before)
        } else {
            appendDecoded(key, before)
        }
        if separated, scratch.count == before { scratch.removeLast() }
    }

    private mutating func append(_ key: ByteView, _ before: Int) {
        LabelName.append(key, to: &scratch)
        keyHash = key.hash(seed: seed)
        keyIsName = scratch.count - before == key.count
        for offset in 0..<key.count where keyIsName { keyIsName = scratch[before + offset] == key[offset] }
    }

    /// The scanner has checked that the escapes of `key` can be decoded.
    private mutating func appendDecoded(_ key: ByteView, _ before: Int) {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: key.count + 64) { buffer in
            let start = buffer.baseAddress!
            unsafe start.initialize(repeating: 0, count: key.count + 64)
            let count = unsafe unescapeJSON(key, into: start, replacement: UInt8(ascii: "?")) ?? 0
            let decoded = unsafe ByteView(base: UnsafePointer(start), count: count)
            append(decoded, before)
        }
    }

    /// Runs `body` with a view of `scratch`, to which the padding of a view is added.
    private mutating func withScratch<Result>(_ body: (ByteView, inout JSONKeys) -> Result) -> Result {
        let count = scratch.count
        for _ in 0..<64 { scratch.append(0) }
        var bytes: [UInt8] = []
        swap(&bytes, &scratch)
        defer { swap(&bytes, &scratch) }
        return unsafe bytes.withUnsafeBufferPointer {
            let name = unsafe ByteView(base: $0.baseAddress!, count: count)
            return body(name, &self)
        }
    }
}
