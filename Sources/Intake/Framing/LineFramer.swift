/// Splits a stream of bytes into lines: keeps the line that is not finished yet, cuts those that are too long.
///
/// A line ends at `\n`; one `\r` before it is dropped. Of a line with more than `maximumLineBytes` the first that many
/// stay. A pure value: how the bytes were split into chunks changes nothing about the lines.
public struct LineFramer: Sendable {
    public let maximumLineBytes: Int

    /// The beginning of the line that is not finished: at most `maximumLineBytes` + 2 bytes.
    ///
    /// With two bytes more than the limit the line is known to be too long, whether or not a `\r` comes last; what
    /// follows need not be kept.
    public private(set) var partial: [UInt8] = []
    /// How long the unfinished line is so far, bytes that were not kept included.
    public private(set) var unfinishedBytes = 0

    /// 256 KiB, the longest line that a Loki takes by default.
    public static let defaultMaximumLineBytes = 256 * 1_024

    public init(maximumLineBytes: Int = Self.defaultMaximumLineBytes) {
        self.maximumLineBytes = max(1, maximumLineBytes)
    }

    /// Takes bytes that begin with `partial`; leaves the complete lines in `chunk` and keeps the rest.
    public mutating func keepUnfinished(of chunk: inout [UInt8]) {
        let known = partial.count
        let end = chunk.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let rest = chunk.count - end
        unfinishedBytes = end == 0 ? unfinishedBytes + rest - known : rest
        partial = Array(chunk[end..<end + min(rest, maximumLineBytes + 2)])
        chunk.removeLast(rest)
    }

    /// The unfinished line, which nothing will end any more; empty when there is none.
    public mutating func takeUnfinished() -> [UInt8] {
        defer {
            partial = []
            unfinishedBytes = 0
        }
        return partial
    }
}

/// Walks over the lines of a chunk that `LineFramer` has completed.
struct LineCursor {
    /// A line within the chunk, without its newline.
    struct Line {
        var start: Int
        var end: Int
        var isCut: Bool
    }

    let maximumLineBytes: Int
    private var next = 0

    init(maximumLineBytes: Int) {
        self.maximumLineBytes = maximumLineBytes
    }

    /// The next line; nil at the end. A last line may lack its newline.
    @inline(__always)
    mutating func nextLine(in bytes: Span<UInt8>) -> Line? {
        let start = next
        guard start < bytes.count else { return nil }
        var end = bytes.offset(of: UInt8(ascii: "\n"), from: start) ?? bytes.count
        next = end + 1
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        guard end - start > maximumLineBytes else { return Line(start: start, end: end, isCut: false) }
        return Line(start: start, end: start + maximumLineBytes, isCut: true)
    }
}
