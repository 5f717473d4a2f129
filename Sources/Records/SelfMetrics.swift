import Synchronization

/// One number that Millrace says about itself: the declaration, of which `Catalogue.swift` has all.
public struct SelfMetric: Hashable, Sendable {
    public let name: String
    public let help: String
    public let kind: MetricKind
    public let labelNames: [String]

    init(_ kind: MetricKind, _ name: String, _ help: String, _ labelNames: String...) {
        self.kind = kind
        self.name = name
        self.help = help
        self.labelNames = labelNames
    }
}

/// A counter of ours. Add once per batch, never per line.
public final class SelfCounter: Sendable {
    private let value = Atomic<UInt64>(0)

    init() {}

    public func add(_ amount: Int = 1) {
        value.add(UInt64(amount), ordering: .relaxed)
    }

    public var current: UInt64 { value.load(ordering: .relaxed) }
}

/// A gauge of ours.
public final class SelfGauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    init() {}

    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    public var current: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// Every number Millrace says about itself, with its current values.
///
/// Handles are made at wiring time and kept; a metric holds at most `seriesLimit` label combinations, and those
/// beyond share one whose label values are `__overflow__`, so that our own metrics cannot grow with the input.
public final class SelfMetrics: Sendable {
    private enum Handle {
        case counter(SelfCounter)
        case gauge(SelfGauge)
    }
    private struct Entry {
        let identity: SeriesIdentity
        let handle: Handle
    }
    private let entries = Mutex<[SelfMetric: [[String]: Entry]]>([:])
    private let seriesLimit: Int

    public init(seriesLimit: Int = 1_000) {
        self.seriesLimit = seriesLimit
    }

    /// The counter of these label values, one for each of the metric's label names; the same object every time.
    public func counter(_ metric: SelfMetric, _ values: String...) -> SelfCounter {
        guard case .counter(let counter) = handle(metric, values, { .counter(SelfCounter()) }) else {
            preconditionFailure("'\(metric.name)' is declared as a \(metric.kind.rawValue), not a counter")
        }
        return counter
    }

    /// The gauge of these label values, one for each of the metric's label names; the same object every time.
    public func gauge(_ metric: SelfMetric, _ values: String...) -> SelfGauge {
        guard case .gauge(let gauge) = handle(metric, values, { .gauge(SelfGauge()) }) else {
            preconditionFailure("'\(metric.name)' is declared as a \(metric.kind.rawValue), not a gauge")
        }
        return gauge
    }

    /// Takes a label combination away, for example of a file that is gone.
    public func remove(_ metric: SelfMetric, _ values: String...) {
        entries.withLock { _ = $0[metric]?.removeValue(forKey: values) }
    }

    /// All of it as metric families, sorted by name.
    public func families() -> [MetricFamily] {
        let all = entries.withLock { $0 }
        return all.sorted { $0.key.name < $1.key.name }.map { metric, series in
            MetricFamily(
                name: metric.name, help: metric.help, kind: metric.kind,
                series: series.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { _, entry in
                    switch entry.handle {
                    case .counter(let counter):
                        SeriesSnapshot(identity: entry.identity, value: .number(Double(counter.current)))
                    case .gauge(let gauge): SeriesSnapshot(identity: entry.identity, value: .number(gauge.current))
                    }
                })
        }
    }

    private func handle(_ metric: SelfMetric, _ values: [String], _ make: () -> Handle) -> Handle {
        precondition(values.count == metric.labelNames.count, "'\(metric.name)' wants \(metric.labelNames) as labels")
        return entries.withLock { table in
            var key = values
            if table[metric]?[key] == nil, table[metric, default: [:]].count >= seriesLimit {
                key = values.map { _ in "__overflow__" }
            }
            if let known = table[metric]?[key] { return known.handle }
            let labels = LabelSet(zip(metric.labelNames, key).map { Label($0, $1) })
            let entry = Entry(identity: SeriesIdentity(labels: labels), handle: make())
            table[metric, default: [:]][key] = entry
            return entry.handle
        }
    }
}
