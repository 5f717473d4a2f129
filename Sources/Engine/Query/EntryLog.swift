import Records

/// The entries that a log query has given so far: no more of them than its limit asks for, in memory that is bounded
/// by the limit.
struct EntryLog: ~Copyable {
    struct Entry {
        var time: Int64
        /// The result's stream: an index into `table`.
        var labels: Int
        /// The stream that the entry came from.
        var stream: Int
        /// The order of arrival.
        var number: Int
        var line: [UInt8]
    }

    var table: SeriesTable
    private(set) var entries: [Entry] = []
    private var arrived = 0
    /// Entries that are kept at most, and from which end.
    var limit = Int.max
    var direction = QueryDirection.forward
    /// Entries outside are left out; the end is exclusive.
    var window = Int64.min..<Int64.max

    init(seriesLimit: Int) {
        table = SeriesTable(limit: seriesLimit, template: [0])
    }

    func takes(_ time: Int64) -> Bool { window.contains(time) }

    mutating func append(time: Int64, labels: Int, stream: Int, line: ByteView) {
        entries.append(Entry(time: time, labels: labels, stream: stream, number: arrived, line: line.array))
        arrived += 1
        if limit < Int.max / 4, entries.count >= max(2 * limit, 4_096) { prune() }
    }

    /// Brings the entries into order, one of those that are equal, and drops those beyond the limit.
    mutating func prune() {
        entries.sort { a, b in
            if a.time != b.time { return direction == .forward ? a.time < b.time : a.time > b.time }
            return a.number < b.number
        }
        // Entries of one stream with the same time and text are one entry, as in Loki.
        var kept: [Entry] = []
        var sameTime = 0
        for entry in entries {
            if let last = kept.last, last.time != entry.time { sameTime = kept.count }
            let isKnown = kept[sameTime...].contains {
                $0.time == entry.time && $0.stream == entry.stream && $0.labels == entry.labels && $0.line == entry.line
            }
            if !isKnown { kept.append(entry) }
            if kept.count == limit { break }
        }
        entries = kept
    }

    /// The result, in the order of its labels.
    mutating func streams() -> [QueryStream] {
        prune()
        var streams: [Int: QueryStream] = [:]
        for entry in entries {
            if streams[entry.labels] == nil {
                let labels = table.identities[entry.labels].labels.labels
                streams[entry.labels] = QueryStream(labels: labels, entries: [])
            }
            streams[entry.labels]?.entries.append((Timestamp(nanoseconds: entry.time), entry.line))
        }
        return streams.values.sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    }
}

extension Program {
    /// There were more series, or more result streams, than the limit lets through.
    var hasOverflow: Bool {
        for index in 0..<leaves.count where leaves[index].table.overflowUpdates > 0 { return true }
        return entries.table.overflowUpdates > 0
    }

    /// A line has come through the pipeline of a log query. Always false: nothing follows.
    mutating func emit() -> Bool {
        guard entries.takes(record.time.nanoseconds) else { return false }
        addErrorLabels()
        let labels = openEntry()
        entries.append(
            time: record.time.nanoseconds, labels: labels, stream: currentStream, line: record.line)
        return false
    }

    /// Makes labels of the error and its details. Details without an error show once labels were changed, as in Loki.
    mutating func addErrorLabels() {
        let details = record.details
        let isChanged = record.isChanged
        if record.failure != .none, let errorField {
            record.set(errorField, Field(value: stages.errorTexts[Int(record.failure.rawValue)], origin: .parsed))
        }
        if !details.isEmpty, record.failure != .none || isChanged, let detailsField {
            record.set(detailsField, Field(value: details, origin: .parsed))
        }
    }

    /// The result stream of the line's labels; made when it is new.
    private mutating func openEntry() -> Int {
        var key = gatheredKey(of: nil)
        let view = key.paddedView()
        let hash = view.hash(seed: record.seed)
        if let known = entries.table.find(key: view, hash) { return known }
        let labels = gatheredLabels(of: nil)
        return entries.table.add(
            key: key, hash, at: now, identity: { SeriesIdentity(labels: LabelSet(labels)) },
            overflowIdentity: { SeriesIdentity(labels: .empty) })
    }
}
