import Records

/// Memory for values that are made while one line is worked on: decoded strings, renamed text.
///
/// Chunks never move, so a `ByteView` into the arena stays good until `reset`, which is called before each line.
/// The first chunk is kept; what a large line needed beyond it is given back at the reset.
@safe struct Arena: ~Copyable {
    private static let chunkBytes = 64 * 1_024
    private var current: UnsafeMutablePointer<UInt8>
    private var used = 0
    private var capacity: Int
    private var full: [UnsafeMutablePointer<UInt8>] = unsafe []

    init() {
        capacity = Self.chunkBytes
        unsafe current = .allocate(capacity: Self.chunkBytes + LineBatch.padding)
        unsafe current.initialize(repeating: 0, count: Self.chunkBytes + LineBatch.padding)
    }

    deinit {
        for index in unsafe full.indices { unsafe full[index].deallocate() }
        unsafe current.deallocate()
    }

    mutating func reset() {
        used = 0
        guard unsafe !full.isEmpty else { return }
        for index in unsafe full.indices { unsafe full[index].deallocate() }
        unsafe full.removeAll()
        if capacity > Self.chunkBytes {
            unsafe current.deallocate()
            capacity = Self.chunkBytes
            unsafe current = .allocate(capacity: capacity + LineBatch.padding)
            unsafe current.initialize(repeating: 0, count: capacity + LineBatch.padding)
        }
    }

    /// Room for `count` bytes and the padding behind them.
    mutating func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if used + count > capacity {
            unsafe full.append(current)
            capacity = max(Self.chunkBytes, count)
            unsafe current = .allocate(capacity: capacity + LineBatch.padding)
            unsafe current.initialize(repeating: 0, count: capacity + LineBatch.padding)
            used = 0
        }
        return unsafe current + used
    }

    /// Keeps the first `count` bytes of what `reserve` gave last.
    mutating func commit(_ count: Int) -> ByteView {
        let view = unsafe ByteView(base: current + used, count: count)
        used += count
        return view
    }
}
