import ArgumentParser
import Daemon
import Rules

/// `millrace run`: the service, from a configuration file or from the command line alone.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the service, or with --once read finished input and print the series.",
        discussion: """
            EXAMPLES:
              millrace run --config millrace.yaml
              millrace run --tail access.log --labels job=web --rules rules.yaml \\
                --listen 127.0.0.1:9464 \\
                --loki http://127.0.0.1:3100/loki/api/v1/push
              zcat access.log.2.gz | millrace run --once \\
                --stdin --labels job=web --rules rules.yaml
            """)

    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"), completion: .file())
    var config: String?

    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("Files to tail; ** and {a,b} work.", valueName: "glob"),
        completion: .file())
    var tail: [String] = []

    @Flag(help: "Read lines from standard input.")
    var stdin = false

    @Option(
        help: ArgumentHelp(
            "Listen for syslog: udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH; repeatable.", valueName: "url"))
    var syslog: [String] = []

    @Option(help: ArgumentHelp("Labels of every stream; repeatable.", valueName: "name=value,…"))
    var labels: [String] = []

    @Option(help: "How lines stand in the files.")
    var format: LineFormat?

    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("Rule files or folders of rules.", valueName: "path"),
        completion: .file())
    var rules: [String] = []

    @Option(help: ArgumentHelp("Serve /metrics and the status page at HOST:PORT.", valueName: "address"))
    var listen: ListenAddress?

    @Option(help: ArgumentHelp("Push the lines to this Loki push URL; repeatable.", valueName: "url"))
    var loki: [String] = []

    @Option(help: ArgumentHelp("The tenant (X-Scope-OrgID) of the pushes.", valueName: "name"))
    var tenant: String?

    @Option(
        help: ArgumentHelp("Keep the positions in files here, over a restart.", valueName: "folder"),
        completion: .directory)
    var state: String?

    @Flag(help: "Read to the end of the input, print the series, stop.")
    var once = false

    @Option(help: "The form of what --once prints.")
    var output: OutputForm = .text

    @Option(help: ArgumentHelp("Threads that run rules (default: one less than there are cores).", valueName: "count"))
    var workers: Int?

    @OptionGroup var logs: LogArguments

    func validate() throws {
        if let workers, !(1...256).contains(workers) {
            throw ValidationError("--workers wants a number from 1 to 256; got \(workers)")
        }
        if let wrong = labels.first(where: { Daemon.labels(fromCommandLine: $0) == nil }) {
            throw ValidationError("--labels wants name=value,name=value; got '\(wrong)'")
        }
        if let wrong = syslog.first(where: { !isSyslogAddress($0) }) {
            throw ValidationError(
                "--syslog wants udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH; got '\(wrong)'")
        }
        let said: [(String, Bool)] = [
            ("--tail", !tail.isEmpty), ("--stdin", stdin), ("--syslog", !syslog.isEmpty),
            ("--labels", !labels.isEmpty), ("--format", format != nil), ("--rules", !rules.isEmpty),
            ("--loki", !loki.isEmpty), ("--tenant", tenant != nil),
        ]
        if config != nil {
            if let (name, _) = said.first(where: \.1) {
                throw ValidationError("\(name) does not go with --config; write it into the configuration file")
            }
        } else if tail.isEmpty, !stdin, syslog.isEmpty {
            throw ValidationError("nothing to read; give --config, --tail, --stdin or --syslog")
        }
        if tenant != nil, loki.isEmpty { throw ValidationError("--tenant needs --loki") }
        if once, !syslog.isEmpty { throw ValidationError("--once needs input that ends; --syslog does not") }
        if !once, output != .text { throw ValidationError("--output is for --once") }
    }

    func run() async throws {
        try await runService(options).leave()
    }

    /// TLS needs a certificate, which only a configuration file can name.
    private func isSyslogAddress(_ text: String) -> Bool {
        switch SyslogEndpoint(text) {
        case .udp, .tcp, .unix: true
        case .tls, nil: false
        }
    }

    /// What was asked for, for the service.
    var options: RunOptions {
        var options = RunOptions()
        options.configuration = config
        options.tail = tail
        options.stdin = stdin
        options.syslog = syslog
        options.labels = labels.flatMap { Daemon.labels(fromCommandLine: $0) ?? [] }
        options.format = format ?? .raw
        options.rules = rules
        options.listen = listen
        options.loki = loki
        options.tenant = tenant
        options.state = state
        options.once = once
        options.output = output
        options.logForm = logs.logFormat
        options.logLevel = logs.logLevel
        options.workers = workers
        return options
    }
}
