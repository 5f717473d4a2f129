import Delivery
import Engine
import Intake
import Logging
import Records
import Synchronization

/// What a worker is asked to do, in the order in which it was asked.
enum WorkerMessage: Sendable {
    case batch(LineBatch)
    case collect(at: Timestamp, @Sendable (WorkerCut) -> Void)
    case evaluate(group: String, at: Timestamp, @Sendable (WorkerWindows) -> Void)
    case adopt(Plan, at: Timestamp, @Sendable (()) -> Void)
    /// Cut everything for a checkpoint; the first closure is called between the same two batches.
    case checkpoint(alongside: @Sendable () -> Void, @Sendable ([UInt8]) -> Void)
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
    /// Snapshots from before the restart, that it goes on with.
    private let restoring: [[UInt8]]
    private let last = Mutex<[UInt8]?>(nil)
    /// Goes up with everything that a checkpoint would say.
    let changes = Atomic<UInt64>(0)

    init(
        name: String, queueBytes: Int, outlets: [LokiOutlet], seed: UInt64, refusesAhead: Bool, restoring: [[UInt8]]
    ) {
        self.name = name
        queue = Handoff(limitBytes: queueBytes)
        self.outlets = outlets
        self.seed = seed
        self.refusesAhead = refusesAhead
        self.restoring = restoring
    }

    /// The snapshot with which it ended; nil while it works.
    var lastSnapshot: [UInt8]? { last.withLock { $0 } }

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

    /// Works until the queue is closed and empty. `keeps` has it leave a snapshot behind.
    func run(_ plan: Plan, keeps: Bool, logger: Logger) {
        var program = Program(plan, seed: seed)
        program.refusesAhead = refusesAhead
        restore(&program, logger)
        while let message = queue.receive() {
            switch message {
            case .batch(let batch): take(batch, &program)
            case .collect(let now, let reply):
                let partial = program.collect(at: now)
                reply(WorkerCut(plan: program.plan, partial: partial, newestEntry: program.newestEntryTime))
            case .evaluate(let group, let instant, let reply):
                let windows = program.evaluate(group: group, at: instant)
                reply(WorkerWindows(plan: program.plan, windows: windows))
            case .adopt(let plan, let now, let reply):
                program = Program(plan, keeping: program, at: now)
                program.refusesAhead = refusesAhead
                changes.add(1, ordering: .relaxed)
                reply(())
            case .checkpoint(let alongside, let reply):
                alongside()
                reply(program.snapshot())
            }
        }
        if keeps { last.withLock { $0 = program.snapshot() } }
    }

    /// Counts a batch, unless that was done before a restart, and hands it on.
    private func take(_ batch: LineBatch, _ program: inout Program) {
        if !batch.isCounted {
            let start = SystemClock.monotonicNanoseconds()
            program.ingest(batch, at: SystemClock.now())
            program.charge(nanoseconds: SystemClock.monotonicNanoseconds() - start)
        }
        // Nothing may come between counting and this: a checkpoint has both or neither.
        batch.receipt?.settleCounted(destinations: outlets.count)
        changes.add(1, ordering: .relaxed)
        for outlet in outlets { outlet.offer(batch) }
    }

    private func restore(_ program: inout Program, _ logger: Logger) {
        for bytes in restoring {
            let report = program.restore(bytes)
            for damage in report.damage {
                logger.error(
                    "a part of the checkpoint cannot be used, its series start anew", metadata: ["reason": "\(damage)"])
            }
            if !report.dropped.isEmpty {
                logger.notice(
                    "rules that changed or went start anew",
                    metadata: ["rules": "\(report.dropped.joined(separator: ", "))"])
            }
            logger.debug("rules go on where they were", metadata: ["rules": "\(report.restored)"])
        }
    }
}
