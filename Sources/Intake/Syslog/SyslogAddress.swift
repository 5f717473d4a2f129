/// Where a syslog listener takes messages: `udp://0.0.0.0:514`, `tcp://[::]:514`, `tls://0.0.0.0:6514`, `unix:///run/x`.
public enum SyslogAddress: Hashable, Sendable, CustomStringConvertible {
    /// One message per datagram (RFC 5426). Port 0 takes a free one.
    case udp(host: String, port: Int)
    /// Octet counting or newlines (RFC 6587). Port 0 takes a free one.
    case tcp(host: String, port: Int)
    /// As `tcp`, over TLS (RFC 5425). Port 0 takes a free one.
    case tls(host: String, port: Int)
    /// As `tcp`, over a Unix stream socket; a socket file that nobody listens to is replaced.
    case unix(path: String)

    /// Reads the written form; nil when it is no such address. The port may be absent: 514, or 6514 for `tls`.
    public init?(_ text: String) {
        guard let scheme = text.firstRange(of: "://") else { return nil }
        let rest = text[scheme.upperBound...]
        switch text[..<scheme.lowerBound] {
        case "unix":
            guard rest.hasPrefix("/"), rest.count > 1 else { return nil }
            self = .unix(path: String(rest))
        case "udp":
            guard let (host, port) = Self.hostAndPort(rest, defaultPort: 514) else { return nil }
            self = .udp(host: host, port: port)
        case "tcp":
            guard let (host, port) = Self.hostAndPort(rest, defaultPort: 514) else { return nil }
            self = .tcp(host: host, port: port)
        case "tls":
            guard let (host, port) = Self.hostAndPort(rest, defaultPort: 6_514) else { return nil }
            self = .tls(host: host, port: port)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .udp(let host, let port): "udp://\(Self.bracketed(host)):\(port)"
        case .tcp(let host, let port): "tcp://\(Self.bracketed(host)):\(port)"
        case .tls(let host, let port): "tls://\(Self.bracketed(host)):\(port)"
        case .unix(let path): "unix://\(path)"
        }
    }

    /// The port; nil for a Unix socket.
    public var port: Int? {
        switch self {
        case .udp(_, let port), .tcp(_, let port), .tls(_, let port): port
        case .unix: nil
        }
    }

    /// The same address with the port that was given for port 0.
    func bound(to port: Int) -> SyslogAddress {
        switch self {
        case .udp(let host, _): .udp(host: host, port: port)
        case .tcp(let host, _): .tcp(host: host, port: port)
        case .tls(let host, _): .tls(host: host, port: port)
        case .unix: self
        }
    }

    private static func bracketed(_ host: String) -> String {
        host.contains(":") ? "[\(host)]" : host
    }

    private static func hostAndPort(_ text: Substring, defaultPort: Int) -> (String, Int)? {
        var host = text
        var port = defaultPort
        let bracket = text.lastIndex(of: "]")
        if let colon = text.lastIndex(of: ":"), bracket.map({ colon > $0 }) ?? true {
            guard let number = UInt16(text[text.index(after: colon)...]) else { return nil }
            port = Int(number)
            host = text[..<colon]
        }
        if bracket != nil {
            guard host.hasPrefix("["), host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains("/") else { return nil }
        return (String(host), port)
    }
}
