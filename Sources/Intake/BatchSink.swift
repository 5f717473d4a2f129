public import Records

/// Where sources put their batches: the way to the workers, as seen from a source.
///
/// Files and standard input send and wait; TCP offers and stops reading until there is space; UDP offers and counts
/// what was refused. Per batch, never per line.
public struct BatchSink: Sendable {
    /// Waits for room, blocking the thread; false when the way is closed. Never call it on an event loop.
    public let send: @Sendable (LineBatch) -> Bool
    /// Never waits; false when there is no room, or the way is closed.
    public let offer: @Sendable (LineBatch) -> Bool
    /// Calls back once, from any thread, when there is room again; at once if there is.
    public let whenSpace: @Sendable (@escaping @Sendable () -> Void) -> Void

    public init(
        send: @escaping @Sendable (LineBatch) -> Bool,
        offer: @escaping @Sendable (LineBatch) -> Bool,
        whenSpace: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        self.send = send
        self.offer = offer
        self.whenSpace = whenSpace
    }
}
