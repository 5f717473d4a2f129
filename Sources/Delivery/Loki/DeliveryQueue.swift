import Glibc
import NIOCore
import Records

/// The queue between the workers' threads, which may wait in it, and the task that pushes.
// `@unchecked`: `state`, `consumer`, `isWoken`, `isExpired`, `expiry` and `cancel` are only touched with `mutex` held.
// `@safe`: the pointers never leave this class; they are allocated once and freed in deinit, as a pthread mutex must
// not move. A condition variable is what lets a thread wait with a deadline, which `Synchronization` cannot.
@safe final class DeliveryQueue: @unchecked Sendable {
    typealias Instant = ContinuousClock.Instant

    private let cutter: BatchCutter
    /// Whether what is not delivered at the end stays unsettled, so that its source replays it.
    private let replays: Bool
    // `any`: which loop it is, NIO decides; used for timers only.
    private let eventLoop: any EventLoop
    private let gauge: SelfGauge

    private var state: QueueState
    private var consumer: CheckedContinuation<Void, Never>?
    private var isWoken = false
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
                let waiting = state.inFlight == 0 ? takeConsumer() : nil
                unlock()
                waiting?.resume()
                return nil
            case .wait(let end): waitForRoom(until: end)
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

    /// The next request's batches; nil once the queue is closed and empty, or time is up.
    func nextCut() async -> [LineBatch]? {
        while true {
            let (decision, batches, isOver) = locked {
                let (decision, batches) = state.cut(by: cutter, at: .now)
                return (decision, batches, isExpired || (state.isClosed && decision == .idle))
            }
            if isOver { return nil }
            switch decision {
            case .idle: await sleep(until: nil)
            case .wait(let end): await sleep(until: end)
            case .cut: return batches
            }
        }
    }

    /// The request on its way is over, delivered or not: settles its batches in their order.
    func settle() {
        while true {
            let due = locked {
                let due = state.settle(at: .now)
                if due.isEmpty {
                    gauge.set(Double(state.heldBytes))
                    unsafe pthread_cond_broadcast(notFull)
                }
                return due
            }
            if due.isEmpty { return }
            for receipt in due { receipt.settleDelivery() }
        }
    }

    /// Gives up everything that is queued, and says how many lines that were.
    func giveUp() -> Int {
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
        while !isOver, isClosing == wasClosing, Instant.now < end { await sleep(until: end) }
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
        let waiting = takeConsumer()
        unlock()
        waiting?.resume()
    }

    /// Time is up: ends pauses and the request on its way, and lets nothing more begin.
    func expire() {
        lock()
        state.close()
        isExpired = true
        unsafe pthread_cond_broadcast(notFull)
        expiry?.timer.cancel()
        let waiting = takeConsumer()
        let cancel = cancel
        unlock()
        waiting?.resume()
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

    private func sleep(until end: Instant?) async {
        let timer = end.map { eventLoop.scheduleTask(in: Self.amount(until: $0)) { self.wake() } }
        await withCheckedContinuation { continuation in
            lock()
            if isWoken || isExpired {
                isWoken = false
                unlock()
                continuation.resume()
            } else {
                consumer = continuation
                unlock()
            }
        }
        timer?.cancel()
    }

    private func wake() {
        lock()
        let waiting = takeConsumer()
        unlock()
        waiting?.resume()
    }

    /// Takes the sleeper out, to be resumed without the lock; notes it where nobody sleeps yet.
    private func takeConsumer() -> CheckedContinuation<Void, Never>? {
        defer { consumer = nil }
        if consumer == nil { isWoken = true }
        return consumer
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
