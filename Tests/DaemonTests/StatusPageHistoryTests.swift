import Records
import Testing

@testable import Daemon

@Suite struct StatusPageHistoryTests {
    private func at(_ seconds: Double) -> Timestamp { Timestamp(nanoseconds: 1_000_000_000_000 + Int64(seconds * 1e9)) }

    private func sample(_ seconds: Double, _ families: [MetricFamily]) -> StatusSample {
        StatusSample(at: at(seconds), sources: [], rules: [], destinations: [], families: families, selfFamilies: [])
    }

    @Test("a total's points are its increase per second; where it began anew there is a gap")
    func rates() {
        var track = RateTrack(.total, first: 100, at: at(0))
        #expect(track.current == nil)
        track.add(150, at: at(1))
        #expect(track.current == 50)
        track.add(160, at: at(3))
        #expect(track.current == 5)
        track.add(10, at: at(4))
        #expect(track.current == nil)
        track.add(30, at: at(5))
        #expect(track.values.filter(\.isFinite) == [50, 5, 20])
        track.add(99, at: at(5))
        #expect(track.last == 30)
    }

    @Test("only the newest points are kept, in order")
    func ring() {
        var track = RateTrack(.value, first: 0, at: at(0))
        for second in 1...250 { track.add(Double(second), at: at(Double(second))) }
        #expect(track.values == (161...250).map(Double.init))
    }

    @Test("the history is kept while somebody looks and a minute longer")
    func attention() {
        let history = StatusHistory()
        #expect(!history.isWatched(at: at(0)))
        history.look(at: at(0))
        history.add(sample(0, [family("a_total", .counter, [(.empty, 1)])]))
        #expect(history.isWatched(at: at(59)))
        #expect(!history.current.tracks.isEmpty)
        #expect(!history.isWatched(at: at(61)))
        #expect(history.current.tracks.isEmpty)
        #expect(history.current.sample == nil)
    }

    @Test("the busiest series are shown, and no family takes all the room")
    func choice() {
        let history = StatusHistory()
        func families(_ time: Double) -> [MetricFamily] {
            [
                family(
                    "many_total", .counter,
                    (0..<100).map { (LabelSet([Label("n", "\($0)")]), Double($0) * time) }),
                family("few_total", .counter, [(LabelSet([Label("n", "x")]), time)]),
            ]
        }
        for second in 0...5 { history.add(sample(Double(second), families(Double(second)))) }
        let chosen = history.current.chosen
        #expect(chosen.first == SeriesKey(family: "many_total", labels: LabelSet([Label("n", "99")])))
        #expect(chosen.filter { $0.family == "many_total" }.count == StatusHistory.shownSeriesOfFamily)
        #expect(chosen.contains { $0.family == "few_total" })
    }

    @Test("memory is bounded by the number of series, whatever their number")
    func bound() {
        let history = StatusHistory()
        let many = family(
            "many_total", .counter, (0..<20_000).map { (LabelSet([Label("n", "\($0)")]), 1) })
        for second in 0..<3 { history.add(sample(Double(second), [many, many, many])) }
        #expect(history.current.tracks.count <= StatusHistory.seriesLimit + 10)
    }

    @Test("a series that is gone is forgotten")
    func gone() {
        let history = StatusHistory()
        history.add(sample(0, [family("a_total", .counter, [(.empty, 1)])]))
        history.add(sample(1, []))
        #expect(history.current.tracks.keys.allSatisfy { key in if case .series = key { false } else { true } })
    }

    @Test("samples that come too close are left out, and a clock that was set back begins anew")
    func clocks() {
        let history = StatusHistory()
        func add(_ seconds: Double, _ total: Double) {
            history.add(sample(seconds, [family("a_total", .counter, [(.empty, total)])]))
        }
        let key = TrackKey.series(SeriesKey(family: "a_total", labels: .empty))
        add(100, 0)
        add(100.01, 1_000)
        #expect(history.current.tracks[key]?.last == 0)
        add(101, 10)
        #expect(history.current.tracks[key]?.current == 10)
        add(50, 20)
        #expect(history.current.tracks[key]?.current == nil)
        add(51, 25)
        #expect(history.current.tracks[key]?.current == 5)
    }

    @Test("quantiles are of what was observed lately, linear within a bucket")
    func quantiles() throws {
        let bounds: [Double] = [1, 2, 4]
        var recent = RecentQuantiles(HistogramValue(bounds: bounds, counts: [1_000, 0, 0, 0], sum: 0))
        #expect(recent.quantile(0.5, bounds: bounds) == nil)
        recent.add(HistogramValue(bounds: bounds, counts: [1_000, 10, 10, 0], sum: 0))
        #expect(recent.quantile(0.5, bounds: bounds) == 2)
        #expect(recent.quantile(0.75, bounds: bounds) == 3)
        recent.add(HistogramValue(bounds: bounds, counts: [1_000, 10, 10, 10_000], sum: 0))
        #expect(recent.quantile(0.95, bounds: bounds) == 4)
        recent.add(HistogramValue(bounds: [1], counts: [5, 5], sum: 0))
        #expect(recent.quantile(0.5, bounds: [1]) == nil)
    }

    @Test(
        "a plot ends at the right edge, stands on zero and breaks at gaps",
        arguments: [
            ([0, 5, 10], 3, "M0 96L178 50L356 4"), ([5, 5], 3, "M178 4L356 4"), ([0, 0], 2, "M0 96L356 96"),
            ([-1, 1], 2, "M0 96L356 4"), ([1, .nan, 1], 3, "M0 4M356 4"), ([1], 3, ""), ([], 3, ""),
            ([.nan, .infinity], 2, ""),
        ] as [([Double], Int, String)])
    func plot(values: [Double], points: Int, path: String) {
        #expect(Sparkline.path(values, points: points) == path)
    }

    @Test("the area below a plot closes along the bottom; below a gap there is none")
    func area() {
        #expect(Sparkline.area("M178 4L356 4") == "M178 4L356 4V100H178Z")
        #expect(Sparkline.area("M0 4M356 4") == "")
        #expect(Sparkline.area("") == "")
    }
}
