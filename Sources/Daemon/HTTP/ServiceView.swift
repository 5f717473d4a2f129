public import Records

/// Whether the service is fit to be scraped and sent to.
public enum Readiness: Sendable, Equatable {
    case ready
    /// Files are read again up to where they stood; the series may lie behind what was scraped before, so that
    /// `/metrics` answers 503. The text says how far it is.
    case catchingUp(String)
    /// The service drains and stops; the metrics are still right.
    case stopping
}

/// One row of the status page about a rule.
public struct RuleStatus: Sendable {
    public var group: String
    public var rule: String
    /// `counter`, `gauge`, `histogram` or `record`.
    public var kind: String
    public var linesMatched: UInt64
    public var linesFiltered: UInt64
    public var linesFailed: UInt64
    public var series: Int
    /// Updates that went to the overflow series because the rule has its limit of series.
    public var overflow: UInt64
    /// Time spent for a line of the rule's streams, estimated; nil before it was measured.
    public var nanosecondsPerLine: Double?
    /// What is wrong just now; nil when all is well.
    public var problem: String?

    public init(
        group: String, rule: String, kind: String, linesMatched: UInt64, linesFiltered: UInt64, linesFailed: UInt64,
        series: Int, overflow: UInt64 = 0, nanosecondsPerLine: Double? = nil, problem: String? = nil
    ) {
        self.group = group
        self.rule = rule
        self.kind = kind
        self.linesMatched = linesMatched
        self.linesFiltered = linesFiltered
        self.linesFailed = linesFailed
        self.series = series
        self.overflow = overflow
        self.nanosecondsPerLine = nanosecondsPerLine
        self.problem = problem
    }
}

/// One line that the embedded receiver got; its bytes are whatever was logged.
public struct DeliveredLine: Sendable {
    public var time: Timestamp
    /// The labels as the push had them, `{a="b"}`.
    public var labels: String
    public var line: [UInt8]

    public init(time: Timestamp, labels: String, line: [UInt8]) {
        self.time = time
        self.labels = labels
        self.line = line
    }
}

/// How a reload of the rules ended.
public enum ReloadOutcome: Sendable {
    /// The new rules run; what changed.
    case done(String)
    /// The old rules run on; the diagnostics as `check` prints them.
    case refused(String)
}

/// What the embedded receiver answers to a push.
public struct PushAnswer: Sendable {
    /// An HTTP status, 204 when the lines were taken.
    public var status: Int
    public var message: String

    public init(status: Int, message: String = "") {
        self.status = status
        self.message = message
    }
}

/// What the endpoints show and do, filled in by the wiring.
public struct ServiceView: Sendable {
    public var version: String
    public var started: Timestamp
    public var readiness: @Sendable () -> Readiness
    /// What a person should know first, for example that the last reload was refused or that there is no state folder.
    public var notices: @Sendable () -> [String]
    /// The rules' series, collected now; the wiring cuts them at most once a second.
    public var snapshot: @Sendable () async -> Snapshot
    /// The rules' series, cut now whatever was cut before; nil: as `snapshot`. Asked for once a second at most.
    public var freshSnapshot: (@Sendable () async -> Snapshot)?
    public var selfFamilies: @Sendable () -> [MetricFamily]
    /// The exposition for an `Accept` header.
    public var render: @Sendable (Snapshot, _ accept: String?) -> (contentType: String, body: [UInt8])
    public var sources: @Sendable () -> [SourceStatus]
    public var rules: @Sendable () -> [RuleStatus]
    public var destinations: @Sendable () -> [DestinationStatus]
    /// The newest lines that the embedded receiver got, the newest first; empty without a receiver.
    public var newestLines: @Sendable (_ limit: Int) -> [DeliveredLine]
    public var reload: @Sendable () async -> ReloadOutcome
    /// The embedded receiver's `POST /loki/api/v1/push`; nil without a receiver.
    public var push: (@Sendable (_ body: [UInt8], _ type: String?, _ encoding: String?) async -> PushAnswer)?

    /// A view that shows nothing yet; the wiring sets what there is.
    public init(
        version: String, started: Timestamp,
        render: @escaping @Sendable (Snapshot, _ accept: String?) -> (contentType: String, body: [UInt8])
    ) {
        self.version = version
        self.started = started
        self.render = render
        readiness = { .ready }
        notices = { [] }
        snapshot = { Snapshot(at: started, families: []) }
        selfFamilies = { [] }
        sources = { [] }
        rules = { [] }
        destinations = { [] }
        newestLines = { _ in [] }
        reload = { .refused("there is nothing to reload\n") }
        push = nil
    }
}
