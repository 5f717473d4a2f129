import AsyncHTTPClient
import Delivery
import Diagnostics
import Engine
import Intake
import Logging
import NIOCore
import NIOPosix
import Records
import Rules
import ServiceLifecycle

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
        /// Services that make traffic, for the demo.
        var traffic: [any Service] = []
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
    let started: Timestamp

    init(
        _ configuration: Configuration, rules: RuleLoad, plan: Plan, folder: String, mode: Mode, client: HTTPClient?,
        group: any EventLoopGroup, logger: Logger
    ) throws {
        self.configuration = configuration
        self.mode = mode
        self.logger = logger
        started = SystemClock.now()
        metrics = SelfMetrics()
        streams = StreamTable(limit: configuration.limits.streams)
        let metrics = self.metrics
        outlets = try configuration.loki.map { loki in
            try LokiOutlet(
                LokiDestination(loki), client: client ?? .shared, metrics: metrics, logger: logger)
        }
        var generator = SystemRandomNumberGenerator()
        pool = WorkerPool(
            count: configuration.workers ?? max(1, System.coreCount - 1), queueBytes: configuration.limits.queueBytes,
            outlets: outlets, plan: plan, seed: generator.next(), once: mode.once)
        evaluator = mode.once ? nil : Evaluator(pool: pool, metrics: metrics)
        collector = Collector(pool: pool, evaluator: evaluator, metrics: metrics)
        reloader = Reloader(
            paths: configuration.rules, folder: folder, pool: pool, evaluator: evaluator, metrics: metrics,
            logger: logger)
        sources = try Sources(
            configuration, once: mode.once, streams: streams, pool: pool, group: group, metrics: metrics,
            logger: logger)
        metrics.gauge(.buildInfo, Version.current).set(1)
        metrics.gauge(.started).set(started.seconds)
        metrics.gauge(.reloadSuccessful).set(1)
    }

    /// Runs until told to stop, or with `once` until the input ends; what is in flight is finished within the deadline.
    func run() async throws {
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        if mode.serves {
            services.append(.init(service: endpoints(), failureTerminationBehavior: .cancelGroup))
        }
        if let checkpoint = sources.finalCheckpoint { services.append(.init(service: checkpoint)) }
        for outlet in outlets { services.append(.init(service: outlet)) }
        services.append(.init(service: pool))
        if let evaluator { services.append(.init(service: evaluator)) }
        services.append(
            .init(
                service: sources, successTerminationBehavior: mode.once ? .gracefullyShutdownGroup : .ignore,
                failureTerminationBehavior: .gracefullyShutdownGroup))
        if !mode.once { services.append(.init(service: ReloadSignal(reloader: reloader))) }
        for service in mode.traffic {
            services.append(.init(service: service, failureTerminationBehavior: .gracefullyShutdownGroup))
        }
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = self.configuration.shutdown.deadline
        configuration.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: configuration).run()
    }

    private func endpoints() -> Endpoints {
        Endpoints(view(), listen: ListenAddress(configuration.metrics.listen), logger: logger)
    }

    private func view() -> ServiceView {
        var view = ServiceView(version: Version.current, started: started) { snapshot, accept in
            let format = ExpositionFormat(accept: accept)
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
        view.notices = {
            reloader.notice.map { [$0] } ?? []
                + (hasState ? [] : ["no state folder: positions are kept in memory only"])
        }
        view.snapshot = { await collector.snapshot() }
        view.selfFamilies = {
            metrics.gauge(.streams).set(Double(streams.count))
            metrics.gauge(.cpuSeconds).set(Double(SystemClock.cpuNanoseconds()) / 1e9)
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
                receiver.newest(limit).map { DeliveredLine(time: $0.time, labels: $0.labels, line: $0.line) }
            }
        }
        return view
    }
}
