import Records
import Synchronization

@testable import Daemon

#if canImport(Glibc)
    import Glibc
#endif

/// A service that does not exist, with numbers that move as those of a real one: what the page is looked at with.
final class MadeUpService: Sendable {
    private struct State {
        var requests: [LabelSet: Double] = [:]
        var durations: [String: HistogramValue] = [:]
        var lines = 0.0
        var seconds = 0.0
        var identities: [String: SeriesIdentity] = [:]
    }
    private let state = Mutex(State())
    private static let hosts = [
        "shop.example.com", "api.example.com", "www.example.com", "auth.example.com", "img.example.com",
        "checkout.example.com", "search.example.com", "payments.example.com",
    ]
    private static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    /// Lets `seconds` pass.
    func pass(_ seconds: Double) {
        state.withLock { state in
            state.seconds += seconds
            let day = 1 + 0.5 * sin(state.seconds / 12) + 0.15 * sin(state.seconds * 1.7)
            let burst = Int(state.seconds) % 40 < 6
            for (index, host) in Self.hosts.enumerated() {
                let rate = day * 300 / Double(index + 1)
                for (status, share) in [("200", 0.93), ("404", 0.04), ("500", burst ? 0.3 : 0.004)] {
                    let method = index % 3 == 1 ? "POST" : "GET"
                    let labels = LabelSet([
                        Label("host", host), Label("method", method), Label("status", status),
                    ])
                    state.requests[labels, default: 0] += (rate * share * seconds).rounded()
                }
                var histogram =
                    state.durations[host]
                    ?? HistogramValue(
                        bounds: Self.bounds, counts: [UInt64](repeating: 0, count: Self.bounds.count + 1), sum: 0)
                for (bucket, share) in [0.02, 0.05, 0.15, 0.3, 0.25, 0.13, 0.06, 0.03, 0.01].enumerated() {
                    histogram.counts[bucket + (burst ? 1 : 0)] += UInt64(rate * share * seconds)
                }
                state.durations[host] = histogram
                state.lines += rate * seconds
            }
        }
    }

    var view: ServiceView {
        var view = plainView()
        view.snapshot = { Snapshot(at: .now, families: self.families) }
        view.selfFamilies = {
            let seconds = self.state.withLock { $0.seconds }
            return [
                family("millrace_process_cpu_seconds", .gauge, [(.empty, seconds * 0.031)]),
                family("process_resident_memory_bytes", .gauge, [(.empty, 23_400_000)]),
            ]
        }
        view.sources = {
            let lines = self.lines
            return [
                SourceStatus(
                    source: "tail:0", place: "/var/log/pods/prod_web-6d4cf56db6-x8k2p_1b/ingress/0.log",
                    position: Int64(lines * 310), bytesBehind: 18_432, lines: UInt64(lines * 0.8)),
                SourceStatus(source: "syslog:1", place: "udp://127.0.0.1:5514", lines: UInt64(lines * 0.15)),
                SourceStatus(source: "syslog:1", place: "tcp://127.0.0.1:5514", lines: UInt64(lines * 0.05)),
                SourceStatus(
                    source: "tail:2", place: "/var/log/secure", position: 0, bytesBehind: nil, lines: 0,
                    problem: "cannot be opened: permission denied"),
            ]
        }
        view.rules = {
            let lines = self.lines
            func rule(_ name: String, _ kind: String, _ share: Double, _ cost: Double) -> RuleStatus {
                RuleStatus(
                    group: "ingress-nginx", rule: name, kind: kind, linesMatched: UInt64(lines * share),
                    linesFiltered: UInt64(lines * (1 - share)), linesFailed: 0, series: 24, nanosecondsPerLine: cost)
            }
            var last = rule("phoenix_requests_total", "counter", 0.2, 1_830)
            last.group = "phoenix"
            last.linesFailed = UInt64(lines / 900)
            return [
                rule("ingress_requests_total", "counter", 0.8, 212),
                rule("ingress_request_duration_seconds", "histogram", 0.8, 305),
                rule("ingress:requests:rate1m", "record", 0.8, 140), last,
            ]
        }
        view.destinations = {
            let lines = UInt64(self.lines)
            return [
                DestinationStatus(
                    destination: "http://127.0.0.1:9464", batches: lines / 900, lines: lines - lines % 900,
                    bytes: lines * 62, retries: 0, droppedLines: 0, queueBytes: 81_920),
                DestinationStatus(
                    destination: "https://loki.example.net:3100", batches: 12, lines: 10_800, bytes: 1_204_224,
                    retries: 17, droppedLines: 900, queueBytes: 7_340_032,
                    problem: "503 Service Unavailable; next try in 8 s"),
            ]
        }
        view.notices = { ["no state folder is set: counts begin anew after a restart"] }
        view.newestLines = { limit in
            (0..<min(limit, 20)).map { index in
                let text =
                    index % 3 == 0
                    ? "request_id=F8Zk\(index)w2 [info] Sent 200 in \(10 + index)ms"
                    : #"{"time":"2026-11-22T19:20:21.1\#(index)+00:00","host":"shop.example.com","method":"GET","#
                        + #""path":"/cart/\#(index)","status":200,"request_time":0.0\#(index)3}"#
                let labels = LabelSet([Label("job", index % 3 == 0 ? "phoenix" : "ingress")])
                return DeliveredLine(time: .now, labels: labels.text, line: Array(text.utf8))
            }
        }
        view.push = { _, _, _ in PushAnswer(status: 204) }
        return view
    }

    private var lines: Double { state.withLock { $0.lines } }

    private var families: [MetricFamily] {
        state.withLock { state in
            let requests = state.requests.sorted { $0.key.text < $1.key.text }.map { ($0.key, $0.value) }
            let durations = state.durations.sorted { $0.key < $1.key }.map { host, histogram in
                SeriesSnapshot(
                    identity: SeriesIdentity(labels: LabelSet([Label("host", host)])), value: .histogram(histogram))
            }
            let rates = Self.hosts.prefix(3).enumerated().map { index, host in
                (LabelSet([Label("host", host)]), 300 / Double(index + 1) * (1 + 0.4 * sin(state.seconds / 12)))
            }
            return [
                family("ingress_requests_total", .counter, help: "Requests served by the ingress.", requests),
                MetricFamily(
                    name: "ingress_request_duration_seconds", help: "Time to the last byte.", kind: .histogram,
                    series: durations),
                family("ingress:requests:rate1m", .gauge, help: "Requests per second over a minute.", rates),
            ]
        }
    }
}
