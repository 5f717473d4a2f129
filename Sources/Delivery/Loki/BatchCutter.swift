/// Decides when waiting batches become a request: at a size, or at an age. A value without clocks or queues.
struct BatchCutter {
    typealias Instant = ContinuousClock.Instant

    enum Decision: Equatable {
        /// Nothing waits.
        case idle
        case wait(until: Instant)
        /// The first so many of the waiting batches are one request.
        case cut(batches: Int)
    }

    let bytes: Int
    let wait: Duration

    /// `waiting` are the batches in their order. A batch larger than `bytes` is a request of its own; `isClosing` does
    /// not wait for more.
    func decide(
        waiting: some Sequence<(bytes: Int, since: Instant)>, at now: Instant, isClosing: Bool
    ) -> Decision {
        var sum = 0
        var batches = 0
        var deadline = now
        for batch in waiting {
            if batches == 0 {
                deadline = batch.since + wait
            } else if sum + batch.bytes > bytes {
                return .cut(batches: batches)
            }
            sum += batch.bytes
            batches += 1
            if sum >= bytes { return .cut(batches: batches) }
        }
        if batches == 0 { return .idle }
        return isClosing || deadline <= now ? .cut(batches: batches) : .wait(until: deadline)
    }
}
