import Glibc

// Unsafe here: `memchr` and the copy take raw pointers. The span lends them for the call, and the checks of the offsets
// keep both within the span.

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

extension [UInt8] {
    /// Appends a part of a span in one go; nothing when the range is not within it.
    mutating func append(_ range: Range<Int>, of bytes: Span<UInt8>) {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else { return }
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe append(contentsOf: UnsafeBufferPointer(rebasing: buffer[range]))
        }
    }
}
