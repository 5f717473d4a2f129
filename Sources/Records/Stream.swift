import Synchronization

/// A stream: the label set under which entries are kept, as in Loki. One object per label set and process.
public final class Stream: Sendable {
    /// Dense, from 0, in the order in which streams were first seen: an index for per-stream tables.
    public let id: Int
    public let labels: LabelSet

    init(id: Int, labels: LabelSet) {
        self.id = id
        self.labels = labels
    }
}

/// Every stream of the process. Bounded: label values that come from a socket are hostile.
public final class StreamTable: Sendable {
    /// At most this many streams; beyond, `stream(for:)` answers nil and the caller counts it.
    public let limit: Int
    private let streams = Mutex<[LabelSet: Stream]>([:])

    public init(limit: Int = 10_000) {
        self.limit = limit
    }

    /// The stream with these labels; made when new; nil once the table is full and the labels are new.
    public func stream(for labels: LabelSet) -> Stream? {
        streams.withLock { table in
            if let known = table[labels] { return known }
            guard table.count < limit else { return nil }
            let stream = Stream(id: table.count, labels: labels)
            table[labels] = stream
            return stream
        }
    }

    /// The stream that takes what the full table refuses: every label that varies becomes `__overflow__`.
    ///
    /// Always there, even when the table is full; one per `labels`, which the configuration bounds.
    public func overflow(for labels: LabelSet) -> Stream {
        streams.withLock { table in
            if let known = table[labels] { return known }
            let stream = Stream(id: table.count, labels: labels)
            table[labels] = stream
            return stream
        }
    }

    public var count: Int { streams.withLock { $0.count } }
}
