import Records

/// A growable array with one owner: no reference count and no uniqueness check on the per-line path.
///
/// Every access checks its bounds; the memory is freed with the owner. Elements may be non-copyable.
@safe struct OwnedBuffer<Element: ~Copyable>: ~Copyable {
    private var base: UnsafeMutablePointer<Element>
    private(set) var count = 0
    private(set) var capacity: Int

    init(capacity: Int = 0) {
        self.capacity = max(capacity, 4)
        unsafe base = .allocate(capacity: self.capacity)
    }

    deinit {
        unsafe base.deinitialize(count: count)
        unsafe base.deallocate()
    }

    subscript(index: Int) -> Element {
        @inline(__always) unsafeAddress {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index beyond the buffer")
            return unsafe UnsafePointer(base + index)
        }
        @inline(__always) unsafeMutableAddress {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index beyond the buffer")
            return unsafe base + index
        }
    }

    mutating func append(_ element: consuming Element) {
        if count == capacity { grow(to: count + 1) }
        unsafe (base + count).initialize(to: element)
        count += 1
    }

    mutating func removeLast() -> Element {
        precondition(count > 0, "nothing to remove")
        count -= 1
        return unsafe (base + count).move()
    }

    mutating func removeAll() {
        unsafe base.deinitialize(count: count)
        count = 0
    }

    private mutating func grow(to needed: Int) {
        let larger = max(needed, capacity * 2)
        let moved = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        unsafe moved.moveInitialize(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = unsafe moved
        capacity = larger
    }
}

extension OwnedBuffer where Element: BitwiseCopyable {
    init(repeating element: Element, count: Int) {
        self.init(capacity: count)
        append(repeating: element, count: count)
    }

    mutating func append(repeating element: Element, count added: Int) {
        if count + added > capacity { grow(to: count + added) }
        unsafe (base + count).initialize(repeating: element, count: added)
        count += added
    }

    /// Appends the memory of all elements as it stands.
    func write(to bytes: inout [UInt8]) {
        let memory = unsafe UnsafeRawBufferPointer(start: base, count: count * MemoryLayout<Element>.stride)
        unsafe bytes.append(contentsOf: memory)
    }

    /// Forgets elements from the end until `count` is left.
    mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "cannot truncate to more than there is")
        self.count = count
    }
}

extension OwnedBuffer where Element == UInt8 {
    mutating func append(_ view: ByteView) {
        if count + view.count > capacity { grow(to: count + view.count) }
        unsafe (base + count).initialize(from: view.base, count: view.count)
        count += view.count
    }

    mutating func append(_ value: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) { append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
    }

    /// The bytes as a view with the padding that views promise, good until the buffer changes.
    mutating func paddedView() -> ByteView {
        if count + LineBatch.padding > capacity { grow(to: count + LineBatch.padding) }
        unsafe (base + count).initialize(repeating: 0, count: LineBatch.padding)
        return unsafe ByteView(base: UnsafePointer(base), count: count)
    }

    /// True when these bytes stand at `offset`.
    func holds(_ view: ByteView, at offset: Int) -> Bool {
        guard offset >= 0, offset + view.count <= count else { return false }
        return unsafe ByteView(base: UnsafePointer(base + offset), count: view.count).equals(view)
    }

    func word(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset + 4 <= count, "offset beyond the buffer")
        return unsafe UInt32(littleEndian: UnsafeRawPointer(base + offset).loadUnaligned(as: UInt32.self))
    }
}
