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
    private enum Phase {
        case idle
        case running
        case ended
    }
    private struct Memory {
        var batches: UInt64 = 0
        var lines: UInt64 = 0
        var bytes: UInt64 = 0
        var retries: UInt64 = 0
        var droppedLines: UInt64 = 0
        var problem: String?
        var throttle = LogThrottle()
        var phase = Phase.idle
        /// Who waits for the end.
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let destination: LokiDestination
    private let client: HTTPClient
    private let metrics: SelfMetrics
    private let logger: Logger
    private let headers: HTTPHeaders
    private let tls: TLSConfiguration?
    private let queue: DeliveryQueue
    private let batchesSent: SelfCounter
    private let linesSent: SelfCounter
    private let bytesSent: SelfCounter
    private let queueFull: SelfCounter
    private let shutdown: SelfCounter
    private let memory = Mutex(Memory())

    /// Fails when the destination's headers or certificates cannot be used. `client` may be shared (`PushClient`).
    ///
    /// With `replaysUndelivered`, batches that a shutdown leaves undelivered are not settled, so that a checkpoint sends
    /// them again after the restart; without, they are dropped and settled.
    public init(
        destination: LokiDestination, client: HTTPClient, metrics: SelfMetrics, logger: Logger,
        replaysUndelivered: Bool = false
    ) throws(DestinationError) {
        self.destination = destination
        self.client = client
        self.metrics = metrics
        self.logger = logger
        headers = try destination.requestHeaders()
        tls = try destination.tlsConfiguration()
        queue = DeliveryQueue(
            state: QueueState(limitBytes: destination.queueBytes, patience: destination.patience),
            cutter: BatchCutter(bytes: destination.batchBytes, wait: destination.batchWait),
            replays: replaysUndelivered, eventLoop: client.eventLoopGroup.any(),
            gauge: metrics.gauge(.pushQueueBytes, destination.label))
        batchesSent = metrics.counter(.batchesSent, destination.label)
        linesSent = metrics.counter(.linesSent, destination.label)
        bytesSent = metrics.counter(.bytesSent, destination.label)
        queueFull = metrics.counter(.pushLinesDropped, destination.label, DropReason.queueFull.rawValue)
        shutdown = metrics.counter(.pushLinesDropped, destination.label, DropReason.shutdown.rawValue)
    }

    /// Takes a batch for delivery. Called from a worker's thread, never from a task: it may wait for room, for at most
    /// `patience` beyond the last acknowledgement.
    public func offer(_ batch: LineBatch) {
        guard let reason = queue.offer(batch) else { return }
        switch reason {
        case .queueFull: queueFull.add(batch.lines.count)
        case .shutdown: shutdown.add(batch.lines.count)
        }
        let keptBack = memory.withLock { memory in
            memory.droppedLines += UInt64(batch.lines.count)
            if reason == .queueFull { memory.problem = memory.problem ?? "queue full, dropping lines" }
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
        var encoder = PushEncoder()
        while let batches = await queue.nextCut() {
            let body = encoder.encode(batches, as: destination.encoding)
            await push(body)
        }
    }

    private func push(_ body: PushBody) async {
        let request: HTTPClient.Request
        do {
            request = try makeRequest(body)
        } catch {
            // The URL was checked at the start; what is left is one that only the client's parser refuses.
            drop(body.lines, "request", "the HTTP client cannot use the URL")
            return queue.settle()
        }
        var retry = RetryState(destination.retry)
        while !queue.isOver {
            let (outcome, text) = await attempt(request)
            switch retry.next(after: outcome, random: .random(in: 0..<1)) {
            case .delivered:
                count(body)
                return queue.settle()
            case .drop(let reason):
                drop(body.lines, reason, text)
                return queue.settle()
            case .wait(let pause, let reason):
                if queue.isOver { return }
                note(retry: reason, text, pause)
                if queue.isOverdue { return drop(queue.giveUp(), DropReason.queueFull.rawValue, text) }
                // A shutdown has no time for long pauses.
                await queue.pause(queue.isClosing ? min(pause, destination.retry.minimum) : pause)
            }
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

    private func drop(_ lines: Int, _ reason: String, _ text: String) {
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
