/// What became of a sample.
enum SampleOutcome {
    case added
    /// Its pane is no longer held.
    case late
    /// There is no room to keep it.
    case full
}

// The per-line path of range aggregations: one comparison finds the pane, then the numbers of the series change in
// place. No allocation and no reference count, but for the states that keep samples.
extension Leaf {
    /// True for a time that is in no window of the range aggregation.
    @inline(__always)
    mutating func isOutside(_ time: Int64) -> Bool {
        if !cursor.holds(time) { cursor = layout.cursor(at: time) }
        return cursor.position < 0
    }

    /// Adds a sample to the pane of its time.
    @inline(__always)
    mutating func addSample(_ value: Double, at time: Int64, to entry: Int) -> SampleOutcome {
        if isOutside(time) { return .late }
        let base = entry * table.stride
        let newest = Int64(bitPattern: table.values[base].bitPattern)
        if cursor.pane != newest {
            if cursor.pane > newest {
                turn(to: cursor.pane, from: newest, base)
            } else if cursor.pane <= newest - Int64(layout.held) {
                return .late
            }
        }
        switch layout.state {
        case .sum:
            let at = base + 1 + 2 * cursor.position
            table.values[at] += 1
            table.values[at + 1] += value
        case .mean:
            let at = base + 1 + 2 * cursor.position
            let count = table.values[at] + 1
            table.values[at] = count
            table.values[at + 1] = PaneValue.runningMean(table.values[at + 1], value, count)
        case .least:
            let at = base + 1 + 2 * cursor.position
            let least = table.values[at + 1]
            if table.values[at] == 0 || least.isNaN || value < least { table.values[at + 1] = value }
            table.values[at] += 1
        case .greatest:
            let at = base + 1 + 2 * cursor.position
            let greatest = table.values[at + 1]
            if table.values[at] == 0 || greatest.isNaN || value > greatest { table.values[at + 1] = value }
            table.values[at] += 1
        case .variance:
            let at = base + 1 + 3 * cursor.position
            let count = table.values[at] + 1
            let distance = value - table.values[at + 1]
            let mean = table.values[at + 1] + distance / count
            table.values[at] = count
            table.values[at + 1] = mean
            table.values[at + 2] += distance * (value - mean)
        case .first, .last: keep(value, at: time, base + 1 + 3 * cursor.position)
        case .counter, .quantile: return keepSample(value, at: time, base + 1 + 2 * cursor.position)
        }
        return .added
    }

    /// Of samples at one time the earlier one is first and the later one last.
    private mutating func keep(_ value: Double, at time: Int64, _ at: Int) {
        let known = Int64(bitPattern: table.values[at + 2].bitPattern)
        if table.values[at] == 0 || (layout.state == .first ? time < known : time >= known) {
            table.values[at + 1] = value
            table.values[at + 2] = Double(bitPattern: UInt64(bitPattern: time))
        }
        table.values[at] += 1
    }

    /// The second number of the pane says where its samples are.
    private mutating func keepSample(_ value: Double, at time: Int64, _ at: Int) -> SampleOutcome {
        if table.values[at] == 0 { table.values[at + 1] = Double(samples.open()) }
        guard samples.add(value, at: time, to: Int(table.values[at + 1])) else {
            if table.values[at] == 0 { samples.close(Int(table.values[at + 1])) }
            return .full
        }
        table.values[at] += 1
        return .added
    }

    /// Makes `pane` the newest of a series: the panes that it pushes out are emptied.
    @inline(never)
    mutating func turn(to pane: Int64, from newest: Int64, _ base: Int) {
        let held = Int64(layout.held)
        let width = layout.state.width
        var empty = newest == .min || pane - newest >= held ? pane - held + 1 : newest + 1
        while empty <= pane {
            clear(base + 1 + width * layout.position(of: empty), width)
            empty += 1
        }
        table.values[base] = Double(bitPattern: UInt64(bitPattern: pane))
    }

    private mutating func clear(_ at: Int, _ width: Int) {
        if layout.state.keepsSamples, table.values[at] > 0 { samples.close(Int(table.values[at + 1])) }
        for number in at..<at + width { table.values[number] = 0 }
    }

    // MARK: Evaluation

    /// Takes away the series that have no sample at or after a pane, and whose newest sample is so old, in ns.
    mutating func removeSeries(before first: Int64, olderThan oldest: Int64) {
        guard !layout.isOfQuery else { return }
        let layout = layout
        func isGone(_ newest: Int64) -> Bool {
            newest == .min || newest < first && layout.lastTime(of: newest) <= oldest
        }
        if layout.state.keepsSamples {
            for entry in 0..<table.count {
                let base = entry * table.stride
                guard isGone(Int64(bitPattern: table.values[base].bitPattern)) else { continue }
                for pane in 0..<layout.held { clear(base + 1 + layout.state.width * pane, layout.state.width) }
            }
        }
        table.removeAll { table, entry in
            isGone(Int64(bitPattern: table.values[entry * table.stride].bitPattern))
        }
    }

    /// What a series has over some panes; without samples its count is 0.
    func window(_ panes: Range<Int64>, of entry: Int) -> PaneValue {
        var value = PaneValue()
        forEachPane(panes, of: entry) { value.merge(pane($0), layout.state) }
        return value
    }

    /// The samples that a series has over some panes, for the states that keep them.
    func samples(_ panes: Range<Int64>, of entry: Int) -> WindowSamples {
        var result: WindowSamples = layout.state == .counter ? .timed([]) : .values([])
        forEachPane(panes, of: entry) { at in
            guard table.values[at] > 0 else { return }
            result.merge(samples.content(of: Int(table.values[at + 1])), exact: layout.exactSamples)
        }
        return result
    }

    private func forEachPane(_ panes: Range<Int64>, of entry: Int, _ body: (Int) -> Void) {
        let base = entry * table.stride
        let newest = Int64(bitPattern: table.values[base].bitPattern)
        guard newest != .min else { return }
        var pane = max(panes.lowerBound, newest - Int64(layout.held) + 1)
        let end = min(panes.upperBound, newest + 1)
        guard pane < end else { return }
        var position = layout.position(of: pane)
        while pane < end {
            body(base + 1 + layout.state.width * position)
            position = position + 1 == layout.held ? 0 : position + 1
            pane += 1
        }
    }

    func pane(_ at: Int) -> PaneValue {
        PaneValue(
            count: table.values[at], number: table.values[at + 1],
            extra: layout.state.width == 3 ? table.values[at + 2] : 0)
    }
}
