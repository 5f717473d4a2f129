public import Diagnostics
public import LogQL
public import Records

/// One LogQL query over entries that are given to it: the same plan and the same per-line program as rules have.
///
/// Entries may come in any order. A metric query keeps panes, never lines; a log query keeps its limit's lines.
public struct Query: ~Copyable {
    private let times: QueryTimes
    /// Series of one range aggregation, or result streams, at most.
    private let seriesLimit: Int
    private let expression: Expression
    private var program: Program

    /// What the labels of a series take, roughly.
    private static let bytesOfLabels = 512

    /// What is wrong with a query; at least one diagnostic is an error.
    public struct Refusal: Error, Sendable {
        /// Ranges are in the expression's text.
        public var diagnostics: [Diagnostic]
    }

    /// Warnings of a query that can run.
    public let warnings: [Diagnostic]

    /// Throws what is wrong with the expression, or that its kind does not fit the times.
    public init(
        _ expression: Expression, _ times: QueryTimes, limits: QueryLimits = QueryLimits()
    ) throws(Refusal) {
        var rule = RuleDefinition(
            name: "query", group: "query", kind: .record, expression: expression, limit: limits.series)
        if let problem = Self.problem(expression, times) { throw Refusal(diagnostics: [problem]) }
        let options = PlanOptions(
            purpose: .query, span: times.span, quantileSamples: limits.quantileSamples, windowSamples: limits.samples)
        var (plan, problems) = Planner.plan([rule], options: options)
        if let known = plan {
            // As many series as their panes leave room for.
            let room = limits.memoryBytes / (known.windowBytesPerSeries(rule: 0) + Self.bytesOfLabels)
            if room < limits.series {
                rule.limit = max(1, room)
                (plan, problems) = Planner.plan([rule], options: options)
            }
        }
        guard let plan else { throw Refusal(diagnostics: problems.map(\.diagnostic)) }
        seriesLimit = rule.limit
        warnings = problems.map(\.diagnostic)
        self.expression = expression
        self.times = times
        program = Program(plan, seed: UInt64.random(in: .min ... .max))
        program.refusesAhead = false
        if case .log(let start, let end, let direction, let limit) = times {
            program.entries.limit = max(0, limit)
            program.entries.direction = direction
            program.entries.window = start.nanoseconds..<max(start.nanoseconds, end.nanoseconds)
        }
    }

    private static func problem(_ expression: Expression, _ times: QueryTimes) -> Diagnostic? {
        if case .range(let start, let end, let step) = times {
            let all = 0..<0
            if end < start {
                return Diagnostic(.error, "the end of the query must not be before its start", at: all)
            }
            if step <= 0 { return Diagnostic(.error, "the step of the query must be above 0", at: all) }
            let (length, overflows) = end.nanoseconds.subtractingReportingOverflow(start.nanoseconds)
            if overflows || length / step > QueryLimits.maximumSteps {
                return Diagnostic(
                    .error, "the query has more than \(QueryLimits.maximumSteps) steps", hint: "choose a longer step",
                    at: all)
            }
        }
        return switch (expression, times) {
        case (.log(let query), .instant), (.log(let query), .range):
            Diagnostic(
                .error, "log queries are not supported as an instant query type", hint: "give a start and an end",
                at: query.range)
        case (.metric(let metric), .log):
            Diagnostic(.error, "a metric query has no limit and no direction", at: metric.range)
        case (.log, .log), (.metric, .instant), (.metric, .range): nil
        }
    }

    /// Entries taken, and those among them whose stream no selector of the query matches.
    public var entries: (taken: UInt64, unmatched: UInt64) { (program.linesEvaluated, program.linesUnmatched) }

    /// Takes entries, of any time and in any order.
    public mutating func ingest(_ batch: LineBatch) {
        program.ingest(batch, at: Timestamp(nanoseconds: 0))
    }

    /// The answer over the entries taken.
    public consuming func finish() throws(QueryFailure) -> QueryResult {
        if let failure = program.queryFailure { throw failure }
        if program.hasOverflow {
            throw QueryFailure(
                message: "the query has more than \(seriesLimit) series: ask for fewer labels, or with a longer step")
        }
        switch times {
        case .log: return .streams(program.entries.streams())
        case .instant(let instant):
            switch try value(at: instant) {
            case .scalar(let value): return .scalar(value)
            case .vector(let elements):
                let time = expression.shownTime(of: instant)
                return .vector(elements.map { QuerySample(labels: $0.labels.labels, time: time, value: $0.value) })
            }
        case .range: return .matrix(try matrix())
        }
    }

    private mutating func value(at instant: Timestamp) throws(QueryFailure) -> MetricValue {
        let windows = program.evaluate(group: "query", at: instant)
        do throws(EvaluationError) {
            return try program.plan.evaluate(rule: 0, [windows])
        } catch {
            throw QueryFailure(message: error.message)
        }
    }

    /// The values at every instant, by labels.
    private mutating func matrix() throws(QueryFailure) -> [QuerySeries] {
        guard let span = times.span else { return [] }
        var series: [LabelSet: [(time: Timestamp, value: Double)]] = [:]
        for index in 0..<span.count {
            let instant = Timestamp(nanoseconds: span.instant(index))
            switch try value(at: instant) {
            case .scalar(let value): series[.empty, default: []].append((instant, value))
            case .vector(let elements):
                let time = expression.shownTime(of: instant)
                for element in elements { series[element.labels, default: []].append((time, element.value)) }
            }
        }
        return series.sorted { $0.key.labels.lexicographicallyPrecedes($1.key.labels) }
            .map { QuerySeries(labels: $0.key.labels, points: $0.value) }
    }
}

extension Expression {
    /// The time of a result. Loki adds the offset to the window's end in whole milliseconds, which shows where the
    /// offset is none.
    fileprivate func shownTime(of instant: Timestamp) -> Timestamp {
        guard case .metric(let metric) = self, let offset = metric.offset, offset % 1_000_000 != 0 else {
            return instant
        }
        let end = instant.nanoseconds &- offset
        let milliseconds = end / 1_000_000 &- (end % 1_000_000 < 0 ? 1 : 0)
        return Timestamp(nanoseconds: (milliseconds &+ offset / 1_000_000) &* 1_000_000)
    }
}

extension MetricExpression {
    /// The offset of the range aggregation that the result's time comes from: the last one.
    fileprivate var offset: Int64? {
        switch self {
        case .range(let range): range.offset
        case .vector(let vector): vector.argument.offset
        case .binary(let binary): binary.right.offset ?? binary.left.offset
        case .labelReplace(let replace): replace.argument.offset
        case .literal, .vectorOf: nil
        }
    }
}

extension QueryTimes {
    /// The instants of a metric query.
    var span: QuerySpan? {
        switch self {
        case .instant(let instant): QuerySpan(at: instant.nanoseconds)
        case .range(let start, let end, let step):
            QuerySpan(
                start: start.nanoseconds, step: step,
                count: Int((end.nanoseconds - start.nanoseconds) / step) + 1)
        case .log: nil
        }
    }
}
