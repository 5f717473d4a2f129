import ArgumentParser
import Daemon
import Offline

/// `millrace explain`: the plan in words.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what becomes of rules or of a query: what is parsed once, which fields, how much memory.",
        discussion: """
            EXAMPLES:
              millrace explain rules/ingress-nginx
              millrace explain 'sum by (host) (rate({job="ingress"} | json [5m]))'
            """)

    @Argument(help: ArgumentHelp("A rule file, a folder of rules, or a LogQL expression.", valueName: "file|logql"))
    var subject: String

    @Option(help: "The form of the report.")
    var output: ReportOutput = .text

    func run() throws {
        try explain(subject, as: output).leave()
    }
}
