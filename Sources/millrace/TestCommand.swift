import ArgumentParser
import Daemon
import Offline

/// `millrace test`: unit tests of rules.
struct TestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run unit tests of rules: lines in, series out.",
        discussion: """
            EXAMPLE:
              millrace test rules/ingress-nginx
              millrace test rules/*/test.yaml --output json

            docs/rule-tests.md describes the files. Exit code 1 if a test fails.
            """)

    @Argument(
        help: ArgumentHelp("Test files, or folders with a test.yaml.", valueName: "file"), completion: .file())
    var files: [String]

    @Option(help: "The form of the report.")
    var output: ReportOutput = .text

    func run() throws {
        try runRuleTests(files, as: output).leave()
    }
}
