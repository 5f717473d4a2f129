import Glibc

// Unsafe here: `memchr` takes a raw pointer. The span lends it for the call, and the check of `start` keeps the search
// within the span.

extension Span<UInt8> {
    /// The offset of the first `byte` at or after `start`; nil when there is none.
    @inline(__always)
    func offset(of byte: UInt8, from start: Int) -> Int? {
        guard start >= 0, start < count else { return nil }
        return unsafe withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress,
                let found = unsafe memchr(base + start, Int32(byte), buffer.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }
}
