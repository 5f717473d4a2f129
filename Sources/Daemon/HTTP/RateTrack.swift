import Records

/// The last values of one number, a point per second: the rate of something that counts up, or a gauge's value.
struct RateTrack: Sendable {
    /// What `add` is given.
    enum Kind: Sendable {
        /// A total; the points are its increase per second.
        case total
        /// A value; the points are the values themselves.
        case value
    }

    /// Points kept; at a point per second also the seconds a plot shows.
    static let points = 90

    let kind: Kind
    private(set) var last: Double
    private var at: Timestamp
    private var ring: [Double] = []
    /// Where the next point goes once the ring is full.
    private var next = 0
    private var changes = 0

    init(_ kind: Kind, first value: Double, at time: Timestamp) {
        self.kind = kind
        last = value
        at = time
        if case .value = kind { push(value) }
    }

    /// Takes the value at a later time; ignored when no time has passed. A total that fell began anew: a gap.
    mutating func add(_ value: Double, at time: Timestamp) {
        let seconds = time.seconds - at.seconds
        guard seconds > 0 else { return }
        switch kind {
        case .total: push(value >= last ? (value - last) / seconds : .nan)
        case .value:
            push(value)
            if value != last { changes += 1 }
        }
        last = value
        at = time
    }

    /// The points from the oldest to the newest; NaN where a total began anew.
    var values: [Double] { Array(ring[next...] + ring[..<next]) }

    /// The newest point; nil before there are two values of a total.
    var current: Double? {
        guard !ring.isEmpty else { return nil }
        let newest = ring[(next + ring.count - 1) % ring.count]
        return newest.isNaN ? nil : newest
    }

    /// How much happens: the mean rate of a total, the changes per point of a value.
    var activity: Double {
        switch kind {
        case .total:
            let known = ring.filter(\.isFinite)
            return known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
        case .value: return Double(changes) / Double(max(1, ring.count))
        }
    }

    private mutating func push(_ point: Double) {
        if ring.count < Self.points {
            ring.append(point)
        } else {
            ring[next] = point
            next = (next + 1) % Self.points
        }
    }
}

/// Quantiles of a histogram over about the last half minute: old observations fade by a factor per sample.
struct RecentQuantiles: Sendable {
    private static let fading = 0.96
    private var previous: [UInt64]
    private var recent: [Double]

    init(_ histogram: HistogramValue) {
        previous = histogram.counts
        recent = histogram.counts.map { _ in 0 }
    }

    mutating func add(_ histogram: HistogramValue) {
        guard histogram.counts.count == previous.count,
            zip(histogram.counts, previous).allSatisfy({ $0 >= $1 })
        else {
            self = RecentQuantiles(histogram)
            return
        }
        for index in recent.indices {
            recent[index] = recent[index] * Self.fading + Double(histogram.counts[index] - previous[index])
        }
        previous = histogram.counts
    }

    /// The value below which a share of the recent observations lies, linear within its bucket; nil without any.
    /// What lies beyond the last bound is told as that bound.
    func quantile(_ share: Double, bounds: [Double]) -> Double? {
        let total = recent.reduce(0, +)
        guard total > 0.5, bounds.count + 1 == recent.count else { return nil }
        let rank = share * total
        var below = 0.0
        for (index, count) in recent.enumerated() where count > 0 {
            if below + count >= rank {
                guard index < bounds.count else { return bounds.last }
                let lower = index > 0 ? bounds[index - 1] : min(0, bounds[index])
                return lower + (bounds[index] - lower) * max(0, rank - below) / count
            }
            below += count
        }
        return bounds.last
    }
}
