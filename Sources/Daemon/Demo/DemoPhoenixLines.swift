import Records

/// Syslog messages (RFC 5424) of a web application written with Elixir's Phoenix, made up.
struct DemoPhoenixLines: Sendable {
    /// The severities of RFC 5424 §6.2.1 that occur, under facility local0.
    private enum Severity: Int {
        case error = 3
        case warning = 4
        case informational = 6
        case debug = 7
    }

    private var random: DemoRandom
    private let host: String
    private let application: String

    private static let actions: [(item: String, weight: Int)] = [
        ("GET /api/orders", 30), ("GET /api/products", 25), ("POST /api/orders", 10), ("GET /", 10),
        ("PUT /api/cart", 9), ("POST /login", 6), ("GET /live/websocket", 5), ("DELETE /api/cart", 2),
    ]
    private static let statuses: [(item: Int, weight: Int)] = [
        (200, 880), (201, 50), (302, 30), (404, 28), (422, 9), (500, 3),
    ]
    private static let failures: [(item: Int, weight: Int)] = [(200, 60), (500, 30), (503, 10)]

    init(seed: UInt64, host: String, application: String) {
        random = DemoRandom(seed: seed)
        self.host = host
        self.application = application
    }

    /// The messages of one request, without framing.
    mutating func next(at time: Timestamp, outage: Bool) -> [String] {
        let request = "request_id=" + random.hexadecimal(digits: 20).uppercased()
        let status = random.pick(outage ? Self.failures : Self.statuses)
        var messages = [message(.informational, time, "\(request) [info] \(random.pick(Self.actions))")]
        if random.below(4) == 0 {
            let tenths = Int(random.logNormal(median: 12, spread: 0.9))
            messages.append(
                message(
                    .debug, time, #"\#(request) [debug] QUERY OK source="orders" db=\#(tenths / 10).\#(tenths % 10)ms"#)
            )
        }
        if status >= 500 {
            messages.append(
                message(
                    .error, time,
                    "\(request) [error] ** (DBConnection.ConnectionError) connection not available and request was "
                        + "dropped from queue after \(200 + random.below(400))ms"))
        }
        let microseconds = Int(random.logNormal(median: status >= 500 ? 220_000 : 9_000, spread: 1))
        // As Plug.Logger writes it: below a millisecond in microseconds.
        let duration = microseconds < 1_000 ? "\(microseconds)µs" : "\(microseconds / 1_000)ms"
        let severity: Severity = status >= 500 ? .warning : .informational
        messages.append(
            message(
                severity, time,
                "\(request) [\(severity == .warning ? "warning" : "info")] Sent \(status) in \(duration)"))
        return messages
    }

    /// The text begins as Logger's console format does, which is what the pack reads.
    private func message(_ severity: Severity, _ time: Timestamp, _ text: String) -> String {
        "<\(16 * 8 + severity.rawValue)>1 \(time.rfc3339) \(host) \(application) 4711 - - \(time.clock) \(text)"
    }
}
