import NIOHTTP1
import NIOSSL

/// A text that is used and never shown: it describes and mirrors itself as `<secret>`.
public struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let value: String

    public init(_ value: String) {
        self.value = value
    }

    public var description: String { "<secret>" }
    public var debugDescription: String { "<secret>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why a destination cannot be used as it is configured.
public enum DestinationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The URL is not `http://…` or `https://…` with a host.
    case url(String)
    /// A header's name or value, a tenant or a token has characters that HTTP forbids.
    case header(String)
    /// A certificate or key cannot be read: the file, and why.
    case tls(file: String, String)

    public var description: String {
        switch self {
        case .url(let problem): "cannot use the push URL: \(problem)"
        case .header(let name): "the value of '\(name)' has characters that a header cannot carry"
        case .tls(let file, let problem): "cannot read '\(file)': \(problem)"
        }
    }
}

/// How often and how long a push is tried again.
public struct RetryPolicy: Hashable, Sendable {
    /// The first pause is at most this long; each next one at most twice the one before.
    public var minimum: Duration = .milliseconds(500)
    /// No pause is longer, whatever `Retry-After` says.
    public var maximum: Duration = .seconds(300)
    /// Attempts after the first; nil for as many as it takes.
    public var limit: Int?

    public init(minimum: Duration = .milliseconds(500), maximum: Duration = .seconds(300), limit: Int? = nil) {
        self.minimum = minimum
        self.maximum = maximum
        self.limit = limit
    }
}

/// How a destination proves who it is, and how we prove who we are.
public struct PushTLS: Hashable, Sendable {
    /// A PEM file of the authorities to trust; absent: those of the system.
    public var caFile: String?
    /// A PEM file with our certificate and those that signed it, for mutual TLS; needs `keyFile`.
    public var certificateFile: String?
    /// A PEM file with the key of our certificate.
    public var keyFile: String?
    /// Believes any certificate.
    public var isInsecure = false

    public init(
        caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, isInsecure: Bool = false
    ) {
        self.caFile = caFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.isInsecure = isInsecure
    }
}

/// Where and how to push: one Loki, or what speaks its protocol.
public struct LokiDestination: Sendable, CustomStringConvertible, CustomReflectable {
    /// Who we are to the destination.
    public enum Authorization: Sendable {
        case none
        case basic(user: String, password: Secret)
        case bearer(Secret)
    }

    /// Scheme, host and port: the name in logs, status and metrics. Never has a secret.
    public let name: String
    /// The value of the label `destination` in our own metrics: host and port, unless several destinations share them.
    public var label: String
    /// The URL without user and password. Not public: its query may hold a token.
    let url: String

    /// The value of `X-Scope-OrgID`.
    public var tenant: String?
    public var encoding: PushEncoding = .protobufSnappy
    /// A request is cut when the next batch would bring its lines over this many bytes.
    public var batchBytes = 1 << 20
    /// A request is cut this long after its first batch at the latest.
    public var batchWait: Duration = .seconds(1)
    /// Batches that wait or are on their way hold at most this many bytes of memory.
    public var queueBytes = 8 << 20
    /// How long one attempt may take, connecting included.
    public var timeout: Duration = .seconds(10)
    public var retry = RetryPolicy()
    /// How long a full queue makes the workers wait while nothing is acknowledged, before it drops.
    public var patience: Duration = .seconds(2)
    /// The same where there is a spool, before batches go there.
    public var spillPatience: Duration = .milliseconds(250)
    /// How long a graceful shutdown may deliver what is left.
    public var drain: Duration = .seconds(10)
    public var authorization: Authorization = .none
    /// More headers; a value may be a secret.
    public var headers: [(name: String, value: Secret)] = []
    public var tls = PushTLS()

    /// A destination by its URL; one without a path gets `/loki/api/v1/push`, and a user and password in it become
    /// the basic authorization.
    public init(url: String) throws(DestinationError) {
        let parts = try PushURL(url)
        name = parts.origin
        label = String(parts.origin.drop { $0 != "/" }.dropFirst(2))
        self.url = parts.origin + parts.target
        if let user = parts.user { authorization = .basic(user: user, password: Secret(parts.password ?? "")) }
    }

    public var description: String { name }
    public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

extension LokiDestination {
    /// The headers of every push but `Content-Type` and `Content-Encoding`.
    func requestHeaders() throws(DestinationError) -> HTTPHeaders {
        var result = HTTPHeaders([("User-Agent", "millrace")])
        if let tenant { result.add(name: "X-Scope-OrgID", value: tenant) }
        for header in headers { result.replaceOrAdd(name: header.name, value: header.value.value) }
        switch authorization {
        case .none: break
        case .basic(let user, let password):
            let encoded = base64(Array("\(user):\(password.value)".utf8))
            result.replaceOrAdd(name: "Authorization", value: "Basic " + encoded)
        case .bearer(let token): result.replaceOrAdd(name: "Authorization", value: "Bearer " + token.value)
        }
        for (name, value) in result {
            let nameIsToken =
                !name.isEmpty && name.utf8.allSatisfy { isNameByte($0) || "!#$%&'*+-.^`|~".utf8.contains($0) }
            guard nameIsToken, value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
                throw .header(name)
            }
        }
        return result
    }

    /// The TLS settings; nil without TLS. Reads the files, so that a wrong one is found at the start.
    func tlsConfiguration() throws(DestinationError) -> TLSConfiguration? {
        guard name.hasPrefix("https:") else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        if tls.isInsecure { configuration.certificateVerification = .none }
        if let file = tls.caFile {
            configuration.trustRoots = .certificates(try Self.read(file) { try NIOSSLCertificate.fromPEMFile($0) })
        }
        if let file = tls.certificateFile {
            let chain = try Self.read(file) { try NIOSSLCertificate.fromPEMFile($0) }
            configuration.certificateChain = chain.map { .certificate($0) }
        }
        if let file = tls.keyFile {
            let key = try Self.read(file) { try NIOSSLPrivateKey(file: $0, format: .pem) }
            configuration.privateKey = .privateKey(key)
        }
        return configuration
    }

    private static func read<T>(_ file: String, _ load: (String) throws -> T) throws(DestinationError) -> T {
        do { return try load(file) } catch { throw .tls(file: file, String(describing: error)) }
    }

    /// A text in which everything that is secret here is replaced: a server may send back what it got.
    func redacted(_ text: String) -> String {
        var secrets = headers.map(\.value.value)
        switch authorization {
        case .none: break
        case .basic(let user, let password):
            secrets += [password.value, base64(Array("\(user):\(password.value)".utf8))]
        case .bearer(let token): secrets.append(token.value)
        }
        if let query = url.firstIndex(of: "?") { secrets.append(String(url[query...].dropFirst())) }
        return secrets.filter { !$0.isEmpty }.reduce(text) { replacing($1, by: "<secret>", in: $0) }
    }
}

/// The parts of a push URL.
struct PushURL {
    /// Scheme, host and port.
    var origin: String
    /// Path and query.
    var target: String
    var user: String?
    var password: String?

    init(_ text: String) throws(DestinationError) {
        // Nothing of the text goes into a message: a mistyped URL may still hold a password.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw .url("it has spaces or control characters")
        }
        let scheme = text.prefix { $0 != ":" }.lowercased()
        guard scheme == "http" || scheme == "https", text.dropFirst(scheme.count).hasPrefix("://") else {
            throw .url("wanted http:// or https://")
        }
        let rest = text.dropFirst(scheme.count + 3)
        let authority = rest.prefix { !"/?#".contains($0) }
        var host = authority
        if let at = authority.lastIndex(of: "@") {
            host = authority[authority.index(after: at)...]
            let pair = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = Self.percentDecoded(pair[0])
            password = pair.count == 2 ? Self.percentDecoded(pair[1]) : nil
        }
        let afterBracket = host.lastIndex(of: "]").map { host[host.index(after: $0)...] }
        let port = (afterBracket ?? host).firstIndex(of: ":").map { host[host.index(after: $0)...] }
        let name = port.map { host[..<host.index(before: $0.startIndex)] } ?? host
        guard !name.isEmpty, name != "[]" else { throw .url("it has no host") }
        if let port, UInt16(port) == nil || port.hasPrefix("+") { throw .url("its port is not a number up to 65535") }
        origin = "\(scheme)://\(host.lowercased())"
        let path = rest.dropFirst(authority.count).prefix { $0 != "#" }
        if path.isEmpty || path == "/" {
            target = "/loki/api/v1/push"
        } else {
            target = path.hasPrefix("?") ? "/loki/api/v1/push" + path : String(path)
        }
    }

    private static func percentDecoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(Substring(digits), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// RFC 4648 §4.
func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var result: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for index in 0..<4 {
            let digit = alphabet[word >> (18 - 6 * index) & 63]
            result.append(index <= group.count ? digit : UInt8(ascii: "="))
        }
    }
    return String(decoding: result, as: UTF8.self)
}

private func replacing(_ secret: String, by substitute: String, in text: String) -> String {
    let needle = Array(secret.utf8)
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var position = 0
    while position < bytes.count {
        if bytes[position...].starts(with: needle) {
            result += Array(substitute.utf8)
            position += needle.count
        } else {
            result.append(bytes[position])
            position += 1
        }
    }
    return String(decoding: result, as: UTF8.self)
}
