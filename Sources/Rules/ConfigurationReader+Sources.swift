import Diagnostics
import Records
import YAML

extension ConfigurationReader {
    func read(source node: Node, common: LabelSet) -> Configuration.Source? {
        guard var source = MappingReader(node, "a source", findings) else { return nil }
        let kinds = ["tail", "syslog", "stdin"]
        let found = kinds.filter(source.has)
        if found.count > 1 {
            findings.error(
                "a source is one of tail, syslog or stdin; found \(found.joined(separator: " and "))",
                hint: "begin each with '- '", at: source.range(ofKey: found[1]))
        } else if found.isEmpty {
            let near = source.keys.lazy.compactMap { key in nearest(to: key.text, among: kinds).map { (key, $0) } }
                .first
            findings.error(
                "a source is one of tail, syslog or stdin; found none of them",
                hint: near.map { "did you mean '\($0.1)'?" }, at: near?.0.range ?? node.range)
            return nil
        }
        var result: Configuration.Source?
        if source.has("stdin") {
            // Nothing behind `stdin:` is as good as an empty mapping.
            var labels: [LabelTemplate] = []
            if var stdin = source.mapping("stdin") {
                labels = self.labels.read(&stdin, .stdin)
                stdin.finish()
            }
            result = .stdin(Configuration.Stdin(labels: labels))
            needLabels(labels, common, source, "stdin")
        }
        if var syslog = source.mapping("syslog") { result = read(syslog: &syslog, common).map { .syslog($0) } }
        if var tail = source.mapping("tail") { result = read(tail: &tail, common).map { .tail($0) } }
        for kind in found where kind != "stdin" { source.require(kind) }
        source.finish()
        return result
    }

    private func read(tail: inout MappingReader, _ common: LabelSet) -> Configuration.Tail? {
        tail.require("paths", hint: "paths: [\"/var/log/*.log\"]")
        var result = Configuration.Tail(paths: paths("paths", &tail))
        if tail.node["paths"]?.items?.isEmpty == true {
            findings.error("'paths': wanted at least one path, found none", at: tail.range(of: "paths"))
        }
        result.exclude = paths("exclude", &tail)
        result.format = tail.choice("format", Configuration.Tail.Format.self) ?? result.format
        result.labels = labels.read(&tail, .tail(result.format))
        needLabels(result.labels, common, tail, "tail")
        result.start = tail.choice("start", Configuration.Tail.Start.self) ?? result.start
        if var multiline = tail.mapping("multiline") { result.multiline = read(multiline: &multiline) }
        if let timestamp = tail.mapping("timestamp") { result.timestamp = readClock(timestamp, findings) }
        notYet("multiline", tail, "every line is an entry")
        result.poll = tail.duration("poll", atLeast: "10ms")
        result.maximumLineBytes = tail.bytes("maximum_line", in: 64...(16 << 20)) ?? result.maximumLineBytes
        tail.finish()
        return result
    }

    /// A key that is read and checked but does nothing yet: said aloud, so that nobody relies on it.
    private func notYet(_ key: String, _ reader: MappingReader, _ instead: String) {
        guard reader.has(key) else { return }
        findings.warning("'\(key)' is not supported yet: \(instead)", at: reader.range(ofKey: key))
    }

    private func read(multiline: inout MappingReader) -> Configuration.Multiline? {
        multiline.require("first_line", hint: #"first_line: '^\d{4}-\d\d-\d\d'"#)
        let firstLine = multiline.text("first_line", wanted: "a regular expression")
        let lines = multiline.integer("max_lines", in: 2...100_000)
        let wait = multiline.duration("wait", atLeast: "10ms")
        multiline.finish()
        if firstLine?.isEmpty == true {
            findings.error(
                "'first_line': wanted a regular expression, found an empty text", at: multiline.range(of: "first_line"))
        }
        return firstLine.map { .init(firstLine: $0, maximumLines: lines ?? 128, wait: wait ?? .seconds(3)) }
    }

    private func read(syslog: inout MappingReader, _ common: LabelSet) -> Configuration.Syslog? {
        syslog.require("listen", hint: "listen: [udp://0.0.0.0:5514]")
        var result = Configuration.Syslog(listen: [])
        for (text, node) in syslog.texts("listen", of: "addresses") ?? [] {
            if let endpoint = SyslogEndpoint(text) {
                if result.listen.contains(endpoint) {
                    findings.error("'listen': '\(text)' stands here twice", at: node.range)
                }
                result.listen.append(endpoint)
            } else {
                findings.wrong(
                    node, wanted: "an address", for: "listen",
                    hint: "udp://0.0.0.0:5514, tcp://0.0.0.0:5514, tls://0.0.0.0:6514 or unix:///run/millrace.sock")
            }
        }
        if syslog.node["listen"]?.items?.isEmpty == true {
            findings.error("'listen': wanted at least one address, found none", at: syslog.range(of: "listen"))
        }
        result.labels = labels.read(&syslog, .syslog)
        needLabels(result.labels, common, syslog, "syslog")
        if var tls = syslog.mapping("tls") {
            tls.require("certificate")
            tls.require("key")
            let certificate = tls.text("certificate", wanted: "the path of a PEM file")
            let key = tls.text("key", wanted: "the path of a PEM file")
            refusePlaceholders(tls, "certificate", "key")
            tls.finish()
            if let certificate, let key { result.tls = .init(certificate: certificate, key: key) }
        }
        let needsTLS = result.listen.contains { if case .tls = $0 { true } else { false } }
        if needsTLS, !syslog.has("tls") {
            findings.error(
                "an address begins with tls://, and 'tls' is missing", hint: "tls: {certificate: …, key: …}",
                at: syslog.range(of: "listen"))
        }
        result.maximumMessageBytes = syslog.bytes("maximum_message", in: 480...(1 << 20)) ?? result.maximumMessageBytes
        result.idle = syslog.duration("idle", atLeast: "1s")
        result.structuredMetadata = syslog.boolean("structured_metadata") ?? result.structuredMetadata
        result.usesSenderTime = syslog.boolean("use_timestamp") ?? result.usesSenderTime
        result.assumedOffsetSeconds =
            syslog.parsed("utc_offset", wanted: "an offset such as +02:00", seconds(ofOffset:)) ?? 0
        result.maximumConnections = syslog.integer("connections", in: 1...100_000) ?? result.maximumConnections
        result.receiveBufferBytes =
            syslog.bytes("receive_buffer", in: (64 << 10)...(1 << 30)) ?? result.receiveBufferBytes
        syslog.finish()
        return result
    }

    /// Reads `+02:00` and `-05:30`.
    private func seconds(ofOffset text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"), "+-".utf8.contains(bytes[0]),
            let hours = UInt(text.dropFirst().prefix(2)), let minutes = UInt(text.suffix(2)), hours <= 14, minutes < 60
        else { return nil }
        let seconds = Int(hours * 3600 + minutes * 60)
        return bytes[0] == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// A stream without labels cannot be selected by a rule, and Loki refuses it.
    private func needLabels(
        _ labels: [LabelTemplate], _ common: LabelSet, _ reader: MappingReader, _ kind: String
    ) {
        if labels.isEmpty, common.labels.isEmpty, !reader.has("labels") || reader.node["labels"]?.isNull ?? true {
            findings.error(
                "\(kind): a source needs at least one label", hint: "labels: {job: …}",
                at: reader.node.range.lowerBound..<(reader.node.range.lowerBound + 1))
        }
    }
}
