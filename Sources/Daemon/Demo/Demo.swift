import Delivery
import Foundation
import Intake
import Logging
import Records
import Rules
import ServiceLifecycle
import Synchronization

/// Everything at once on made traffic: an ingress log that is rotated while it is read, an application that sends
/// syslog over UDP and TCP, rules, series, and pushes over real HTTP to a receiver in this process.
public func runDemo(_ options: DemoOptions) async -> Outcome {
    startLogging(options.logs)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "millrace-demo-\(ProcessInfo.processInfo.processIdentifier)"
    ).path
    do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
        StandardError.write("millrace: cannot make the folder '\(folder)': \(error)\n")
        return .wrongInput
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let rules = RulePlan(paths: ["rules/ingress-nginx", "rules/phoenix"], relativeTo: demoRulesFolder())
    StandardError.write(rules.report)
    guard let plan = rules.plan else { return .wrongInput }
    let configuration = demoConfiguration(options, folder: folder)
    let receiver = PushStore()
    let tally = DemoTally()
    let mode = Assembly.Mode(
        receiver: receiver,
        listening: { address in
            StandardError.write(
                """

                Millrace runs on made traffic. Open  http://\(address)/  in a browser, or:
                  curl http://\(address)/metrics
                  tail -f \(folder)/access.log
                Ctrl-C stops it.

                """)
        },
        traffic: { assembly in
            let logger = assembly.logger
            return [
                DemoDirector(
                    assembly: assembly, folder: folder, tally: tally, duration: options.duration, logger: logger)
            ]
        })
    return await assembleAndRun(configuration, plan: plan, folder: demoRulesFolder(), mode: mode) { _ in
        let counts = receiver.counts
        StandardOutput.write(
            """
            made: \(tally.ingressLines) log lines, \(tally.datagramsSent) syslog datagrams, \(tally.framesSent) syslog frames over TCP
            pushed: \(counts.lines) lines in \(counts.requests) requests, \(counts.bytes) bytes

            """)
        return .done
    }
}

private func demoConfiguration(_ options: DemoOptions, folder: String) -> Configuration {
    let loopback = NetworkAddress(host: "127.0.0.1", port: 0)
    var configuration = Configuration(labels: LabelSet([Label("cluster", "demo")]))
    configuration.metrics.listen = NetworkAddress(host: options.listen.host, port: options.listen.port)
    configuration.rules = ["rules/ingress-nginx", "rules/phoenix"]
    configuration.state = Configuration.State(directory: folder + "/state", interval: .seconds(1))
    configuration.sources = [
        .tail(
            Configuration.Tail(
                paths: [folder + "/access.log*"],
                labels: [Rules.LabelTemplate(label: "job", parts: [.literal("ingress")])])),
        .syslog(
            Configuration.Syslog(
                listen: [.udp(loopback), .tcp(loopback)],
                labels: [
                    Rules.LabelTemplate(label: "job", parts: [.literal("phoenix")]),
                    Rules.LabelTemplate(label: "host", parts: [.variable(scope: "syslog", name: "hostname")]),
                    Rules.LabelTemplate(label: "app", parts: [.variable(scope: "syslog", name: "app_name")]),
                ])),
    ]
    let url = "http://\(configuration.metrics.listen)/loki/api/v1/push"
    configuration.loki = [Configuration.Loki(url: Rules.Secret(url), destination: url)]
    configuration.shutdown.deadline = .seconds(10)
    return configuration
}

/// The folder that holds `rules/`: where the command runs, or above the program (`.build/release/millrace`).
private func demoRulesFolder() -> String {
    var candidates = ["."]
    var folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    for _ in 0..<5 {
        folder.deleteLastPathComponent()
        candidates.append(folder.path)
        candidates.append(folder.path + "/share/millrace")
    }
    return candidates.first { FileManager.default.fileExists(atPath: $0 + "/rules/ingress-nginx/rules.yaml") } ?? "."
}

/// Starts the made traffic once the listeners have their ports, and ends the demo after its time.
private struct DemoDirector: Service {
    let assembly: Assembly
    let folder: String
    let tally: DemoTally
    let duration: Duration?
    let logger: Logger

    /// Says every ten seconds how far the lines have come.
    private func report() async throws {
        while true {
            try await Task.sleep(for: .seconds(10))
            let series = await assembly.collector.snapshot().families.reduce(0) { $0 + $1.series.count }
            // The status has only files that are still there.
            let read = ["tail:0", "syslog:1"].reduce(0) { $0 + assembly.metrics.counter(.linesRead, $1).current }
            let pushed = assembly.outlets.map { $0.status() }
            StandardError.write(
                "\(read) lines read, \(series) series, \(pushed.reduce(0) { $0 + $1.lines }) lines delivered in "
                    + "\(pushed.reduce(0) { $0 + $1.batches }) pushes\n")
        }
    }

    func run() async throws {
        var addresses: [SyslogAddress] = []
        while addresses.count < 2, !Task.isCancelled {
            addresses = assembly.sources.boundAddresses
            try? await Task.sleep(for: .milliseconds(20))
        }
        let ports = addresses.map(\.port)
        let traffic = DemoTraffic(folder: folder, udpPort: ports.first ?? nil, tcpPort: ports.last ?? nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in traffic.services(tally: tally, logger: logger) {
                group.addTask { try await service.run() }
            }
            group.addTask {
                try? await cancelWhenGracefulShutdown { try await report() }
            }
            if let duration {
                group.addTask {
                    try? await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
                    kill(getpid(), SIGTERM)
                }
            }
            try await group.waitForAll()
        }
    }
}
