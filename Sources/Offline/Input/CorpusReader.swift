import Engine
public import Records

/// Entries of a JSON-lines file: `{"ts":"1795168801000000000","labels":{"app":"a"},"line":"…","structuredMetadata":{…}}`.
///
/// What `logcli --output=jsonl` writes is read as well: `timestamp` in RFC 3339 stands for `ts` then. Entries of one
/// stream with the same time and line are one entry, as for Loki, over all readers that share a `known`.
public struct CorpusReader: ~Copyable {
    /// The entries that were read: 16 bytes for each.
    public final class Known {
        fileprivate var entries: Set<Key> = []
        fileprivate struct Key: Hashable {
            var high: UInt64
            var low: UInt64
        }
        public init() {}
    }

    private var lines: LineInput
    private let name: String
    private let streams: StreamTable
    private let known: Known
    private var line: [UInt8] = []
    /// Entries left out because they were there already.
    public private(set) var repeated = 0
    public private(set) var newest: Timestamp?
    public private(set) var oldest: Timestamp?

    /// Opens a file; `-` is standard input, and gzip is undone.
    public init(_ path: String, streams: StreamTable, known: Known) throws(InputProblem) {
        lines = try LineInput(path)
        name = lines.input.name
        self.streams = streams
        self.known = known
    }

    /// Bytes taken from the file, and how many there are; nil where that is not known.
    var progress: (done: Int, of: Int?) { (lines.input.consumed, lines.input.size) }

    /// The next batch, of about 256 KiB or 4,096 entries; nil at the end.
    public mutating func next() throws(InputProblem) -> LineBatch? {
        var builder = LineBatchBuilder(capacity: 256 << 10)
        while builder.bytes.count < 256 << 10, builder.lines.count < 4_096 {
            line.removeAll(keepingCapacity: true)
            guard try lines.next(into: &line) else { break }
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            let entry: CorpusEntry
            do throws(JSONCursor.Failure) {
                entry = try CorpusEntry(line)
            } catch {
                throw InputProblem(
                    name, "wanted \(error.wanted) at byte \(error.position + 1)", line: lines.number)
            }
            guard let stream = streams.stream(for: entry.labels) else {
                throw InputProblem(name, "more than \(streams.limit) streams", line: lines.number)
            }
            guard isNew(entry, stream) else {
                repeated += 1
                continue
            }
            newest = max(newest ?? entry.time, entry.time)
            oldest = min(oldest ?? entry.time, entry.time)
            guard let index = builder.index(of: stream) else { break }
            let range = builder.append(entry.line)
            builder.addLine(range, time: entry.time, stream: index)
            for (name, value) in entry.metadata {
                let range = builder.append(value)
                builder.addMetadata(name: builder.metadataName(name), value: range)
            }
        }
        return builder.lines.isEmpty ? nil : builder.seal()
    }

    private func isNew(_ entry: CorpusEntry, _ stream: Records.Stream) -> Bool {
        var high = Hasher()
        high.combine(stream.id)
        high.combine(entry.time)
        high.combine(entry.line)
        // A second hash over the same: the first byte of the state differs.
        var low = high
        low.combine(0x9E)
        let key = Known.Key(
            high: UInt64(bitPattern: Int64(high.finalize())), low: UInt64(bitPattern: Int64(low.finalize())))
        return known.entries.insert(key).inserted
    }
}

/// One line of a corpus.
struct CorpusEntry {
    var time = Timestamp(nanoseconds: 0)
    var labels = LabelSet.empty
    var line: [UInt8] = []
    var metadata: [(name: String, value: [UInt8])] = []

    init(_ json: [UInt8]) throws(JSONCursor.Failure) {
        var cursor = JSONCursor(json)
        var time: Timestamp?
        var labels: [Label]?
        var line: [UInt8]?
        var metadata: [(String, [UInt8])] = []
        try cursor.object { (cursor, key) throws(JSONCursor.Failure) in
            switch key {
            case "ts", "timestamp": time = try Self.time(&cursor)
            case "labels":
                labels = []
                try cursor.object { (cursor, name) throws(JSONCursor.Failure) in
                    labels?.append(Label(name, String(decoding: try cursor.string(), as: UTF8.self)))
                }
            case "line": line = try cursor.string()
            case "structuredMetadata":
                try cursor.object { (cursor, name) throws(JSONCursor.Failure) in
                    metadata.append((name, try cursor.string()))
                }
            default: try cursor.skip()  // such keys say nothing about the entry
            }
        }
        try cursor.end()
        guard let time else { throw cursor.failure("'ts'") }
        guard let labels else { throw cursor.failure("'labels'") }
        guard let line else { throw cursor.failure("'line'") }
        self.time = time
        self.labels = LabelSet(labels.filter { !$0.value.isEmpty })
        self.line = line
        self.metadata = metadata
    }

    private static func time(_ cursor: inout JSONCursor) throws(JSONCursor.Failure) -> Timestamp {
        let text =
            cursor.peek() == UInt8(ascii: "\"")
            ? String(decoding: try cursor.string(), as: UTF8.self) : try cursor.word()
        if let nanoseconds = Int64(text) { return Timestamp(nanoseconds: nanoseconds) }
        if let time = TimeText.rfc3339(text) { return time }
        throw cursor.failure("nanoseconds or an RFC 3339 time")
    }
}
