import Records

/// Why lines are dropped before they were sent.
enum DropReason: String, Sendable {
    case queueFull = "queue_full"
    case shutdown
}

/// What waits for one destination and what is on its way, in order; bounded by bytes. A value without clocks or locks.
///
/// Receipts are settled in the order in which batches were offered, dropped ones included, because a source's position
/// follows them: the receipt of a dropped batch hangs on the batch before it until that one is settled.
struct QueueState {
    typealias Instant = ContinuousClock.Instant

    enum Verdict: Equatable {
        case accepted
        /// Full, but the destination may be alive: ask again when something was settled, or then.
        case wait(until: Instant)
        case dropped(DropReason)
    }
    struct Entry {
        let batch: LineBatch
        /// Memory that the batch holds.
        let bytes: Int
        /// Bytes of its lines and metadata.
        let lineBytes: Int
        let since: Instant
        /// Receipts that come after the batch's own and have nothing to wait for but their turn.
        var followers: [Receipt] = []
        var isSettled = false
    }

    /// Beyond so many receipts of dropped batches, what is queued is given up too, so that they are bounded as well.
    static let maximumFollowers = 16_384

    let limitBytes: Int
    let patience: Duration
    private(set) var entries: [Entry] = []
    /// The first so many entries are the request on its way.
    private(set) var inFlight = 0
    private(set) var heldBytes = 0
    /// Receipts that hang on entries.
    private(set) var followers = 0
    /// When something was last settled, or when the queue last began to fill.
    private var lastProgress: Instant?
    private(set) var isClosed = false

    init(limitBytes: Int, patience: Duration) {
        self.limitBytes = limitBytes
        self.patience = patience
    }

    /// One batch always fits into an empty queue.
    mutating func offer(_ batch: LineBatch, at now: Instant) -> Verdict {
        if isClosed { return .dropped(.shutdown) }
        let bytes = Self.memory(of: batch)
        if entries.isEmpty || heldBytes + bytes <= limitBytes {
            if entries.isEmpty { lastProgress = now }
            entries.append(Entry(batch: batch, bytes: bytes, lineBytes: Self.lineBytes(of: batch), since: now))
            heldBytes += bytes
            return .accepted
        }
        let end = (lastProgress ?? now) + patience
        return now < end ? .wait(until: end) : .dropped(.queueFull)
    }

    /// Keeps the receipt of a batch that needs no delivery until its turn; false when its turn is now.
    mutating func follow(_ receipt: Receipt) -> Bool {
        guard !entries.isEmpty else { return false }
        entries[entries.count - 1].followers.append(receipt)
        followers += 1
        return true
    }

    var isOverdue: Bool { followers > Self.maximumFollowers }

    mutating func close() {
        isClosed = true
    }

    /// The next request, when there is one; it stays here until it is settled.
    mutating func cut(by cutter: BatchCutter, at now: Instant) -> (decision: BatchCutter.Decision, batches: [LineBatch])
    {
        let waiting = entries.lazy.map { (bytes: $0.lineBytes, since: $0.since) }
        let decision = cutter.decide(waiting: waiting, at: now, isClosing: isClosed)
        guard case .cut(let count) = decision else { return (decision, []) }
        inFlight = count
        return (decision, entries.prefix(count).map(\.batch))
    }

    /// Puts everything that is queued on its way, to be given up together.
    mutating func takeAll() -> [LineBatch] {
        inFlight = entries.count
        return entries.map(\.batch)
    }

    /// The receipts that are due now that the request on its way is over, in their order.
    ///
    /// Settle them, then ask again: those that arrive meanwhile wait here for their turn. Empty once the request is gone.
    mutating func settle(at now: Instant) -> [Receipt] {
        lastProgress = now
        var due: [Receipt] = []
        for index in 0..<inFlight {
            if !entries[index].isSettled, let receipt = entries[index].batch.receipt { due.append(receipt) }
            entries[index].isSettled = true
            due += entries[index].followers
            followers -= entries[index].followers.count
            entries[index].followers = []
        }
        guard due.isEmpty else { return due }
        heldBytes -= entries.prefix(inFlight).reduce(0) { $0 + $1.bytes }
        entries.removeFirst(inFlight)
        inFlight = 0
        return []
    }

    private static func memory(of batch: LineBatch) -> Int {
        let objects = 512  // the batch, its arrays' headers and the entry here
        return objects + batch.bytes.count + batch.lines.count * MemoryLayout<Line>.stride
            + batch.metadata.count * MemoryLayout<MetadataPair>.stride
    }

    private static func lineBytes(of batch: LineBatch) -> Int {
        batch.lines.reduce(0) { $0 + Int($1.bytes.count) } + batch.metadata.reduce(0) { $0 + Int($1.value.count) }
    }
}
