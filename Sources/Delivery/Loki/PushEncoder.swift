public import Records

/// In which form entries are pushed.
public enum PushEncoding: String, CaseIterable, Hashable, Sendable {
    /// Protobuf in snappy's block format, as Promtail sends it: a seventh of gzip's cost.
    case protobufSnappy
    /// JSON, compressed with gzip: for receivers that do not read protobuf, and smaller on the wire.
    case jsonGzip
}

/// A request body, and what was put into it.
public struct PushBody: Sendable {
    public let bytes: [UInt8]
    /// The value of `Content-Type`.
    public let contentType: String
    /// The value of `Content-Encoding`, where one is needed.
    public let contentEncoding: String?
    public let lines: Int
    /// Bytes before compression; 0 for a body that was read back from the disk.
    public let uncompressedBytes: Int
    let encoding: PushEncoding

    init(bytes: [UInt8], encoding: PushEncoding, lines: Int, uncompressedBytes: Int = 0) {
        self.uncompressedBytes = uncompressedBytes
        self.bytes = bytes
        self.encoding = encoding
        self.lines = lines
        switch encoding {
        case .protobufSnappy: (contentType, contentEncoding) = ("application/x-protobuf", nil)
        case .jsonGzip: (contentType, contentEncoding) = ("application/json", "gzip")
        }
    }
}

/// Turns batches into request bodies: the entries of a stream are joined, in their order, whatever batch they come from.
///
/// Lines and metadata that are not UTF-8 are sent with U+FFFD for each sequence that is not: a protobuf string
/// must be UTF-8, and Loki shows such bytes as U+FFFD anyway. Keep one encoder per destination: it remembers the
/// label texts of the streams it has seen.
public struct PushEncoder: Sendable {
    struct Group: Sendable {
        var stream: Stream
        var labels: [UInt8]
        var first: Int32
        var last: Int32
        /// Bytes of the stream's entries as protobuf fields.
        var size = 0
    }
    struct Entry: Sendable {
        var batch: Int32
        var line: Int32
        /// Bytes of the entry's message.
        var size: Int
        /// The next entry of the same stream, or -1.
        var next: Int32 = -1
        /// An index into `repaired`, or -1.
        var repaired: Int32 = -1
    }

    private(set) var entries: [Entry] = []
    private(set) var groups: [Group] = []
    private(set) var repaired: [[UInt8]] = []
    /// By stream id: the stream's group in this request, or -1.
    private var slots: [Int32] = []
    /// By stream id: the labels as text, with the stream that they are of.
    private var labelTexts: [(stream: Stream, text: [UInt8])?] = []

    public init() {}

    /// One request body with all entries of the batches.
    public mutating func encode(_ batches: [LineBatch], as encoding: PushEncoding) -> PushBody {
        group(batches)
        defer { forget() }
        switch encoding {
        case .protobufSnappy:
            let message = protobuf(batches)
            return PushBody(
                bytes: Snappy.compress(message), encoding: encoding, lines: entries.count,
                uncompressedBytes: message.count)
        case .jsonGzip:
            let text = json(batches)
            return PushBody(
                bytes: Zlib.gzip(text), encoding: encoding, lines: entries.count, uncompressedBytes: text.count)
        }
    }

    /// Chains the entries of each stream and sums their sizes, so that one pass can write them into one array.
    private mutating func group(_ batches: [LineBatch]) {
        entries.reserveCapacity(batches.reduce(0) { $0 + $1.lines.count })
        for (batchIndex, batch) in batches.enumerated() {
            let groupOf = batch.streams.map { slot(for: $0) }
            let bytes = batch.bytes
            for lineIndex in batch.lines.indices {
                let line = batch.lines[lineIndex]
                var entry = Entry(batch: Int32(batchIndex), line: Int32(lineIndex), size: 0)
                var count = Int(line.bytes.count)
                if !isWellFormedUTF8(bytes.span.extracting(line.bytes.range)) {
                    let repair = repairedUTF8(bytes[line.bytes.range])
                    entry.repaired = Int32(repaired.count)
                    repaired.append(repair)
                    count = repair.count
                }
                entry.size = Self.size(of: line, lineCount: count, in: batch)
                let index = Int32(entries.count)
                let group = groupOf[Int(line.stream)]
                if groups[group].last >= 0 {
                    entries[Int(groups[group].last)].next = index
                } else {
                    groups[group].first = index
                }
                groups[group].last = index
                groups[group].size += ProtobufWriter.fieldSize(count: entry.size)
                entries.append(entry)
            }
        }
    }

    /// The stream's group in this request; made when new.
    private mutating func slot(for stream: Stream) -> Int {
        while slots.count <= stream.id {
            slots.append(-1)
            labelTexts.append(nil)
        }
        let known = Int(slots[stream.id])
        if known >= 0, groups[known].stream === stream { return known }
        let text: [UInt8]
        if let kept = labelTexts[stream.id], kept.stream === stream {
            text = kept.text
        } else {
            text = Array(stream.labels.text.utf8)
            labelTexts[stream.id] = (stream, text)
        }
        slots[stream.id] = Int32(groups.count)
        groups.append(Group(stream: stream, labels: text, first: -1, last: -1))
        return groups.count - 1
    }

    private mutating func forget() {
        for group in groups { slots[group.stream.id] = -1 }
        groups.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        repaired.removeAll()
    }
}

/// PushRequest{streams=1}, stream{labels=1, entries=2}, entry{timestamp=1, line=2, structuredMetadata=3}.
extension PushEncoder {
    private func protobuf(_ batches: [LineBatch]) -> [UInt8] {
        let used = groups.filter { $0.first >= 0 }
        let total = used.reduce(0) {
            $0 + ProtobufWriter.fieldSize(count: ProtobufWriter.fieldSize(count: $1.labels.count) + $1.size)
        }
        var writer = ProtobufWriter(capacity: total)
        for group in used {
            writer.field(1, count: ProtobufWriter.fieldSize(count: group.labels.count) + group.size)
            writer.field(1, count: group.labels.count)
            writer.append(group.labels)
            var index = group.first
            while index >= 0 {
                let entry = entries[Int(index)]
                write(entry, of: batches[Int(entry.batch)], to: &writer)
                index = entry.next
            }
        }
        return writer.bytes
    }

    private func write(_ entry: Entry, of batch: LineBatch, to writer: inout ProtobufWriter) {
        let line = batch.lines[Int(entry.line)]
        let (seconds, nanoseconds) = Self.split(line.time)
        writer.field(2, count: entry.size)
        writer.field(1, count: Self.timestampSize(seconds, nanoseconds))
        if seconds != 0 { writer.field(1, UInt64(bitPattern: seconds)) }
        if nanoseconds != 0 { writer.field(2, nanoseconds) }
        if entry.repaired >= 0 {
            let text = repaired[Int(entry.repaired)]
            writer.field(2, count: text.count)
            writer.append(text)
        } else if line.bytes.count > 0 {
            writer.field(2, count: Int(line.bytes.count))
            writer.append(batch.bytes[line.bytes.range])
        }
        for pair in Self.metadata(of: line, in: batch) {
            let name = batch.metadataNames[Int(pair.name)]
            let value = Self.value(pair, in: batch)
            let nameSize = ProtobufWriter.fieldSize(count: name.utf8.count)
            writer.field(3, count: nameSize + ProtobufWriter.fieldSize(count: value.count))
            writer.field(1, count: name.utf8.count)
            writer.append(name)
            writer.field(2, count: value.count)
            writer.append(value)
        }
    }

    private static func size(of line: Line, lineCount: Int, in batch: LineBatch) -> Int {
        let (seconds, nanoseconds) = split(line.time)
        var size = ProtobufWriter.fieldSize(count: timestampSize(seconds, nanoseconds))
        if lineCount > 0 { size += ProtobufWriter.fieldSize(count: lineCount) }
        for pair in metadata(of: line, in: batch) {
            let name = ProtobufWriter.fieldSize(count: batch.metadataNames[Int(pair.name)].utf8.count)
            size += ProtobufWriter.fieldSize(
                count: name + ProtobufWriter.fieldSize(count: value(pair, in: batch).count))
        }
        return size
    }

    /// Seconds rounded down, so that the nanoseconds are never negative (google.protobuf.Timestamp).
    private static func split(_ time: Timestamp) -> (seconds: Int64, nanoseconds: UInt64) {
        var (seconds, rest) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        if rest < 0 {
            seconds -= 1
            rest += 1_000_000_000
        }
        return (seconds, UInt64(rest))
    }

    private static func timestampSize(_ seconds: Int64, _ nanoseconds: UInt64) -> Int {
        (seconds == 0 ? 0 : 1 + ProtobufWriter.size(UInt64(bitPattern: seconds)))
            + (nanoseconds == 0 ? 0 : 1 + ProtobufWriter.size(nanoseconds))
    }

    static func metadata(of line: Line, in batch: LineBatch) -> ArraySlice<MetadataPair> {
        batch.metadata[Int(line.metadataStart)..<Int(line.metadataStart) + Int(line.metadataCount)]
    }

    static func value(_ pair: MetadataPair, in batch: LineBatch) -> ArraySlice<UInt8> {
        let slice = batch.bytes[pair.value.range]
        return isWellFormedUTF8(slice.span) ? slice : repairedUTF8(slice)[...]
    }
}
