import Records

/// What a label template can say about a syslog message: the part of `${syslog.…}` behind the dot.
enum SyslogField: Hashable {
    case hostname, appName, procID, msgID, severity, facility, connectionIP
    /// A parameter of structured data, both names as `sanitised` makes them.
    case structured(id: [UInt8], name: [UInt8])

    /// `hostname`, `app_name`, `proc_id`, `msg_id`, `severity`, `facility`, `connection_ip`, or `sd.<id>.<param>`,
    /// where `@`, `.` and the like may be written as they are or as `_`.
    init?(name: String) {
        switch name {
        case "hostname": self = .hostname
        case "app_name": self = .appName
        case "proc_id": self = .procID
        case "msg_id": self = .msgID
        case "severity": self = .severity
        case "facility": self = .facility
        case "connection_ip": self = .connectionIP
        default:
            guard name.hasPrefix("sd."), let dot = name.lastIndex(of: ".") else { return nil }
            let id = name.dropFirst(3).prefix(upTo: max(dot, name.index(name.startIndex, offsetBy: 3)))
            let parameter = name[name.index(after: dot)...]
            guard !id.isEmpty, !parameter.isEmpty else { return nil }
            self = .structured(id: id.utf8.map(Self.sanitised), name: parameter.utf8.map(Self.sanitised))
        }
    }

    /// `_` for every byte that a label name cannot have.
    static func sanitised(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            byte
        default: UInt8(ascii: "_")
        }
    }
}

/// Whose message it is: an IPv4 or IPv6 address, or nothing for a Unix socket.
struct SyslogPeer: BitwiseCopyable, Hashable, Sendable {
    /// 0, 4 or 16.
    var count = 0
    /// In network order; IPv4 in the first four bytes.
    var address: (UInt64, UInt64) = (0, 0)

    static func == (left: SyslogPeer, right: SyslogPeer) -> Bool {
        left.count == right.count && left.address == right.address
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(address.0)
        hasher.combine(address.1)
    }
}
