import Logging
import Records
import Synchronization

// The outlet with a disk behind its queue. Two tasks: one sends, first what is on the disk, then from memory; the other
// writes to the disk what the destination does not take. The request on its way is written first, so that everything
// that follows may be settled: receipts are settled in the order of the batches.
extension LokiOutlet {
    /// How long the writer waits after the disk could not be written.
    private static let pauseAfterFailure = Duration.seconds(1)

    func deliver(with keeper: SpoolKeeper) async {
        keeper.start()
        if keeper.tornBytes > 0 {
            logger.notice(
                "cut off what a crash left of the last write to the spool",
                metadata: ["destination": "\(destination.name)", "bytes": "\(keeper.tornBytes)"])
        }
        let (bytes, lines) = keeper.waiting
        if lines > 0 {
            logger.info(
                "sending first what waits on the disk",
                metadata: ["destination": "\(destination.name)", "bytes": "\(bytes)", "lines": "\(lines)"])
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.write(to: keeper) }
            await send(with: keeper)
            queue.expire()
        }
        if let (inFlight, queued) = queue.lastSpill() { await spill(inFlight, queued, to: keeper) }
        report(await keeper.perform { $0.release() }.1)
        await keeper.stop()
    }

    private func send(with keeper: SpoolKeeper) async {
        var encoder = PushEncoder()
        while !queue.isOver {
            let writes = queue.writes
            if let record = await nextRecord(keeper) {
                await push(record.pushBody, .disk(record.head.sequence, since: record.head.time))
                continue
            }
            switch await queue.next(after: writes) {
            case .over: return
            case .spool: break
            case .request(let batches):
                await push(encoder.encode(batches, as: destination.encoding), .memory(since: SpoolFolder.now()))
            }
            if memory.withLock({ $0.leavesRest }) { return }
        }
    }

    private func nextRecord(_ keeper: SpoolKeeper) async -> SpoolRecord? {
        while !queue.isOver {
            let (result, losses) = await keeper.perform { spool in
                Result { () throws(SpoolFailure) in try spool.next(at: SpoolFolder.now()) }
            }
            report(losses)
            switch result {
            case .success(let record): return memory.withLock({ $0.leavesRest }) ? nil : record
            case .failure(let failure):
                note(failure)
                await queue.pause(Self.pauseAfterFailure)
            }
        }
        return nil
    }

    /// The request is over, delivered or dropped.
    func finish(_ origin: Origin) async {
        let sequence: UInt64
        switch origin {
        case .memory:
            guard await queue.place() == .spool else { return queue.settle() }
            // It was written to the disk meanwhile, as the first record of all.
            guard let first = memory.withLock({ $0.inFlightRecord }) else { return }
            sequence = first
        case .disk(let number, _): sequence = number
        }
        guard let keeper else { return }
        let (result, losses) = await keeper.perform { spool in
            Result { () throws(SpoolFailure) in try spool.acknowledge(upTo: sequence) }
        }
        report(losses)
        if case .failure(let failure) = result { note(failure) }
    }

    private func write(to keeper: SpoolKeeper) async {
        while let (inFlight, queued) = await queue.nextSpill() { await spill(inFlight, queued, to: keeper) }
    }

    /// Writes batches to the disk as records, and settles them; leaves them where they are when that fails.
    private func spill(_ inFlight: [LineBatch], _ queued: [LineBatch], to keeper: SpoolKeeper) async {
        var encoder = PushEncoder()
        var bodies = inFlight.isEmpty ? [] : [encoder.encode(inFlight, as: destination.encoding)]
        let cutter = BatchCutter(bytes: destination.batchBytes, wait: .zero)
        var rest = queued[...]
        while !rest.isEmpty {
            let sizes = rest.lazy.map { (bytes: QueueState.lineBytes(of: $0), since: ContinuousClock.Instant.now) }
            guard case .cut(let count) = cutter.decide(waiting: sizes, at: .now, isClosing: true) else { break }
            bodies.append(encoder.encode(Array(rest.prefix(count)), as: destination.encoding))
            rest = rest.dropFirst(count)
        }
        let records = bodies
        let holdsFirst = !inFlight.isEmpty
        let (result, losses) = await keeper.perform { spool in
            Result { () throws(SpoolFailure) in
                let first = try spool.append(records, at: SpoolFolder.now())
                if holdsFirst { spool.hold(first, lines: records[0].lines) }
                return first
            }
        }
        report(losses)
        switch result {
        case .success(let first):
            if holdsFirst { memory.withLock { $0.inFlightRecord = first } }
            keeper.lines.add(records.reduce(0) { $0 + $1.lines })
            memory.withLock { $0.spoolFailure = nil }
            queue.spilled(true, again: .zero)
        case .failure(let failure):
            note(failure)
            queue.spilled(false, again: Self.pauseAfterFailure)
        }
    }

    private func report(_ losses: [Spool.Loss]) {
        for loss in losses {
            let text: String
            switch loss.reason {
            case .full: text = "the spool is full; the oldest lines are dropped"
            case .age: text = "the lines have waited in the spool for too long"
            case .damaged: text = "the spool is damaged"
            }
            drop(loss.lines, loss.reason.rawValue, text)
        }
    }

    /// Says that the disk failed, once for each change of the reason.
    private func note(_ failure: SpoolFailure) {
        metrics.counter(.spoolFailures, destination.label, failure.reason).add()
        let isNew = memory.withLock { memory in
            defer { memory.spoolFailure = failure.reason }
            return memory.spoolFailure != failure.reason
        }
        guard isNew else { return }
        logger.error(
            "the spool cannot be used; lines wait in memory, and are dropped when there is no more room",
            metadata: ["destination": "\(destination.name)", "problem": "\(failure)"])
    }
}
