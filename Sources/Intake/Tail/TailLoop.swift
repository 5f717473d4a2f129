import Logging
import Records
import Synchronization

/// The thread that reads files: waits, looks for files, and reads from each in turn.
///
/// It sleeps in `poll` until the kernel reports a change, a deadline of a rotated file is due, or it is time to look at
/// all paths again, every ten seconds, for what the kernel does not report (network file systems, links in a folder
/// above). After reading little it sleeps another 20 ms, so that a busy writer makes fifty batches a second and not a
/// batch for each line.
final class TailLoop {
    /// How much is read from one file before it is the next one's turn.
    static let readBytes = 256 * 1_024
    /// After less than this, it waits for more to come.
    static let smallReadBytes = 64 * 1_024
    static let coalescing: Int64 = 20_000_000
    static let scanInterval: Int64 = 10_000_000_000
    static let defaultPollInterval: Int64 = 250_000_000

    let setup: TailSetup
    let waker: Waker
    let inotify: Inotify?
    let counters: [SourceCounters]
    // `any`: asked once per batch.
    private let timings: [(any EntryTiming)?]
    var files: [FileIdentity: TailedFile] = [:]
    /// The same files in the order in which they were found.
    var order: [TailedFile] = []
    /// Which file a path showed last, as long as that one is read.
    var lastShown: [String: TailedFile] = [:]
    /// Files that are done with, so that they are not taken for something new.
    var finished = FinishedFiles()
    /// Files that the first look found and that could not be opened then: 'start' is meant for them, too.
    var presentAtFirst: Set<FileIdentity> = []
    var fileWatches: [Int32: TailedFile] = [:]
    var folders = FolderWatches()
    var obstacles = Obstacles()
    var clock = EntryClock()
    var openFiles = 0
    var nextScan: Int64 = 0
    var lastScan: Int64 = 0
    var scanCost: Int64 = 0
    var nextPoll: Int64 = .max
    /// Something cannot be watched and is looked at instead.
    var polls: Bool
    private var coalescesUntil: Int64 = 0
    private var nextGauges: Int64 = 0
    private var isClosed = false

    init(_ setup: TailSetup, waker: Waker) {
        self.setup = setup
        self.waker = waker
        counters = setup.configurations.map {
            SourceCounters(
                source: $0.name, format: $0.format, readsTimes: $0.timing != nil, metrics: setup.metrics)
        }
        timings = setup.configurations.map { $0.timing?() }
        polls = setup.configurations.contains { $0.pollInterval != nil }
        var inotify: Inotify?
        if setup.configurations.contains(where: { $0.pollInterval == nil && $0.followsForever }) {
            do throws(SystemError) { inotify = try Inotify() } catch {
                setup.logger.warning("the kernel cannot report changes to files (\(error)); looking for them instead")
                polls = true
            }
        }
        self.inotify = inotify
    }

    private var isStopped: Bool { isClosed || setup.isStopped.load(ordering: .acquiring) }

    /// How often files are looked at that cannot be watched.
    var pollInterval: Int64 {
        setup.configurations.compactMap { $0.pollInterval?.nanoseconds }.min() ?? Self.defaultPollInterval
    }

    func run() throws(TailError) {
        defer { closeAll() }
        scan(isFirst: true)
        setup.catchUp.begin(order.map { ($0.position, $0.size) })
        try requireFiles()
        while !isStopped {
            let bytes = readRound()
            setup.catchUp.noteRound(isWaiting: obstacles.areWaiting)
            settleRotations(at: SystemTime.monotonic())
            callWaiting()
            if isOver { break }
            let now = SystemTime.monotonic()
            if bytes > 0, bytes < Self.smallReadBytes { coalescesUntil = now + Self.coalescing }
            if !hasWork { wait(at: now) }
            takeEvents()
            lookAround(at: SystemTime.monotonic())
        }
        try requireSuccess()
    }

    /// All there is to read was read, and nothing is followed.
    private var isOver: Bool {
        order.allSatisfy(\.isDone) && setup.configurations.allSatisfy { !$0.followsForever }
            && !obstacles.areWaiting
    }

    private var hasWork: Bool { order.contains { $0.isReady && !$0.isDone && !$0.isBlocked() } }

    private func wait(at now: Int64) {
        publishGauges(at: now, force: true)
        if now < coalescesUntil {
            waker.wait(nanoseconds: coalescesUntil - now)
            return
        }
        var deadline = min(nextScan, polls ? nextPoll : .max)
        for file in order where !file.isDone {
            if let due = file.rotation.deadline(hasUnfinishedLine: file.reader.hasUnfinished) {
                deadline = min(deadline, due)
            }
        }
        waker.wait(with: inotify.map { [$0.descriptor] } ?? [], nanoseconds: max(0, deadline - now))
    }

    private func takeEvents() {
        guard let inotify else { return }
        for event in inotify.events() {
            if event.kind.contains(.overflow) {
                for file in order { file.isReady = true }
                scanSoon()
            } else if let file = fileWatches[event.watch] {
                if event.kind.contains(.modified) { file.isReady = true }
                if !event.kind.isDisjoint(with: [.attributes, .selfMoved, .selfDeleted]) { scanSoon() }
                if event.kind.contains(.ignored) {
                    fileWatches[event.watch] = nil
                    file.watch = nil
                }
            } else if folders.isInteresting(event) {
                scanSoon()
            }
        }
    }

    /// Looks at the paths with the next round; not more often than is reasonable for the time it takes.
    func scanSoon() {
        nextScan = min(nextScan, lastScan + max(Self.coalescing, 10 * scanCost))
    }

    private func lookAround(at now: Int64) {
        if polls, now >= nextPoll {
            for file in order where file.watch == nil && file.descriptor != nil { file.isReady = true }
            nextPoll = now + pollInterval
        }
        if now >= nextScan { scan(isFirst: false) }
        publishGauges(at: now, force: false)
    }

    /// One read from each file that has something to read; how many bytes there were in all.
    private func readRound() -> Int {
        var bytes = 0
        for file in order where file.isReady && !file.isDone && !isStopped && !file.isBlocked() {
            bytes += readSome(of: file)
        }
        return bytes
    }

    private func readSome(of file: TailedFile) -> Int {
        guard let descriptor = open(file) else { return 0 }
        do throws(SystemError) {
            let status = try descriptor.status()
            let now = SystemTime.monotonic()
            if status.size != file.size { file.rotation.grew(at: now) }
            file.size = status.size
            file.position.size.store(status.size, ordering: .relaxed)
            if status.size < file.offset { restart(file) }
            file.modified = status.modified
            if file.isBlocked() { return 0 }
            guard file.offset < file.size else {
                file.isReady = false
                clearFailure(file)
                return 0
            }
            let (wanted, before) = planned(file)
            let known = file.reader.partial.count
            let chunk = try descriptor.read(
                wanted, at: file.offset, after: file.reader.partial, extraCapacity: LineBatch.padding)
            let got = chunk.count - known
            guard got > 0 else {
                file.isReady = false
                return 0
            }
            let isSame = before.map { got == wanted && TimeJournal.check(chunk) == $0.check } ?? false
            take(chunk, count: got, from: file, at: now, as: isSame ? before : nil)
            // What came since the look at its size will be reported, or found with the next look.
            if file.offset >= file.size { file.isReady = false }
            clearFailure(file)
            return got
        } catch {
            fail(file, error)
            return 0
        }
    }

    private func take(
        _ chunk: consuming [UInt8], count: Int, from file: TailedFile, at now: Int64, as before: TimeJournal.Entry?
    ) {
        file.offset += Int64(count)
        file.lastGrowth = now
        file.position.read.store(file.offset, ordering: .relaxed)
        counters[file.source].bytes.add(count)
        let fingerprint = file.position.description.withLock { $0.fingerprint }
        if fingerprint.count < Fingerprint.maximumCount { file.renewFingerprint() }
        let start = file.reader.completeTo
        if let before {
            var clock = EntryClock()
            if let entries = file.reader.entries(of: chunk, endingAt: file.offset, at: before.time, clock: &clock) {
                send(entries, of: file)
            }
        } else if let entries = file.reader.entries(
            of: chunk, endingAt: file.offset, at: SystemTime.now(), clock: &clock)
        {
            note(entries, from: start, of: file)
            send(entries, of: file)
        }
    }

    /// Takes the last line, which nothing will end any more.
    func takeLastLine(of file: TailedFile) {
        let start = file.reader.completeTo
        let before = setup.journal?.entry(of: file.identity, from: start)
        var oldClock = EntryClock()
        if let before, before.start == start, file.reader.format == .raw,
            TimeJournal.check(file.reader.partial) == before.check
        {
            if let entries = file.reader.lastEntries(at: before.time, clock: &oldClock) { send(entries, of: file) }
        } else if let entries = file.reader.lastEntries(at: SystemTime.now(), clock: &clock) {
            note(entries, from: start, of: file)
            send(entries, of: file)
        }
    }

    /// How much to read of the file now, and what batch that was, when it was read before.
    private func planned(_ file: TailedFile) -> (bytes: Int, before: TimeJournal.Entry?) {
        // No batch has both lines that were counted before the restart and others.
        let end = file.offset < file.countedBefore ? min(file.size, file.countedBefore) : file.size
        let rest = end - file.offset
        let usual = Int(min(Int64(Self.readBytes), rest))
        guard file.reader.format == .raw, file.offset == file.reader.completeTo,
            let before = setup.journal?.entry(of: file.identity, from: file.offset)
        else { return (usual, nil) }
        guard before.start == file.offset else {
            return (Int(min(Int64(usual), before.start - file.offset)), nil)
        }
        // A batch has the rest of a line and what is read at once; a line that is far over the limit is not worth the room.
        let bytes = before.end - before.start
        let limit = 2 * Int64(Self.readBytes + setup.configurations[file.source].maximumLineBytes)
        return bytes <= min(limit, rest) ? (Int(bytes), before) : (usual, nil)
    }

    /// Writes down what times the lines of a batch have, where they say none themselves.
    private func note(_ entries: borrowing EntryReader.Entries, from start: Int64, of file: TailedFile) {
        guard let journal = setup.journal, file.reader.format == .raw, let first = entries.builder.lines.first else {
            return
        }
        journal.note(
            file.identity, start, file.reader.completeTo, time: first.time.nanoseconds, bytes: entries.builder.bytes)
    }

    private func send(_ entries: consuming EntryReader.Entries, of file: TailedFile) {
        let count = entries.count
        guard count > 0 else { return }
        if let timing = timings[file.source] {
            entries.marks.withoutTime = timing.setTimes(of: &entries.builder)
        }
        let marks = entries.marks
        let offset = file.reader.resumeOffset
        let end = file.reader.completeTo
        let receipt =
            setup.remembersPositions ? setup.ledger.receipt(for: file.position, upTo: offset, end: end) : nil
        file.position.sent.max(offset, ordering: .acquiringAndReleasing)
        file.position.lines.add(UInt64(count), ordering: .relaxed)
        counters[file.source].count(marks, lines: count)
        let isCounted = file.countedBefore > 0 && end <= file.countedBefore
        if !setup.sink.send(entries.seal(receipt: receipt, isCounted: isCounted)) { isClosed = true }
    }

    /// The file has become shorter than what was read of it: it begins again.
    private func restart(_ file: TailedFile) {
        let copy = setup.configurations[file.source].followsForever ? beginCopy(of: file) : nil
        if copy == nil { takeLastLine(of: file) }
        setup.logger.warning(
            "'\(file.paths[0])' was truncated: its size is \(file.size), \(file.offset) bytes of it were read")
        setup.metrics.counter(.fileErrors, setup.configurations[file.source].name, "truncated").add()
        file.offset = 0
        file.countedBefore = 0
        file.reader.restart()
        file.predecessor = copy
        let lines = file.position.lines.load(ordering: .relaxed)
        file.position = FilePosition(
            source: file.position.source, identity: file.identity, path: file.paths[0], fingerprint: .none, offset: 0,
            size: file.size)
        file.position.lines.store(lines, ordering: .relaxed)
        setup.ledger.add(file.position)
    }

    private func publishGauges(at now: Int64, force: Bool) {
        guard force || now >= nextGauges else { return }
        nextGauges = now + 1_000_000_000
        var open = [Int](repeating: 0, count: setup.configurations.count)
        var behind = [Int64](repeating: 0, count: setup.configurations.count)
        for file in order where !file.isDone {
            if file.descriptor != nil { open[file.source] += 1 }
            behind[file.source] += max(0, file.size - file.offset)
        }
        for (index, configuration) in setup.configurations.enumerated() {
            setup.metrics.gauge(.filesOpen, configuration.name).set(Double(open[index]))
            setup.metrics.gauge(.bytesBehind, configuration.name).set(Double(behind[index]))
        }
    }

    private func closeAll() {
        // Without a memory nobody will ever read the beginning of these lines again.
        if !setup.remembersPositions, !isClosed {
            for file in order where !file.isDone { takeLastLine(of: file) }
        }
        for file in order { file.descriptor = nil }
        order = []
        publishGauges(at: 0, force: true)
    }
}
