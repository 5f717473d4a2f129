import Logging
import Records
import ServiceLifecycle
import Synchronization

/// How much the demo made, to hold it against what was counted.
final class DemoTally: Sendable {
    private let ingress = Atomic<Int>(0)
    private let datagrams = Atomic<Int>(0)
    private let frames = Atomic<Int>(0)

    /// Lines written to the ingress log.
    var ingressLines: Int { ingress.load(ordering: .relaxed) }
    /// Syslog messages handed to the system as datagrams; some of them may get lost.
    var datagramsSent: Int { datagrams.load(ordering: .relaxed) }
    /// Syslog messages written to the TCP connection.
    var framesSent: Int { frames.load(ordering: .relaxed) }

    func wrote(lines: Int) { ingress.add(lines, ordering: .relaxed) }
    func sent(datagrams count: Int) { datagrams.add(count, ordering: .relaxed) }
    func sent(frames count: Int) { frames.add(count, ordering: .relaxed) }
}

/// The made traffic of `millrace demo`: an ingress that writes a log file, and an application that sends syslog.
///
/// The same seed gives the same lines but for their times; when they come follows the clock.
struct DemoTraffic: Sendable {
    /// A folder that exists; the log is `access.log` in it, with two older ones beside it.
    var folder: String
    var seed: UInt64 = 1
    /// Where on 127.0.0.1 the application sends datagrams; nil: nowhere.
    var udpPort: Int?
    /// Where on 127.0.0.1 the application sends octet-counted frames; nil: nowhere.
    var tcpPort: Int?
    var ingressLinesPerSecond = 300.0
    var requestsPerSecond = 25.0
    var rotation = Duration.seconds(10)

    var logPath: String { folder + "/access.log" }

    /// What has to run; `tally` counts along.
    func services(tally: DemoTally, logger: Logger) -> [any Service] {
        // `any`: the lifecycle takes services of every type.
        var services: [any Service] = [DemoIngressLog(traffic: self, tally: tally)]
        if let udpPort {
            services.append(
                DemoSyslog(transport: .datagrams, port: udpPort, traffic: self, tally: tally, logger: logger))
        }
        if let tcpPort {
            services.append(DemoSyslog(transport: .frames, port: tcpPort, traffic: self, tally: tally, logger: logger))
        }
        return services
    }
}

/// Calls `body` ten times a second with the seconds since the start and since the last call, until the end.
func everyDemoTick(_ body: (_ elapsed: Double, _ step: Double) async throws -> Void) async rethrows {
    let clock = ContinuousClock()
    let start = clock.now
    var last = start
    while !Task.isCancelled {
        guard (try? await clock.sleep(for: .milliseconds(100))) != nil else { return }
        let now = clock.now
        try await body((now - start) / .seconds(1), (now - last) / .seconds(1))
        last = now
    }
}
