/// What some panes of a series come to: their number of samples, and what the state keeps of them.
struct PaneValue: BitwiseCopyable, Sendable {
    var count = 0.0
    /// The sum, the mean, the least or greatest, or the value of the first or last sample.
    var number = 0.0
    /// The sum of the squared distances from the mean, or the time of the first or last sample, as the bits of an Int64.
    var extra = 0.0

    var time: Int64 { Int64(bitPattern: extra.bitPattern) }

    /// Adds what other panes, or those of another worker, come to.
    mutating func merge(_ other: PaneValue, _ state: PaneLayout.State) {
        guard other.count > 0 else { return }
        guard count > 0 else {
            self = other
            return
        }
        let total = count + other.count
        switch state {
        case .sum: number += other.number
        case .mean: number = Self.mean(number, count / total, other.number, other.count / total)
        case .least: if number.isNaN || other.number < number { number = other.number }
        case .greatest: if number.isNaN || other.number > number { number = other.number }
        case .variance:
            let distance = other.number - number
            extra += other.extra + distance * distance * (count * (other.count / total))
            number = Self.mean(number, count / total, other.number, other.count / total)
        case .first: if other.time < time { (number, extra) = (other.number, other.extra) }
        case .last: if other.time >= time { (number, extra) = (other.number, other.extra) }
        case .counter, .quantile: break
        }
        count = total
    }

    /// The mean of two means with their weights, which together are 1: no sum of large numbers overflows.
    private static func mean(_ a: Double, _ aWeight: Double, _ b: Double, _ bWeight: Double) -> Double {
        if a.isInfinite || b.isInfinite { return a == b ? a : a + b }
        return a * aWeight + b * bWeight
    }

    /// The mean of `count` values whose last is `value`, out of the mean of those before: as Loki computes it.
    @inline(__always)
    static func runningMean(_ mean: Double, _ value: Double, _ count: Double) -> Double {
        if mean.isInfinite, mean == value || value.isFinite { return mean }
        return mean + (value / count - mean / count)
    }
}
