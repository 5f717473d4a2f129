public import ArgumentParser
import Daemon
public import Offline
import Records

/// `millrace query`: LogQL over local files.
struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Answer a LogQL query from local files, as Loki would from the same entries.",
        discussion: """
            EXAMPLES:
              millrace query '{job="web"} |= "error"' --tail access.log --labels job=web
              millrace query 'sum by (status) (count_over_time({job="web"} | json [1h]))' \\
                --tail access.log.1 access.log.2.gz --labels job=web \\
                --timestamp field=time,format=rfc3339
              millrace query 'sum(rate({app="a"}[5m]))' --corpus entries.jsonl --step 1m

            Times are nanoseconds since 1970 or RFC 3339. A metric query without a time is asked at the newest entry; a
            log query, and a metric query with --start, --end or --step, covers the first to the newest entry.
            """)

    // Whatever is no option: a query may begin with a sign, as in '-1 * sum(…)'.
    @Argument(parsing: .allUnrecognized, help: ArgumentHelp("The query.", valueName: "logql"))
    var expressions: [String]

    @Option(
        help: ArgumentHelp(
            "A file of entries, one JSON object a line; repeatable, - is standard input.",
            valueName: "file"), completion: .file())
    var corpus: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Files of lines; gzip is undone, - is standard input.", valueName: "file"),
        completion: .file())
    var tail: [String] = []

    @Option(help: ArgumentHelp("Labels of the stream of --tail; repeatable.", valueName: "name=value,…"))
    var labels: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where a line of --tail has its time: field=NAME or regex=…, and format=rfc3339, unix, unix_ms, unix_us, "
                + "unix_ns or a layout of Go (default: all lines have the time of the query).",
            valueName: "field=…,format=…"),
        transform: { text in
            do throws(ClockProblem) {
                return try clockForm(fromCommandLine: text)
            } catch {
                throw ValidationError("--timestamp: \(error.message)")
            }
        })
    var timestamp: ClockForm?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("The instant of a metric query.", valueName: "time"),
        transform: moment)
    var time: QueryRequest.Moment?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("The start of the range.", valueName: "time"), transform: moment)
    var start: QueryRequest.Moment?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("The end of the range.", valueName: "time"), transform: moment)
    var end: QueryRequest.Moment?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Between the instants of a range: seconds or a duration.", valueName: "step"))
    var step: String?

    @Option(help: ArgumentHelp("Entries at most.", valueName: "count"))
    var limit = 5_000

    @Option(help: "Which entries a limit keeps, and their order: forward or backward.")
    var direction: QueryRequest.Direction = .forward

    @Option(help: "text for people, json for programs, loki as Loki's HTTP API answers.")
    var output: QueryOutput = .text

    /// The parser leaves the terminator '--' among what it does not recognize.
    private var queries: [String] { expressions.filter { $0 != "--" } }

    func validate() throws {
        if let unknown = queries.first(where: { $0.hasPrefix("--") }) {
            throw ValidationError("Unknown option '\(unknown.prefix { $0 != "=" })'")
        }
        guard queries.count == 1 else {
            throw ValidationError(
                "wanted one query, found \(queries.count): \(queries.joined(separator: " and "))")
        }
        if corpus.isEmpty, tail.isEmpty { throw ValidationError("nothing to read; give --corpus or --tail") }
        if (corpus + tail).count(where: { $0 == "-" }) > 1 {
            throw ValidationError("standard input can be read only once")
        }
        if let wrong = labels.first(where: { Daemon.labels(fromCommandLine: $0) == nil }) {
            throw ValidationError("--labels wants name=value,name=value; got '\(wrong)'")
        }
        if tail.isEmpty, !labels.isEmpty || timestamp != nil {
            throw ValidationError("--labels and --timestamp are for --tail")
        }
        if time != nil, start != nil || end != nil || step != nil {
            throw ValidationError("--time does not go with --start, --end and --step")
        }
        guard limit > 0 else { throw ValidationError("--limit wants a number above 0; got \(limit)") }
    }

    func run() throws {
        var request = QueryRequest(queries[0])
        if let step {
            guard let parsed = QueryRequest.step(step) else {
                // Not a matter of usage: Loki refuses the query.
                StandardError.write("millrace: --step wants seconds or a duration such as 1m30s; got '\(step)'\n")
                throw ExitCode(1)
            }
            request.step = parsed
        }
        request.corpora = corpus
        request.tail = tail
        request.labels = labels.flatMap { Daemon.labels(fromCommandLine: $0) ?? [] }
        request.clock = timestamp
        request.time = time
        request.start = start
        request.end = end
        request.limit = limit
        request.direction = direction
        request.output = output
        try answer(request) { StandardError.write($0) }.leave()
    }
}

private func moment(_ text: String) throws -> QueryRequest.Moment {
    guard let moment = QueryRequest.Moment(text) else {
        throw ValidationError("wanted nanoseconds since 1970 or a time in RFC 3339; got '\(text)'")
    }
    return moment
}

// All of these modules belong to this package, so that no other module can declare these conformances.
extension QueryRequest.Direction: ExpressibleByArgument {}
extension QueryOutput: ExpressibleByArgument {}
extension ReportOutput: ExpressibleByArgument {}

extension OfflineAnswer {
    /// Writes both outputs and throws the exit code of a failure.
    func leave() throws(ExitCode) {
        StandardError.write(errors)
        StandardOutput.write(output)
        try (failed ? Outcome.wrongInput : .done).leave()
    }
}
