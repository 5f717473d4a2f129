public import Diagnostics

/// A YAML text, read: the tree and everything that is wrong with it.
///
/// Hostile texts are refused in bounded time and memory: at most 4 MiB, 64 levels, and 100,000 nodes after aliases
/// are replaced. Anchors, aliases and merge keys (`<<`) are understood; other tags than YAML's own are not.
public struct Document: Sendable {
    /// The bytes that a document may have at most.
    public static let maximumBytes = 4 << 20
    static let maximumDepth = 64
    static let maximumNodes = 100_000

    /// nil for an empty document and where the text could not be read.
    public let root: Node?
    public let diagnostics: [Diagnostic]

    public init(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.count > Document.maximumBytes {
            root = nil
            diagnostics = [
                Diagnostic(
                    .error, "the file is too large: \(bytes.count) bytes, at most \(Document.maximumBytes)", at: 0..<0)
            ]
            return
        }
        var composer = Composer(bytes)
        root = composer.compose()
        diagnostics = composer.diagnostics
    }
}

/// Turns libyaml's scalar indexes into byte offsets.
struct ByteOffsets {
    /// nil where the text is ASCII, and an index is an offset.
    private let table: [UInt32]?
    private let count: Int

    init(_ bytes: [UInt8]) {
        count = bytes.count
        guard bytes.contains(where: { $0 >= 0x80 }) else {
            table = nil
            return
        }
        var starts: [UInt32] = []
        starts.reserveCapacity(bytes.count)
        for (offset, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 { starts.append(UInt32(offset)) }
        table = starts
    }

    subscript(index: Int) -> Int {
        guard let table else { return min(index, count) }
        return index < table.count ? Int(table[index]) : count
    }
}
