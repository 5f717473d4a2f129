import Records

/// The series of one rule in one worker: open addressing over the bytes of the label values.
///
/// A key is, for each label of the rule, the length of its value (32 bits) and its bytes. The hash is seeded per
/// process, since label values come from outside. Each series has `stride` numbers, next to each other.
struct SeriesTable: ~Copyable {
    struct Entry: BitwiseCopyable {
        var hash: UInt64
        var keyStart: Int
        var keyCount: Int
        /// When the series appeared and when it was updated last: ns since the epoch, by our clock.
        var created: Int64
        var updated: Int64
    }

    let stride: Int
    private(set) var limit: Int
    /// What a new series starts with; `stride` numbers.
    private let template: [Double]
    /// 32 bits of the hash above the entry's index + 1; 0 where nothing is.
    private var slots: OwnedBuffer<UInt64>
    private var entries = OwnedBuffer<Entry>()
    private var keys = OwnedBuffer<UInt8>(capacity: 1_024)
    var values = OwnedBuffer<Double>()
    private(set) var identities: [SeriesIdentity] = []
    /// The series that takes everything beyond the limit.
    private var overflow = -1
    var overflowUpdates: UInt64 = 0

    init(limit: Int, template: [Double]) {
        self.limit = limit
        self.template = template
        stride = template.count
        slots = OwnedBuffer(repeating: 0, count: 64)
    }

    var count: Int { entries.count }
    func created(_ entry: Int) -> Int64 { entries[entry].created }
    func updated(_ entry: Int) -> Int64 { entries[entry].updated }

    mutating func touch(_ entry: Int, at now: Int64) {
        entries[entry].updated = now
    }

    // MARK: Finding

    /// The series whose key is the values of these labels; nil when it is not there.
    @inline(__always)
    func find(_ fields: borrowing OwnedBuffer<FieldID>, _ hash: UInt64, in record: inout Record) -> Int? {
        let mask = slots.count - 1
        let tag = hash & 0xFFFF_FFFF_0000_0000
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let content = slots[slot]
            if content == 0 { return nil }
            if content & 0xFFFF_FFFF_0000_0000 == tag {
                let index = Int(content & 0xFFFF_FFFF) - 1
                if entries[index].hash == hash, matches(index, fields, in: &record) { return index }
            }
            slot = (slot + 1) & mask
        }
    }

    @inline(__always)
    private func matches(_ index: Int, _ fields: borrowing OwnedBuffer<FieldID>, in record: inout Record) -> Bool {
        var offset = entries[index].keyStart
        for position in 0..<fields.count {
            let value = record.value(fields[position])
            guard keys.word(at: offset) == UInt32(truncatingIfNeeded: value.count),
                keys.holds(value, at: offset + 4)
            else { return false }
            offset += 4 + value.count
        }
        return true
    }

    /// The series with this key; nil when it is not there.
    func find(key: ByteView, _ hash: UInt64) -> Int? {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let content = slots[slot]
            if content == 0 { return nil }
            let index = Int(content & 0xFFFF_FFFF) - 1
            if entries[index].hash == hash, entries[index].keyCount == key.count,
                keys.holds(key, at: entries[index].keyStart)
            {
                return index
            }
            slot = (slot + 1) & mask
        }
    }

    // MARK: Adding

    /// Adds a series. At the limit: the overflow series, made with `overflowIdentity` when it is needed first.
    mutating func add(
        key: borrowing OwnedBuffer<UInt8>, _ hash: UInt64, at now: Int64, identity: () -> SeriesIdentity,
        overflowIdentity: () -> SeriesIdentity
    ) -> Int {
        if entries.count - (overflow >= 0 ? 1 : 0) >= limit {
            overflowUpdates += 1
            if overflow < 0 {
                overflow = entries.count
                append(Entry(hash: 0, keyStart: 0, keyCount: -1, created: now, updated: now), overflowIdentity())
            }
            return overflow
        }
        let start = keys.count
        for index in 0..<key.count { keys.append(key[index]) }
        append(
            Entry(hash: hash, keyStart: start, keyCount: key.count, created: now, updated: now), identity())
        link(entries.count - 1)
        if entries.count * 4 > slots.count * 3 { rehash(slots.count * 2) }
        return entries.count - 1
    }

    private mutating func append(_ entry: Entry, _ identity: SeriesIdentity) {
        entries.append(entry)
        identities.append(identity)
        for number in template { values.append(number) }
    }

    private mutating func link(_ index: Int) {
        let mask = slots.count - 1
        let hash = entries[index].hash
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(index + 1)
    }

    private mutating func rehash(_ size: Int) {
        slots = OwnedBuffer(repeating: 0, count: size)
        for index in 0..<entries.count where entries[index].keyCount >= 0 { link(index) }
    }

    // MARK: Over a restart

    /// What `encode` writes, in bytes, roughly.
    var stateBytes: Int { 64 + entries.count * 24 + keys.count + values.count * 8 }

    func encode(to writer: inout StateWriter) {
        writer.add(UInt32(entries.count))
        writer.add(Int64(overflow))
        writer.add(overflowUpdates)
        for index in 0..<entries.count {
            writer.add(entries[index].created)
            writer.add(entries[index].updated)
            writer.add(Int64(entries[index].keyCount))
        }
        // Keys stand one after the other in the order of the entries; the overflow series has none.
        writer.add(UInt64(keys.count))
        writer.add(keys)
        writer.add(values)
    }

    /// The overflow series, made when it is not there.
    mutating func overflowEntry(at now: Int64, _ identity: SeriesIdentity) -> Int {
        if overflow < 0 {
            overflow = entries.count
            append(Entry(hash: 0, keyStart: 0, keyCount: -1, created: now, updated: now), identity)
        }
        return overflow
    }

    /// Takes over the times of a series that was saved.
    mutating func restoreTimes(_ entry: Int, created: Int64, updated: Int64, isNew: Bool) {
        entries[entry].created = isNew ? created : min(entries[entry].created, created)
        entries[entry].updated = isNew ? updated : max(entries[entry].updated, updated)
    }

    // MARK: Taking away

    /// Takes the series of another table with the same kind of keys; the limit stays its own.
    mutating func adopt(_ other: inout SeriesTable) {
        let own = limit
        swap(&self, &other)
        limit = own
    }

    /// Takes every series away for which `isGone` holds; the overflow series stays.
    mutating func removeAll(where isGone: (borrowing SeriesTable, Int) -> Bool) {
        var gone: [Bool] = []
        var any = false
        for index in 0..<entries.count {
            let goes = index != overflow && isGone(self, index)
            gone.append(goes)
            any = any || goes
        }
        guard any else { return }
        var kept = SeriesTable(limit: limit, template: template)
        kept.overflowUpdates = overflowUpdates
        for index in 0..<entries.count where !gone[index] {
            var entry = entries[index]
            let start = kept.keys.count
            for offset in 0..<max(0, entry.keyCount) { kept.keys.append(keys[entry.keyStart + offset]) }
            entry.keyStart = start
            if index == overflow { kept.overflow = kept.entries.count }
            kept.entries.append(entry)
            kept.identities.append(identities[index])
            for number in 0..<stride { kept.values.append(values[index * stride + number]) }
        }
        var size = 64
        while kept.entries.count * 4 > size * 3 { size *= 2 }
        kept.rehash(size)
        self = kept
    }
}
