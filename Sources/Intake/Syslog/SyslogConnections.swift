import NIOCore
import Records
import Synchronization

/// The open connections of one listener: at most so many, and all of them can be closed.
final class SyslogConnections: Sendable {
    private struct Member: Sendable {
        var eventLoop: any EventLoop
        var connection: NIOLoopBound<SyslogConnection>

        func close(_ stop: SyslogConnection.Stop) {
            eventLoop.execute { connection.value.close(stop) }
        }
    }
    private struct State {
        var open = 0
        var nextID = 0
        var members: [Int: Member] = [:]
        var stop: SyslogConnection.Stop?
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let limit: Int
    private let counters: SyslogCounters
    private let state = Mutex(State())

    init(limit: Int, counters: SyslogCounters) {
        self.limit = limit
        self.counters = counters
    }

    /// A number for one more connection; nil, and counted, when there are as many as may be.
    func admit() -> Int? {
        let (id, open) = state.withLock { state -> (Int?, Int) in
            guard state.open < limit, state.stop == nil else { return (nil, state.open) }
            state.open += 1
            state.nextID += 1
            return (state.nextID, state.open)
        }
        counters.openConnections.set(Double(open))
        if id == nil { counters.refusedConnections.add() }
        return id
    }

    /// Makes an admitted connection known; call on its event loop.
    func attach(_ id: Int, _ connection: SyslogConnection, _ eventLoop: any EventLoop) {
        let member = Member(eventLoop: eventLoop, connection: NIOLoopBound(connection, eventLoop: eventLoop))
        let stop = state.withLock { state in
            state.members[id] = member
            return state.stop
        }
        if let stop { member.close(stop) }
    }

    /// An admitted connection is closed and has handed over all it had.
    func release(_ id: Int) {
        let (open, waiting) = state.withLock { state -> (Int, [CheckedContinuation<Void, Never>]) in
            state.members[id] = nil
            state.open -= 1
            guard state.open == 0 else { return (state.open, []) }
            defer { state.waiting = [] }
            return (0, state.waiting)
        }
        counters.openConnections.set(Double(open))
        for continuation in waiting { continuation.resume() }
    }

    /// Closes all, and comes back when the last is released, which is soon after `stop.handOverUntil` at the latest.
    func closeAll(_ stop: SyslogConnection.Stop) async {
        let members = state.withLock { state in
            state.stop = stop
            return Array(state.members.values)
        }
        for member in members { member.close(stop) }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.open > 0 { state.waiting.append(continuation) }
                return state.open == 0
            }
            if isOver { continuation.resume() }
        }
    }
}
