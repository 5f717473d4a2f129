/// What a metric family is, in the words of the exposition formats.
public enum MetricKind: String, Hashable, Sendable {
    case counter, gauge, histogram
}

/// The labels of one series, made once when the series appears and shared by every snapshot after.
public final class SeriesIdentity: Sendable {
    public let labels: LabelSet

    public init(labels: LabelSet) {
        self.labels = labels
    }
}

/// An example of what was counted: the labels (usually a trace id), the value and the time of one entry.
public struct Exemplar: Hashable, Sendable {
    public var labels: LabelSet
    public var value: Double
    public var time: Timestamp

    public init(labels: LabelSet, value: Double, time: Timestamp) {
        self.labels = labels
        self.value = value
        self.time = time
    }
}

/// The state of one classic histogram.
public struct HistogramValue: Sendable {
    /// Upper bounds, inclusive, ascending, without +Inf.
    public var bounds: [Double]
    /// Observations per bucket, not cumulative; one more than `bounds`, the last for +Inf.
    public var counts: [UInt64]
    public var sum: Double
    /// The newest exemplar of each bucket; empty where the rule has none.
    public var exemplars: [Exemplar?]

    public init(bounds: [Double], counts: [UInt64], sum: Double, exemplars: [Exemplar?] = []) {
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
        self.exemplars = exemplars
    }

    public var count: UInt64 { counts.reduce(0, &+) }
}

public enum SeriesValue: Sendable {
    case number(Double)
    case histogram(HistogramValue)
}

/// One series at one instant.
public struct SeriesSnapshot: Sendable {
    public var identity: SeriesIdentity
    public var value: SeriesValue
    /// When a counter or histogram series began to count; nil for gauges.
    public var created: Timestamp?

    public init(identity: SeriesIdentity, value: SeriesValue, created: Timestamp? = nil) {
        self.identity = identity
        self.value = value
        self.created = created
    }
}

/// All series of one name. A counter's name ends in `_total`.
public struct MetricFamily: Sendable {
    public var name: String
    public var help: String
    public var kind: MetricKind
    public var series: [SeriesSnapshot]

    public init(name: String, help: String, kind: MetricKind, series: [SeriesSnapshot]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.series = series
    }
}

/// What was collected at one instant; immutable, shared by everything that shows or sends it.
public struct Snapshot: Sendable {
    public var at: Timestamp
    public var families: [MetricFamily]

    public init(at: Timestamp, families: [MetricFamily]) {
        self.at = at
        self.families = families
    }
}
