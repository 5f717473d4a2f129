public import Diagnostics
public import LogQL
public import Records

/// One LogQL query over entries that are given to it: the same plan and the same per-line program as rules have.
///
/// Entries may come in any order. A metric query keeps panes, never lines; a log query keeps its limit's lines.
public struct Query: ~Copyable {
    private let times: QueryTimes
    private let limits: QueryLimits
    private let expression: Expression
    private var program: Program

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
        let rule = RuleDefinition(
            name: "query", group: "query", kind: .record, expression: expression, limit: limits.series)
        let (plan, problems) = Planner.plan([rule], for: .query)
        guard let plan else { throw Refusal(diagnostics: problems.map(\.diagnostic)) }
        if let problem = Self.problem(expression, times) { throw Refusal(diagnostics: [problem]) }
        warnings = problems.map(\.diagnostic)
        self.expression = expression
        self.times = times
        self.limits = limits
        program = Program(plan, seed: UInt64.random(in: .min ... .max))
        program.refusesAhead = false
        if case .log(let start, let end, let direction, let limit) = times {
            program.entries.limit = max(0, limit)
            program.entries.direction = direction
            program.entries.window = start.nanoseconds..<max(start.nanoseconds, end.nanoseconds)
        }
    }

    private static func problem(_ expression: Expression, _ times: QueryTimes) -> Diagnostic? {
        switch (expression, times) {
        case (.log(let query), .instant), (.log(let query), .range):
            Diagnostic(
                .error, "log queries are not supported as an instant query type", hint: "give a start and an end",
                at: query.range)
        case (.metric(let metric), .log):
            Diagnostic(.error, "a metric query has no limit and no direction", at: metric.range)
        case (.log, .log), (.metric, .instant), (.metric, .range): nil
        }
    }

    /// Takes entries, of any time and in any order.
    public mutating func ingest(_ batch: LineBatch) {
        program.ingest(batch, at: Timestamp(nanoseconds: 0))
    }

    /// The answer over the entries taken.
    public consuming func finish() throws(QueryFailure) -> QueryResult {
        if let failure = program.queryFailure { throw failure }
        return .streams(program.entries.streams())
    }
}
