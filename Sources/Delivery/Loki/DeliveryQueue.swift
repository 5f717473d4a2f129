import Glibc
import NIOCore
import Records

/// The queue between the workers' threads, which may wait in it, and the task that pushes.
// `@unchecked`: `state`, `sleepers`, `isWoken`, `isExpired`, `expiry` and `cancel` are only touched with `mutex` held.
// `@safe`: the pointers never leave this class; they are allocated once and freed in deinit, as a pthread mutex must
// not move. A condition variable is what lets a thread wait with a deadline, which `Synchronization` cannot.
@safe final class DeliveryQueue: @unchecked Sendable {
    typealias Instant = ContinuousClock.Instant
    typealias Party = QueueState.Party

    /// What the sender does next.
    enum Next {
        case request([LineBatch])
        /// There may be something on the disk, which comes first.
        case spool
        case over
    }
    /// Where the request is that was on its way.
    enum Place {
        case memory
        case spool
    }

    private let cutter: BatchCutter
    /// Whether what is not delivered at the end stays unsettled, so that its source replays it.
    private let replays: Bool
    // `any`: which loop it is, NIO decides; used for timers only.
    private let eventLoop: any EventLoop
    private let gauge: SelfGauge

    private var state: QueueState
    /// By party: who sleeps, and who is not to.
    private var sleepers = [CheckedContinuation<Void, Never>?](repeating: nil, count: Party.allCases.count)
    private var isWoken = [Bool](repeating: false, count: Party.allCases.count)
    private var isExpired = false
    private var expiry: (at: Instant, timer: Scheduled<Void>)?
    private var cancel: (@Sendable () -> Void)?
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let notFull = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(
        state: QueueState, cutter: BatchCutter, replays: Bool, eventLoop: any EventLoop, gauge: SelfGauge
    ) {
        self.state = state
        self.cutter = cutter
        self.replays = replays
        self.eventLoop = eventLoop
        self.gauge = gauge
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(notFull, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(notFull)
        unsafe pthread_mutex_destroy(mutex)
        unsafe notFull.deallocate()
        unsafe mutex.deallocate()
    }

    /// Adds a batch, waiting for room as `QueueState` says; nil when it was accepted, else why it was dropped.
    ///
    /// Called from a thread, never from a task.
    func offer(_ batch: LineBatch) -> DropReason? {
        lock()
        if batch.lines.isEmpty {
            settleInTurn(batch.receipt)
            return nil
        }
        while true {
            switch state.offer(batch, at: .now) {
            case .accepted:
                gauge.set(Double(state.heldBytes))
                let waiting = state.isSpilling ? take(.writer) : state.inFlight == 0 ? take(.sender) : nil
                unlock()
                waiting?.resume()
                return nil
            case .wait(let end): waitForRoom(until: end)
            case .spill(let end):
                // Resumed with the lock held: it only makes the writer's task ready to run.
                take(.writer)?.resume()
                waitForRoom(until: end)
            case .dropped(.shutdown) where replays:
                unlock()
                return .shutdown
            case .dropped(let reason):
                settleInTurn(batch.receipt)
                return reason
            }
        }
    }

    /// Settles now or when the batches before are settled. Takes over the lock, and unlocks.
    private func settleInTurn(_ receipt: Receipt?) {
        guard let receipt else { return unlock() }
        let waits = state.follow(receipt)
        // With the lock held, so that no batch that comes later can be settled first.
        if !waits { receipt.settleDelivery() }
        unlock()
    }

    /// The next request's batches, when nothing was written to the disk since `writes`; over once the queue is closed
    /// and empty, or time is up.
    func next(after writes: Int) async -> Next {
        while true {
            lock()
            if isExpired || state.writes != writes || state.spilling > 0 {
                let (isOver, isBehind) = (isExpired, state.writes != writes)
                unlock()
                if isOver { return .over }
                if isBehind { return .spool }
                await sleep(.sender, until: nil)
                continue
            }
            state.endSpill()
            let (decision, batches) = state.cut(by: cutter, at: .now)
            let isOver = state.isClosed && decision == .idle
            unlock()
            if isOver { return .over }
            switch decision {
            case .idle: await sleep(.sender, until: nil)
            case .wait(let end): await sleep(.sender, until: end)
            case .cut: return .request(batches)
            }
        }
    }

    /// How often something was written to the disk.
    var writes: Int { locked { state.writes } }

    /// From now on batches go to the disk, where there is one.
    func spill() {
        let waiting = locked {
            state.spill()
            return take(.writer)
        }
        waiting?.resume()
    }

    /// What is to be written to the disk next; nil when time is up.
    func nextSpill() async -> (inFlight: [LineBatch], queued: [LineBatch])? {
        while true {
            let decision = locked { isExpired ? nil : state.takeSpill(by: cutter, at: .now) }
            switch decision {
            case nil: return nil
            case .sleep(let end): await sleep(.writer, until: end)
            case .take(let inFlight, let queued): return (inFlight, queued)
            }
        }
    }

    /// All there is, to be written to the disk at the very end.
    func lastSpill() -> (inFlight: [LineBatch], queued: [LineBatch])? {
        locked {
            guard !state.entries.isEmpty, case .take(let inFlight, let queued) = state.takeAllToSpill() else {
                return nil
            }
            return (inFlight, queued)
        }
    }

    /// What was taken is on the disk, and settled, or it is not, and stays here for a while.
    func spilled(_ isWritten: Bool, again: Duration) {
        if isWritten { settle(.writer) }
        let waiting = locked {
            if !isWritten {
                state.giveBackSpill(until: .now + again)
                unsafe pthread_cond_broadcast(notFull)
            }
            return take(.sender)
        }
        waiting?.resume()
    }

    /// Where the request is that was on its way, once that is certain.
    func place() async -> Place {
        while true {
            let place: Place? = locked { state.inFlight == 0 ? .spool : state.spilling > 0 ? nil : .memory }
            if let place { return place }
            await sleep(.sender, until: .now + .milliseconds(100))
        }
    }

    /// The request on its way is over, delivered or not, or what was taken is on the disk: settles its batches in their
    /// order.
    func settle(_ party: Party = .sender) {
        while true {
            let due = locked {
                let due = state.settle(party, at: .now)
                if due.isEmpty {
                    gauge.set(Double(state.heldBytes))
                    unsafe pthread_cond_broadcast(notFull)
                }
                return due
            }
            if due.isEmpty { break }
            for receipt in due { receipt.settleDelivery() }
        }
        if party == .sender { locked { take(.writer) }?.resume() }
    }

    /// Gives up everything that is queued, and says how many lines that were.
    func giveUp() -> Int {
        guard locked({ state.spilling == 0 }) else { return 0 }
        let lines = locked { state.takeAll().reduce(0) { $0 + $1.lines.count } }
        if !(locked { replays && state.isClosed }) { settle() }
        return lines
    }

    /// Whether so many batches were dropped that what is queued should be given up as well.
    var isOverdue: Bool { locked { state.isOverdue } }
    var isClosing: Bool { locked { state.isClosed } }
    var isOver: Bool { locked { isExpired } }
    var heldBytes: Int { locked { state.heldBytes } }

    /// Waits so long; less when the queue is closed or time is up.
    func pause(_ duration: Duration) async {
        let end = Instant.now + duration
        let wasClosing = isClosing
        while !isOver, isClosing == wasClosing, Instant.now < end { await sleep(.sender, until: end) }
    }

    /// No more batches; what is here may be delivered until then.
    func close(deadline: Instant) {
        lock()
        state.close()
        unsafe pthread_cond_broadcast(notFull)
        if !isExpired, expiry.map({ deadline < $0.at }) ?? true {
            expiry?.timer.cancel()
            let timer = eventLoop.scheduleTask(in: Self.amount(until: deadline)) { self.expire() }
            expiry = (deadline, timer)
        }
        let waiting = Party.allCases.compactMap { take($0) }
        unlock()
        for sleeper in waiting { sleeper.resume() }
    }

    /// Time is up: ends pauses and the request on its way, and lets nothing more begin.
    func expire() {
        lock()
        state.close()
        isExpired = true
        unsafe pthread_cond_broadcast(notFull)
        expiry?.timer.cancel()
        let waiting = Party.allCases.compactMap { take($0) }
        let cancel = cancel
        unlock()
        for sleeper in waiting { sleeper.resume() }
        cancel?()
    }

    /// How to end the request on its way when time is up; called at once when it is.
    func setCancel(_ action: (@Sendable () -> Void)?) {
        let isTooLate = locked {
            cancel = action
            return isExpired
        }
        if isTooLate { action?() }
    }

    private func sleep(_ party: Party, until end: Instant?) async {
        let timer = end.map { eventLoop.scheduleTask(in: Self.amount(until: $0)) { self.wake(party) } }
        await withCheckedContinuation { continuation in
            lock()
            if isWoken[party.rawValue] || isExpired {
                isWoken[party.rawValue] = false
                unlock()
                continuation.resume()
            } else {
                sleepers[party.rawValue] = continuation
                unlock()
            }
        }
        timer?.cancel()
    }

    private func wake(_ party: Party) {
        locked { take(party) }?.resume()
    }

    /// Takes the sleeper out, to be resumed; notes it where nobody sleeps yet.
    private func take(_ party: Party) -> CheckedContinuation<Void, Never>? {
        defer { sleepers[party.rawValue] = nil }
        if sleepers[party.rawValue] == nil { isWoken[party.rawValue] = true }
        return sleepers[party.rawValue]
    }

    private static func amount(until end: Instant) -> TimeAmount {
        let rest = max(.zero, end - .now)
        return .nanoseconds(Int64(clamping: Int128(rest.attoseconds / 1_000_000_000)))
    }

    private func waitForRoom(until end: Instant) {
        let nanoseconds = Self.amount(until: end).nanoseconds
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        let (seconds, rest) = (Int64(time.tv_nsec) + nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
        time.tv_sec += Int(seconds)
        time.tv_nsec = Int(rest)
        unsafe pthread_cond_timedwait(notFull, mutex, &time)
    }

    private func locked<T>(_ body: () -> T) -> T {
        lock()
        defer { unlock() }
        return body()
    }

    private func lock() { unsafe pthread_mutex_lock(mutex) }
    private func unlock() { unsafe pthread_mutex_unlock(mutex) }
}
