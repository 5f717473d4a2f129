public import Engine

extension Configuration {
    /// Where lines come from.
    public enum Source: Sendable {
        case tail(Tail)
        case syslog(Syslog)
        case stdin(Stdin)
    }

    /// Files that are followed as they grow.
    public struct Tail: Sendable {
        public enum Format: String, CaseIterable, Sendable {
            /// Each line is an entry.
            case raw
            /// The log format of Kubernetes's container runtimes; the time and the text come from inside.
            case cri
            /// Docker's `json-file` format.
            case docker
        }
        public enum Start: String, CaseIterable, Sendable { case beginning, end }

        /// Patterns with `*`, `**`, `?` and `{a,b}`.
        public var paths: [String]
        /// Patterns of files to leave out.
        public var exclude: [String]
        public var format: Format
        public var labels: [LabelTemplate]
        /// Where to begin in files that were never seen; by default at the beginning.
        public var start: Start
        /// Joins lines to one entry; nil does not.
        public var multiline: Multiline?
        /// Takes the time from the line; nil takes the time it was read, or the runtime's with cri and docker.
        public var timestamp: LineClock.Form?
        /// Looks for changes this often instead of being told by the kernel, for network file systems; nil, the
        /// default, is told.
        public var poll: Duration?
        /// Longer lines are cut and counted; by default 256 KiB.
        public var maximumLineBytes: Int

        public init(
            paths: [String], exclude: [String] = [], format: Format = .raw, labels: [LabelTemplate] = [],
            start: Start = .beginning, multiline: Multiline? = nil, timestamp: LineClock.Form? = nil,
            poll: Duration? = nil, maximumLineBytes: Int = 256 << 10
        ) {
            self.paths = paths
            self.exclude = exclude
            self.format = format
            self.labels = labels
            self.start = start
            self.multiline = multiline
            self.timestamp = timestamp
            self.poll = poll
            self.maximumLineBytes = maximumLineBytes
        }
    }

    /// Lines up to the next one that matches `firstLine` are one entry.
    public struct Multiline: Hashable, Sendable {
        /// A regular expression, not anchored.
        public var firstLine: String
        /// By default 128.
        public var maximumLines: Int
        /// An entry ends when no line follows for this long; by default 3 s.
        public var wait: Duration

        public init(firstLine: String, maximumLines: Int = 128, wait: Duration = .seconds(3)) {
            self.firstLine = firstLine
            self.maximumLines = maximumLines
            self.wait = wait
        }
    }

    /// Sockets on which syslog messages arrive.
    public struct Syslog: Sendable {
        public var listen: [SyslogEndpoint]
        public var labels: [LabelTemplate]
        /// Certificate and key of `tls://` endpoints; paths of PEM files.
        public var tls: ServerTLS?
        /// Longer messages are cut and counted; by default 64 KiB.
        public var maximumMessageBytes: Int
        /// A connection that says nothing for this long is closed; nil, the default, waits for ever.
        public var idle: Duration?
        /// Keeps header fields and structured data as structured metadata of the entry; by default true.
        public var structuredMetadata: Bool
        /// Takes the time from the message where it has one; by default false: the time of arrival.
        public var usesSenderTime: Bool
        /// Seconds east of UTC of times that do not say their zone; by default 0.
        public var assumedOffsetSeconds: Int
        /// Connections of this source at once; by default 1,000.
        public var maximumConnections: Int
        /// The receive buffer asked of the kernel for each UDP socket; by default 8 MiB.
        public var receiveBufferBytes: Int

        public init(
            listen: [SyslogEndpoint], labels: [LabelTemplate] = [], tls: ServerTLS? = nil,
            maximumMessageBytes: Int = 64 << 10, idle: Duration? = nil, structuredMetadata: Bool = true,
            usesSenderTime: Bool = false, assumedOffsetSeconds: Int = 0, maximumConnections: Int = 1_000,
            receiveBufferBytes: Int = 8 << 20
        ) {
            self.listen = listen
            self.labels = labels
            self.tls = tls
            self.maximumMessageBytes = maximumMessageBytes
            self.idle = idle
            self.structuredMetadata = structuredMetadata
            self.usesSenderTime = usesSenderTime
            self.assumedOffsetSeconds = assumedOffsetSeconds
            self.maximumConnections = maximumConnections
            self.receiveBufferBytes = receiveBufferBytes
        }
    }

    /// Paths of PEM files.
    public struct ServerTLS: Hashable, Sendable {
        public var certificate: String
        public var key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// The lines of standard input.
    public struct Stdin: Sendable {
        public var labels: [LabelTemplate]

        public init(labels: [LabelTemplate] = []) {
            self.labels = labels
        }
    }
}

/// Where syslog is received.
public enum SyslogEndpoint: Hashable, Sendable, CustomStringConvertible {
    case udp(NetworkAddress)
    case tcp(NetworkAddress)
    case tls(NetworkAddress)
    /// A stream socket at this path.
    case unix(path: String)

    /// Reads `udp://0.0.0.0:5514`, `tcp://…`, `tls://…` and `unix:///run/millrace.sock`. The port may be absent: 514,
    /// or 6514 for `tls`.
    public init?(_ text: String) {
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return nil }
        if parts[0] == "unix" {
            // The kernel's bound for the path of a socket is 107 bytes.
            guard parts[1].hasPrefix("/"), parts[1].utf8.count <= 107 else { return nil }
            self = .unix(path: parts[1])
            return
        }
        guard let address = NetworkAddress(parts[1], defaultPort: parts[0] == "tls" ? 6514 : 514) else { return nil }
        switch parts[0] {
        case "udp": self = .udp(address)
        case "tcp": self = .tcp(address)
        case "tls": self = .tls(address)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .udp(let address): "udp://\(address)"
        case .tcp(let address): "tcp://\(address)"
        case .tls(let address): "tls://\(address)"
        case .unix(let path): "unix://\(path)"
        }
    }
}
