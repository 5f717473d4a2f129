import Diagnostics
import Engine
import LogQL
import Records

/// Answers a query from files. `report` gets what is for standard error while the files are read.
public func answer(_ request: QueryRequest, report: (String) -> Void) -> OfflineAnswer {
    do throws(QueryProblem) {
        var run = try QueryRun(request)
        return try run.answer(report)
    } catch {
        return OfflineAnswer(errors: error.text, failed: true)
    }
}

/// One query on its way: the times are found, the files read, the answer written.
private struct QueryRun {
    private let request: QueryRequest
    private let source: SourceText
    private let expression: Expression
    private let now = Timestamp(nanoseconds: systemNanoseconds())
    private var notes = ""

    init(_ request: QueryRequest) throws(QueryProblem) {
        self.request = request
        source = SourceText(name: "<query>", text: request.expression)
        let parsed = parse(request.expression)
        notes = source.render(parsed.diagnostics)
        guard let expression = parsed.expression else { throw QueryProblem(rendered: notes) }
        self.expression = expression
    }

    mutating func answer(_ report: (String) -> Void) throws(QueryProblem) -> OfflineAnswer {
        let times = try times(report)
        var query: Query
        do throws(Query.Refusal) {
            query = try Query(expression, times, limits: QueryLimits())
        } catch {
            throw QueryProblem(rendered: notes + source.render(error.diagnostics))
        }
        notes += source.render(query.warnings)
        let fallback =
            switch times {
            case .instant(let time): time
            case .range(_, let end, _): end
            case .log(let start, let end, _, _): max(start, Timestamp(nanoseconds: end.nanoseconds &- 1))
            }
        var streams: Set<LabelSet> = []
        do throws(InputProblem) {
            let reading = try readAll(fallback: fallback, report) { batch in
                query.ingest(batch)
                if streams.count < Self.mostNamedStreams { streams.formUnion(batch.streams.map(\.labels)) }
            }
            notes += reading.notes
        } catch {
            throw QueryProblem(rendered: notes + "millrace: \(error)\n")
        }
        if !expression.logQueries.isEmpty { notes += Self.note(ofUnmatched: query.entries, streams) }
        do throws(QueryFailure) {
            let result = try query.finish()
            return OfflineAnswer(output: render(result, times, as: request.output), errors: notes)
        } catch {
            throw QueryProblem(rendered: notes + "millrace: \(error.message)\n")
        }
    }

    private static let mostNamedStreams = 5

    /// A selector that matches nothing is the first thing that goes wrong: says which streams there are.
    private static func note(ofUnmatched entries: (taken: UInt64, unmatched: UInt64), _ streams: Set<LabelSet>)
        -> String
    {
        guard entries.taken > 0, entries.unmatched == entries.taken else { return "" }
        let named = streams.map(\.text).sorted().prefix(mostNamedStreams).joined(separator: ", ")
        return "millrace: no stream matches the query's selector; there are for example \(named) "
            + "(--labels gives labels to the streams of --tail)\n"
    }

    // MARK: times

    private func times(_ report: (String) -> Void) throws(QueryProblem) -> QueryTimes {
        if let start = request.start, let end = request.end, end.time < start.time {
            throw QueryProblem("the end lies before the start")
        }
        if let step = request.step, step <= 0 { throw QueryProblem("the step must be greater than 0") }
        let isRange = request.start != nil || request.end != nil || request.step != nil
        switch expression {
        case .log:
            if request.time != nil {
                throw QueryProblem(
                    "log queries are not supported as an instant query type, please change your query to a range "
                        + "query type (--start and --end)")
            }
            let (start, end) = try covered(inclusive: false, report)
            let direction: QueryDirection =
                switch request.direction {
                case .forward: .forward
                case .backward: .backward
                }
            return .log(start: start, end: end, direction: direction, limit: request.limit)
        case .metric where !isRange:
            if let time = request.time { return .instant(time.time) }
            return .instant(try survey(report).map(\.newest) ?? now)
        case .metric:
            let (start, end) = try covered(inclusive: true, report)
            let span = end.nanoseconds.subtractingReportingOverflow(start.nanoseconds)
            guard !span.overflow else { throw QueryProblem("the range is too long") }
            let step = request.step ?? max(1, span.partialValue / 1_000_000_000 / 250) * 1_000_000_000
            guard span.partialValue / step <= QueryLimits.maximumSteps else {
                throw QueryProblem(
                    "exceeded maximum resolution of 11,000 points per time series; try a greater --step")
            }
            return .range(start: start, end: end, step: step)
        }
    }

    /// From the start to the end that were given, else from the first to the newest entry.
    private func covered(
        inclusive: Bool, _ report: (String) -> Void
    ) throws(QueryProblem) -> (start: Timestamp, end: Timestamp) {
        if let start = request.start, let end = request.end { return (start.time, end.time) }
        let found = try survey(report)
        let newest = found?.newest ?? now
        let start = request.start?.time ?? min(found?.oldest ?? now, request.end?.time ?? .distantFuture)
        let end = request.end?.time ?? Timestamp(nanoseconds: newest.nanoseconds &+ (inclusive ? 0 : 1))
        return (start, max(start, end))
    }

    /// The times of the oldest and the newest entry; nil where the lines do not say their time, or there are none.
    private func survey(_ report: (String) -> Void) throws(QueryProblem) -> (oldest: Timestamp, newest: Timestamp)? {
        if request.corpora.isEmpty, request.clock == nil { return nil }
        for path in request.corpora + request.tail where !isReadTwice(path) {
            throw QueryProblem(
                "\(path == "-" ? "standard input" : path) can be read only once, so the times of the query must be "
                    + "given: --time, or --start and --end")
        }
        do throws(InputProblem) {
            let found = try readAll(fallback: now, report) { _ in }
            guard let oldest = found.oldest, let newest = found.newest else { return nil }
            return (oldest, newest)
        } catch {
            throw QueryProblem(rendered: "millrace: \(error)\n")
        }
    }

    private func isReadTwice(_ path: String) -> Bool {
        do throws(InputProblem) {
            return try ByteInput(path).isRegular
        } catch {
            return true  // reading it says what is wrong
        }
    }

    // MARK: entries

    private struct Reading {
        var oldest: Timestamp?
        var newest: Timestamp?
        var notes = ""

        mutating func note(_ oldest: Timestamp?, _ newest: Timestamp?) {
            if let oldest { self.oldest = min(self.oldest ?? oldest, oldest) }
            if let newest { self.newest = max(self.newest ?? newest, newest) }
        }
    }

    /// Gives every batch of every input to `take`.
    private func readAll(
        fallback: Timestamp, _ report: (String) -> Void, _ take: (LineBatch) -> Void
    ) throws(InputProblem) -> Reading {
        var reading = Reading()
        let streams = StreamTable(limit: 100_000)
        let known = CorpusReader.Known()
        var progress = Progress(shows: request.showsProgress)
        defer { progress.finish(report) }
        for path in request.corpora {
            var reader = try CorpusReader(path, streams: streams, known: known)
            while let batch = try reader.next() {
                take(batch)
                progress.show(path, reader.progress, report)
            }
            reading.note(reader.oldest, reader.newest)
        }
        for path in request.tail {
            let reader = try TailReader(
                path, labels: LabelSet(request.labels), streams: streams, clock: request.clock, fallback: fallback,
                reference: now)
            while let batch = try reader.next() {
                take(batch)
                progress.show(path, reader.progress, report)
            }
            reading.note(reader.oldest, reader.newest)
            if reader.untimed > 0 {
                reading.notes +=
                    reader.newest == nil
                    ? "millrace: warning: \(path): no line has a time that can be read; all count as of "
                        + "\(TimeText.format(fallback))\n"
                    : "millrace: warning: \(path): \(reader.untimed) of \(reader.count) lines have no time that can "
                        + "be read; they have that of the line before\n"
            }
            if reader.cutLines > 0 {
                reading.notes +=
                    "millrace: warning: \(path): \(reader.cutLines) lines were cut at \(LineInput.longestLine) bytes\n"
            }
        }
        return reading
    }
}

/// A line on the terminal about how far the files have been read, after a second.
struct Progress {
    private let shows: Bool
    private let start = ContinuousClock.now
    private var shown: ContinuousClock.Instant?

    init(shows: Bool) {
        self.shows = shows && standardErrorIsTerminal()
    }

    mutating func show(_ path: String, _ progress: (done: Int, of: Int?), _ report: (String) -> Void) {
        guard shows else { return }
        let now = ContinuousClock.now
        guard now - start > .seconds(1), shown.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
        shown = now
        let done = "\(progress.done >> 20) MiB"
        let share = progress.of.map { $0 > 0 ? " of \($0 >> 20) MiB, \(progress.done * 100 / $0) %" : "" } ?? ""
        report("\r\u{1B}[K\(path): \(done)\(share)")
    }

    mutating func finish(_ report: (String) -> Void) {
        if shown != nil { report("\r\u{1B}[K") }
        shown = nil
    }
}
