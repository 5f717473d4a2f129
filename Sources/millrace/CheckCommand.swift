import ArgumentParser
import Daemon

/// `millrace check`: every mistake of configuration and rule files at once.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read configuration and rule files and say everything that is wrong with them.",
        discussion: """
            EXAMPLE:
              millrace check millrace.yaml rules/ingress-nginx/rules.yaml

            Exit code 1 if there is an error in any of them.
            """)

    @Argument(help: ArgumentHelp("Configuration files, rule files or folders of rules.", valueName: "file"))
    var files: [String]

    func run() throws {
        let (report, ok) = checkFiles(files)
        if ok { StandardOutput.write(report) } else { StandardError.write(report) }
        try (ok ? Outcome.done : .wrongInput).leave()
    }
}
