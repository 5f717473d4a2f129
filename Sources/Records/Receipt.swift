import Synchronization

/// Who still owes an answer for a batch: the worker (counted), and each destination (delivered).
///
/// A file's position follows the two: the checkpoint keeps up to where lines are counted and up to where they
/// are delivered. Batches of one source are settled in their order, by each party.
public final class Receipt: Sendable {
    private let onCounted: @Sendable () -> Void
    private let onDelivered: @Sendable () -> Void
    private let outstanding = Atomic<Int>(1)

    /// Both are called once, from the thread that settles; they must be quick and must not block.
    public init(onCounted: @escaping @Sendable () -> Void, onDelivered: @escaping @Sendable () -> Void) {
        self.onCounted = onCounted
        self.onDelivered = onDelivered
    }

    /// The worker has counted the batch and has offered it to this many destinations.
    ///
    /// Call before any destination may call `settleDelivery`; with none, the batch is delivered at once.
    public func settleCounted(destinations: Int) {
        onCounted()
        outstanding.add(destinations, ordering: .relaxed)
        settleDelivery()
    }

    /// One destination has the batch (acknowledged, spooled, or dropped and counted).
    public func settleDelivery() {
        if outstanding.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { onDelivered() }
    }
}
