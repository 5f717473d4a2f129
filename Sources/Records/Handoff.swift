import Glibc

/// A queue between threads, bounded by bytes: how batches go from the sources to a worker.
///
/// A mutex and two condition variables; measured at 7 ns a line with 250 lines a batch. Files send and wait;
/// sockets offer, and stop reading or count a drop when it is full. Order per sender is kept.
// `@unchecked`: `queue`, `bytes`, `closed` and `spaceWaiters` are only touched with `mutex` held.
// `@safe`: the pointers never leave this class.
@safe public final class Handoff<Element: Sendable>: @unchecked Sendable {
    public let limitBytes: Int
    /// Elements from `head` on; what stood before was received and is nil, so that nothing keeps it alive.
    private var queue: [(element: Element?, bytes: Int)] = []
    private var head = 0
    private var bytes = 0
    private var closed = false
    private var spaceWaiters: [@Sendable () -> Void] = []
    // Allocated once and freed in deinit: a pthread mutex must not move.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let notEmpty = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let notFull = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    public init(limitBytes: Int) {
        self.limitBytes = limitBytes
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(notEmpty, nil)
        unsafe pthread_cond_init(notFull, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(notFull)
        unsafe pthread_cond_destroy(notEmpty)
        unsafe pthread_mutex_destroy(mutex)
        unsafe notFull.deallocate()
        unsafe notEmpty.deallocate()
        unsafe mutex.deallocate()
    }

    /// Waits for room, then sends; false when the queue is closed. One element always fits into an empty queue.
    public func send(_ element: Element, bytes size: Int) -> Bool {
        lock()
        while !closed, bytes > 0, bytes + size > limitBytes { unsafe pthread_cond_wait(notFull, mutex) }
        let sent = !closed
        if sent { push(element, size) }
        unlock()
        return sent
    }

    /// Sends if there is room; false at once when the queue is full or closed.
    public func offer(_ element: Element, bytes size: Int) -> Bool {
        lock()
        let sent = !closed && (bytes == 0 || bytes + size <= limitBytes)
        if sent { push(element, size) }
        unlock()
        return sent
    }

    /// Sends past the limit: for messages that carry no lines.
    @discardableResult
    public func sendControl(_ element: Element) -> Bool {
        lock()
        let sent = !closed
        if sent { push(element, 0) }
        unlock()
        return sent
    }

    /// Waits for the next element; nil once the queue is closed and empty.
    public func receive() -> Element? {
        lock()
        while head == queue.count, !closed { unsafe pthread_cond_wait(notEmpty, mutex) }
        guard head < queue.count else {
            unlock()
            return nil
        }
        let (element, size) = queue[head]
        queue[head].element = nil
        head += 1
        if head == queue.count || head >= 1_024 {
            queue.removeFirst(head)
            head = 0
        }
        bytes -= size
        var waiters: [@Sendable () -> Void] = []
        if size > 0 {
            unsafe pthread_cond_broadcast(notFull)
            if !spaceWaiters.isEmpty, bytes <= limitBytes / 2 { swap(&waiters, &spaceWaiters) }
        }
        unlock()
        for waiter in waiters { waiter() }
        return element
    }

    /// Calls back once, from the receiver's thread, when at most half of the bytes are taken; at once if so already.
    public func whenSpace(_ callback: @escaping @Sendable () -> Void) {
        lock()
        let now = closed || bytes <= limitBytes / 2
        if !now { spaceWaiters.append(callback) }
        unlock()
        if now { callback() }
    }

    /// No more sends; what is in the queue can still be received. Waiting senders get false.
    public func close() {
        lock()
        closed = true
        let waiters = spaceWaiters
        spaceWaiters = []
        unsafe pthread_cond_broadcast(notEmpty)
        unsafe pthread_cond_broadcast(notFull)
        unlock()
        for waiter in waiters { waiter() }
    }

    /// Bytes in the queue now.
    public var waitingBytes: Int {
        lock()
        defer { unlock() }
        return bytes
    }

    private func push(_ element: Element, _ size: Int) {
        queue.append((element, size))
        bytes += size
        unsafe pthread_cond_signal(notEmpty)
    }

    private func lock() { unsafe pthread_mutex_lock(mutex) }
    private func unlock() { unsafe pthread_mutex_unlock(mutex) }
}
