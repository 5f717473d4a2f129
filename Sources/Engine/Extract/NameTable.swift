/// Byte strings by number: open addressing over their hashes, the bytes one after the other.
struct ByteTable {
    /// Index + 1 into `entries`; 0 is free. At most half full.
    private var slots: [UInt32]
    private var entries: [Entry] = []
    private var bytes: [UInt8] = []
    private let seed: UInt64

    private struct Entry: BitwiseCopyable {
        var hash: UInt64
        var start: Int
        var count: Int
    }

    init(seed: UInt64) {
        self.seed = seed
        slots = [UInt32](repeating: 0, count: 64)
    }

    var count: Int { entries.count }

    func find(_ name: ByteView) -> Int? { find(name, hash: name.hash(seed: seed)) }

    private func find(_ name: ByteView, hash: UInt64) -> Int? {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            let entry = entries[index]
            if entry.hash == hash, entry.count == name.count, equal(entry, name) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private func equal(_ entry: Entry, _ name: ByteView) -> Bool {
        for offset in 0..<entry.count where bytes[entry.start + offset] != name[offset] { return false }
        return true
    }

    /// The number of `name`, which is added when new.
    mutating func insert(_ name: ByteView) -> Int {
        let hash = name.hash(seed: seed)
        if let known = find(name, hash: hash) { return known }
        if (entries.count + 1) * 2 > slots.count { rehash() }
        entries.append(Entry(hash: hash, start: bytes.count, count: name.count))
        for offset in 0..<name.count { bytes.append(name[offset]) }
        place(entries.count - 1)
        return entries.count - 1
    }

    private mutating func place(_ index: Int) {
        var slot = Int(truncatingIfNeeded: entries[index].hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(index + 1)
    }

    private mutating func rehash() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for index in entries.indices { place(index) }
    }

    /// The bytes of entry `index`.
    func range(of index: Int) -> ArraySlice<UInt8> {
        bytes[entries[index].start..<entries[index].start + entries[index].count]
    }

    mutating func removeAll() {
        for slot in slots.indices { slots[slot] = 0 }
        entries.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
    }
}

/// The label names of a program. Names of the rules are entered while planning; `json` and `logfmt` without chosen
/// names add those that they meet, up to a bound: lines are hostile.
struct NameTable {
    private var table: ByteTable
    private var names: [String] = []
    /// Names at most.
    let limit: Int
    /// A longer name is refused, in bytes.
    static let maximumNameBytes = 1_024

    /// Names of a program at most.
    static let usualLimit = 4_096

    init(seed: UInt64, limit: Int = usualLimit) {
        table = ByteTable(seed: seed)
        self.limit = min(limit, Int(UInt16.max))
    }

    /// Why a table has no room for the names of a plan; nil where it has.
    static func problem(with names: [String]) -> String? {
        if let long = names.first(where: { $0.utf8.count > maximumNameBytes }) {
            return "a label name may have \(maximumNameBytes) bytes, '\(long.prefix(20))…' has \(long.utf8.count)"
        }
        return names.count > usualLimit
            ? "too many label names: at most \(usualLimit) in all expressions, found \(names.count)" : nil
    }

    var count: Int { names.count }

    /// The number of a name that is already sanitised, which is entered when new; nil when the table is full or the
    /// name too long: the caller counts it.
    mutating func id(for name: ByteView) -> FieldID? {
        if let known = table.find(name) { return FieldID(known) }
        guard names.count < limit, name.count <= Self.maximumNameBytes else { return nil }
        names.append(name.string)
        return FieldID(table.insert(name))
    }

    /// The number of a name that is already in the table.
    func find(_ name: ByteView) -> FieldID? { table.find(name).map { FieldID($0) } }

    /// For planning: the number of `name`, which is entered when new; nil when the table is full.
    mutating func id(forName name: String) -> FieldID? {
        let store = ByteStore()
        let view = store.keep(name.utf8)
        return withExtendedLifetime(store) { id(for: view) }
    }

    func name(of id: FieldID) -> String { names[id.value] }
}
