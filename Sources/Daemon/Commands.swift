import AsyncHTTPClient
import Delivery
import Engine
import Intake
import Logging
import NIOCore
import NIOPosix
import Records
import Rules

/// Runs the service until it is told to stop, or with `once` until the input ends.
///
/// Wrong files and rules are told on standard error, all at once, before anything starts.
public func runService(_ options: RunOptions) async -> Outcome {
    var configuration = Configuration(options)
    var folder = "."
    if let path = options.configuration {
        let load = loadConfiguration(path: path)
        StandardError.write(load.render())
        if load.hasErrors { return .wrongInput }
        configuration = load.configuration
        folder = Rules.folder(of: path)
    }
    configuration = configuration.overridden(by: options)
    startLogging(
        LogOptions(
            form: options.logForm ?? LogForm(rawValue: configuration.log.format.rawValue) ?? .text,
            level: options.logLevel ?? LogLevel(rawValue: configuration.log.level.rawValue) ?? .info))
    if let problem = configuration.problem(once: options.once) {
        StandardError.write("millrace: \(problem)\n")
        return .wrongInput
    }
    let rules = RulePlan(
        paths: configuration.rules, relativeTo: folder,
        options: PlanOptions(quantileSamples: configuration.limits.quantileSamples))
    StandardError.write(rules.report)
    guard let plan = rules.plan else { return .wrongInput }
    for doubt in configuration.doubts { StandardError.write("millrace: warning: \(doubt)\n") }
    return await assembleAndRun(
        configuration, plan: plan, folder: folder,
        mode: Assembly.Mode(once: options.once, serves: !options.once || options.listen != nil)
    ) { assembly in
        guard options.once else { return .done }
        let snapshot = await assembly.collector.collect()
        switch options.output {
        case .text: StandardOutput.write(render(snapshot, as: .text))
        case .json: StandardOutput.write(snapshot.json + "\n")
        }
        let dropped = assembly.outlets.reduce(0) { $0 + $1.status().droppedLines }
        guard dropped > 0 else { return .done }
        StandardError.write("millrace: \(dropped) lines were not delivered; the log says why\n")
        return .wrongInput
    }
}

/// Puts the service together, runs it to its end, and then says what `finish` has to say.
func assembleAndRun(
    _ configuration: Configuration, plan: Plan, folder: String, mode: Assembly.Mode,
    finish: (Assembly) async -> Outcome
) async -> Outcome {
    let logger = Logger(label: "millrace")
    let lock: StateLock?
    do throws(StateInUse) {
        lock = try configuration.state.map { state throws(StateInUse) in try StateLock(directory: state.directory) }
    } catch {
        StandardError.write("millrace: \(error)\n")
        return .wrongInput
    }
    defer { withExtendedLifetime(lock) {} }
    // One event loop for all sockets: HTTP in both directions and syslog over TCP.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let client = PushClient.make(on: group)
    var outcome = Outcome.done
    do {
        let assembly = try Assembly(
            configuration, plan: plan, folder: folder, mode: mode, client: client, logger: logger)
        do {
            try await assembly.run()
        } catch {
            logger.error("\(error)")
            outcome = .wrongInput
        }
        if outcome == .done { outcome = await finish(assembly) }
    } catch {
        StandardError.write("millrace: \(error)\n")
        outcome = .wrongInput
    }
    try? await client.shutdown()
    try? await group.shutdownGracefully()
    return outcome
}

/// Reads configuration and rule files and says everything that is wrong with them; `ok` when nothing is.
///
/// A file with `groups:` is a rule file, one without is a configuration, whose rules are checked with it.
public func checkFiles(_ paths: [String]) -> (report: String, ok: Bool) {
    var report = ""
    var ok = true
    for path in paths {
        if case .rules = FileKind(path: path) {
            let rules = RulePlan(paths: [path], relativeTo: ".")
            report += rules.report
            ok = ok && rules.plan != nil
            if let plan = rules.plan { report += "\(path): \(plan.ruleCount)\n" }
            continue
        }
        let load = loadConfiguration(path: path)
        report += load.render()
        if load.hasErrors {
            ok = false
            continue
        }
        let rules = RulePlan(paths: load.configuration.rules, relativeTo: folder(of: path))
        report += rules.report
        if let problem = load.configuration.problem(once: false) {
            report += "\(path): error: \(problem)\n"
            ok = false
        }
        ok = ok && rules.plan != nil
        if let plan = rules.plan {
            report += "\(path): the configuration is good; its rules: \(plan.ruleCount)\n"
        }
    }
    return (report, ok)
}

extension Configuration {
    /// What can run, but hardly as it was meant.
    var doubts: [String] {
        var doubts: [String] = []
        if rules.isEmpty, loki.isEmpty {
            doubts.append("lines are only counted: there are no rules, and no Loki to forward to")
        }
        if labels.labels.isEmpty, sources.contains(where: { $0.labels.isEmpty }) {
            doubts.append(
                "a source has no labels, so that no selector finds its stream; give for example --labels job=web")
        }
        return doubts
    }

    /// What no single key of the file is wrong with; nil when it can run.
    func problem(once: Bool) -> String? {
        if sources.isEmpty { return "there is nothing to read: 'sources' is empty" }
        for source in sources {
            if once, case .syslog = source { return "--once needs input that ends; a syslog source does not" }
        }
        for destination in loki {
            do throws(DestinationError) {
                _ = try LokiDestination(destination)
            } catch {
                return "\(error)"
            }
        }
        return nil
    }
}

extension Plan {
    /// How many rules there are, in words.
    fileprivate var ruleCount: String {
        switch rules.count {
        case 0: "no rules"
        case 1: "1 rule, good"
        case let count: "\(count) rules, all good"
        }
    }
}

extension Configuration.Source {
    fileprivate var labels: [Rules.LabelTemplate] {
        switch self {
        case .tail(let tail): tail.labels
        case .syslog(let syslog): syslog.labels
        case .stdin(let stdin): stdin.labels
        }
    }
}
