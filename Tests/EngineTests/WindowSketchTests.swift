import Records
import Testing

@testable import Engine
@testable import LogQL

@Suite struct WindowSketchTests {
    private static func values(_ kind: Int, _ random: inout SplitMix) -> Double {
        switch kind {
        case 0: return Double.random(in: 0...1_000, using: &random)
        case 1: return Double.random(in: -5...5, using: &random)
        case 2:
            // Every order of magnitude that there is.
            return Double(sign: .plus, exponent: Int.random(in: -1_000...1_000, using: &random), significand: 1.37)
        case 3: return Double(Int.random(in: -3...3, using: &random))
        case _:
            return [.nan, .infinity, -.infinity, 0, -0.0, 1, -1, .leastNonzeroMagnitude, .greatestFiniteMagnitude]
                .randomElement(using: &random)!
        }
    }

    @Test("what a sketch gives is off by no more than it says", arguments: 0...4, 1...4)
    func errorBound(kind: Int, seed: UInt64) {
        var random = SplitMix(state: seed &* 31)
        var sketch = QuantileSketch()
        var halves = [QuantileSketch(), QuantileSketch()]
        var values: [Double] = []
        for index in 0..<20_000 {
            let value = Self.values(kind, &random)
            values.append(value)
            sketch.add(value)
            halves[index % 2].add(value)
        }
        halves[0].merge(halves[1])
        let sorted = values.sorted { $0 < $1 || $0.isNaN && !$1.isNaN }
        let ranks = stride(from: 0, to: UInt64(sorted.count), by: 97).map { $0 }
        #expect(sketch.bucketCount <= QuantileSketch.limit)
        if kind != 2 { #expect(sketch.relativeError <= 0.005_000_1) }
        for sketch in [sketch, halves[0]] {
            let found = sketch.values(at: ranks)
            #expect(found.count == ranks.count)
            for (rank, value) in zip(ranks, found) {
                let exact = sorted[Int(rank)]
                if exact.isNaN || exact.isInfinite || exact == 0 {
                    #expect(value == exact || value.isNaN && exact.isNaN)
                } else if abs(exact) > .leastNormalMagnitude {
                    // The logarithm's own rounding may put a value that lies on a bound into the next bucket.
                    let bound = sketch.relativeError * abs(exact) * 1.000_001
                    #expect(abs(value - exact) <= bound, "rank \(rank): \(value), not \(exact)")
                }
            }
        }
    }

    @Test("a window with more samples than are kept exactly is off by half a percent at most", arguments: 1...6)
    func overTheLimit(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let start: Int64 = 1_000_000_000_000
        let span = QuerySpan(start: start, step: 1_000_000_000, count: 5)
        let window = ReferenceWindow(
            operation: .quantileOverTime, parameter: 0.9, range: 2_500_000_000, offset: 0,
            grouping: Grouping(without: false, labels: []))
        let (made, problems) = Planner.plan(
            [try rule(.record, "q", window.expression)], options: PlanOptions(span: span, quantileSamples: 40))
        let plan = try #require(made, "\(problems)")
        var workers = WindowWorker(plan)
        var other = WindowWorker(plan)
        var entries: [ReferenceEntry] = []
        for order in 0..<600 {
            entries.append(
                ReferenceEntry(
                    time: start + Int64.random(in: -3_000_000_000...5_000_000_000, using: &random), order: order,
                    stream: "\(order % 2)", group: "a", value: Double.random(in: 1...500, using: &random)))
        }
        workers.feed(entries.filter { $0.stream == "0" }, at: start)
        other.feed(entries.filter { $0.stream == "1" }, at: start)
        for index in 0..<span.count {
            let instant = span.instant(index)
            let found = try plan.series(0, [workers.windows(at: instant), other.windows(at: instant)])
            let exact = try #require(window.values(at: instant, entries)[.empty])
            let value = try #require(found[.empty])
            #expect(abs(value - exact) <= 0.005_1 * exact, "seed \(seed) at \(index): \(value), not \(exact)")
        }
    }

    @Test("what a counter has no room for is counted; a quantile goes on with a sketch")
    func full() throws {
        let rules = [
            try rule(.record, "c", #"rate_counter({job="x"} | json | unwrap v [30s])"#, interval: 15),
            try rule(.record, "q", #"quantile_over_time(0.5, {job="x"} | json | unwrap v [30s]) by ()"#, interval: 15),
        ]
        let (made, problems) = Planner.plan(rules, options: PlanOptions(windowSamples: 16))
        let plan = try #require(made, "\(problems)")
        var worker = WindowWorker(plan)
        let start: Int64 = 1_005_000_000_000
        let entries = (0..<100).map { index in
            ReferenceEntry(
                time: start + Int64(index + 1) * 100_000_000, order: index, stream: "1", group: "a",
                value: Double(index))
        }
        worker.feed(entries, at: start)
        let counts = worker.program.collect(at: Timestamp(nanoseconds: start)).counts
        #expect(counts[0].failed(.full) == 84)
        #expect(counts[0].matched == 16)
        #expect(counts[1].failed == 0)
        let instant = start + 15_000_000_000
        let partial = worker.windows(at: instant)
        let median = try #require(try plan.series(1, [partial])[.empty])
        #expect(abs(median - 49.5) <= 0.005 * 50)
        // The ring goes on: what was kept is let go, and there is room again.
        worker.feed(
            [
                ReferenceEntry(time: instant + 75_000_000_000, order: 0, stream: "1", group: "a", value: 5),
                ReferenceEntry(time: instant + 75_000_000_001, order: 0, stream: "1", group: "a", value: 7),
            ], at: instant)
        #expect(worker.program.collect(at: Timestamp(nanoseconds: start)).counts[0].failed(.full) == 84)
        let later = worker.windows(at: instant + 75_000_000_000)
        #expect(try plan.series(1, [later]) == [.empty: 5])
    }

    @Test("a reload keeps the samples of rules that did not change, under other numbers of fields as well")
    func reload() throws {
        let text = [
            #"quantile_over_time(0.5, {job="x"} | json | unwrap v [30s])"#,
            #"last_over_time({job="x"} | json | unwrap v [30s]) by (u) + last_over_time({job="x"} | json | unwrap v [30s]) by (u)"#,
        ]
        let rules = try text.enumerated().map { try rule(.record, "r\($0)", $1, interval: 15) }
        let plan = try Mill.plan(rules)
        var worker = WindowWorker(plan)
        let start: Int64 = 1_005_000_000_000
        worker.feed(
            (0..<9).map { index in
                ReferenceEntry(
                    time: start + Int64(index), order: index, stream: "1", group: "a", value: Double(index))
            }, at: start)
        let next = try Mill.plan([try rule(.counter, "aa_total", #"{job="x"} | json"#, by: ["aaa"])] + rules)
        var program = Program(next, keeping: worker.program, at: Timestamp(nanoseconds: start))
        let partial = program.evaluate(group: "g", at: Timestamp(nanoseconds: start + 15_000_000_000))
        let series = LabelSet([Label("job", "x"), Label("s", "1"), Label("u", "a")])
        #expect(try next.series(1, [partial]) == [series: 4])
        #expect(try next.series(2, [partial]) == [LabelSet([Label("u", "a")]): 16])
    }
}
