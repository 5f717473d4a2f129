public import AsyncHTTPClient
public import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
public import Records
public import ServiceLifecycle
import Synchronization

/// Pushes lines to one destination: workers offer batches, a task sends them as requests, one at a time, in order.
///
/// A dead destination never stops the workers: a full queue makes them wait only while something gets acknowledged,
/// else it drops and counts. Every batch offered ends in one `settleDelivery` of its receipt, in the order of offering.
public final class LokiOutlet: Service {
    enum Phase {
        case idle
        case running
        case ended
    }
    struct Memory {
        var batches: UInt64 = 0
        var lines: UInt64 = 0
        var bytes: UInt64 = 0
        var retries: UInt64 = 0
        var droppedLines: UInt64 = 0
        var problem: String?
        var throttle = LogThrottle()
        var phase = Phase.idle
        /// The number of the record of the last request that was written to the disk while it was on its way.
        var inFlightRecord: UInt64?
        /// Why the spool could not be used the last time; nil when it could.
        var spoolFailure: String?
        /// A shutdown leaves what is left to the disk, because the destination does not answer as it should.
        var leavesRest = false
        /// Who waits for the end.
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// Where the request on its way comes from; with its time in ns since the epoch, for the bound on the age.
    enum Origin {
        case memory(since: Int64)
        case disk(UInt64, since: Int64)
    }

    let destination: LokiDestination
    private let client: HTTPClient
    let metrics: SelfMetrics
    let logger: Logger
    private let headers: HTTPHeaders
    private let tls: TLSConfiguration?
    let queue: DeliveryQueue
    let keeper: SpoolKeeper?
    private let batchesSent: SelfCounter
    private let linesSent: SelfCounter
    private let bytesSent: SelfCounter
    private let queueFull: SelfCounter
    private let shutdown: SelfCounter
    private let spoolFailed: SelfCounter
    let memory = Mutex(Memory())

    /// Fails when the destination's headers or certificates cannot be used. `client` may be shared (`PushClient`).
    ///
    /// With `replaysUndelivered`, batches that a shutdown leaves undelivered are not settled, so that a checkpoint sends
    /// them again after the restart; without, they are dropped and settled. With a spool, what the destination does not
    /// take goes there, and is settled once it is on the disk; one that cannot be opened is reported and done without.
    /// Blocks while it looks at what is in the spool.
    public init(
        destination: LokiDestination, client: HTTPClient, metrics: SelfMetrics, logger: Logger,
        replaysUndelivered: Bool = false, spool: SpoolPlace? = nil
    ) throws(DestinationError) {
        self.destination = destination
        self.client = client
        self.metrics = metrics
        self.logger = logger
        headers = try destination.requestHeaders()
        tls = try destination.tlsConfiguration()
        keeper = Self.open(spool, destination, metrics, logger)
        queue = DeliveryQueue(
            state: QueueState(
                limitBytes: destination.queueBytes, patience: destination.patience,
                spillPatience: keeper == nil ? nil : destination.spillPatience),
            cutter: BatchCutter(bytes: destination.batchBytes, wait: destination.batchWait),
            replays: replaysUndelivered, eventLoop: client.eventLoopGroup.any(),
            gauge: metrics.gauge(.pushQueueBytes, destination.label))
        batchesSent = metrics.counter(.batchesSent, destination.label)
        linesSent = metrics.counter(.linesSent, destination.label)
        bytesSent = metrics.counter(.bytesSent, destination.label)
        queueFull = metrics.counter(.pushLinesDropped, destination.label, DropReason.queueFull.rawValue)
        shutdown = metrics.counter(.pushLinesDropped, destination.label, DropReason.shutdown.rawValue)
        spoolFailed =
            keeper == nil
            ? queueFull : metrics.counter(.pushLinesDropped, destination.label, DropReason.spoolFailed.rawValue)
        // Lines that wait on the disk come before all that is new.
        if let keeper, keeper.waiting.bytes > 0 { queue.spill() }
    }

    private static func open(
        _ place: SpoolPlace?, _ destination: LokiDestination, _ metrics: SelfMetrics, _ logger: Logger
    ) -> SpoolKeeper? {
        guard let place else { return nil }
        do throws(SpoolFailure) {
            return try SpoolKeeper(place, label: destination.label, metrics: metrics)
        } catch {
            metrics.counter(.spoolFailures, destination.label, error.reason).add()
            logger.error(
                "the spool cannot be opened; lines that the destination does not take wait in memory only",
                metadata: ["destination": "\(destination.name)", "problem": "\(error)"])
            return nil
        }
    }

    /// Takes a batch for delivery. Called from a worker's thread, never from a task: it may wait for room, for at most
    /// `patience` beyond the last acknowledgement.
    public func offer(_ batch: LineBatch) {
        guard let reason = queue.offer(batch) else { return }
        switch reason {
        case .queueFull: queueFull.add(batch.lines.count)
        case .shutdown: shutdown.add(batch.lines.count)
        case .spoolFailed: spoolFailed.add(batch.lines.count)
        }
        let keptBack = memory.withLock { memory in
            memory.droppedLines += UInt64(batch.lines.count)
            if reason != .shutdown { memory.problem = memory.problem ?? "queue full, dropping lines" }
            return memory.throttle.admits(reason.rawValue, at: .now)
        }
        guard let keptBack else { return }
        logger.warning(
            "dropping lines: the queue of the destination takes no more",
            metadata: [
                "destination": "\(destination.name)", "reason": "\(reason.rawValue)", "lines": "\(batch.lines.count)",
                "batches_before": "\(keptBack)",
            ])
    }

    /// Pushes until a graceful shutdown, then for at most `drain`; cancellation ends it at once. Pushes once, whoever
    /// asks first.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await deliverOrWait()
        } onGracefulShutdown: { [queue, drain = destination.drain] in
            queue.close(deadline: .now + drain)
        }
    }

    /// Takes no more batches, delivers what is left until then, drops the rest, and returns when that is done.
    ///
    /// Does `run`'s work where `run` has not begun.
    public func finish(deadline: ContinuousClock.Instant) async {
        queue.close(deadline: deadline)
        await deliverOrWait()
    }

    /// What the status page shows. Never blocks for long, never has a secret.
    public func status() -> DestinationStatus {
        let held = queue.heldBytes
        return memory.withLock { memory in
            DestinationStatus(
                destination: destination.name, batches: memory.batches, lines: memory.lines, bytes: memory.bytes,
                retries: memory.retries, droppedLines: memory.droppedLines, queueBytes: held, problem: memory.problem)
        }
    }

    private func deliverOrWait() async {
        let isFirst = memory.withLock { memory in
            defer { if memory.phase == .idle { memory.phase = .running } }
            return memory.phase == .idle
        }
        if isFirst {
            await withTaskCancellationHandler {
                await deliver()
            } onCancel: { [queue] in
                queue.expire()
            }
            return end()
        }
        await withCheckedContinuation { continuation in
            let isOver = memory.withLock { memory in
                if memory.phase != .ended { memory.waiters.append(continuation) }
                return memory.phase == .ended
            }
            if isOver { continuation.resume() }
        }
    }

    private func deliver() async {
        if let keeper { return await deliver(with: keeper) }
        var encoder = PushEncoder()
        while case .request(let batches) = await queue.next(after: 0) {
            await push(encoder.encode(batches, as: destination.encoding), .memory(since: 0))
        }
    }

    func push(_ body: PushBody, _ origin: Origin) async {
        let request: HTTPClient.Request
        do {
            request = try makeRequest(body)
        } catch {
            // The URL was checked at the start; what is left is one that only the client's parser refuses.
            drop(body.lines, "request", "the HTTP client cannot use the URL")
            return await finish(origin)
        }
        var retry = RetryState(destination.retry)
        while !queue.isOver {
            let (outcome, text) = await attempt(request)
            switch retry.next(after: outcome, random: .random(in: 0..<1)) {
            case .delivered:
                count(body)
                return await finish(origin)
            case .drop(let reason):
                drop(body.lines, reason, text)
                return await finish(origin)
            case .wait(let pause, let reason):
                if queue.isOver { return }
                note(retry: reason, text, pause)
                if queue.isOverdue { return drop(queue.giveUp(), DropReason.queueFull.rawValue, text) }
                if keeper != nil, isTooOld(origin) {
                    drop(body.lines, Spool.Loss.Reason.age.rawValue, text)
                    return await finish(origin)
                }
                queue.spill()
                if keeper != nil, queue.isClosing { return memory.withLock { $0.leavesRest = true } }
                // A shutdown has no time for long pauses.
                await queue.pause(queue.isClosing ? min(pause, destination.retry.minimum) : pause)
            }
        }
    }

    private func isTooOld(_ origin: Origin) -> Bool {
        guard let keeper else { return false }
        switch origin {
        case .memory(let since), .disk(_, let since): return SpoolFolder.now() - since > keeper.age
        }
    }

    private func makeRequest(_ body: PushBody) throws -> HTTPClient.Request {
        var headers = headers
        headers.replaceOrAdd(name: "Content-Type", value: body.contentType)
        if let encoding = body.contentEncoding { headers.replaceOrAdd(name: "Content-Encoding", value: encoding) }
        return try HTTPClient.Request(
            url: destination.url, method: .POST, headers: headers, body: .byteBuffer(ByteBuffer(bytes: body.bytes)),
            tlsConfiguration: tls)
    }

    /// Sends the request once; the text says what came back, without secrets.
    private func attempt(_ request: HTTPClient.Request) async -> (outcome: PushOutcome, text: String) {
        let timeout = TimeAmount.nanoseconds(Int64(destination.timeout.seconds * 1e9))
        let task = client.execute(request: request, delegate: PushAnswer(), deadline: .now() + timeout)
        queue.setCancel { task.cancel() }
        defer { queue.setCancel(nil) }
        do {
            let answer = try await task.get()
            let text = destination.redacted(String(decoding: answer.text, as: UTF8.self))
            return (.answered(status: answer.status, retryAfter: answer.retryAfter), text)
        } catch let error as HTTPClientError where Self.timeouts.contains(error) {
            return (.timedOut, "no answer within \(destination.timeout)")
        } catch {
            return (.disconnected, destination.redacted(String(String(describing: error).prefix(200))))
        }
    }

    private static let timeouts: [HTTPClientError] = [
        .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout, .tlsHandshakeTimeout,
        .getConnectionFromPoolTimeout,
    ]

    private func count(_ body: PushBody) {
        batchesSent.add()
        linesSent.add(body.lines)
        bytesSent.add(body.bytes.count)
        memory.withLock { memory in
            memory.batches += 1
            memory.lines += UInt64(body.lines)
            memory.bytes += UInt64(body.bytes.count)
            memory.problem = nil
        }
    }

    func drop(_ lines: Int, _ reason: String, _ text: String) {
        metrics.counter(.pushLinesDropped, destination.label, reason).add(lines)
        let keptBack = memory.withLock { memory in
            memory.droppedLines += UInt64(lines)
            memory.problem = "dropped lines (\(reason)): \(text.prefix(200))"
            return memory.throttle.admits(reason, at: .now)
        }
        guard let keptBack else { return }
        logger.error(
            "the destination did not take lines; they are dropped",
            metadata: [
                "destination": "\(destination.name)", "reason": "\(reason)", "lines": "\(lines)", "answer": "\(text)",
                "requests_before": "\(keptBack)",
            ])
    }

    private func note(retry reason: String, _ text: String, _ pause: Duration) {
        metrics.counter(.pushRetries, destination.label, reason).add()
        let keptBack = memory.withLock { memory in
            memory.retries += 1
            memory.problem = "trying again (\(reason)): \(text.prefix(200))"
            return memory.throttle.admits("retry " + reason, at: .now)
        }
        guard let keptBack else { return }
        logger.warning(
            "a push failed and is tried again",
            metadata: [
                "destination": "\(destination.name)", "reason": "\(reason)",
                "pause": "\(Int(pause.seconds * 1_000)) ms",
                "answer": "\(text)", "requests_before": "\(keptBack)",
            ])
    }

    private func end() {
        queue.expire()
        let lines = queue.giveUp()
        if lines > 0 { drop(lines, DropReason.shutdown.rawValue, "time was up") }
        let waiters = memory.withLock { memory in
            memory.phase = .ended
            defer { memory.waiters = [] }
            return memory.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
