// Unsafe here: one owned allocation. Every index is checked against `count` before it is used.

/// The labels that a parser took from one line, in the order in which it met them. Keeps its memory between lines.
@safe struct FieldBuffer: ~Copyable {
    private var storage: UnsafeMutablePointer<ExtractedField>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 64) {
        self.capacity = max(capacity, 8)
        unsafe storage = .allocate(capacity: self.capacity)
    }

    deinit { unsafe storage.deallocate() }

    @inline(__always)
    mutating func append(_ field: ExtractedField) {
        if count == capacity { grow() }
        unsafe (storage + count).initialize(to: field)
        count &+= 1
    }

    subscript(index: Int) -> ExtractedField {
        @inline(__always) get {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index beyond the fields")
            return unsafe storage[index]
        }
        @inline(__always) set {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index beyond the fields")
            unsafe storage[index] = newValue
        }
    }

    @inline(__always)
    mutating func removeAll() { count = 0 }

    /// Forgets the fields of one label.
    mutating func removeAll(of id: FieldID) {
        var kept = 0
        for index in 0..<count where self[index].id != id {
            self[kept] = self[index]
            kept += 1
        }
        count = kept
    }

    /// Forgets all fields but the first `length`.
    mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count, "length beyond the fields")
        count = length
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<ExtractedField>.allocate(capacity: capacity * 2)
        unsafe larger.moveInitialize(from: storage, count: count)
        unsafe storage.deallocate()
        unsafe storage = larger
        capacity *= 2
    }
}
