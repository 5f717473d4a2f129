import ArgumentParser
import Daemon

/// The program: reads the command line, runs one command, turns its outcome into an exit code.
@main
struct Millrace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "Turn log lines into metrics at the edge, and forward the lines to Loki.",
        discussion: """
            EXAMPLE:
              millrace run --tail access.log --labels job=web --rules rules.yaml \\
                --listen 127.0.0.1:9464

            Exit codes: 0 done, 1 the input or a rule is wrong, 2 usage, 70 a bug.
            """,
        version: Version.current,
        subcommands: [
            RunCommand.self, CheckCommand.self, TestCommand.self, QueryCommand.self, ExplainCommand.self,
            DemoCommand.self, BenchCommand.self,
        ])

    static func main() async {
        ignoreClosedPipes()
        do {
            var command = try parseAsRoot()
            if var concurrent = command as? any AsyncParsableCommand {
                try await concurrent.run()
            } else {
                try command.run()
            }
        } catch {
            leave(with: error)
        }
    }

    /// Exit code 2 for a wrong command line, where the parser's own habit is 64.
    private static func leave(with error: any Error) -> Never {
        guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
        StandardError.write(fullMessage(for: error) + "\n")
        exit(withError: Outcome.usage.exitCode)
    }
}

extension Outcome {
    var exitCode: ExitCode { ExitCode(rawValue) }

    /// Throws the exit code that a command ends with unless all is done.
    func leave() throws(ExitCode) {
        switch self {
        case .done: return
        case .wrongInput, .usage, .bug: throw exitCode
        }
    }
}
