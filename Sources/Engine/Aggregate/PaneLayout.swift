import LogQL

/// How the windows of a range aggregation are cut into panes that are shared by successive windows.
///
/// The pane width is the greatest common divisor of range, interval and offset, on the evaluation grid (multiples
/// of the interval since the epoch). Pane p holds the entries of (p·width, (p+1)·width]: the lower bound is
/// exclusive, as in Loki. Each pane keeps two numbers: how many samples, and their sum, mean, least or greatest.
struct PaneLayout: Sendable, Equatable {
    enum State: Sendable {
        case sum, mean, least, greatest
    }

    /// Nanoseconds.
    let width: Int64
    /// Panes in a window.
    let windowPanes: Int
    /// Panes by which the window lies back from the instant (negative: ahead).
    let offsetPanes: Int
    /// Panes that are held: the window, the offset, what arrives before the next evaluation, and its delay.
    let held: Int
    let state: State

    /// The largest `held` that is accepted.
    static let limit = 4_096

    init(window: Int64, interval: Int64, offset: Int64, delay: Int64, state: State) {
        var divisor = Self.divisor(Self.divisor(window, interval), offset.magnitude == 0 ? 0 : abs(offset))
        if divisor == 0 { divisor = interval }
        width = divisor
        windowPanes = Int(window / divisor)
        offsetPanes = Int(offset / divisor)
        let ahead = (interval + delay + divisor - 1) / divisor + 1
        held = windowPanes + max(0, offsetPanes) + Int(ahead)
        self.state = state
    }

    func isInAWindow(_ time: Int64) -> Bool { true }

    /// Numbers per series: the newest pane's index, then count and value of each pane.
    var stride: Int { 1 + 2 * held }

    /// A series without samples.
    var template: [Double] {
        [Double(bitPattern: UInt64(bitPattern: Int64.min))] + [Double](repeating: 0, count: 2 * held)
    }

    func pane(of time: Int64) -> Int64 {
        let (quotient, remainder) = (time &- 1).quotientAndRemainder(dividingBy: width)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The panes of the window that is evaluated at an instant of the grid.
    func window(at instant: Int64) -> Range<Int64> {
        let end = pane(of: instant) + 1 - Int64(offsetPanes)
        return end - Int64(windowPanes)..<end
    }

    private static func divisor(_ a: Int64, _ b: Int64) -> Int64 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}

extension SeriesTable {
    /// Adds a sample to the pane of its time; false when that pane is no longer held.
    mutating func addSample(_ value: Double, at time: Int64, to entry: Int, _ layout: borrowing PaneLayout) -> Bool {
        let base = entry * stride
        let pane = layout.pane(of: time)
        let held = Int64(layout.held)
        let newest = Int64(bitPattern: values[base].bitPattern)
        if newest == .min || pane > newest {
            let first = newest == .min || pane - newest >= held ? pane - held + 1 : newest + 1
            var empty = first
            while empty <= pane {
                let at = base + 1 + 2 * Self.position(empty, held)
                values[at] = 0
                values[at + 1] = 0
                empty += 1
            }
            values[base] = Double(bitPattern: UInt64(bitPattern: pane))
        } else if pane <= newest - held {
            return false
        }
        let at = base + 1 + 2 * Self.position(pane, held)
        let count = values[at] + 1
        values[at] = count
        values[at + 1] = Self.merge(layout.state, values[at + 1], count - 1, value, 1)
        return true
    }

    /// Count and state of a series over some panes; nil when there is no sample in them.
    func window(_ panes: Range<Int64>, of entry: Int, _ layout: borrowing PaneLayout) -> (Double, Double)? {
        let base = entry * stride
        let held = Int64(layout.held)
        let newest = Int64(bitPattern: values[base].bitPattern)
        guard newest != .min else { return nil }
        var count = 0.0
        var state = 0.0
        var pane = max(panes.lowerBound, newest - held + 1)
        while pane < min(panes.upperBound, newest + 1) {
            let at = base + 1 + 2 * Self.position(pane, held)
            if values[at] > 0 {
                state = Self.merge(layout.state, state, count, values[at + 1], values[at])
                count += values[at]
            }
            pane += 1
        }
        return count > 0 ? (count, state) : nil
    }

    /// True when no pane at or after `first` can hold a sample.
    func isEmpty(_ entry: Int, from first: Int64) -> Bool {
        let newest = Int64(bitPattern: values[entry * stride].bitPattern)
        return newest == .min || newest < first
    }

    private static func position(_ pane: Int64, _ held: Int64) -> Int {
        let remainder = pane % held
        return Int(remainder < 0 ? remainder + held : remainder)
    }

    /// Two states with their counts as one. Means are weighted so that sums of large numbers do not overflow; NaN is
    /// the least and the greatest only among NaNs.
    static func merge(
        _ state: PaneLayout.State, _ a: Double, _ aCount: Double, _ b: Double, _ bCount: Double
    ) -> Double {
        if aCount == 0 { return b }
        switch state {
        case .sum: return a + b
        case .mean:
            if a.isInfinite || b.isInfinite { return a == b ? a : a + b }
            return a + (b / (aCount + bCount) - a / (aCount + bCount)) * bCount
        case .least: return a.isNaN ? b : b < a ? b : a
        case .greatest: return a.isNaN ? b : b > a ? b : a
        }
    }
}
