import Diagnostics
import Engine
import Logging
import Records
import Rules
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Reads the rules again and gives them to the workers, or leaves everything as it is and says why.
final class Reloader: Sendable {
    private let paths: [String]
    private let folder: String
    private let pool: WorkerPool
    private let evaluator: Evaluator?
    private let metrics: SelfMetrics
    private let logger: Logger
    private let lastRefusal = Mutex<String?>(nil)

    init(
        paths: [String], folder: String, pool: WorkerPool, evaluator: Evaluator?, metrics: SelfMetrics, logger: Logger
    ) {
        self.paths = paths
        self.folder = folder
        self.pool = pool
        self.evaluator = evaluator
        self.metrics = metrics
        self.logger = logger
    }

    /// What the status page says while the rules that run are not those of the files.
    var notice: String? {
        lastRefusal.withLock { $0 == nil ? nil : "the last reload of the rules was refused; the old rules run on" }
    }

    /// Series of unchanged rules go on; a changed rule starts anew; a wrong file changes nothing.
    func reload() async -> ReloadOutcome {
        let load = RulePlan(paths: paths, relativeTo: folder, options: pool.plan.options)
        guard let plan = load.plan else {
            metrics.counter(.reloads, "refused").add()
            metrics.gauge(.reloadSuccessful).set(0)
            lastRefusal.withLock { $0 = load.report }
            logger.error("reload refused: the old rules run on", metadata: ["diagnostics": "\(load.report)"])
            return .refused(load.report)
        }
        await pool.adopt(plan)
        evaluator?.forget(except: plan.groups)
        metrics.counter(.reloads, "done").add()
        metrics.gauge(.reloadSuccessful).set(1)
        lastRefusal.withLock { $0 = nil }
        logger.info("rules reloaded", metadata: ["rules": "\(plan.rules.count)"])
        return .done("\(plan.rules.count) rules are running\n")
    }
}

/// Reloads the rules at SIGHUP.
struct ReloadSignal: Service {
    let reloader: Reloader

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            _ = await reloader.reload()
        }
    }
}
