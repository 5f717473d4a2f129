import Intake
import Logging
import NIOCore
import Records
import Rules
import ServiceLifecycle

/// Everything that lines come from.
struct Sources: Service {
    private let services: [any Service]
    private let tailer: Tailer?
    private let listeners: [SyslogListener]
    private let store: CheckpointStore?

    init(
        _ configuration: Configuration, once: Bool, streams: StreamTable, pool: WorkerPool, group: any EventLoopGroup,
        metrics: SelfMetrics, logger: Logger
    ) throws {
        var services: [any Service] = []
        var tails: [TailConfiguration] = []
        var listeners: [SyslogListener] = []
        for (index, source) in configuration.sources.enumerated() {
            switch source {
            case .tail(let tail):
                tails.append(
                    TailConfiguration(
                        tail, name: "tail:\(index)", labels: configuration.labels, follows: !once))
            case .syslog(let syslog):
                let name = "syslog:\(index)"
                let listener = SyslogListener(
                    SyslogConfiguration(syslog, name: name, labels: configuration.labels), streams: streams,
                    sink: pool.sink(for: name), eventLoopGroup: group, metrics: metrics, logger: logger)
                listeners.append(listener)
                services.append(listener)
            case .stdin(let stdin):
                services.append(
                    StandardInput(
                        labels: SourceLabels(stdin.labels, common: configuration.labels), streams: streams,
                        sink: pool.sink(for: "stdin"), metrics: metrics, logger: logger))
            }
        }
        store = configuration.state.map { state in
            CheckpointStore(directory: state.directory, metrics: metrics, logger: logger)
        }
        if tails.isEmpty {
            tailer = nil
        } else {
            let tailer = Tailer(
                tails, streams: streams, sink: pool.sink(for: "tail"), store: store, metrics: metrics, logger: logger)
            self.tailer = tailer
            services.append(tailer)
        }
        self.listeners = listeners
        self.services = services
    }

    /// Runs all sources; returns when each has come to its end.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            try await group.waitForAll()
        }
    }

    func status() -> [SourceStatus] {
        (tailer?.status() ?? []) + listeners.flatMap { $0.status() }
    }

    /// Writes the last checkpoint when everything after it in the group has stopped.
    var finalCheckpoint: FinalCheckpoint? { store == nil ? nil : tailer.map { FinalCheckpoint(tailer: $0) } }
}

/// Writes the positions once more when all that was read is counted and delivered.
struct FinalCheckpoint: Service {
    let tailer: Tailer

    func run() async throws {
        await untilGracefulShutdown()
        tailer.checkpoint()
    }
}
