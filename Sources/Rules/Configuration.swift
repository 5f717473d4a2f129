public import Records

/// The configuration of the service, read from one YAML file. `docs/configuration.md` is its reference.
public struct Configuration: Sendable {
    /// Labels of every stream; those of a source win.
    public var labels: LabelSet
    /// Where lines come from, in the order of the file.
    public var sources: [Source]
    /// Rule files, packs and shell patterns; relative paths are seen from the folder of the configuration file.
    public var rules: [String]
    /// Where HTTP is served; by default 127.0.0.1:9464.
    public var metrics: Metrics
    /// Where the checkpoint is kept; nil keeps everything in memory.
    public var state: State?
    /// Where lines are pushed to; empty pushes nowhere.
    public var loki: [Loki]
    public var log: Log
    /// Threads that run the rules; nil for one less than there are cores, at least one.
    public var workers: Int?
    public var shutdown: Shutdown
    public var limits: Limits

    /// The configuration of an empty file: the defaults.
    public init(
        labels: LabelSet = .empty, sources: [Source] = [], rules: [String] = [], metrics: Metrics = Metrics(),
        state: State? = nil, loki: [Loki] = [], log: Log = Log(), workers: Int? = nil,
        shutdown: Shutdown = Shutdown(), limits: Limits = Limits()
    ) {
        self.labels = labels
        self.sources = sources
        self.rules = rules
        self.metrics = metrics
        self.state = state
        self.loki = loki
        self.log = log
        self.workers = workers
        self.shutdown = shutdown
        self.limits = limits
    }

    /// The HTTP server for /metrics, the status page and the probes.
    public struct Metrics: Hashable, Sendable {
        public var listen: NetworkAddress

        public init(listen: NetworkAddress = NetworkAddress(host: "127.0.0.1", port: 9464)) {
            self.listen = listen
        }
    }

    /// The checkpoint of series values and file positions.
    public struct State: Hashable, Sendable {
        public var directory: String
        /// How often it is written; by default every second.
        public var interval: Duration

        public init(directory: String, interval: Duration = .seconds(1)) {
            self.directory = directory
            self.interval = interval
        }
    }

    /// What Millrace says about its own work, on standard error.
    public struct Log: Hashable, Sendable {
        public enum Level: String, CaseIterable, Sendable { case trace, debug, info, notice, warning, error, critical }
        public enum Format: String, CaseIterable, Sendable { case text, json }

        public var level: Level
        public var format: Format

        public init(level: Level = .info, format: Format = .text) {
            self.level = level
            self.format = format
        }
    }

    public struct Shutdown: Hashable, Sendable {
        /// After this long, what has not been delivered is left to the next start; by default 30 s.
        public var deadline: Duration

        public init(deadline: Duration = .seconds(30)) {
            self.deadline = deadline
        }
    }

    /// What bounds memory, whatever comes in.
    public struct Limits: Hashable, Sendable {
        /// Streams at most; by default 10,000.
        public var streams: Int
        /// Bytes of lines that may wait for one worker; by default 16 MiB.
        public var queueBytes: Int
        /// `quantile_over_time` is exact for windows of so many samples of a series; by default 4,096.
        public var quantileSamples: Int

        public init(streams: Int = 10_000, queueBytes: Int = 4 << 20, quantileSamples: Int = 4_096) {
            self.streams = streams
            self.queueBytes = queueBytes
            self.quantileSamples = quantileSamples
        }
    }

    /// One destination that speaks Loki's push API.
    public struct Loki: Sendable {
        public enum Encoding: String, CaseIterable, Sendable { case protobuf, json }

        /// The whole address, `http` or `https`; it may hold a password or a token, so it prints as a secret.
        public var url: Secret
        /// Scheme, host and port of the address: what may be shown.
        public var destination: String
        /// The value of `X-Scope-OrgID`; nil sends none.
        public var tenant: Secret?
        /// By default protobuf with snappy.
        public var encoding: Encoding
        /// A push is made when this many bytes of lines wait; by default 1 MiB.
        public var batchBytes: Int
        /// A push is made when the oldest line has waited this long; by default 1 s.
        public var batchWait: Duration
        /// Bytes of lines that may wait for this destination; by default 8 MiB.
        public var queueBytes: Int
        /// What waits on the disk, below the state folder, when the destination does not take it.
        public var spool: Spool
        /// How long one push may take; by default 10 s.
        public var timeout: Duration
        public var backoff: Backoff
        public var authorization: Authorization?
        public var headers: [(name: String, value: Secret)]
        public var tls: TLS

        public init(
            url: Secret, destination: String, tenant: Secret? = nil, encoding: Encoding = .protobuf,
            batchBytes: Int = 1 << 20, batchWait: Duration = .seconds(1), queueBytes: Int = 8 << 20,
            spool: Spool = Spool(), timeout: Duration = .seconds(10), backoff: Backoff = Backoff(),
            authorization: Authorization? = nil,
            headers: [(name: String, value: Secret)] = [], tls: TLS = TLS()
        ) {
            self.url = url
            self.destination = destination
            self.tenant = tenant
            self.encoding = encoding
            self.batchBytes = batchBytes
            self.batchWait = batchWait
            self.queueBytes = queueBytes
            self.spool = spool
            self.timeout = timeout
            self.backoff = backoff
            self.authorization = authorization
            self.headers = headers
            self.tls = tls
        }
    }

    /// The bounds of what waits on the disk for a destination.
    public struct Spool: Hashable, Sendable {
        /// Bytes; 0 for no spool; by default 1 GiB.
        public var bytes: Int
        /// Lines that have waited for longer are dropped; by default a day.
        public var age: Duration

        public init(bytes: Int = 1 << 30, age: Duration = .seconds(86_400)) {
            self.bytes = bytes
            self.age = age
        }
    }

    /// How long to wait between tries of the same push; doubles each time.
    public struct Backoff: Hashable, Sendable {
        /// By default 500 ms.
        public var minimum: Duration
        /// By default 5 minutes.
        public var maximum: Duration
        /// Tries after the first one; nil, the default, never gives up.
        public var retries: Int?

        public init(minimum: Duration = .milliseconds(500), maximum: Duration = .seconds(300), retries: Int? = nil) {
            self.minimum = minimum
            self.maximum = maximum
            self.retries = retries
        }
    }

    public enum Authorization: Sendable {
        case basic(username: Secret, password: Secret)
        case bearer(Secret)
    }

    /// How a client checks the server and shows who it is. Paths of PEM files.
    public struct TLS: Hashable, Sendable {
        /// Trusted instead of the system's authorities.
        public var ca: String?
        public var certificate: String?
        public var key: String?
        /// The name that the server's certificate must have; nil for the host of the address.
        public var serverName: String?
        /// Accepts any certificate.
        public var insecure: Bool

        public init(
            ca: String? = nil, certificate: String? = nil, key: String? = nil, serverName: String? = nil,
            insecure: Bool = false
        ) {
            self.ca = ca
            self.certificate = certificate
            self.key = key
            self.serverName = serverName
            self.insecure = insecure
        }
    }
}

/// A host or IP address and a port.
public struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// Without brackets.
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464` and `:9464`, which is every address.
    public init?(_ text: String) { self.init(text, defaultPort: nil) }

    /// As above; without a port it is the default.
    init?(_ text: String, defaultPort: Int?) {
        var host = text[...]
        var port = defaultPort
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        if !isBracketed, let colon = text.lastIndex(of: ":") {
            let digits = text[text.index(after: colon)...]
            guard digits.count <= 5, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            port = Int(digits)
            host = text[..<colon]
        }
        guard let port, port <= 65_535 else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":"), host.utf8.allSatisfy({ "0123456789abcdefABCDEF:.%".utf8.contains($0) }) else {
                return nil
            }
        } else if host.contains(where: { ":[]/@ ".contains($0) }) {
            return nil
        }
        self.init(host: host.isEmpty ? "0.0.0.0" : String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
