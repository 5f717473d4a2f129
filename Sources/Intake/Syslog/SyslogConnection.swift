import NIOCore
import Records

/// One connection of a sender: bytes to frames to batches to the sink, all on the connection's event loop.
///
/// Small reads share a batch for up to 20 ms. When the sink is full the sealed batches stay here and reading stops, so
/// that the sender's TCP waits. A connection counts as open until its last batch is handed over.
final class SyslogConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Until when a connection that is to close may still work.
    struct Stop: Sendable {
        /// Nothing is read after this.
        var readUntil: NIODeadline
        /// What the sink has not taken by then is dropped and counted.
        var handOverUntil: NIODeadline
    }

    /// A batch leaves at the latest this long after its first line.
    private static let linger = TimeAmount.milliseconds(20)
    /// When stopping, a sender that is quiet for this long has nothing more to say.
    private static let quiet = TimeAmount.milliseconds(50)
    /// How soon a sink that said it has space, but took nothing, is asked again.
    private static let retry = TimeAmount.milliseconds(10)

    private let peer: SyslogPeer
    private let sink: BatchSink
    private let counters: SyslogCounters
    private let connections: SyslogConnections
    private let id: Int
    private let eventLoop: any EventLoop
    private var decoder: FrameDecoder
    private var assembler: SyslogAssembler
    /// Sealed batches that the sink has no room for; reading is off while there are any.
    private var pending: [LineBatch] = []
    private var isWaitingForSpace = false
    private var hasFlushScheduled = false
    private var hasEnded = false
    private var hasReadSinceCheck = false
    private var stop: Stop?
    private var context: ChannelHandlerContext?

    init(
        id: Int, peer: SyslogPeer, decoder: FrameDecoder, assembler: consuming SyslogAssembler, sink: BatchSink,
        counters: SyslogCounters, connections: SyslogConnections, eventLoop: any EventLoop
    ) {
        self.id = id
        self.peer = peer
        self.decoder = decoder
        self.assembler = assembler
        self.sink = sink
        self.counters = counters
        self.connections = connections
        self.eventLoop = eventLoop
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        hasReadSinceCheck = true
        assembler.countBytes(buffer.readableBytes)
        let now = Timestamp(nanoseconds: SystemTime.now())
        let chunk = buffer.readableBytesUInt8Span
        var offset = 0
        while let frame = decoder.next(in: chunk, from: &offset) {
            if frame.isCarried {
                add(frame, decoder.carried.span, now)
            } else {
                add(frame, chunk, now)
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if assembler.lineCount > 0, !hasFlushScheduled {
            hasFlushScheduled = true
            after(Self.linger) { connection in
                connection.hasFlushScheduled = false
                connection.seal()
            }
        }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset connection or a broken handshake: the sender's affair, and `channelInactive` follows.
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let idle = event as? IdleStateHandler.IdleStateEvent, case .read = idle {
            if !isWaitingForSpace { context.close(promise: nil) }
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Takes what has arrived, closes, and gives up what the sink does not take in time. Call on the event loop.
    func close(_ stop: Stop) {
        guard self.stop == nil else { return }
        self.stop = stop
        guard !hasEnded else { return giveUpLater(stop) }
        hasReadSinceCheck = false
        after(Self.quiet) { $0.checkStop() }
    }

    private func add(_ frame: FrameDecoder.Frame, _ bytes: Span<UInt8>, _ now: Timestamp) {
        assembler.add(
            bytes.extracting(frame.range), isCut: frame.isCut, isIncomplete: frame.isIncomplete, peer: peer, now: now)
        if assembler.isFull { seal() }
    }

    /// Closes the batch and hands over what the sink has room for.
    private func seal() {
        if let batch = assembler.take() { pending.append(batch) }
        if !isWaitingForSpace { handOver() }
    }

    private func handOver() {
        offerPending()
        guard !pending.isEmpty else { return }
        isWaitingForSpace = true
        setReading(false)
        waitForSpace()
    }

    /// Offers batches in order up to the first that is refused: how many were taken.
    @discardableResult
    private func offerPending() -> Int {
        let taken = pending.firstIndex { !sink.offer($0) } ?? pending.count
        pending.removeFirst(taken)
        return taken
    }

    private func waitForSpace() {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let loop = eventLoop
        sink.whenSpace {
            loop.execute { bound.value.retryHandOver() }
        }
    }

    private func retryHandOver() {
        guard isWaitingForSpace else { return }
        let taken = offerPending()
        guard pending.isEmpty else {
            // Space, but not enough for this batch: asking again at once would spin.
            if taken == 0 { after(Self.retry) { $0.waitForSpace() } } else { waitForSpace() }
            return
        }
        isWaitingForSpace = false
        if hasEnded {
            release()
        } else {
            setReading(true)
        }
    }

    private func setReading(_ isOn: Bool) {
        guard let channel = context?.channel, !hasEnded else { return }
        // Fails only for a channel that is closed already.
        try? channel.syncOptions?.setOption(.autoRead, value: isOn)
    }

    /// While stopping: closes when the sender is quiet, or when the time to read is over.
    private func checkStop() {
        guard let stop, !hasEnded else { return }
        let now = NIODeadline.now()
        let mayRead = now < stop.readUntil && (hasReadSinceCheck || decoder.isWithinFrame || isWaitingForSpace)
        if mayRead {
            hasReadSinceCheck = false
            after(Self.quiet) { $0.checkStop() }
        } else {
            context?.close(promise: nil)
        }
    }

    /// The stream is over: what it left goes to the sink as well.
    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        context = nil
        if let frame = decoder.finish() { add(frame, decoder.carried.span, Timestamp(nanoseconds: SystemTime.now())) }
        if let batch = assembler.take() { pending.append(batch) }
        if !isWaitingForSpace { handOver() }
        guard !pending.isEmpty else { return release() }
        if let stop { giveUpLater(stop) }
    }

    private func giveUpLater(_ stop: Stop) {
        after(stop.handOverUntil - NIODeadline.now()) { $0.giveUp() }
    }

    private func giveUp() {
        guard isWaitingForSpace else { return }
        isWaitingForSpace = false
        counters.droppedAtShutdown.add(pending.reduce(0) { $0 + $1.lines.count })
        pending = []
        release()
    }

    private func release() {
        connections.release(id)
    }

    private func after(_ time: TimeAmount, _ body: @escaping @Sendable (SyslogConnection) -> Void) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: time) { body(bound.value) }
    }
}
