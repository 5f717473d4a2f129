import Intake
import Logging
import NIOCore
import Records
import Rules
import ServiceLifecycle

/// Everything that lines come from.
struct Sources: Service {
    // `any`: the lifecycle takes services of every type.
    private let services: [any Service]
    let tailer: Tailer?
    private let listeners: [SyslogListener]
    private let standardInputs: [StandardInput]

    /// `store` is where the positions are found, and `catchUp` is told how far reading is.
    init(
        _ configuration: Configuration, once: Bool, streams: StreamTable, pool: WorkerPool, group: any EventLoopGroup,
        store: CheckpointStore?, catchUp: CatchUp, metrics: SelfMetrics, logger: Logger
    ) {
        var services: [any Service] = []
        var tails: [TailConfiguration] = []
        var listeners: [SyslogListener] = []
        var standardInputs: [StandardInput] = []
        for (index, source) in configuration.sources.enumerated() {
            switch source {
            case .tail(let tail):
                tails.append(
                    TailConfiguration(tail, name: "tail:\(index)", labels: configuration.labels, follows: !once))
            case .syslog(let syslog):
                let name = "syslog:\(index)"
                let listener = SyslogListener(
                    SyslogConfiguration(syslog, name: name, labels: configuration.labels), streams: streams,
                    sink: pool.sink(for: name), eventLoopGroup: group, metrics: metrics, logger: logger)
                listeners.append(listener)
                services.append(listener)
            case .stdin(let stdin):
                let input = StandardInput(
                    labels: SourceLabels(stdin.labels, common: configuration.labels), streams: streams,
                    sink: pool.sink(for: "stdin"), metrics: metrics, logger: logger)
                standardInputs.append(input)
                services.append(input)
            }
        }
        tailer =
            tails.isEmpty
            ? nil
            : Tailer(
                tails, streams: streams, sink: pool.sink(for: "tail"), store: store, metrics: metrics, logger: logger,
                checkpointInterval: nil, catchUp: catchUp)
        if let tailer { services.append(tailer) }
        self.listeners = listeners
        self.standardInputs = standardInputs
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
        (tailer?.status() ?? []) + listeners.flatMap { $0.status() } + standardInputs.flatMap { $0.status() }
    }

    /// Where the listeners listen, ports of the system's choosing included.
    var boundAddresses: [SyslogAddress] { listeners.flatMap(\.boundAddresses) }
}
