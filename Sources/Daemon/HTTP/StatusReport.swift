import Records

/// All that the status page and `/status.json` tell, made once per request from the newest sample.
struct StatusReport: Sendable {
    /// A row with the last seconds of its rate.
    struct Row<Status: Sendable>: Sendable {
        var status: Status
        var rate: Double?
        var points: [Double]
    }

    struct SeriesRow: Sendable {
        var labels: LabelSet
        var value: SeriesValue
        /// Per second; nil for gauges and before there are two samples.
        var rate: Double?
        var points: [Double]
        /// Of the observations of about the last half minute.
        var median: Double?
        var percentile95: Double?
    }

    struct Family: Sendable {
        var name: String
        var help: String
        var kind: MetricKind
        /// Of all series of the family, shown or not.
        var seriesCount: Int
        var rate: Double?
        var points: [Double]
        /// The busiest series, the busiest first.
        var rows: [SeriesRow]
    }

    var at: Timestamp
    var version: String
    var started: Timestamp
    var readiness: Readiness
    var notices: [String]
    var hasReceiver: Bool
    var linesRead: Row<Double>
    var linesDelivered: Row<Double>
    var linesFailed: Row<Double>
    /// Cores' worth of CPU time spent, 1 for one core.
    var cpu: Row<Double>
    var bytesBehind: Int64
    var queueBytes: Int
    var residentBytes: Double?
    var seriesCount: Int
    var sources: [Row<SourceStatus>]
    var rules: [Row<RuleStatus>]
    var destinations: [Row<DestinationStatus>]
    var families: [Family]
    /// The newest lines that the embedded receiver got, the newest first.
    var lines: [DeliveredLine]

    static let lineLimit = 20

    init(view: ServiceView, contents: StatusHistory.Contents, now: Timestamp) {
        let sample =
            contents.sample
            ?? StatusSample(at: now, sources: [], rules: [], destinations: [], families: [], selfFamilies: [])
        func row<Status>(_ key: TrackKey, _ status: Status) -> Row<Status> {
            let track = contents.tracks[key]
            return Row(status: status, rate: track?.current, points: track?.values ?? [])
        }
        func total(_ total: TrackKey.Total) -> Row<Double> {
            row(.total(total), contents.tracks[.total(total)]?.last ?? 0)
        }
        at = sample.at
        version = view.version
        started = view.started
        readiness = view.readiness()
        notices = view.notices()
        hasReceiver = view.push != nil
        linesRead = total(.linesRead)
        linesDelivered = total(.linesDelivered)
        linesFailed = total(.linesFailed)
        cpu = total(.cpuSeconds)
        bytesBehind = sample.sources.reduce(0) { $0 &+ ($1.bytesBehind ?? 0) }
        queueBytes = sample.destinations.reduce(0) { $0 + $1.queueBytes }
        residentBytes = sample.selfNumber(.residentBytes)
        seriesCount = sample.families.reduce(0) { $0 + $1.series.count }
        sources = sample.sources.prefix(StatusHistory.rowLimit)
            .map { row(.source($0.source, place: $0.place), $0) }
        rules = sample.rules.prefix(StatusHistory.rowLimit)
            .map { row(.rule(group: $0.group, rule: $0.rule), $0) }
        destinations = sample.destinations.prefix(StatusHistory.rowLimit)
            .map { row(.destination($0.destination), $0) }
        families = Self.families(of: sample, contents)
        lines = Array(view.newestLines(Self.lineLimit).prefix(Self.lineLimit))
    }

    /// The families with at least one chosen series, in the order of their busiest one.
    private static func families(of sample: StatusSample, _ contents: StatusHistory.Contents) -> [Family] {
        var chosen: [String: [LabelSet]] = [:]
        var order: [String] = []
        for key in contents.chosen {
            if chosen[key.family] == nil { order.append(key.family) }
            chosen[key.family, default: []].append(key.labels)
        }
        let byName = Dictionary(sample.families.map { ($0.name, $0) }) { first, _ in first }
        return order.compactMap { name in
            guard let family = byName[name], let labelSets = chosen[name] else { return nil }
            let values = Dictionary(
                family.series.prefix(StatusHistory.seriesLimit).map { ($0.identity.labels, $0.value) }
            ) { first, _ in first }
            let total = contents.tracks[.family(name)]
            return Family(
                name: name, help: family.help, kind: family.kind, seriesCount: family.series.count,
                rate: total?.current, points: total?.values ?? [],
                rows: labelSets.compactMap { labels in
                    guard let value = values[labels] else { return nil }
                    return seriesRow(SeriesKey(family: name, labels: labels), family.kind, value, contents)
                })
        }
    }

    private static func seriesRow(
        _ key: SeriesKey, _ kind: MetricKind, _ value: SeriesValue, _ contents: StatusHistory.Contents
    ) -> SeriesRow {
        let track = contents.tracks[.series(key)]
        var row = SeriesRow(labels: key.labels, value: value, rate: nil, points: track?.values ?? [])
        switch kind {
        case .counter, .histogram: row.rate = track?.current
        case .gauge: break
        }
        if case .histogram(let histogram) = value, let recent = contents.quantiles[key] {
            row.median = recent.quantile(0.5, bounds: histogram.bounds)
            row.percentile95 = recent.quantile(0.95, bounds: histogram.bounds)
        }
        return row
    }
}
