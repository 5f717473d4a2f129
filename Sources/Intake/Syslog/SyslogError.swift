import Glibc
import NIOCore

/// Why a syslog listener could not start.
public enum SyslogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The system did not give the address.
    case cannotListen(address: SyslogAddress, reason: String)
    /// The certificate or the key of a `tls` address is of no use.
    case unusableTLS(path: String, reason: String)
    /// What the configuration says does not go together.
    case configuration(String)

    public var description: String {
        switch self {
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .unusableTLS(let path, let reason): "cannot use '\(path)' for TLS: \(reason)"
        case .configuration(let problem): problem
        }
    }

    /// What an error number means to somebody who wrote an address.
    static func reason(errorNumber: Int32) -> String {
        switch errorNumber {
        case EADDRINUSE: "another process listens there already"
        case EACCES: "not permitted; ports below 1024 want CAP_NET_BIND_SERVICE"
        case EADDRNOTAVAIL: "this machine has no such address"
        case ENOENT: "the folder does not exist"
        default: IOError(errnoCode: errorNumber, reason: "listening").description
        }
    }

    /// The same for whatever a bind threw.
    static func reason(_ error: any Error) -> String {
        if error is SocketAddressError.UnknownHost { return "the host is not known" }
        guard let error = error as? IOError else { return "\(error)" }
        return reason(errorNumber: error.errnoCode)
    }
}
