import ArgumentParser
import Daemon

/// `millrace bench`: what a line costs, by stage.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure what a line costs: the rules, and the encoding of pushes.",
        discussion: """
            EXAMPLE:
              millrace bench --rules bench/w1.yaml --labels job=bench access.log

            Prints CPU time per line, taken in this process over lines held in memory; reading the file is not in it.
            With --stages: what each parser, filter, template and aggregation costs, on made lines.
            `bench/run` in the repository measures whole processes and checks their counts.
            """)

    @Argument(help: ArgumentHelp("A file of lines (default: made lines of an ingress).", valueName: "file"))
    var file: String?

    @Option(help: ArgumentHelp("Labels of the stream, name=value,name=value.", valueName: "labels"))
    var labels = "job=ingress"

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Rule files and folders.", valueName: "path"))
    var rules: [String] = ["rules/ingress-nginx"]

    @Option(help: ArgumentHelp("Lines at most.", valueName: "count"))
    var lines = 200_000

    @Flag(help: "Measure the stages of pipelines instead of rules.")
    var stages = false

    func validate() throws {
        guard lines > 0 else { throw ValidationError("--lines wants a number above 0; got \(lines)") }
        guard Daemon.labels(fromCommandLine: labels) != nil else {
            throw ValidationError("--labels wants name=value,name=value; got '\(labels)'")
        }
    }

    func run() throws {
        let options = BenchOptions(
            file: file, labels: Daemon.labels(fromCommandLine: labels) ?? [], rules: rules, lines: lines,
            stages: stages)
        try runBench(options).leave()
    }
}
