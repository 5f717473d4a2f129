import Delivery
import Engine
import Intake
import Records
import Rules

// The configuration's words in the words of the parts: nothing is decided here.

extension LokiDestination {
    /// Throws `DestinationError` when the URL is none.
    init(_ loki: Configuration.Loki) throws(DestinationError) {
        try self.init(url: loki.url.reveal())
        tenant = loki.tenant?.reveal()
        encoding = loki.encoding == .json ? .jsonGzip : .protobufSnappy
        batchBytes = loki.batchBytes
        batchWait = loki.batchWait
        queueBytes = loki.queueBytes
        timeout = loki.timeout
        retry = RetryPolicy(
            minimum: loki.backoff.minimum, maximum: loki.backoff.maximum, limit: loki.backoff.retries)
        switch loki.authorization {
        case nil: break
        case .basic(let username, let password):
            authorization = .basic(user: username.reveal(), password: Delivery.Secret(password.reveal()))
        case .bearer(let token): authorization = .bearer(Delivery.Secret(token.reveal()))
        }
        headers = loki.headers.map { ($0.name, Delivery.Secret($0.value.reveal())) }
        tls = PushTLS(
            caFile: loki.tls.ca, certificateFile: loki.tls.certificate, keyFile: loki.tls.key,
            isInsecure: loki.tls.insecure)
    }
}

extension SpoolPlace {
    /// Where the destination's lines wait on the disk; nil without a state folder, or when it is switched off.
    init?(_ loki: Configuration.Loki, _ destination: LokiDestination, in state: Configuration.State?) {
        guard let state, loki.spool.bytes > 0 else { return nil }
        self.init(
            directory: state.directory + "/spool/" + destination.folderName, bytes: loki.spool.bytes,
            age: loki.spool.age)
    }
}

extension SourceLabels {
    /// The labels of a source: those of every stream, then its own.
    init(_ templates: [Rules.LabelTemplate], common: LabelSet) {
        let constants = templates.compactMap { template in template.constant.map { Label(template.label, $0) } }
        self.init(
            fixed: common.merging(LabelSet(constants)),
            variables: templates.filter { $0.constant == nil }.map { template in
                Variable(
                    name: template.label,
                    template: Intake.LabelTemplate(
                        template.parts.map { part in
                            switch part {
                            case .literal(let text): .literal(text)
                            case .variable(let scope, let name): .variable(scope: scope, name: name)
                            }
                        }))
            })
    }
}

extension TailConfiguration {
    init(_ tail: Configuration.Tail, name: String, labels: LabelSet, follows: Bool) {
        let format: Intake.LineFormat =
            switch tail.format {
            case .raw: .raw
            case .cri: .cri
            case .docker: .docker
            }
        self.init(
            name: name, paths: tail.paths, exclude: tail.exclude, format: format,
            labels: SourceLabels(tail.labels, common: labels), start: tail.start == .end ? .end : .beginning,
            pollInterval: tail.poll, maximumLineBytes: tail.maximumLineBytes, followsForever: follows,
            timing: Self.timing(tail.timestamp))
    }
}

extension TailConfiguration {
    private static func timing(_ form: LineClock.Form?) -> (@Sendable () -> (any EntryTiming)?)? {
        guard let form else { return nil }
        return { LineTimes(form) }
    }
}

extension SyslogConfiguration {
    init(_ syslog: Configuration.Syslog, name: String, labels: LabelSet) {
        self.init(
            name: name, listen: syslog.listen.compactMap { SyslogAddress($0.description) },
            labels: SourceLabels(syslog.labels, common: labels),
            tls: syslog.tls.map { TLSFiles(certificate: $0.certificate, key: $0.key) })
        maximumMessageBytes = syslog.maximumMessageBytes
        structuredMetadata = syslog.structuredMetadata
        useTimestamp = syslog.usesSenderTime
        assumedOffsetSeconds = Int64(syslog.assumedOffsetSeconds)
        maximumConnections = syslog.maximumConnections
        idleTimeout = syslog.idle
        receiveBufferBytes = syslog.receiveBufferBytes
    }
}

extension Configuration {
    /// What the command line says, in the words of a configuration file.
    init(_ options: RunOptions) {
        self.init(labels: LabelSet(options.labels), rules: options.rules)
        if !options.tail.isEmpty {
            let format: Configuration.Tail.Format =
                switch options.format {
                case .raw: .raw
                case .cri: .cri
                case .docker: .docker
                }
            sources.append(.tail(Tail(paths: options.tail, format: format)))
        }
        if options.stdin { sources.append(.stdin(Stdin())) }
        let endpoints = options.syslog.compactMap { SyslogEndpoint($0) }
        if !endpoints.isEmpty { sources.append(.syslog(Syslog(listen: endpoints))) }
        for url in options.loki {
            loki.append(
                Loki(url: Rules.Secret(url), destination: url, tenant: options.tenant.map { Rules.Secret($0) }))
        }
        if let directory = options.state { state = State(directory: directory) }
    }

    /// The configuration with what the command line says over it.
    func overridden(by options: RunOptions) -> Configuration {
        var copy = self
        if let listen = options.listen { copy.metrics.listen = NetworkAddress(host: listen.host, port: listen.port) }
        if let directory = options.state {
            copy.state = State(directory: directory, interval: state?.interval ?? .seconds(1))
        }
        if let workers = options.workers { copy.workers = workers }
        return copy
    }
}
