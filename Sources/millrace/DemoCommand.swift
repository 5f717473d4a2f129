import ArgumentParser
import Daemon

/// `millrace demo`: the whole service on traffic that it makes itself.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show everything at once on made traffic: a file that rotates, syslog, rules, a receiver.",
        discussion: """
            EXAMPLE:
              millrace demo --listen 127.0.0.1:9464 --duration 2m

            Nothing is kept: the files stand in a folder that is removed at the end.
            """)

    @Option(help: ArgumentHelp("Serve the status page at HOST:PORT.", valueName: "address"))
    var listen = ListenAddress(host: "127.0.0.1", port: 9464)

    @Option(
        help: ArgumentHelp("Stop after this long, for example 90s, 5m or 1h (default: go on).", valueName: "time"),
        transform: { text in
            guard let duration = Duration(commandLine: text) else {
                throw ValidationError("wanted a time such as 90s, 5m or 1h; got '\(text)'")
            }
            return duration
        })
    var duration: Duration?

    @OptionGroup var logs: LogArguments

    func run() async throws {
        let options = LogOptions(form: logs.logFormat ?? .text, level: logs.logLevel ?? .info)
        try await runDemo(DemoOptions(listen: listen, duration: duration, logs: options)).leave()
    }
}
