import Records

/// Turns frames of one socket or connection into batches: reads the header, finds the stream, writes the metadata.
///
/// Owned by one thread or event loop at a time; adds to the self-metrics once per batch.
struct SyslogAssembler: ~Copyable {
    /// What the messages of one source have in common.
    struct Settings: Sendable {
        var structuredMetadata: Bool
        var useTimestamp: Bool
        var assumedOffsetSeconds: Int64
        /// A batch with this many bytes is full.
        var batchBytes: Int
    }

    /// A batch with this many lines is full.
    static let maximumLines = 4_096

    private let settings: Settings
    private let counters: SyslogCounters
    private let endpoint: SyslogEndpoint
    private var streams: SyslogStreams
    private var metadata = SyslogMetadata()
    private var builder: LineBatchBuilder?
    /// Counts batches from 1, so that indices of earlier ones are known to be stale.
    private var batch: UInt32 = 1
    /// Capacity for the next batch: what the last one needed.
    private var expectedBytes = 0
    private var lastTime = Timestamp.distantPast
    private var bytesRead = 0
    private var unreadable = 0
    private var cut = 0
    private var incomplete = 0
    private var shortMetadata = 0
    private var overflowed = 0

    init(
        _ settings: Settings, labels: SourceLabels, table: StreamTable, budget: SyslogSlotBudget,
        counters: SyslogCounters, endpoint: SyslogEndpoint
    ) {
        self.settings = settings
        self.counters = counters
        self.endpoint = endpoint
        streams = SyslogStreams(labels: labels, table: table, budget: budget)
    }

    /// Lines of the batch that is being collected.
    private(set) var lineCount = 0
    /// Its bytes.
    private var byteCount = 0

    /// Whether the batch should be taken before more is added.
    var isFull: Bool { lineCount >= Self.maximumLines || byteCount >= settings.batchBytes }

    /// Counts bytes that came in, frame marks included.
    mutating func countBytes(_ count: Int) { bytesRead += count }

    /// Adds one message, which is not empty and at most `maximumMessageBytes` long.
    ///
    /// Entries of one assembler never share a time: Loki takes two equal lines of the same time for one.
    mutating func add(
        _ frame: Span<UInt8>, isCut: Bool = false, isIncomplete: Bool = false, peer: SyslogPeer, now: Timestamp
    ) {
        let header = SyslogHeader(frame, clock: SyslogClock(now: now, offsetSeconds: settings.assumedOffsetSeconds))
        let arrival = Timestamp(nanoseconds: max(now.nanoseconds, lastTime.nanoseconds &+ 1))
        lastTime = arrival
        if builder == nil { builder = LineBatchBuilder(capacity: max(expectedBytes, frame.count)) }
        guard var current = builder.take() else { return }
        // At most 4,096 lines, so the batch has room for the stream.
        if let place = streams.place(header, frame, peer, batch: batch, in: &current) {
            let time = settings.useTimestamp ? header.time ?? arrival : arrival
            append(header, frame, time, place.index, to: &current)
            if place.overflowed { overflowed += 1 }
        }
        lineCount = current.lines.count
        byteCount = current.bytes.count
        builder = consume current
        if header.version == .none { unreadable += 1 }
        if isCut { cut += 1 }
        if isIncomplete { incomplete += 1 }
    }

    private mutating func append(
        _ header: SyslogHeader, _ frame: Span<UInt8>, _ time: Timestamp, _ stream: UInt16,
        to builder: inout LineBatchBuilder
    ) {
        guard settings.structuredMetadata else {
            builder.addLine(builder.append(frame.extracting(header.message.range)), time: time, stream: stream)
            return
        }
        // The whole frame once: line and metadata are ranges of it.
        let base = Int(builder.append(frame).start)
        let line = ByteRange(start: base + Int(header.message.start), count: Int(header.message.count))
        builder.addLine(line, time: time, stream: stream)
        if !metadata.add(header, frame, base: base, batch: batch, to: &builder) { shortMetadata += 1 }
    }

    /// The batch so far, sealed; nil when it has no lines.
    mutating func take() -> LineBatch? {
        if bytesRead > 0 {
            counters.bytes.add(bytesRead)
            bytesRead = 0
        }
        guard let full = builder.take() else { return nil }
        // A full batch ends with the message that fills it, so a little more than the limit; growing would copy it all.
        expectedBytes = min(settings.batchBytes, full.bytes.count) + 4_096
        batch &+= 1
        counters.lines.add(lineCount)
        endpoint.count(lines: lineCount)
        Self.report(&unreadable, counters.unreadableHeader)
        Self.report(&cut, counters.cut)
        Self.report(&incomplete, counters.incomplete)
        Self.report(&shortMetadata, counters.shortMetadata)
        Self.report(&overflowed, counters.overflow)
        lineCount = 0
        byteCount = 0
        return full.seal()
    }

    private static func report(_ count: inout Int, _ counter: SelfCounter) {
        if count > 0 { counter.add(count) }
        count = 0
    }
}
