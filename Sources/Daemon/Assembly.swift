import AsyncHTTPClient
import Delivery
import Engine
import Intake
import Logging
import Records
import Rules
import ServiceLifecycle
import UnixSignals

/// What the service is made of, put together from a configuration.
///
/// The order of the services is the order in which they stop, read backwards: sources first, then the workers count
/// what is left, the destinations get it, the last checkpoint is written, and the HTTP server goes last.
struct Assembly: Sendable {
    /// How a run differs from the ordinary service.
    struct Mode: Sendable {
        /// Read to the end, then stop.
        var once = false
        /// Serve the endpoints.
        var serves = true
        /// Take pushes at our own endpoint and keep the newest lines.
        var receiver: PushStore?
        /// Told the address at which the endpoints are served.
        var listening: @Sendable (ListenAddress) async -> Void = { _ in }
        /// Services that make traffic, for the demo. `any`: the lifecycle takes services of every type.
        var traffic: @Sendable (Assembly) -> [any Service] = { _ in [] }
    }

    let configuration: Configuration
    let mode: Mode
    let metrics: SelfMetrics
    let logger: Logger
    let streams: StreamTable
    let pool: WorkerPool
    let evaluator: Evaluator?
    let collector: Collector
    let reloader: Reloader
    let outlets: [LokiOutlet]
    let sources: Sources
    let catchUp: CatchUp
    let checkpointer: Checkpointer?
    let started: Timestamp

    /// Throws `DestinationError` when a destination cannot be used as it is configured.
    init(
        _ configuration: Configuration, plan: Plan, folder: String, mode: Mode, client: HTTPClient, logger: Logger
    ) throws(DestinationError) {
        let metrics = SelfMetrics()
        let streams = StreamTable(limit: configuration.limits.streams)
        var outlets: [LokiOutlet] = []
        var folders: Set<String> = []
        for loki in configuration.loki {
            let destination = try LokiDestination(loki)
            // Of two that are the same in all respects only one may have the folder.
            let spool = SpoolPlace(loki, destination, in: configuration.state).flatMap {
                folders.insert($0.directory).inserted ? $0 : nil
            }
            outlets.append(
                try LokiOutlet(
                    destination: destination, client: client, metrics: metrics, logger: logger,
                    replaysUndelivered: configuration.state != nil, spool: spool))
        }
        if let state = configuration.state {
            SpoolPlace.reportForgotten(in: state.directory + "/spool", except: folders, logger: logger)
        }
        let store = configuration.state.map { state in
            CheckpointStore(directory: state.directory, metrics: metrics, logger: logger)
        }
        let catchUp = CatchUp(isNeeded: store?.hasCheckpoint ?? false, metrics: metrics, logger: logger)
        var generator = SystemRandomNumberGenerator()
        let pool = WorkerPool(
            count: configuration.workers ?? max(1, System.coreCount - 1), queueBytes: configuration.limits.queueBytes,
            outlets: outlets, plan: plan, seed: generator.next(), once: mode.once,
            restoring: store.map { Self.snapshots(in: $0, logger) }, logger: logger)
        let evaluator =
            mode.once
            ? nil
            : Evaluator(pool: pool, catchUp: store == nil ? nil : catchUp, metrics: metrics, logger: logger)
        self.configuration = configuration
        self.mode = mode
        self.metrics = metrics
        self.logger = logger
        self.streams = streams
        self.outlets = outlets
        self.pool = pool
        self.evaluator = evaluator
        started = SystemClock.now()
        collector = Collector(
            pool: pool, evaluator: evaluator, catchUp: store == nil ? nil : catchUp, metrics: metrics)
        reloader = Reloader(
            paths: configuration.rules, folder: folder, pool: pool, evaluator: evaluator, metrics: metrics,
            logger: logger)
        sources = Sources(
            configuration, once: mode.once, streams: streams, pool: pool, group: client.eventLoopGroup,
            store: store, catchUp: catchUp, metrics: metrics, logger: logger)
        let tailer = sources.tailer
        self.catchUp = catchUp
        checkpointer = store.map { store in
            Checkpointer(
                store: store, pool: pool, tailer: tailer, catchUp: catchUp,
                interval: configuration.state?.interval ?? .seconds(1), metrics: metrics)
        }
        metrics.gauge(.buildInfo, Version.current).set(1)
        metrics.gauge(.started).set(started.seconds)
        metrics.gauge(.reloadSuccessful).set(1)
    }

    /// Runs until told to stop, or with `once` until the input ends; what is in flight is finished within the deadline.
    func run() async throws {
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        func add(
            _ service: some Service,
            whenItEnds success: ServiceGroupConfiguration.ServiceConfiguration.TerminationBehavior = .ignore
        ) {
            services.append(
                .init(
                    service: service, successTerminationBehavior: success,
                    failureTerminationBehavior: .gracefullyShutdownGroup))
        }
        if mode.serves {
            add(
                HTTPService(
                    address: ListenAddress(
                        host: configuration.metrics.listen.host, port: configuration.metrics.listen.port),
                    view: view(), logger: logger, listening: mode.listening))
        }
        if let checkpointer { add(checkpointer) }
        for outlet in outlets { add(outlet) }
        add(pool)
        if let evaluator { add(evaluator) }
        add(sources, whenItEnds: mode.once ? .gracefullyShutdownGroup : .ignore)
        if !mode.once { add(ReloadSignal(reloader: reloader)) }
        for service in mode.traffic(self) { add(service) }
        var group = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quietLogger)
        group.maximumGracefulShutdownDuration = configuration.shutdown.deadline
        group.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: group).run()
    }

    /// What the workers held when the checkpoint was written.
    private static func snapshots(in store: CheckpointStore, _ logger: Logger) -> [[UInt8]] {
        guard let section = store.section(SeriesSection.name) else { return [] }
        guard let snapshots = SeriesSection.decode(section) else {
            logger.error("the series in the checkpoint cannot be read: all counters start at 0")
            return []
        }
        return snapshots
    }

    /// What the lifecycle tells below a warning is about itself.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        return quiet
    }

    private func view() -> ServiceView {
        var view = ServiceView(version: Version.current, started: started) { snapshot, accept in
            let format = ExpositionFormat.format(accept: accept)
            return (format.contentType, render(snapshot, as: format))
        }
        let collector = collector
        let metrics = metrics
        let streams = streams
        let outlets = outlets
        let sources = sources
        let pool = pool
        let reloader = reloader
        let hasState = configuration.state != nil
        let catchUp = catchUp
        let checkpointer = checkpointer
        view.readiness = {
            guard let checkpointer else { return .ready }
            guard checkpointer.hasBegun else { return .catchingUp("the first checkpoint is being written") }
            return catchUp.reason.map { .catchingUp($0) } ?? .ready
        }
        view.notices = {
            (reloader.notice.map { [$0] } ?? [])
                + (hasState ? [] : ["no state folder: positions are kept in memory only"])
        }
        view.snapshot = { await collector.snapshot() }
        view.freshSnapshot = { await collector.collect() }
        view.selfFamilies = {
            metrics.gauge(.streams).set(Double(streams.count))
            metrics.gauge(.cpuSeconds).set(SystemClock.cpuSeconds())
            metrics.gauge(.residentBytes).set(Double(System.residentBytes))
            for worker in pool.workers {
                metrics.gauge(.queueBytes, worker.name).set(Double(worker.queue.waitingBytes))
            }
            return metrics.families()
        }
        view.sources = { sources.status() }
        view.rules = { collector.rules }
        view.destinations = { outlets.map { $0.status() } }
        view.reload = { await reloader.reload() }
        if let receiver = mode.receiver {
            view.push = { body, type, encoding in
                let answer = receiver.accept(body: body, contentType: type, contentEncoding: encoding)
                return PushAnswer(status: answer.status, message: answer.message)
            }
            view.newestLines = { limit in
                receiver.newest(limit).map {
                    DeliveredLine(time: $0.time, labels: $0.labels, line: Array($0.line.utf8))
                }
            }
        }
        return view
    }
}
