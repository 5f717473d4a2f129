import Records
import Synchronization

/// What the service said about itself at one instant.
struct StatusSample: Sendable {
    var at: Timestamp
    var sources: [SourceStatus]
    var rules: [RuleStatus]
    var destinations: [DestinationStatus]
    /// The rules' series.
    var families: [MetricFamily]
    var selfFamilies: [MetricFamily]
}

/// What a plot of the status page is about.
enum TrackKey: Hashable, Sendable {
    /// A number of the whole service.
    enum Total: Hashable, Sendable {
        case linesRead, linesDelivered, linesFailed, cpuSeconds
    }
    case total(Total)
    case source(String, place: String)
    case rule(group: String, rule: String)
    case destination(String)
    case family(String)
    case series(SeriesKey)
}

struct SeriesKey: Hashable, Sendable {
    var family: String
    var labels: LabelSet
}

/// The last 90 seconds of what the status page plots, kept only while somebody looks at it.
///
/// Bounded: at most `seriesLimit` series have a track, shared fairly among the families; the other rows are as many
/// as the page shows. Who looks is known from requests; a minute after the last one everything is dropped.
final class StatusHistory: Sendable {
    static let seriesLimit = 2_000
    static let rowLimit = 200
    /// How many series the page shows, and how many of them one family at most.
    static let shownSeries = 50
    static let shownSeriesOfFamily = 12
    private static let attention = 60.0
    private static let choiceHolds = 15.0

    struct Contents: Sendable {
        var sample: StatusSample?
        var tracks: [TrackKey: RateTrack] = [:]
        var quantiles: [SeriesKey: RecentQuantiles] = [:]
        /// The series that the page shows, the busiest first.
        var chosen: [SeriesKey] = []
        fileprivate var chosenAt = Timestamp.distantPast
        fileprivate var lookedAt = Timestamp.distantPast
    }
    private let contents = Mutex(Contents())

    /// Somebody looks now.
    func look(at now: Timestamp) {
        contents.withLock { $0.lookedAt = now }
    }

    /// Whether somebody looked in the last minute; if not, the history is dropped.
    func isWatched(at now: Timestamp) -> Bool {
        contents.withLock { contents in
            // Not `now - lookedAt`: in nanoseconds the difference to the distant past overflows.
            if contents.lookedAt.seconds > now.seconds - Self.attention { return true }
            contents = Contents()
            return false
        }
    }

    /// Whether the newest sample is too old to be shown.
    func isStale(at now: Timestamp) -> Bool {
        contents.withLock { ($0.sample?.at.seconds ?? -.infinity) < now.seconds - 1.5 }
    }

    var current: Contents { contents.withLock { $0 } }

    /// Takes the next sample. One within half a second of the last is ignored: rates over so short a time only jump.
    /// After the system's clock was set back everything begins anew.
    func add(_ sample: StatusSample) {
        contents.withLock { contents in
            if let last = contents.sample {
                let seconds = sample.at.seconds - last.at.seconds
                if seconds >= 0, seconds < 0.5 { return }
                if seconds < 0 {
                    contents.tracks = [:]
                    contents.chosenAt = .distantPast
                }
            }
            contents.add(sample)
            let known = contents.chosen.allSatisfy { contents.tracks[.series($0)] != nil }
            let full = contents.chosen.count >= Self.shownSeries
            let age = sample.at.seconds - contents.chosenAt.seconds
            if !known || age >= (full ? Self.choiceHolds : 3) {
                contents.choose()
                contents.chosenAt = sample.at
            }
        }
    }
}

extension StatusHistory.Contents {
    /// Moves every track one sample on; those whose row is gone are not carried over.
    fileprivate mutating func add(_ new: StatusSample) {
        let old = tracks
        let oldQuantiles = quantiles
        tracks = [:]
        quantiles = [:]
        func step(_ key: TrackKey, _ kind: RateTrack.Kind, _ value: Double) {
            if var track = old[key] {
                track.add(value, at: new.at)
                tracks[key] = track
            } else {
                tracks[key] = RateTrack(kind, first: value, at: new.at)
            }
        }
        for source in new.sources.prefix(StatusHistory.rowLimit) {
            step(.source(source.source, place: source.place), .total, Double(source.lines))
        }
        for rule in new.rules.prefix(StatusHistory.rowLimit) {
            step(.rule(group: rule.group, rule: rule.rule), .total, Double(rule.linesMatched))
        }
        for destination in new.destinations.prefix(StatusHistory.rowLimit) {
            step(.destination(destination.destination), .total, Double(destination.lines))
        }
        // Not the sum of the rows alone: a file that is gone takes its row with it.
        let linesRead = new.selfNumber(.linesRead) ?? new.sources.reduce(0) { $0 + Double($1.lines) }
        step(.total(.linesRead), .total, linesRead)
        step(.total(.linesDelivered), .total, new.destinations.reduce(0) { $0 + Double($1.lines) })
        step(.total(.linesFailed), .total, new.rules.reduce(0) { $0 + Double($1.linesFailed) })
        if let cpu = new.selfNumber(.cpuSeconds) { step(.total(.cpuSeconds), .total, cpu) }

        let quota = max(
            StatusHistory.shownSeries, StatusHistory.seriesLimit / max(1, new.families.count))
        var room = StatusHistory.seriesLimit
        for family in new.families {
            let kind: RateTrack.Kind =
                switch family.kind {
                case .counter, .histogram: .total
                case .gauge: .value
                }
            for series in family.series.prefix(min(quota, room)) {
                let key = SeriesKey(family: family.name, labels: series.identity.labels)
                step(.series(key), kind, series.value.number)
                if case .histogram(let histogram) = series.value {
                    var recent = oldQuantiles[key] ?? RecentQuantiles(histogram)
                    recent.add(histogram)
                    quantiles[key] = recent
                }
            }
            room = max(0, room - min(quota, family.series.count))
            if case .total = kind, room > 0 {
                step(.family(family.name), .total, family.series.reduce(0) { $0 + $1.value.number })
            }
        }
        sample = new
    }

    /// Chooses the busiest series to show. Seldom, so that rows do not jump about under the reader's eyes.
    fileprivate mutating func choose() {
        var candidates: [(key: SeriesKey, activity: Double, order: Int)] = []
        for family in sample?.families ?? [] {
            for series in family.series.prefix(StatusHistory.seriesLimit) {
                let key = SeriesKey(family: family.name, labels: series.identity.labels)
                guard let track = tracks[.series(key)] else { break }
                candidates.append((key, track.activity, candidates.count))
            }
        }
        candidates.sort { ($1.activity, $0.order) < ($0.activity, $1.order) }
        var ofFamily: [String: Int] = [:]
        chosen = []
        for candidate in candidates where chosen.count < StatusHistory.shownSeries {
            let count = ofFamily[candidate.key.family, default: 0]
            guard count < StatusHistory.shownSeriesOfFamily else { continue }
            ofFamily[candidate.key.family] = count + 1
            chosen.append(candidate.key)
        }
    }
}

extension StatusSample {
    /// The sum of a self-metric over its label values; nil where it was never set.
    func selfNumber(_ metric: SelfMetric) -> Double? {
        guard let family = selfFamilies.first(where: { $0.name == metric.name }), !family.series.isEmpty else {
            return nil
        }
        return family.series.reduce(0) { $0 + $1.value.number }
    }
}

extension SeriesValue {
    /// The number, or how many observations a histogram has.
    var number: Double {
        switch self {
        case .number(let number): number
        case .histogram(let histogram): Double(histogram.count)
        }
    }
}
