import Diagnostics
import YAML

extension ConfigurationReader {
    func read(loki node: Node) -> Configuration.Loki? {
        guard var loki = MappingReader(node, "loki", findings) else { return nil }
        loki.require("url", hint: "url: http://loki:3100/loki/api/v1/push")
        let url = loki.value("url").flatMap { secrets.read($0, for: "url") }
        var result = Configuration.Loki(url: url ?? Secret(""), destination: "")
        if let url, let node = loki.node["url"] {
            switch Destination.read(url.reveal()) {
            case .success(let destination): result.destination = destination
            case .failure(let problem): findings.error("'url': \(problem.message)", hint: problem.hint, at: node.range)
            }
        }
        result.tenant = loki.value("tenant").flatMap { secrets.read($0, for: "tenant") }
        result.encoding = loki.choice("encoding", Configuration.Loki.Encoding.self) ?? result.encoding
        if var batch = loki.mapping("batch") {
            result.batchBytes = batch.bytes("bytes", in: 1024...(64 << 20)) ?? result.batchBytes
            result.batchWait = batch.duration("wait", atLeast: "10ms") ?? result.batchWait
            batch.finish()
        }
        if var queue = loki.mapping("queue") {
            result.queueBytes = queue.bytes("bytes", in: 1024...(64 << 30)) ?? result.queueBytes
            queue.finish()
        }
        if result.queueBytes < result.batchBytes {
            findings.error(
                "'queue' holds less than one batch", hint: "make queue.bytes larger than batch.bytes",
                at: loki.range(of: "queue"))
        }
        if var spool = loki.mapping("spool") {
            result.spool.bytes = spool.bytes("bytes", in: 0...(1 << 44)) ?? result.spool.bytes
            result.spool.age = spool.duration("age", atLeast: "1m") ?? result.spool.age
            spool.finish()
        }
        if result.spool.bytes != 0, result.spool.bytes < 2 * result.batchBytes {
            findings.error(
                "'spool' holds less than two batches",
                hint: "make spool.bytes at least twice batch.bytes, or 0 for no spool", at: loki.range(of: "spool"))
        }
        result.timeout = loki.duration("timeout", atLeast: "100ms") ?? result.timeout
        if var backoff = loki.mapping("backoff") { result.backoff = read(backoff: &backoff) }
        result.authorization = readAuthorization(&loki)
        if url.map({ Destination.hasUser($0.reveal()) }) ?? false, loki.has("basic") || loki.has("bearer") {
            findings.error(
                "the address has a user already; found \(loki.has("basic") ? "'basic'" : "'bearer'") as well",
                at: loki.range(ofKey: loki.has("basic") ? "basic" : "bearer"))
        }
        result.headers = readHeaders(&loki)
        if var tls = loki.mapping("tls") { result.tls = read(tls: &tls) }
        loki.finish()
        return result
    }

    private func read(backoff: inout MappingReader) -> Configuration.Backoff {
        var result = Configuration.Backoff()
        result.minimum = backoff.duration("minimum", atLeast: "10ms") ?? result.minimum
        result.maximum = backoff.duration("maximum", atLeast: "10ms") ?? result.maximum
        result.retries = backoff.integer("retries", in: 0...1_000_000)
        if result.maximum < result.minimum {
            findings.error("'maximum' is shorter than 'minimum'", at: backoff.range(of: "maximum"))
        }
        backoff.finish()
        return result
    }

    private func readAuthorization(_ loki: inout MappingReader) -> Configuration.Authorization? {
        let bearer = loki.value("bearer").flatMap { secrets.read($0, for: "bearer") }
        guard var basic = loki.mapping("basic") else { return bearer.map { .bearer($0) } }
        basic.require("username")
        basic.require("password")
        let username = basic.value("username").flatMap { secrets.read($0, for: "username") }
        let password = basic.value("password").flatMap { secrets.read($0, for: "password") }
        basic.finish()
        if loki.has("bearer") {
            findings.error("'basic' and 'bearer' exclude each other; found both", at: loki.range(ofKey: "bearer"))
        }
        guard let username, let password else { return nil }
        return .basic(username: username, password: password)
    }

    private func readHeaders(_ loki: inout MappingReader) -> [(name: String, value: Secret)] {
        let own = [
            "authorization": "basic: or bearer:", "x-scope-orgid": "tenant:", "content-type": "encoding:",
            "content-encoding": nil, "content-length": nil, "host": "url:", "user-agent": nil,
        ]
        return (loki.table("headers") ?? []).compactMap { name, value in
            let allowed = "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~".utf8
            let lower = name.text.lowercased()
            if lower.isEmpty || !lower.utf8.allSatisfy(allowed.contains) {
                findings.error("'headers': '\(name.text)' is no header name", at: name.range)
                return nil
            }
            if let instead = own[lower] {
                findings.error(
                    "'headers': '\(name.text)' is set by Millrace", hint: instead.map { "use \($0)" }, at: name.range)
                return nil
            }
            guard let secret = secrets.read(value, for: name.text) else { return nil }
            if !secret.reveal().utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) {
                findings.error("'headers': the value of '\(name.text)' has control characters", at: value.range)
                return nil
            }
            return (name.text, secret)
        }
    }

    private func read(tls: inout MappingReader) -> Configuration.TLS {
        var result = Configuration.TLS()
        result.ca = tls.text("ca", wanted: "the path of a PEM file")
        result.certificate = tls.text("certificate", wanted: "the path of a PEM file")
        result.key = tls.text("key", wanted: "the path of a PEM file")
        result.serverName = tls.text("server_name", wanted: "a host name")
        result.insecure = tls.boolean("insecure") ?? false
        refusePlaceholders(tls, "ca", "certificate", "key", "server_name")
        if tls.has("server_name") {
            findings.warning(
                "'server_name' is not supported yet: the certificate is held against the host of 'url'",
                at: tls.range(ofKey: "server_name"))
        }
        if tls.has("certificate") != tls.has("key") {
            findings.error(
                "'certificate' and 'key' stand together; found one of them",
                at: tls.range(ofKey: tls.has("key") ? "key" : "certificate"))
        }
        tls.finish()
        return result
    }
}

/// What may be shown of an address.
enum Destination {
    struct Problem: Error {
        var message: String
        var hint: String?
    }

    /// Whether the address names a user, who then stands for `basic`.
    static func hasUser(_ url: String) -> Bool {
        guard let start = url.firstRange(of: "://") else { return false }
        return url[start.upperBound...].prefix { !"/?#".contains($0) }.contains("@")
    }

    /// Scheme, host and port of an `http` or `https` address. No message repeats the address: it may be a secret.
    static func read(_ url: String) -> Result<String, Problem> {
        let example = "http://loki:3100/loki/api/v1/push"
        let scheme: String
        let defaultPort: Int
        if url.hasPrefix("http://") {
            (scheme, defaultPort) = ("http", 80)
        } else if url.hasPrefix("https://") {
            (scheme, defaultPort) = ("https", 443)
        } else {
            return .failure(Problem(message: "wanted an address that begins with http:// or https://", hint: example))
        }
        let rest = url.dropFirst(scheme.count + 3)
        var authority = rest.prefix { !"/?#".contains($0) }
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        if !url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            return .failure(Problem(message: "wanted an address without blanks and special characters", hint: example))
        }
        guard !authority.isEmpty, !authority.hasPrefix(":"),
            let address = NetworkAddress(String(authority), defaultPort: defaultPort), address.port > 0
        else { return .failure(Problem(message: "wanted a host and perhaps a port", hint: example)) }
        return .success("\(scheme)://\(address)")
    }
}
