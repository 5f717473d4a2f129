import Records

/// Access log lines of an NGINX ingress in its JSON format, made up.
struct DemoIngressLines: Sendable {
    private var random: DemoRandom

    private static let hosts: [(item: String, weight: Int)] = [
        ("shop.example.com", 40), ("api.example.com", 22), ("www.example.com", 15), ("auth.example.com", 9),
        ("img.example.com", 7), ("checkout.example.com", 4), ("search.example.com", 3),
    ]
    private static let methods: [(item: String, weight: Int)] = [
        ("GET", 770), ("POST", 165), ("PUT", 30), ("DELETE", 15), ("HEAD", 12), ("OPTIONS", 8),
    ]
    private static let statuses: [(item: Int, weight: Int)] = [
        (200, 890), (301, 20), (304, 40), (404, 35), (499, 8), (500, 4), (502, 3),
    ]
    /// What the host that fails answers during an outage.
    private static let failures: [(item: Int, weight: Int)] = [(200, 45), (502, 25), (503, 20), (504, 10)]
    private static let failingHost = "checkout.example.com"
    private static let paths: [(item: String, weight: Int)] = [
        ("/api/v1/orders", 20), ("/api/v2/products/running-shoes", 18), ("/static/js/app.min.js", 16),
        ("/images/catalog/desk-lamp.webp", 14), ("/search", 10), ("/cart/items", 9), ("/category/tea-pot", 8),
        ("/auth/token/refresh", 3), ("/healthz", 2),
    ]
    private static let agents: [(item: String, weight: Int)] = [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                + "Chrome/126.0.0.0 Safari/537.36", 40
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", 20), ("okhttp/4.12.0", 15),
        ("kube-probe/1.29", 10), ("curl/8.5.0", 8), (#"Custom \"Agent\" \\ caf\u00e9 ☕"#, 7),
    ]
    private static let countries = ["DE", "US", "FR", "GB", "NL", "SE", "JP", "BR", "IN", "PL"]

    init(seed: UInt64) {
        random = DemoRandom(seed: seed)
    }

    /// The next line, with its newline.
    mutating func next(at time: Timestamp, outage: Bool) -> String {
        let host = random.pick(Self.hosts)
        let failing = outage && host == Self.failingHost
        let status = random.pick(failing ? Self.failures : Self.statuses)
        let method = random.pick(Self.methods)
        let milliseconds = min(60_000, Int(random.logNormal(median: failing ? 900 : 40, spread: 1.1)))
        let size =
            status == 304 || status == 499 || method == "HEAD" ? 0 : Int(random.logNormal(median: 3_600, spread: 1.4))
        let path = random.pick(Self.paths)
        let query = random.below(3) == 0 ? "page=\(random.below(9) + 1)&limit=25" : ""
        let agent = random.pick(Self.agents)
        let upstream = status == 499 ? "-" : Self.seconds(milliseconds - milliseconds / 16)
        let service = host.prefix { $0 != "." }
        let stamp = time.rfc3339.dropLast()
        return #"{"time":"\#(stamp)+00:00","remote_addr":"\#(address())","#
            + #""request_id":"\#(random.hexadecimal(digits: 32))","trace_id":"\#(random.hexadecimal(digits: 32))","#
            + #""host":"\#(host)","method":"\#(method)","path":"\#(path)","query":"\#(query)","#
            + #""protocol":"HTTP/\#(random.below(4) > 0 ? "2.0" : "1.1")","status":\#(status),"#
            + #""bytes_sent":\#(size),"request_time":\#(Self.seconds(milliseconds)),"#
            + #""upstream_response_time":"\#(upstream)","#
            + #""upstream_addr":"10.42.\#(random.below(16)).\#(random.below(256)):8080","referrer":"","#
            + #""user_agent":"\#(agent)","namespace":"prod","ingress_name":"\#(service)-ingress","#
            + #""service_name":"\#(service)-web","#
            + #""geo":{"country":"\#(Self.countries[random.below(Self.countries.count)])"}}"# + "\n"
    }

    private mutating func address() -> String {
        "198.51.\(100 + random.below(2)).\(random.below(256))"
    }

    private static func seconds(_ milliseconds: Int) -> String {
        let fraction = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }
}
