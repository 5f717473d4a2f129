import LogQL

/// The instants of one query: what its windows are cut for, instead of the endless grid of a live rule.
public struct QuerySpan: Sendable, Hashable {
    /// The first instant, in ns since the epoch.
    public let start: Int64
    /// Nanoseconds between instants.
    public let step: Int64
    /// How many instants there are; one for an instant query.
    public let count: Int

    /// A query at one instant.
    public init(at instant: Int64) {
        self.init(start: instant, step: 1, count: 1)
    }

    /// A query at `start`, `start + step`, …; steps and counts below 1 are taken as 1, instants beyond the last time
    /// that can be told are left out.
    public init(start: Int64, step: Int64, count: Int) {
        self.start = start
        self.step = max(1, step)
        let most = (Int128(Int64.max) - Int128(start)) / Int128(self.step)
        self.count = Int(min(Int128(max(1, min(count, 1 << 40)) - 1), most)) + 1
    }

    /// The instant with this index, in ns since the epoch.
    public func instant(_ index: Int) -> Int64 {
        // The product alone may be too large where the sum is not.
        start &+ Int64(index) &* step
    }
}

/// How the windows of a range aggregation are cut into panes that successive windows share.
///
/// The window of the instant t is (t − offset − range, t − offset]: instants lie `step` apart, so do the windows' ends
/// and so do their beginnings, and the panes are what lies between these edges, two per step at most. A cell is the
/// time between two ends; where the range is no multiple of the step, a beginning splits each cell in two. Lower
/// bounds are exclusive and upper ones inclusive, to the nanosecond, for every time that there is.
///
/// A live rule's instants are the multiples of its interval, for ever: its panes are a ring. A query's instants are
/// known: it has exactly the panes of its windows, and what lies in no window is not looked at.
struct PaneLayout: Sendable, Equatable {
    /// What a pane keeps of its samples, besides their number.
    enum State: Sendable {
        case sum, mean, least, greatest, variance
        /// Value and time of the sample of the lowest or highest time.
        case first, last
        /// Every sample with its time.
        case counter
        /// Every value, or a sketch of them.
        case quantile

        /// Numbers per pane.
        var width: Int {
            switch self {
            case .sum, .mean, .least, .greatest, .counter, .quantile: 2
            case .variance, .first, .last: 3
            }
        }

        var keepsSamples: Bool { self == .counter || self == .quantile }
    }

    private enum Form {
        /// The range is shorter than the step: one pane for each window, and time between them that counts nowhere.
        case apart
        /// The range is a multiple of the step: one pane for each cell.
        case whole
        /// Two panes for each cell; in a query whose range is longer than its span, what all windows share is one.
        case split
    }

    /// Nanoseconds between instants.
    let step: Int64
    /// The end of the window of the instant with index 0.
    private let end: Int64
    private let origin: Int64
    /// The range in whole steps, and where in a cell the beginning of a window lies; `step` where it is the cell's own.
    private let wholeSteps: Int64
    private let split: Int64
    /// How many instants there are; nil for a live rule.
    private let instants: Int64?
    private let form: Form
    /// Panes that are held.
    let held: Int
    let state: State
    /// `quantile_over_time` is exact for windows of so many samples of a series.
    let exactSamples: Int

    /// The largest `held` that is accepted for a live rule.
    static let limit = 4_096

    /// The layout of a live rule: instants are the multiples of the interval since the epoch. What is held is the
    /// window, the offset, what arrives before the next evaluation, and its delay.
    init(
        range: Int64, interval: Int64, offset: Int64, delay: Int64, state: State, exactSamples: Int = .max
    ) {
        step = max(1, interval)
        origin = 0
        end = -max(-Int64.max, offset)
        wholeSteps = range / step
        let rest = range % step
        split = step - rest
        form = range < step ? .apart : rest == 0 ? .whole : .split
        instants = nil
        self.state = state
        self.exactSamples = exactSamples
        let ahead = saturating(saturating(max(0, offset), max(0, delay)), step - 1) / step + 2
        let cells = saturating(wholeSteps, ahead)
        held = Int(min(cells, 1 << 40)) * (form == .split ? 2 : 1) + (rest == 0 ? 0 : 1)
    }

    /// The layout of a query: its instants are known, and it has the panes of their windows only.
    init(range: Int64, span: QuerySpan, offset: Int64, state: State, exactSamples: Int = .max) {
        let single = span.count == 1
        step = single ? max(1, range) : span.step
        origin = span.start
        end = saturating(span.start, -max(-Int64.max, offset))
        wholeSteps = range / step
        let rest = range % step
        split = step - rest
        let count = Int64(span.count)
        instants = count
        self.state = state
        self.exactSamples = exactSamples
        if range < step {
            form = .apart
            held = range > 0 ? span.count : 1
        } else if rest == 0, wholeSteps < count {
            form = .whole
            held = Int(count - 1 + wholeSteps)
        } else {
            form = .split
            held = 2 * span.count - 1
        }
    }

    /// True for the layout of a query.
    var isOfQuery: Bool { instants != nil }

    /// Numbers per series: the newest pane's index, then the numbers of each pane.
    var stride: Int { 1 + state.width * held }

    /// What a series takes, without its labels and without what `counter` and `quantile` keep aside.
    var bytesPerSeries: Int { stride * 8 }

    /// A series without samples.
    var template: [Double] {
        // A query's panes are all there from the start, so the last of them is the newest.
        let newest = isOfQuery ? Int64(held) - 1 : Int64.min
        return [Double(bitPattern: UInt64(bitPattern: newest))]
            + [Double](repeating: 0, count: state.width * held)
    }

    // MARK: From a time to its pane

    /// Whether some window holds this time.
    func isInAWindow(_ time: Int64) -> Bool { place(of: time).pane != nil }

    /// The pane of a time and the place of its numbers, good for all times between the same edges.
    func cursor(at time: Int64) -> PaneCursor {
        let place = place(of: time)
        guard let pane = place.pane else {
            return PaneCursor(after: place.after, through: place.through, pane: 0, position: -1)
        }
        return PaneCursor(
            after: place.after, through: place.through, pane: pane, position: position(of: pane))
    }

    /// Where in the numbers of a series a pane stands, in panes.
    func position(of pane: Int64) -> Int {
        let remainder = pane % Int64(held)
        return Int(remainder < 0 ? remainder + Int64(held) : remainder)
    }

    /// The pane of a time, nil in no window, and the times between which that holds: after, and up to and including.
    private func place(of time: Int64) -> (pane: Int64?, after: Int64, through: Int64) {
        // The cell k is (end + k·step, end + (k+1)·step]; the rest counts from 0 at its first nanosecond.
        let (cell, rest) = cell(of: time)
        let isSecond = rest >= split
        let after = saturating(time, -1 - (isSecond ? rest - split : rest))
        let through = saturating(time, isSecond ? step - 1 - rest : min(split, step) - 1 - rest)
        guard let instants else {
            let pane = Int64(min(max(cell, Int128(-Self.farthest)), Int128(Self.farthest)))
            switch form {
            case .apart: return (isSecond ? pane : nil, after, through)
            case .whole: return (pane, after, through)
            case .split: return (2 * pane + (isSecond ? 1 : 0), after, through)
            }
        }
        // How many windows have begun before this time, and how many have ended.
        let begunCells = cell + Int128(wholeSteps) + (isSecond ? 2 : 1)
        let begun = Int64(min(max(begunCells, 0), Int128(instants)))
        let ended = Int64(min(max(cell + 1, 0), Int128(instants)))
        guard begun > ended else { return (nil, after, through) }
        switch form {
        case .apart: return (ended, after, through)
        case .whole: return (Int64(begunCells - 1), after, through)
        case .split: return (begun + ended - 1, after, through)
        }
    }

    /// Which cell a time is in, and where in it.
    private func cell(of time: Int64) -> (cell: Int128, rest: Int64) {
        let (sum, overflows) = time.subtractingReportingOverflow(end)
        let (distance, underflows) = sum.subtractingReportingOverflow(1)
        if overflows || underflows {
            let (quotient, remainder) = (Int128(time) - Int128(end) - 1).quotientAndRemainder(
                dividingBy: Int128(step))
            return remainder < 0
                ? (quotient - 1, Int64(remainder + Int128(step))) : (quotient, Int64(remainder))
        }
        let (quotient, remainder) = distance.quotientAndRemainder(dividingBy: step)
        return remainder < 0 ? (Int128(quotient) - 1, remainder + step) : (Int128(quotient), remainder)
    }

    /// Live cells further away than this are all one: only steps of a few nanoseconds get there.
    private static let farthest: Int64 = 1 << 60

    private func clamp(_ value: Int64, _ most: Int64) -> Int64 { min(max(value, 0), most) }

    // MARK: From an instant to its window

    /// The panes of the window of an instant; nil when it is none of a query's instants.
    func window(at instant: Int64) -> Range<Int64>? {
        guard let instants else {
            let cells = instant / step - (instant % step < 0 ? 1 : 0)
            let index = min(max(cells, -Self.farthest), Self.farthest)
            switch form {
            case .apart: return index - 1..<index
            case .whole: return index - min(wholeSteps, Self.farthest)..<index
            case .split: return 2 * (index - min(wholeSteps, Self.farthest)) - 1..<2 * index
            }
        }
        let index: Int64
        if instants == 1 {
            guard instant == origin else { return nil }
            index = 0
        } else {
            let (distance, overflows) = instant.subtractingReportingOverflow(origin)
            guard !overflows, distance >= 0, distance % step == 0, distance / step < instants else { return nil }
            index = distance / step
        }
        switch form {
        case .apart: return index..<index + 1
        case .whole: return index..<index + wholeSteps
        case .split:
            let isSplit: Int64 = split < step ? 1 : 0
            let endedBefore = clamp(index - wholeSteps - isSplit + 1, instants)
            let begunBefore = clamp(saturating(saturating(index, wholeSteps), isSplit), instants)
            return index + endedBefore..<begunBefore + index
        }
    }

    /// The last nanosecond of a live rule's pane.
    func lastTime(of pane: Int64) -> Int64 {
        let (cell, isSecond) =
            switch form {
            case .apart, .whole: (pane, true)
            case .split: (pane >> 1, pane & 1 == 1)
            }
        let (start, overflows) = cell.multipliedReportingOverflow(by: step)
        if overflows { return cell < 0 ? .min : .max }
        return saturating(saturating(end, start), isSecond ? step : split)
    }
}

/// The pane that was looked up last: lines come roughly in the order of their times, so it is mostly the next one's.
struct PaneCursor: BitwiseCopyable {
    // At first no time lies between them.
    var after = Int64.max
    var through = Int64.min
    var pane: Int64 = 0
    /// Where the pane's numbers stand in a series, in panes; -1 for times in no window.
    var position = -1

    @inline(__always)
    func holds(_ time: Int64) -> Bool { time > after && time <= through }
}

/// The sum, or the extreme where there is none.
func saturating(_ a: Int64, _ b: Int64) -> Int64 {
    let (sum, overflows) = a.addingReportingOverflow(b)
    return overflows ? (b < 0 ? .min : .max) : sum
}
