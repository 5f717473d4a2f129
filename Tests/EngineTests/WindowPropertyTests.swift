import Engine
import LogQL
import Records
import Testing

@Suite struct WindowPropertyTests {
    /// Entries in the order of their times. Equal times are within one stream only: how entries of two workers follow
    /// one another is not known.
    private static func entries(_ random: inout SplitMix, from start: Int64, to end: Int64, count: Int)
        -> [ReferenceEntry]
    {
        var entries: [ReferenceEntry] = []
        var before: Int64 = start
        for _ in 0..<count {
            let stream = Bool.random(using: &random) ? 0 : 1
            var time = Int64.random(in: start...end, using: &random) / 2 * 2 + Int64(stream)
            // On an edge or beside it now and then, and twice at one time.
            if Int.random(in: 0...5, using: &random) == 0 {
                time = time / 5_000_000_000 * 5_000_000_000 + Int64(stream)
            }
            if Int.random(in: 0...5, using: &random) == 0, before % 2 == Int64(stream) { time = before }
            before = time
            entries.append(
                ReferenceEntry(
                    time: time, order: 0, stream: "\(stream)", group: ["a", "b"].randomElement(using: &random)!,
                    value: Double(Int.random(in: -50...1_000, using: &random)) / 8))
        }
        return entries.sorted { $0.time < $1.time }
    }

    private static func rules(_ windows: [ReferenceWindow], step: Int64, delay: Int64 = 0) throws -> [RuleDefinition] {
        try windows.enumerated().map { index, window in
            var definition = try rule(.record, "r\(index)", window.expression)
            definition.interval = step
            definition.delay = delay
            return definition
        }
    }

    private static func compare(
        _ plan: Plan, _ windows: [ReferenceWindow], at instant: Int64, _ entries: [ReferenceEntry],
        _ partials: [WindowPartial], seed: UInt64
    ) throws {
        for (index, window) in windows.enumerated() {
            let found = try plan.series(index, partials)
            let wanted = window.values(at: instant, entries)
            let isEqual =
                found.count == wanted.count
                && wanted.allSatisfy { labels, value in found[labels].map { isClose($0, value) } ?? false }
            #expect(isEqual, "seed \(seed): \(window.expression) at \(instant): \(found), not \(wanted)")
        }
    }

    @Test("a query's windows are what their definition says, in any order of arrival", arguments: 1...150)
    func query(seed: UInt64) throws {
        var random = SplitMix(state: seed &* 7_919)
        let start = 1_000_000_000_000 + Int64.random(in: -5_000_000_000...5_000_000_000, using: &random)
        let step =
            [1_000_000_000, 5_000_000_000, 2_345_678_901, 60_000_000_000].randomElement(using: &random)! as Int64
        let count = [1, 2, 3, 8, 20].randomElement(using: &random)!
        let span = count == 1 ? QuerySpan(at: start) : QuerySpan(start: start, step: step, count: count)
        let windows = (0..<6).map { _ in ReferenceWindow.random(&random, step: step) }
        let (made, problems) = Planner.plan(
            try Self.rules(windows, step: step), options: PlanOptions(span: span))
        let plan = try #require(made, "seed \(seed): \(problems)")
        var entries = Self.entries(
            &random, from: start - 8 * step, to: start + Int64(count + 3) * step, count: 120
        ).shuffled(using: &random)
        for index in entries.indices { entries[index].order = index }
        var first = WindowWorker(plan)
        var second = WindowWorker(plan)
        first.feed(entries.filter { $0.stream == "0" }, at: start)
        second.feed(entries.filter { $0.stream == "1" }, at: start)
        for index in 0..<count {
            let instant = span.instant(index)
            let partials = [first.windows(at: instant), second.windows(at: instant)]
            try Self.compare(plan, windows, at: instant, entries, partials, seed: seed)
        }
    }

    @Test("a live rule's windows are what their definition says, with late entries", arguments: 1...100)
    func live(seed: UInt64) throws {
        var random = SplitMix(state: seed &* 104_729)
        let step = [1_000_000_000, 5_000_000_000, 15_000_000_000].randomElement(using: &random)! as Int64
        let delay = [0, step / 2, step].randomElement(using: &random)!
        let windows = (0..<6).map { _ in ReferenceWindow.random(&random, step: step) }
        let (made, problems) = Planner.plan(try Self.rules(windows, step: step, delay: delay))
        let plan = try #require(made, "seed \(seed): \(problems)")
        let start = 1_000_000_000_000 / step * step
        // Each entry comes late by at most the delay.
        var entries = Self.entries(&random, from: start, to: start + 20 * step, count: 250).map { entry in
            (at: entry.time + Int64.random(in: 0...delay, using: &random), entry: entry)
        }
        entries.sort { $0.at < $1.at }
        for index in entries.indices { entries[index].entry.order = index }
        var workers = (first: 0, next: 0)
        var first = WindowWorker(plan)
        var second = WindowWorker(plan)
        var seen: [ReferenceEntry] = []
        var instant = start + step
        while instant <= start + 24 * step {
            while workers.next < entries.count, entries[workers.next].at <= instant + delay {
                let entry = entries[workers.next].entry
                if entry.stream == "0" {
                    first.feed([entry], at: entries[workers.next].at)
                } else {
                    second.feed([entry], at: entries[workers.next].at)
                }
                seen.append(entry)
                workers.next += 1
            }
            let partials = [first.windows(at: instant), second.windows(at: instant)]
            try Self.compare(plan, windows, at: instant, seen, partials, seed: seed)
            instant += step
        }
    }
}
