public import Logging
public import Records
import Synchronization

/// After a start: whether everything that the process before could have shown is counted again.
///
/// The series go on from the last checkpoint, which may lie behind what somebody read of them; they catch up when every
/// file is counted up to the size that it had at the start. What cannot be read, has gone, or makes no progress for
/// half a minute is not waited for.
public final class CatchUp: Sendable {
    /// One file that is waited for.
    fileprivate struct Goal {
        var position: FilePosition
        var size: Int64
        /// Up to where lines were handed on when it was read that far; nil before.
        var sent: Int64?
    }
    private enum Phase {
        /// The files have not been looked for.
        case starting
        /// Files were found that could not be opened yet where `isWaiting`.
        case reading([Goal], isWaiting: Bool)
        case over
    }
    private struct State {
        var phase = Phase.starting
        /// How much was read and counted when there was progress last, and when that was.
        var done: Int64 = -1
        var doneAt: Int64
    }
    private let state: Mutex<State>
    private let isNeeded: Bool
    private let started: Int64
    private let patience: Int64
    private let logger: Logger
    private let seconds: SelfGauge?

    /// `isNeeded` is false where nothing was remembered, so that nothing was shown: it is over with the first look.
    public init(
        isNeeded: Bool, metrics: SelfMetrics, logger: Logger, patience: Swift.Duration = .seconds(30)
    ) {
        started = SystemTime.monotonic()
        self.isNeeded = isNeeded
        state = Mutex(State(doneAt: started))
        self.patience = patience.nanoseconds
        self.logger = logger
        seconds = isNeeded ? metrics.gauge(.catchUpSeconds) : nil
    }

    /// The files have been looked for; nothing of them need be read yet.
    public var hasLooked: Bool {
        state.withLock { if case .starting = $0.phase { false } else { true } }
    }

    /// What is still to be waited for, in words; nil when it is over.
    public var reason: String? {
        let now = SystemTime.monotonic()
        let (reason, outcome) = state.withLock { state -> (String?, (isComplete: Bool, files: Int)?) in
            guard case .reading(let goals, let isWaiting) = state.phase else {
                if case .over = state.phase { return (nil, nil) }
                guard now - state.doneAt > patience else { return ("looking for the files", nil) }
                state.phase = .over
                return (nil, (false, 0))
            }
            let open = goals.filter { !$0.isReached }
            if open.isEmpty, !isWaiting {
                state.phase = .over
                return (nil, (true, goals.count))
            }
            let done = goals.reduce(0) { $0 &+ $1.done }
            if done != state.done { (state.done, state.doneAt) = (done, now) }
            if now - state.doneAt > patience {
                state.phase = .over
                return (nil, (false, open.count))
            }
            let bytes = open.reduce(0) { $0 &+ max(0, $1.size - $1.position.counted.load(ordering: .relaxed)) }
            return ("\(bytes) bytes of \(open.count) files are to be counted", nil)
        }
        if let outcome { finish(at: now, isComplete: outcome.isComplete, files: outcome.files) }
        return reason
    }

    private func finish(at now: Int64, isComplete: Bool, files: Int) {
        let duration = Double(now - started) / 1e9
        seconds?.set(duration)
        if isComplete {
            guard files > 0 else { return }
            logger.info("\(files) files are counted up to where they stood at the start, after \(duration) s")
        } else {
            logger.warning(
                "gave up waiting for \(files) files to be counted up to where they stood at the start; counters may go back"
            )
        }
    }

    /// There are no files.
    public func skip() { begin([]) }

    // MARK: From the thread that reads

    /// The first look found these files, to be counted up to their sizes.
    func begin(_ files: [(position: FilePosition, size: Int64)]) {
        state.withLock { state in
            guard case .starting = state.phase else { return }
            guard isNeeded else { return state.phase = .over }
            state.phase = .reading(files.map { Goal(position: $0.position, size: $0.size) }, isWaiting: false)
            state.doneAt = SystemTime.monotonic()
        }
    }

    /// A file that the first look found could be opened now.
    func add(_ position: FilePosition, size: Int64) {
        state.withLock { state in
            guard case .reading(let goals, let isWaiting) = state.phase else { return }
            state.phase = .reading(goals + [Goal(position: position, size: size)], isWaiting: isWaiting)
        }
    }

    /// After each round of reading; `isWaiting` while files wait to be opened.
    func noteRound(isWaiting: Bool) {
        state.withLock { state in
            guard case .reading(var goals, _) = state.phase else { return }
            for index in goals.indices where goals[index].sent == nil && goals[index].isRead {
                goals[index].sent = goals[index].position.sent.load(ordering: .acquiring)
            }
            state.phase = .reading(goals, isWaiting: isWaiting)
        }
    }
}

extension CatchUp.Goal {
    /// Nothing more is to be read of it.
    fileprivate var isRead: Bool {
        position.read.load(ordering: .acquiring) >= size
            || position.description.withLock { $0.isFinished || $0.problem != nil }
    }

    fileprivate var isReached: Bool {
        guard let sent else { return false }
        return position.counted.load(ordering: .acquiring) >= sent
    }

    fileprivate var done: Int64 {
        position.read.load(ordering: .relaxed) &+ position.counted.load(ordering: .relaxed)
    }
}
