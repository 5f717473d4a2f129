import Diagnostics
import Records
import YAML

/// Reads the tree of a configuration file; each function reads one mapping and falls back to its defaults.
struct ConfigurationReader {
    let findings: Findings
    let secrets: SecretReader
    let labels: LabelReader

    func read(_ root: Node) -> Configuration {
        var result = Configuration()
        guard var file = MappingReader(root, "the configuration", findings) else { return result }
        result.labels = LabelSet(
            labels.read(&file, .constant).map { template in Label(template.label, template.constant ?? "") })
        for node in file.list("sources", of: "sources") ?? [] {
            if let source = read(source: node, common: result.labels) { result.sources.append(source) }
        }
        result.rules = paths("rules", &file)
        if var metrics = file.mapping("metrics") {
            result.metrics = Configuration.Metrics(
                listen: metrics.parsed("listen", wanted: "an address such as 127.0.0.1:9464", NetworkAddress.init(_:))
                    ?? result.metrics.listen)
            metrics.finish()
        }
        if var state = file.mapping("state") {
            state.require("directory")
            let directory = state.text("directory", wanted: "a folder")
            let interval = state.duration("interval", atLeast: "100ms")
            refusePlaceholders(state, "directory")
            state.finish()
            result.state = directory.map { Configuration.State(directory: $0, interval: interval ?? .seconds(1)) }
        }
        for node in file.list("loki", of: "destinations") ?? [] {
            if let loki = read(loki: node) { result.loki.append(loki) }
        }
        readService(&file, into: &result)
        file.finish()
        return result
    }

    private func readService(_ file: inout MappingReader, into result: inout Configuration) {
        if var log = file.mapping("log") {
            result.log.level = log.choice("level", Configuration.Log.Level.self) ?? result.log.level
            result.log.format = log.choice("format", Configuration.Log.Format.self) ?? result.log.format
            log.finish()
        }
        result.workers = file.integer("workers", in: 1...256)
        if var shutdown = file.mapping("shutdown") {
            result.shutdown.deadline = shutdown.duration("deadline", atLeast: "1s") ?? result.shutdown.deadline
            shutdown.finish()
        }
        if var limits = file.mapping("limits") {
            result.limits.streams = limits.integer("streams", in: 1...10_000_000) ?? result.limits.streams
            result.limits.queueBytes = limits.bytes("queue", in: (64 << 10)...(16 << 30)) ?? result.limits.queueBytes
            result.limits.quantileSamples =
                limits.integer("quantile_samples", in: 1...1_000_000) ?? result.limits.quantileSamples
            limits.finish()
        }
    }

    /// A list of paths or patterns, none empty.
    func paths(_ key: String, _ reader: inout MappingReader) -> [String] {
        (reader.texts(key, of: "paths") ?? []).compactMap { text, node in
            if text.isEmpty || text.contains("\0") {
                findings.wrong(node, wanted: "a path", for: key)
                return nil
            }
            refusePlaceholders(node, key)
            return text
        }
    }

    /// Placeholders work in some values only; elsewhere they would silently be part of the text.
    func refusePlaceholders(_ reader: MappingReader, _ keys: String...) {
        for key in keys {
            if let node = reader.node[key] { refusePlaceholders(node, key) }
        }
    }

    private func refusePlaceholders(_ node: Node, _ key: String) {
        guard let scalar = node.scalar else { return }
        for piece in placeholders(in: scalar.text) {
            if case .placeholder(let name) = piece.kind {
                findings.error(
                    "'\(key)': no placeholders here, found '${\(name)}'",
                    hint: "secrets stand in url, tenant, headers, basic and bearer; the others in labels of sources",
                    at: scalar.sourceRange(piece.range))
            }
        }
    }
}
