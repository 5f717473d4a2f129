/// A part of a batch's bytes.
public struct ByteRange: BitwiseCopyable, Hashable, Sendable {
    public var start: UInt32
    public var count: UInt32

    public init(start: Int, count: Int) {
        self.start = UInt32(start)
        self.count = UInt32(count)
    }

    public var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// One entry of a batch: where its line stands, when it happened, whose it is.
public struct Line: BitwiseCopyable, Sendable {
    /// The entry's time in ns since the epoch; the time of reading where the line has none.
    public var time: Timestamp
    /// The line without its newline, within `LineBatch.bytes`.
    public var bytes: ByteRange
    /// The first of the entry's pairs in `LineBatch.metadata`.
    public var metadataStart: UInt32
    public var metadataCount: UInt16
    /// An index into `LineBatch.streams`.
    public var stream: UInt16
}

/// One pair of structured metadata: a name by index into `LineBatch.metadataNames`, and its value's bytes.
public struct MetadataPair: BitwiseCopyable, Sendable {
    public var name: UInt32
    public var value: ByteRange
}

/// Entries of one source on their way through the service; immutable, shared by reference.
public final class LineBatch: Sendable {
    /// `byteCount` bytes that lines and metadata refer to, then `padding` more that scanners may read.
    public let bytes: [UInt8]
    public let byteCount: Int
    public let lines: [Line]
    public let streams: [Stream]
    public let metadata: [MetadataPair]
    public let metadataNames: [String]
    public let receipt: Receipt?
    /// The rules have counted these entries before a restart; they are only to be delivered.
    public let isCounted: Bool

    /// Readable bytes behind the last line: a newline, then zeros, so that 8-byte loads may run over the end.
    public static let padding = 64

    init(_ builder: consuming LineBatchBuilder, receipt: Receipt?, isCounted: Bool) {
        byteCount = builder.bytes.count
        builder.bytes.append(UInt8(ascii: "\n"))
        for _ in 1..<Self.padding { builder.bytes.append(0) }
        bytes = builder.bytes
        lines = builder.lines
        streams = builder.streams
        metadata = builder.metadata
        metadataNames = builder.metadataNames
        self.receipt = receipt
        self.isCounted = isCounted
    }
}

/// Collects the entries of one batch; `seal` turns it into a `LineBatch`.
///
/// Either adopts a buffer that was read (ranges are recorded, nothing is copied) or copies bytes in.
public struct LineBatchBuilder: ~Copyable {
    /// Everything so far; at most 4 GiB, in practice at most some MiB (ranges are 32 bits).
    public internal(set) var bytes: [UInt8]
    public internal(set) var lines: [Line] = []
    var streams: [Stream] = []
    var metadata: [MetadataPair] = []
    var metadataNames: [String] = []

    /// An empty batch with room for `capacity` bytes.
    public init(capacity: Int) {
        bytes = []
        bytes.reserveCapacity(capacity + LineBatch.padding)
    }

    /// A batch over bytes that are already there. Reserve `LineBatch.padding` more, or sealing copies.
    public init(adopting bytes: consuming [UInt8], expectedLines: Int = 0) {
        self.bytes = bytes
        lines.reserveCapacity(expectedLines)
    }

    /// The index of a stream in this batch, added when new; nil when the batch holds 65,535 streams already.
    public mutating func index(of stream: Stream) -> UInt16? {
        if let last = streams.last, last === stream { return UInt16(streams.count - 1) }
        if let known = streams.firstIndex(where: { $0 === stream }) { return UInt16(known) }
        guard streams.count < Int(UInt16.max) else { return nil }
        streams.append(stream)
        return UInt16(streams.count - 1)
    }

    /// The index of a metadata name in this batch, added when new.
    public mutating func metadataName(_ name: String) -> UInt32 {
        if let known = metadataNames.firstIndex(of: name) { return UInt32(known) }
        metadataNames.append(name)
        return UInt32(metadataNames.count - 1)
    }

    /// Copies bytes in and says where they stand.
    public mutating func append(_ span: Span<UInt8>) -> ByteRange {
        let start = bytes.count
        // The pointer lives as long as the copy: one memcpy instead of a byte at a time.
        unsafe span.withUnsafeBufferPointer { source in unsafe bytes.append(contentsOf: source) }
        return ByteRange(start: start, count: span.count)
    }

    /// Copies bytes in and says where they stand.
    public mutating func append(_ slice: some Collection<UInt8>) -> ByteRange {
        let start = bytes.count
        bytes.append(contentsOf: slice)
        return ByteRange(start: start, count: bytes.count - start)
    }

    /// Adds an entry whose line is already in `bytes`.
    public mutating func addLine(_ range: ByteRange, time: Timestamp, stream: UInt16) {
        lines.append(
            Line(
                time: time, bytes: range, metadataStart: UInt32(truncatingIfNeeded: metadata.count), metadataCount: 0,
                stream: stream))
    }

    /// Adds a pair of structured metadata to the entry added last; the 65,536th pair of an entry is refused.
    @discardableResult
    public mutating func addMetadata(name: UInt32, value: ByteRange) -> Bool {
        guard !lines.isEmpty, lines[lines.count - 1].metadataCount < UInt16.max else { return false }
        metadata.append(MetadataPair(name: name, value: value))
        lines[lines.count - 1].metadataCount += 1
        return true
    }

    /// Gives the entries from `first` on the times that `time` reads from their lines; where it reads none, that of the
    /// entry before, or what the entry has. Returns how many those were.
    public mutating func setTimes(from first: Int = 0, _ time: (Span<UInt8>) -> Timestamp?) -> Int {
        var unread = 0
        var last: Timestamp?
        for index in first..<max(first, lines.count) {
            let range = lines[index].bytes.range
            if let found = time(bytes.span.extracting(range)) {
                last = found
            } else {
                unread += 1
            }
            if let last { lines[index].time = last }
        }
        return unread
    }

    /// `isCounted` for entries that were counted before a restart, and are only delivered again.
    public consuming func seal(receipt: Receipt? = nil, isCounted: Bool = false) -> LineBatch {
        LineBatch(self, receipt: receipt, isCounted: isCounted)
    }
}
