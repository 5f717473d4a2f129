/// The grammars of Prometheus's data model.
func isMetricName(_ name: String) -> Bool {
    isName(name, colons: true)
}

func isLabelName(_ name: String) -> Bool {
    isName(name, colons: false)
}

private func isName(_ name: String, colons: Bool) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            0x30...0x39:
            true
        case UInt8(ascii: ":"): colons
        default: false
        }
    }
}

/// Fields that usually hold free text or a new value with every line.
let unboundedFields: Set<String> = [
    "body", "client_ip", "correlation_id", "email", "http_referer", "http_user_agent", "line", "message", "msg",
    "path", "query", "query_string", "referer", "referrer", "remote_addr", "request_id", "request_path", "request_uri",
    "session_id", "span_id", "stacktrace", "time", "timestamp", "trace_id", "uri", "url", "user_agent", "uuid",
]
