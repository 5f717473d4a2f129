/// What a syslog listener is to do; the defaults are those of the configuration file.
public struct SyslogConfiguration: Sendable {
    /// The certificate chain and the private key of `tls` addresses, both PEM.
    public struct TLSFiles: Sendable {
        public var certificate: String
        public var key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// The name in self-metrics and on the status page, for example `syslog:1`.
    public var name: String
    public var listen: [SyslogAddress]
    /// Templates may use `${syslog.hostname}`, `app_name`, `proc_id`, `msg_id`, `severity` and `facility` (words),
    /// `connection_ip`, and `sd.<id>.<param>`.
    public var labels: SourceLabels
    public var tls: TLSFiles?
    /// A longer message is cut, and counted as marked; at least 480.
    public var maximumMessageBytes = 65_536
    /// Header fields and structured data go with the entry as structured metadata.
    public var structuredMetadata = true
    /// The entry's time is the sender's, where the message has one; off, as in Promtail: the time of arrival.
    public var useTimestamp = false
    /// Seconds east of UTC of dates that do not say their zone (RFC 3164); a fixed offset, no summer time.
    public var assumedOffsetSeconds: Int64 = 0
    /// Senders on TCP, TLS and Unix sockets of this listener together; more are refused and counted.
    public var maximumConnections = 1_000
    /// A connection without a byte for this long is closed. Off: a sender learns of it only by losing a message, and
    /// those that live long are often quiet; a host that is gone is found by TCP keep-alive instead.
    public var idleTimeout: Duration?
    /// The receive buffer asked of the kernel for each UDP socket.
    public var receiveBufferBytes = 8 << 20
    /// How long after a request to stop senders may still deliver what is under way, and the pipeline may make room.
    public var shutdownGrace: Duration = .seconds(5)

    public init(name: String, listen: [SyslogAddress], labels: SourceLabels, tls: TLSFiles? = nil) {
        self.name = name
        self.listen = listen
        self.labels = labels
        self.tls = tls
    }

    /// What is wrong with it; empty when nothing is. Checks the names that templates use.
    public var problems: [String] {
        var problems: [String] = []
        for variable in labels.variables {
            for case .variable("syslog", let name) in variable.template.parts where SyslogField(name: name) == nil {
                problems.append(
                    "label '\(variable.name)': unknown variable '${syslog.\(name)}'; wanted hostname, app_name, proc_id, "
                        + "msg_id, severity, facility, connection_ip or sd.<id>.<param>")
            }
        }
        for case .tls in listen where tls == nil {
            problems.append("a 'tls' address wants a certificate and a key")
        }
        return problems
    }
}
