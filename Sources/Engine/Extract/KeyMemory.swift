// Unsafe here: one owned block of entries. Every index that is used comes from this file and is below `capacity`;
// keys are compared by loads that reach at most 32 bytes beyond a key's start, which padding allows.

/// The keys that a JSON scanner has met, and which one followed which: the shape of the last line.
///
/// A key is kept with its closing quote and colon (`status":`), up to 32 bytes, so that a line of the same shape
/// needs one comparison per key and no search for the key's end. Keys belong to a node (the object they are
/// in); the same key in another object is another entry.
@safe struct KeyMemory: ~Copyable {
    /// What is known of one key.
    struct Entry: BitwiseCopyable {
        var low: SIMD16<UInt8>
        var high: SIMD16<UInt8>
        /// All ones where the key has a byte.
        var lowMask: SIMD16<UInt8>
        var highMask: SIMD16<UInt8>
        /// The object that the key is in; `noNode` for entry 0, which matches nothing.
        var node: Int32
        /// The entry that followed the last time.
        var next: Int32
        /// Bytes of the key with `":`.
        var length: Int32
        /// The field that the value goes to; negative for none.
        var field: Int32
        /// Tells keys apart whose values go to one field: see `JSONKeys.Target`.
        var variant: UInt32
        /// The object below this key; `unknownNode` until it has been asked for.
        var child: Int32
        /// The next entry of the same hash slot.
        var chain: Int32

        static let nothing = Entry(
            low: .zero, high: .zero, lowMask: .zero, highMask: .zero, node: noNode, next: 0, length: 0, field: -1,
            variant: 0, child: unknownNode, chain: 0)
    }

    static let noNode: Int32 = -1
    static let unknownNode: Int32 = -1
    static let capacity = 512
    /// The longest key that is kept, with `":`.
    static let maximumLength = 32

    private let entries: UnsafeMutablePointer<Entry>
    private let heads: UnsafeMutablePointer<Int32>
    private static let headCount = 512
    private(set) var count = 1
    private let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
        unsafe entries = .allocate(capacity: Self.capacity)
        unsafe heads = .allocate(capacity: Self.headCount)
        unsafe heads.initialize(repeating: 0, count: Self.headCount)
        unsafe entries.initialize(to: .nothing)
    }

    deinit {
        unsafe entries.deallocate()
        unsafe heads.deallocate()
    }

    var isFull: Bool { count == Self.capacity }

    subscript(index: Int32) -> Entry {
        @inline(__always) unsafeAddress {
            assert(index >= 0 && index < count)
            return unsafe UnsafePointer(entries + Int(index))
        }
        @inline(__always) unsafeMutableAddress {
            assert(index >= 0 && index < count)
            return unsafe entries + Int(index)
        }
    }

    /// True when entry `index` is the key of `node` whose first byte stands at `offset` of the line.
    @inline(__always)
    func matches(_ index: Int32, _ line: ByteView, _ offset: Int, node: Int32) -> Bool {
        let low = (line.block(offset) ^ self[index].low) & self[index].lowMask
        guard Self.isZero(low), self[index].node == node else { return false }
        if self[index].length <= 16 { return true }
        return Self.isZero((line.block(offset &+ 16) ^ self[index].high) & self[index].highMask)
    }

    @inline(__always)
    private static func isZero(_ bytes: SIMD16<UInt8>) -> Bool {
        let words = unsafe unsafeBitCast(bytes, to: SIMD2<UInt64>.self)
        return words[0] | words[1] == 0
    }

    /// The entry of a key (given with `":`), or 0.
    func find(_ key: ByteView, node: Int32) -> Int32 {
        guard key.count <= Self.maximumLength else { return 0 }
        var index = unsafe heads[slot(key, node)]
        while index != 0 {
            if Int(self[index].length) == key.count, matches(index, key, 0, node: node) { return index }
            index = self[index].chain
        }
        return 0
    }

    /// Keeps a key (given with `":`); 0 when it is too long or the memory is full.
    mutating func insert(_ key: ByteView, node: Int32, target: JSONKeys.Target) -> Int32 {
        guard key.count <= Self.maximumLength, count < Self.capacity else { return 0 }
        var entry = Entry.nothing
        entry.node = node
        entry.length = Int32(key.count)
        entry.field = target.field
        entry.variant = target.variant
        for lane in 0..<min(16, key.count) { (entry.low[lane], entry.lowMask[lane]) = (key[lane], 0xFF) }
        for lane in 16..<max(16, key.count) { (entry.high[lane - 16], entry.highMask[lane - 16]) = (key[lane], 0xFF) }
        let slot = slot(key, node)
        entry.chain = unsafe heads[slot]
        let index = Int32(count)
        unsafe (entries + count).initialize(to: entry)
        unsafe heads[slot] = index
        count += 1
        return index
    }

    private func slot(_ key: ByteView, _ node: Int32) -> Int {
        Int(truncatingIfNeeded: key.hash(seed: seed &+ UInt64(truncatingIfNeeded: node))) & (Self.headCount - 1)
    }

    mutating func removeAll() {
        count = 1
        unsafe entries[0].next = 0
        for slot in 0..<Self.headCount { unsafe heads[slot] = 0 }
    }
}
