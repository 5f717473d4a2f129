import Glibc

/// Some bytes of a batch or of a record's arena: a pointer and a length, 16 bytes, no reference count.
///
/// The one view type of the per-line path. Unlike `Span` it can be stored (fields of the line at hand are kept
/// this way), so the compiler does not prove its lifetime. What makes it sound: views are made only inside
/// `Program.ingest`, from a buffer that `withUnsafeBufferPointer` holds for the whole call or from the record's
/// arena, whose chunks never move; the record forgets all of them before the next line. Every access by index
/// checks its bounds; only `load8` may read up to 8 bytes past the end, which `LineBatch.padding` and the
/// arena's own padding provide.
@safe struct ByteView: BitwiseCopyable {
    let base: UnsafePointer<UInt8>
    let count: Int

    /// `base` must stay readable for `count` + `LineBatch.padding` bytes as long as the view is used.
    init(base: UnsafePointer<UInt8>, count: Int) {
        unsafe self.base = unsafe base
        self.count = count
    }

    var isEmpty: Bool { count == 0 }

    subscript(index: Int) -> UInt8 {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index beyond the view")
        return unsafe base[index]
    }

    subscript(range: Range<Int>) -> ByteView {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range beyond the view")
        return unsafe ByteView(base: base + range.lowerBound, count: range.count)
    }

    /// Bytes from `offset` to the end.
    func dropping(_ offset: Int) -> ByteView { self[offset..<count] }

    /// Eight bytes at `offset`, little endian; may reach past the end into the padding, never past it.
    func load8(_ offset: Int) -> UInt64 {
        precondition(UInt(bitPattern: offset) <= UInt(bitPattern: count), "offset beyond the view")
        return unsafe UInt64(
            littleEndian: UnsafeRawPointer(base + offset).loadUnaligned(as: UInt64.self))
    }

    /// The offset of the first `byte` at or after `start`; nil when there is none.
    func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        precondition(start >= 0 && start <= count, "offset beyond the view")
        guard let found = unsafe memchr(base + start, Int32(byte), count - start) else { return nil }
        return unsafe UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
    }

    func equals(_ other: ByteView) -> Bool {
        unsafe count == other.count && memcmp(base, other.base, count) == 0
    }

    func equals(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return unsafe other.withUnsafeBufferPointer { unsafe count == 0 || memcmp(base, $0.baseAddress!, count) == 0 }
    }

    /// A copy, with what is not UTF-8 replaced by U+FFFD: for cold code.
    var string: String { unsafe String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self) }

    /// A copy: for cold code.
    var array: [UInt8] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }
}
