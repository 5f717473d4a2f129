import Records

/// Why lines are dropped before they were sent.
enum DropReason: String, Sendable {
    case queueFull = "queue_full"
    case shutdown
    /// There is a spool, and it cannot be written.
    case spoolFailed = "spool_failed"
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
        /// Full, and the disk is to make room: see that it is written, and ask again then.
        case spill(until: Instant)
        case dropped(DropReason)
    }
    /// Who takes entries from the front: the one that sends, or the one that writes to the disk.
    enum Party: Int, CaseIterable {
        case sender
        case writer
    }
    enum SpillDecision {
        case sleep(until: Instant?)
        /// Those of the request on its way are apart: they are one record of their own.
        case take(inFlight: [LineBatch], queued: [LineBatch])
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
    /// With a spool: how long a full queue waits for an acknowledgement before it goes to the disk.
    let spillPatience: Duration?
    private(set) var entries: [Entry] = []
    /// The first so many entries are the request on its way.
    private(set) var inFlight = 0
    private(set) var heldBytes = 0
    /// Receipts that hang on entries.
    private(set) var followers = 0
    /// When something was last settled, or when the queue last began to fill.
    private var lastProgress: Instant?
    private(set) var isClosed = false
    /// Batches go to the disk, because the destination does not take them or because older ones are there.
    private(set) var isSpilling = false
    /// The first so many entries are being written to the disk.
    private(set) var spilling = 0
    /// How often something was written to the disk.
    private(set) var writes = 0
    /// The disk could not be written, and will not be tried again before.
    private var writesAgain: Instant?
    /// Receipts of the first entries are being settled just now.
    private var isSettling = false

    init(limitBytes: Int, patience: Duration, spillPatience: Duration? = nil) {
        self.limitBytes = limitBytes
        self.patience = patience
        self.spillPatience = spillPatience
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
        if let spillPatience, !isSpilling {
            let end = (lastProgress ?? now) + spillPatience
            if now < end { return .wait(until: end) }
            spill()
            lastProgress = now
        }
        if isSpilling, writesAgain != nil { return .dropped(.spoolFailed) }
        let end = (lastProgress ?? now) + patience
        if now >= end { return .dropped(.queueFull) }
        return isSpilling ? .spill(until: end) : .wait(until: end)
    }

    /// From now on batches go to the disk, where there is one.
    mutating func spill() {
        if spillPatience != nil { isSpilling = true }
    }

    /// Nothing is on the disk any more: batches go to the destination again.
    mutating func endSpill() {
        isSpilling = false
        writesAgain = nil
    }

    /// What is to be written to the disk now; it stays here until it is settled.
    mutating func takeSpill(by cutter: BatchCutter, at now: Instant) -> SpillDecision {
        guard isSpilling, !entries.isEmpty, !isSettling, spilling == 0 else { return .sleep(until: nil) }
        if let writesAgain, now < writesAgain { return .sleep(until: writesAgain) }
        if inFlight == 0, heldBytes * 2 < limitBytes {
            let waiting = entries.lazy.map { (bytes: $0.lineBytes, since: $0.since) }
            switch cutter.decide(waiting: waiting, at: now, isClosing: isClosed) {
            case .idle: return .sleep(until: nil)
            case .wait(let end): return .sleep(until: end)
            case .cut: break
            }
        }
        return takeAllToSpill()
    }

    mutating func takeAllToSpill() -> SpillDecision {
        spilling = entries.count
        return .take(
            inFlight: entries[..<inFlight].map(\.batch), queued: entries[inFlight...].map(\.batch))
    }

    /// The disk could not be written.
    mutating func giveBackSpill(until: Instant) {
        spilling = 0
        writesAgain = until
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
    mutating func settle(_ party: Party = .sender, at now: Instant) -> [Receipt] {
        lastProgress = now
        isSettling = true
        let count = party == .sender ? inFlight : spilling
        var due: [Receipt] = []
        for index in 0..<count {
            if !entries[index].isSettled, let receipt = entries[index].batch.receipt { due.append(receipt) }
            entries[index].isSettled = true
            due += entries[index].followers
            followers -= entries[index].followers.count
            entries[index].followers = []
        }
        guard due.isEmpty else { return due }
        heldBytes -= entries.prefix(count).reduce(0) { $0 + $1.bytes }
        entries.removeFirst(count)
        inFlight = 0
        isSettling = false
        if party == .writer {
            spilling = 0
            writes += 1
            writesAgain = nil
        }
        return []
    }

    private static func memory(of batch: LineBatch) -> Int {
        let objects = 512  // the batch, its arrays' headers and the entry here
        return objects + batch.bytes.count + batch.lines.count * MemoryLayout<Line>.stride
            + batch.metadata.count * MemoryLayout<MetadataPair>.stride
    }

    static func lineBytes(of batch: LineBatch) -> Int {
        batch.lines.reduce(0) { $0 + Int($1.bytes.count) } + batch.metadata.reduce(0) { $0 + Int($1.value.count) }
    }
}
