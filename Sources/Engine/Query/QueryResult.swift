public import Records

/// When a query is asked.
public enum QueryTimes: Sendable {
    /// A metric query at one instant.
    case instant(Timestamp)
    /// A metric query at start, start + step, … up to and including the end; the step in ns.
    case range(start: Timestamp, end: Timestamp, step: Int64)
    /// A log query over start <= time < end; the limit counts entries of all streams together.
    case log(start: Timestamp, end: Timestamp, direction: QueryDirection, limit: Int)
}

/// Which end of the time a log query's limit keeps, and the order of its entries.
public enum QueryDirection: String, CaseIterable, Sendable {
    case forward, backward
}

/// What a query may take.
public struct QueryLimits: Sendable {
    /// Series of one range aggregation, or result streams.
    public var series = 100_000
    /// `quantile_over_time` is exact for windows of so many samples of a series.
    public var quantileSamples = 1 << 20
    /// Samples that each `quantile_over_time` and `rate_counter` may keep.
    public var samples = 1 << 26
    /// Bytes that the panes of all series may take.
    public var memoryBytes = 1 << 30
    /// Steps of a range query, as in Loki.
    public static let maximumSteps: Int64 = 11_000

    public init() {}
}

/// The answer to a query, in canonical order: by labels, unless the query sorts.
public enum QueryResult: Sendable {
    case scalar(Double)
    case vector([QuerySample])
    case matrix([QuerySeries])
    case streams([QueryStream])
}

/// A series at the instant that was asked.
public struct QuerySample: Sendable {
    /// Sorted by name; a label with an empty value is not the same as none.
    public var labels: [Label]
    public var time: Timestamp
    public var value: Double

    public init(labels: [Label], time: Timestamp, value: Double) {
        self.labels = labels
        self.time = time
        self.value = value
    }
}

/// A series at several instants.
public struct QuerySeries: Sendable {
    public var labels: [Label]
    public var points: [(time: Timestamp, value: Double)]

    public init(labels: [Label], points: [(time: Timestamp, value: Double)]) {
        self.labels = labels
        self.points = points
    }
}

/// Entries with the same labels after the pipeline, in the query's direction.
public struct QueryStream: Sendable {
    public var labels: [Label]
    public var entries: [(time: Timestamp, line: [UInt8])]

    public init(labels: [Label], entries: [(time: Timestamp, line: [UInt8])]) {
        self.labels = labels
        self.entries = entries
    }
}

/// Why a query that is well formed has no answer over these entries, in Loki's words where Loki has some.
public struct QueryFailure: Error, Sendable {
    public var message: String

    public init(message: String) { self.message = message }
}
