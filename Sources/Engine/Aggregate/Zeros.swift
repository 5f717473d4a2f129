import Records

/// When the streams of `zero` rules had their newest lines: a series whose window is empty is 0 as long as a line of
/// its selector lies in the window.
struct StreamPulse {
    /// By root: the time of its newest line, in ns.
    fileprivate var newest: [Int64]
    fileprivate var rootOfLeaf: [Int]
    /// False where no rule asks.
    let isWanted: Bool

    init(_ plan: Plan) {
        isWanted = plan.rules.contains { $0.zero }
        newest = Array(repeating: .min, count: plan.roots.count)
        rootOfLeaf = Array(repeating: 0, count: plan.leaves.count)
        for (index, root) in plan.roots.enumerated() {
            for instruction in plan.code[root.code] {
                if case .leaf(let leaf) = instruction.operation { rootOfLeaf[Int(leaf)] = index }
            }
        }
    }
}

extension StreamPulse {
    /// Notes the time of a line of a leaf's selector.
    mutating func note(leaf: Int, _ time: Int64) {
        newest[rootOfLeaf[leaf]] = max(newest[rootOfLeaf[leaf]], time)
    }
}

extension Program {
    /// Notes when a run of lines of one stream was; lines from the future do not count.
    mutating func notePulse(_ lines: borrowing [Line], _ run: Range<Int>, roots: [Int]) {
        for root in roots {
            let interval = plan.roots[root].rules.map { plan.rules[$0].interval }.max() ?? 0
            let latest = refusesAhead ? saturating(now, interval) : .max
            for index in run {
                let time = lines[index].time.nanoseconds
                if time > pulse.newest[root], time <= latest { pulse.newest[root] = time }
            }
        }
    }

    /// The time of the newest line of a leaf's selector, in ns; the distant past before the first.
    func newestLine(of leaf: Int) -> Int64 { pulse.newest[pulse.rootOfLeaf[leaf]] }
}
