import Records

/// How the lines of a file are written.
public enum LineFormat: String, CaseIterable, Sendable {
    /// Every line is an entry; its time is the time it was read.
    case raw
    /// As a Kubernetes container runtime writes them: `<time> <stream> <tags> <content>`.
    case cri
    /// As Docker's `json-file` driver writes them.
    case docker
}

/// Gives times to entries that have none of their own, each a nanosecond after the one before, so that their order
/// stays and Loki does not take equal lines for copies.
struct EntryClock {
    private(set) var last: Int64 = 0

    /// The time for the first of some entries that were read at `now` (ns since the epoch).
    ///
    /// Later than any time given so far, unless the system's clock was set back by more than a second.
    func first(at now: Int64) -> Int64 {
        now > last || last - now > 1_000_000_000 ? now : last + 1
    }

    mutating func used(upTo time: Int64) {
        last = time
    }
}

/// Turns what is read of one file or pipe into entries: frames lines, reads container headers, joins parts.
struct EntryReader {
    /// What was wrong with lines that were kept nevertheless.
    struct Marks {
        var tooLong = 0
        /// Lines without the header that the format promises.
        var withoutHeader = 0
        /// Lines whose last part never came.
        var withoutEnd = 0
        /// Lines that do not tell their time.
        var withoutTime = 0
        /// Lines whose stream was one too many.
        var overflowed = 0
    }
    /// Entries and what there is to count about them.
    struct Entries: ~Copyable {
        var builder: LineBatchBuilder
        var marks = Marks()

        var count: Int { builder.lines.count }

        consuming func seal(receipt: Receipt? = nil, isCounted: Bool = false) -> LineBatch {
            builder.seal(receipt: receipt, isCounted: isCounted)
        }
    }

    let format: LineFormat
    private(set) var framer: LineFramer
    /// Where in the file the unfinished line begins; all before it was made into entries or is in `parts`.
    private(set) var completeTo: Int64
    var parts = [PartialLine](repeating: PartialLine(), count: ContainerStream.allCases.count)
    private var streams: EntryStreams
    private var bytesPerLine = 128

    init(format: LineFormat, maximumLineBytes: Int, streams: EntryStreams, at offset: Int64) {
        self.format = format
        self.framer = LineFramer(maximumLineBytes: maximumLineBytes)
        self.streams = streams
        self.completeTo = offset
    }

    /// What the next chunk has to begin with.
    var partial: [UInt8] { framer.partial }

    var hasUnfinished: Bool { framer.unfinishedBytes > 0 }

    /// Where reading has to begin again so that no line is lost.
    var resumeOffset: Int64 {
        parts.reduce(completeTo) { min($0, $1.start ?? $0) }
    }

    /// The entries of a chunk that begins with `partial` and whose end is at `offset` of the file; nil when none ends.
    mutating func entries(of chunk: consuming [UInt8], endingAt offset: Int64, at now: Int64, clock: inout EntryClock)
        -> Entries?
    {
        framer.keepUnfinished(of: &chunk)
        let start = completeTo
        completeTo = offset - Int64(framer.unfinishedBytes)
        return chunk.isEmpty ? nil : decode(chunk, from: start, at: now, clock: &clock)
    }

    /// The entries of what nothing will end any more: the last line without a newline, and lines that wait for parts.
    mutating func lastEntries(at now: Int64, clock: inout EntryClock) -> Entries? {
        let start = completeTo
        completeTo += Int64(framer.unfinishedBytes)
        let rest = framer.takeUnfinished()
        var entries =
            rest.isEmpty
            ? Entries(builder: LineBatchBuilder(capacity: 0)) : decode(rest, from: start, at: now, clock: &clock)
        var time = clock.first(at: now)
        for stream in ContainerStream.allCases where !parts[Int(stream.rawValue)].isEmpty {
            let (bytes, isCut) = parts[Int(stream.rawValue)].take(limit: framer.maximumLineBytes)
            if isCut { entries.marks.tooLong += 1 }
            entries.marks.withoutEnd += 1
            let range = entries.builder.append(bytes)
            let index = streams.index(of: stream, &entries)
            entries.builder.addLine(range, time: Timestamp(nanoseconds: time), stream: index)
            clock.used(upTo: time)
            time += 1
        }
        if entries.builder.lines.isEmpty { return nil }
        return entries
    }

    /// Begins again at the start of the file, which was truncated.
    mutating func restart() {
        _ = framer.takeUnfinished()
        for index in parts.indices { parts[index] = PartialLine() }
        completeTo = 0
    }

    private mutating func decode(
        _ chunk: consuming [UInt8], from start: Int64, at now: Int64, clock: inout EntryClock
    ) -> Entries {
        let count = chunk.count
        let first = clock.first(at: now)
        // Of Docker's lines nothing stays as it stands: the batch is made of what they say, and only of that.
        var entries = Entries(
            builder: format == .docker
                ? LineBatchBuilder(capacity: count)
                : LineBatchBuilder(adopting: copy chunk, expectedLines: count / bytesPerLine + 8))
        var joined: [UInt8] = []
        if format == .docker { joined.reserveCapacity(count) }
        let next =
            switch format {
            case .raw: decodeRaw(chunk.span, first, &entries)
            case .cri: decodeCRI(chunk.span, start, first, &entries, &joined)
            case .docker: decodeDocker(chunk.span, start, first, &entries, &joined)
            }
        // The builder must be the only owner again, or it would copy the bytes when it adds to them.
        _ = consume chunk
        if !joined.isEmpty { _ = entries.builder.append(joined) }
        if next > first { clock.used(upTo: next - 1) }
        bytesPerLine = max(8, count / max(1, entries.builder.lines.count))
        return entries
    }

    private mutating func decodeRaw(_ bytes: Span<UInt8>, _ first: Int64, _ entries: inout Entries) -> Int64 {
        var cursor = LineCursor(maximumLineBytes: framer.maximumLineBytes)
        let (stream, overflowed) = streams.resolved(nil)
        let index = entries.builder.streamIndex(of: stream)
        var time = first
        while let line = cursor.nextLine(in: bytes) {
            if line.isCut { entries.marks.tooLong += 1 }
            entries.builder.addLine(
                ByteRange(start: line.start, count: line.end - line.start), time: Timestamp(nanoseconds: time),
                stream: index)
            time += 1
        }
        if overflowed { entries.marks.overflowed += Int(time - first) }
        return time
    }

    private mutating func decodeCRI(
        _ bytes: Span<UInt8>, _ start: Int64, _ first: Int64, _ entries: inout Entries, _ joined: inout [UInt8]
    ) -> Int64 {
        var cursor = LineCursor(maximumLineBytes: framer.maximumLineBytes)
        var time = first
        while let line = cursor.nextLine(in: bytes) {
            if line.isCut { entries.marks.tooLong += 1 }
            guard let header = CRIHeader(bytes, start: line.start, end: line.end) else {
                addRaw(ByteRange(start: line.start, count: line.end - line.start), at: &time, &entries)
                continue
            }
            let part = Int(header.stream.rawValue)
            var range = ByteRange(start: header.contentStart, count: line.end - header.contentStart)
            if header.isPartial || !parts[part].isEmpty {
                let offset = line.start == 0 ? start : completeTo - Int64(bytes.count - line.start)
                parts[part].add(bytes.extracting(range.range), at: offset, limit: framer.maximumLineBytes)
                if header.isPartial { continue }
                range = take(part, after: bytes.count, &entries, &joined)
            }
            let index = streams.index(of: header.stream, &entries)
            entries.builder.addLine(range, time: header.time, stream: index)
        }
        return time
    }

    private mutating func decodeDocker(
        _ bytes: Span<UInt8>, _ start: Int64, _ first: Int64, _ entries: inout Entries, _ joined: inout [UInt8]
    ) -> Int64 {
        var cursor = LineCursor(maximumLineBytes: framer.maximumLineBytes)
        var time = first
        while let line = cursor.nextLine(in: bytes) {
            if line.isCut { entries.marks.tooLong += 1 }
            guard let docker = DockerLine(bytes, start: line.start, end: line.end, appendingTo: &joined),
                let stream = docker.stream, let written = docker.time
            else {
                addRaw(ByteRange(start: joined.count, count: line.end - line.start), at: &time, &entries)
                joined.append(line.start..<line.end, of: bytes)
                continue
            }
            let part = Int(stream.rawValue)
            var range = ByteRange(start: docker.textStart, count: joined.count - docker.textStart)
            if docker.isPartial || !parts[part].isEmpty {
                let offset = line.start == 0 ? start : completeTo - Int64(bytes.count - line.start)
                parts[part].add(
                    joined.span.extracting(docker.textStart..<joined.count), at: offset, limit: framer.maximumLineBytes)
                joined.removeLast(joined.count - docker.textStart)
                if docker.isPartial { continue }
                range = take(part, after: 0, &entries, &joined)
            }
            let index = streams.index(of: stream, &entries)
            entries.builder.addLine(range, time: written, stream: index)
        }
        return time
    }

    /// Adds a line as it stands, without the header that its format promises.
    private mutating func addRaw(_ range: ByteRange, at time: inout Int64, _ entries: inout Entries) {
        entries.marks.withoutHeader += 1
        let index = streams.index(of: nil, &entries)
        entries.builder.addLine(range, time: Timestamp(nanoseconds: time), stream: index)
        time += 1
    }

    /// Moves a line that was put together to `joined`, which follows `count` bytes in the batch.
    private mutating func take(_ part: Int, after count: Int, _ entries: inout Entries, _ joined: inout [UInt8])
        -> ByteRange
    {
        let (whole, isCut) = parts[part].take(limit: framer.maximumLineBytes)
        if isCut { entries.marks.tooLong += 1 }
        defer { joined.append(contentsOf: whole) }
        return ByteRange(start: count + joined.count, count: whole.count)
    }
}

/// The streams that the entries of one file go to: one, or one for each output of a container.
struct EntryStreams {
    private let labels: SourceLabels
    private let path: PathVariables
    private let table: StreamTable
    /// By output of a container; the last one is for lines that do not say.
    private var known: [(stream: Records.Stream, overflowed: Bool)?]

    init(labels: SourceLabels, path: String, table: StreamTable) {
        self.labels = labels
        self.path = PathVariables(path: path)
        self.table = table
        known = Array(repeating: nil, count: ContainerStream.allCases.count + 1)
    }

    mutating func resolved(_ output: ContainerStream?) -> (stream: Records.Stream, overflowed: Bool) {
        let slot = output.map { Int($0.rawValue) } ?? known.count - 1
        if let stream = known[slot] { return stream }
        let stream = labels.stream(in: table) { scope, name in
            switch scope {
            case "path": path[name]
            case "cri", "docker": name == "stream" ? output?.name : nil
            default: nil
            }
        }
        known[slot] = stream
        return stream
    }

    /// The index in the batch of the stream of one entry, which is counted when the stream was one too many.
    mutating func index(of output: ContainerStream?, _ entries: inout EntryReader.Entries) -> UInt16 {
        let (stream, overflowed) = resolved(output)
        if overflowed { entries.marks.overflowed += 1 }
        return entries.builder.streamIndex(of: stream)
    }
}

extension LineBatchBuilder {
    /// The index of a stream of a batch that has only few.
    fileprivate mutating func streamIndex(of stream: Records.Stream) -> UInt16 {
        guard let index = index(of: stream) else {
            preconditionFailure("a file has at most \(ContainerStream.allCases.count + 1) streams")
        }
        return index
    }
}
