import Delivery
import Engine
import Intake
import Records

/// What a worker is asked to do, in the order in which it was asked.
enum WorkerMessage: Sendable {
    case batch(LineBatch)
    case collect(at: Timestamp, @Sendable (WorkerCut) -> Void)
    case evaluate(group: String, at: Timestamp, @Sendable (WorkerWindows) -> Void)
    case adopt(Plan, at: Timestamp, @Sendable (()) -> Void)
}

/// What a worker holds at one point of its input.
struct WorkerCut: Sendable {
    /// The plan that the worker ran then.
    var plan: Plan
    var partial: Partial
    var newestEntry: Timestamp?
}

/// The windows of a group in one worker.
struct WorkerWindows: Sendable {
    /// The plan that the worker ran then.
    var plan: Plan
    var windows: WindowPartial
}

/// One thread that owns a program: lines, questions and new plans come through one queue, so that a cut is an exact
/// point of the input and nothing needs a lock.
final class Worker: Sendable {
    let name: String
    let queue: Handoff<WorkerMessage>
    private let outlets: [LokiOutlet]
    private let seed: UInt64
    /// False with `--once`: the entries of finished files may have any time.
    private let refusesAhead: Bool

    init(name: String, queueBytes: Int, outlets: [LokiOutlet], seed: UInt64, refusesAhead: Bool) {
        self.name = name
        queue = Handoff(limitBytes: queueBytes)
        self.outlets = outlets
        self.seed = seed
        self.refusesAhead = refusesAhead
    }

    /// Asks and waits for the answer, which comes when everything before the question is done; nil when the queue is closed.
    func ask<Answer: Sendable>(
        _ question: (@escaping @Sendable (Answer) -> Void) -> WorkerMessage
    ) async -> Answer? {
        await withCheckedContinuation { continuation in
            if !queue.sendControl(question { continuation.resume(returning: $0) }) {
                continuation.resume(returning: nil)
            }
        }
    }

    /// Works until the queue is closed and empty.
    func run(_ plan: Plan) {
        var program = Program(plan, seed: seed)
        program.refusesAhead = refusesAhead
        while let message = queue.receive() {
            switch message {
            case .batch(let batch):
                let start = SystemClock.monotonicNanoseconds()
                program.ingest(batch, at: SystemClock.now())
                program.charge(nanoseconds: SystemClock.monotonicNanoseconds() - start)
                batch.receipt?.settleCounted(destinations: outlets.count)
                for outlet in outlets { outlet.offer(batch) }
            case .collect(let now, let reply):
                let partial = program.collect(at: now)
                reply(WorkerCut(plan: program.plan, partial: partial, newestEntry: program.newestEntryTime))
            case .evaluate(let group, let instant, let reply):
                let windows = program.evaluate(group: group, at: instant)
                reply(WorkerWindows(plan: program.plan, windows: windows))
            case .adopt(let plan, let now, let reply):
                program = Program(plan, keeping: program, at: now)
                program.refusesAhead = refusesAhead
                reply(())
            }
        }
    }
}
