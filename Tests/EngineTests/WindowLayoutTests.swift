import Records
import Testing

@testable import Engine

@Suite struct WindowLayoutTests {
    /// Whether a window holds a time, in numbers that cannot overflow.
    private static func holds(_ time: Int64, instant: Int128, range: Int64, offset: Int64) -> Bool {
        let end = instant - Int128(offset)
        return Int128(time) > end - Int128(range) && Int128(time) <= end
    }

    @Test("each pane of a query lies in a window or outside it as a whole, for every small layout", arguments: 1...7)
    func query(step: Int64) {
        for range in [0, 1, 2, 3, 5, 7, 11, 12, 22] as [Int64] {
            for offset in [-9, -1, 0, 5] as [Int64] {
                for count in [1, 2, 3, 6] {
                    let span = QuerySpan(start: 3, step: step, count: count)
                    check(PaneLayout(range: range, span: span, offset: offset, state: .sum), span, range, offset)
                }
            }
        }
    }

    private func check(_ layout: PaneLayout, _ span: QuerySpan, _ range: Int64, _ offset: Int64) {
        #expect(layout.held <= 2 * span.count + 1)
        // Times with the instant, or the other time, where something is wrong.
        var wrong: [(Int64, Int64)] = []
        for time in Int64(-40)...60 {
            let cursor = layout.cursor(at: time)
            var isAnywhere = false
            for index in 0..<span.count {
                let instant = span.instant(index)
                let isInside = Self.holds(time, instant: Int128(instant), range: range, offset: offset)
                isAnywhere = isAnywhere || isInside
                let panes = layout.window(at: instant)
                let says = cursor.position >= 0 && panes?.contains(cursor.pane) == true
                if says != isInside { wrong.append((time, instant)) }
            }
            if layout.isInAWindow(time) != isAnywhere || cursor.position >= layout.held { wrong.append((time, -1)) }
            // A stretch ends at an edge at the latest, so it is never longer than a step.
            for other in max(time - 8, cursor.after + 1)...min(time + 8, cursor.through) {
                let same = layout.cursor(at: other)
                let isSame = same.position == cursor.position && (cursor.position < 0 || same.pane == cursor.pane)
                if !isSame { wrong.append((time, other)) }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(3)) of \(span), [\(range)] offset \(offset)")
        #expect(layout.window(at: 2) == nil, "an instant before the span has no window")
    }

    @Test("each pane of a live rule lies in a window or outside it as a whole", arguments: 1...7)
    func live(step: Int64) {
        for range in [1, 2, 3, 5, 7, 11, 12, 22] as [Int64] {
            for offset in [-9, -1, 0, 5] as [Int64] {
                let layout = PaneLayout(range: range, interval: step, offset: offset, delay: 3, state: .sum)
                var wrong: [(Int64, Int64)] = []
                for time in Int64(-20)...20 {
                    let cursor = layout.cursor(at: time)
                    var isAnywhere = false
                    for index in -50 / step - 1...50 / step + 1 {
                        let isInside = Self.holds(
                            time, instant: Int128(index * step), range: range, offset: offset)
                        isAnywhere = isAnywhere || isInside
                        let says =
                            cursor.position >= 0 && layout.window(at: index * step)!.contains(cursor.pane)
                        if says != isInside { wrong.append((time, index * step)) }
                    }
                    if layout.isInAWindow(time) != isAnywhere { wrong.append((time, -1)) }
                    if cursor.position >= 0, layout.lastTime(of: cursor.pane) != cursor.through {
                        wrong.append((time, cursor.through))
                    }
                }
                #expect(wrong.isEmpty, "\(wrong.prefix(3)), step \(step), [\(range)] offset \(offset)")
            }
        }
    }

    @Test("times, offsets and ranges at the ends of what there is neither overflow nor lie in wrong windows")
    func extremes() {
        let ends: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
        for start in ends {
            for step in [1, 15_000_000_000, .max] as [Int64] {
                for range in [0, 1, 60_000_000_000, .max] as [Int64] {
                    for offset in [0, 1, -1, .max / 4] as [Int64] {
                        let span = QuerySpan(start: start, step: step, count: 3)
                        let layout = PaneLayout(range: range, span: span, offset: offset, state: .sum)
                        let live = PaneLayout(range: range, interval: step, offset: offset, delay: 0, state: .sum)
                        let end = Int128(start) - Int128(offset)
                        for time in ends {
                            _ = live.cursor(at: time)
                            _ = live.window(at: time)
                            // Windows that end before there is time are no windows.
                            guard end >= Int128(Int64.min), end <= Int128(Int64.max) else { continue }
                            let isInside = (0..<span.count).contains {
                                Self.holds(
                                    time, instant: Int128(span.instant($0)), range: range, offset: offset)
                            }
                            #expect(
                                layout.isInAWindow(time) == isInside,
                                "time \(time), \(span), [\(range)] offset \(offset)")
                        }
                    }
                }
            }
        }
    }

    @Test("an odd offset does not multiply the panes")
    func oddOffset() {
        let minute: Int64 = 60_000_000_000
        let layout = PaneLayout(range: minute, interval: minute / 4, offset: 1_000, delay: 0, state: .sum)
        #expect(layout.held <= 8)
        let span = QuerySpan(start: 0, step: minute / 4, count: 1_000)
        let week = PaneLayout(range: 7 * 24 * 60 * minute, span: span, offset: 1_001, state: .variance)
        #expect(week.held < 2_000)
        #expect(week.bytesPerSeries == 8 * (1 + 3 * week.held))
    }
}
