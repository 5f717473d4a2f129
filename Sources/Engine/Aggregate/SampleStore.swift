/// The samples that the panes of one range aggregation keep: values for `quantile_over_time`, times and values for
/// `rate_counter`.
///
/// Bounded: room for `limit` samples in chunks of eight, and for as many buckets of sketches. A pane of
/// `quantile_over_time` with more than `exact` samples, or one for which there is no chunk left, becomes a sketch.
/// Where there is no room at all, a sample is refused, and the rule counts it as failed.
struct SampleStore: ~Copyable {
    /// Where a pane's samples are.
    struct Slot: BitwiseCopyable {
        /// The newest chunk; -1 for none.
        var chunk: Int32 = -1
        /// Samples in that chunk; all others are full.
        var filled: Int32 = 0
        var count: Int32 = 0
        /// Index of the sketch; -1 for none.
        var sketch: Int32 = -1
    }

    private static let chunkSamples = 8
    private let keepsTimes: Bool
    private let exact: Int
    private let chunkLimit: Int
    private let bucketLimit: Int
    private var slots = OwnedBuffer<Slot>()
    private var freeSlots = OwnedBuffer<Int32>()
    /// The samples of all chunks: values, or a time and a value by turns.
    private var numbers = OwnedBuffer<Double>()
    /// The chunk that was filled before, by chunk.
    private var previous = OwnedBuffer<Int32>()
    private var freeChunks = OwnedBuffer<Int32>()
    private var sketches: [QuantileSketch] = []
    private var freeSketches: [Int32] = []
    private var buckets = 0

    init(keepsTimes: Bool, exact: Int, limit: Int) {
        self.keepsTimes = keepsTimes
        self.exact = exact
        chunkLimit = max(1, limit / Self.chunkSamples)
        bucketLimit = max(QuantileSketch.limit, limit)
    }

    /// What the samples take now, in bytes, roughly.
    var bytes: Int { numbers.count * 8 + slots.count * 16 + buckets * 32 }

    /// A place for a pane's samples.
    mutating func open() -> Int {
        if freeSlots.count > 0 {
            let slot = Int(freeSlots.removeLast())
            slots[slot] = Slot()
            return slot
        }
        slots.append(Slot())
        return slots.count - 1
    }

    mutating func close(_ slot: Int) {
        releaseChunks(slot)
        let sketch = slots[slot].sketch
        if sketch >= 0 {
            buckets -= sketches[Int(sketch)].bucketCount
            sketches[Int(sketch)] = QuantileSketch()
            freeSketches.append(sketch)
        }
        freeSlots.append(Int32(slot))
    }

    /// False when there is no room.
    mutating func add(_ value: Double, at time: Int64, to slot: Int) -> Bool {
        if slots[slot].sketch < 0 {
            if keepsTimes || slots[slot].count < exact {
                if slots[slot].chunk >= 0, slots[slot].filled < Self.chunkSamples || addChunk(to: slot) {
                    put(value, time, slot)
                    return true
                }
                if slots[slot].chunk < 0, addChunk(to: slot) {
                    put(value, time, slot)
                    return true
                }
                if keepsTimes { return false }
            }
            guard buckets + Int(slots[slot].count) < bucketLimit else { return false }
            makeSketch(slot)
        }
        guard buckets < bucketLimit else { return false }
        let sketch = Int(slots[slot].sketch)
        let before = sketches[sketch].bucketCount
        sketches[sketch].add(value)
        buckets += sketches[sketch].bucketCount - before
        return true
    }

    private mutating func put(_ value: Double, _ time: Int64, _ slot: Int) {
        let place = Int(slots[slot].chunk) * Self.chunkSamples + Int(slots[slot].filled)
        if keepsTimes {
            numbers[2 * place] = Double(bitPattern: UInt64(bitPattern: time))
            numbers[2 * place + 1] = value
        } else {
            numbers[place] = value
        }
        slots[slot].filled += 1
        slots[slot].count += 1
    }

    private mutating func addChunk(to slot: Int) -> Bool {
        let chunk: Int32
        if freeChunks.count > 0 {
            chunk = freeChunks.removeLast()
        } else {
            guard previous.count < chunkLimit else { return false }
            chunk = Int32(previous.count)
            previous.append(-1)
            numbers.append(repeating: 0, count: Self.chunkSamples * (keepsTimes ? 2 : 1))
        }
        previous[Int(chunk)] = slots[slot].chunk
        slots[slot].chunk = chunk
        slots[slot].filled = 0
        return true
    }

    /// Adds saved samples to a pane's; how many there was room for.
    mutating func restore(_ content: WindowSamples, to slot: Int) -> UInt64 {
        var added: UInt64 = 0
        switch content {
        case .timed(let samples):
            for sample in samples where add(sample.value, at: sample.time, to: slot) { added += 1 }
        case .values(let values):
            // They stand as they are read: the newest chunk first.
            for value in values.reversed() where add(value, at: 0, to: slot) { added += 1 }
        case .sketch(let sketch):
            guard buckets + sketch.bucketCount + Int(slots[slot].count) < bucketLimit else { return 0 }
            if slots[slot].sketch < 0 { makeSketch(slot) }
            let place = Int(slots[slot].sketch)
            let before = sketches[place].bucketCount
            sketches[place].merge(sketch)
            buckets += sketches[place].bucketCount - before
            added = sketch.total
        }
        return added
    }

    private mutating func releaseChunks(_ slot: Int) {
        var chunk = slots[slot].chunk
        while chunk >= 0 {
            freeChunks.append(chunk)
            chunk = previous[Int(chunk)]
        }
        slots[slot].chunk = -1
        slots[slot].count = 0
    }

    private mutating func makeSketch(_ slot: Int) {
        var sketch = QuantileSketch()
        forEachPlace(of: slot) { sketch.add(numbers[$0]) }
        releaseChunks(slot)
        buckets += sketch.bucketCount
        if let free = freeSketches.popLast() {
            sketches[Int(free)] = sketch
            slots[slot].sketch = free
        } else {
            sketches.append(sketch)
            slots[slot].sketch = Int32(sketches.count - 1)
        }
    }

    /// The places of a slot's samples, the newest chunk first.
    private func forEachPlace(of slot: Int, _ body: (Int) -> Void) {
        var chunk = slots[slot].chunk
        var filled = Int(slots[slot].filled)
        while chunk >= 0 {
            for place in stride(from: filled - 1, through: 0, by: -1) {
                body(Int(chunk) * Self.chunkSamples + place)
            }
            filled = Self.chunkSamples
            chunk = previous[Int(chunk)]
        }
    }

    /// A pane's samples, in the order in which they came.
    func content(of slot: Int) -> WindowSamples {
        let sketch = slots[slot].sketch
        if sketch >= 0 { return .sketch(sketches[Int(sketch)]) }
        if keepsTimes {
            var samples: [TimedSample] = []
            forEachPlace(of: slot) { place in
                samples.append(
                    TimedSample(
                        time: Int64(bitPattern: numbers[2 * place].bitPattern), value: numbers[2 * place + 1]))
            }
            return .timed(samples.reversed())
        }
        var values: [Double] = []
        forEachPlace(of: slot) { values.append(numbers[$0]) }
        return .values(values)
    }
}

/// A value and its time in ns.
struct TimedSample: BitwiseCopyable, Sendable {
    var time: Int64
    var value: Double
}

/// The samples of a window of one series.
enum WindowSamples: Sendable {
    /// In the order in which they came within a pane and a worker.
    case timed([TimedSample])
    case values([Double])
    case sketch(QuantileSketch)

    /// Adds what another pane or worker has; more than `exact` values become a sketch.
    mutating func merge(_ other: WindowSamples, exact: Int) {
        switch (self, other) {
        case (.timed(let a), .timed(let b)): self = .timed(a + b)
        case (.values(let a), .values(let b)) where a.count + b.count <= exact: self = .values(a + b)
        case (.values(let a), .values(let b)):
            var sketch = QuantileSketch()
            for value in a { sketch.add(value) }
            for value in b { sketch.add(value) }
            self = .sketch(sketch)
        case (.sketch(var sketch), .values(let values)), (.values(let values), .sketch(var sketch)):
            for value in values { sketch.add(value) }
            self = .sketch(sketch)
        case (.sketch(var a), .sketch(let b)):
            a.merge(b)
            self = .sketch(a)
        // One range aggregation keeps samples of one kind.
        case (.timed, .values), (.timed, .sketch), (.values, .timed), (.sketch, .timed): break
        }
    }

    /// `quantile_over_time`: linear between the two neighbours of the rank, NaN first; beyond 0 to 1 it is infinite.
    func quantile(_ q: Double, count: Double) -> Double {
        if q < 0 { return -.infinity }
        if q > 1 { return .infinity }
        guard count > 0, !q.isNaN else { return .nan }
        let rank = q * (count - 1)
        let lower = rank.rounded(.down)
        let upper = min(count - 1, lower + 1)
        let weight = rank - lower
        let (a, b): (Double, Double)
        switch self {
        case .values(let values):
            let sorted = values.sorted { $0 < $1 || $0.isNaN && !$1.isNaN }
            (a, b) = (sorted[Int(lower)], sorted[Int(upper)])
        case .sketch(let sketch):
            let found = sketch.values(at: [UInt64(lower), UInt64(upper)])
            guard found.count == 2 else { return .nan }
            (a, b) = (found[0], found[1])
        case .timed: return .nan
        }
        return a * (1 - weight) + b * weight
    }

    /// `rate_counter` over a range in ns, as Loki computes it: the units of its extrapolation do not match, so that it
    /// adds about a millionth.
    func counterRate(range: Int64) -> Double {
        guard case .timed(let unordered) = self, unordered.count > 1 else { return 0 }
        // Of equal times the one that came first stays first.
        let samples = unordered.enumerated().sorted {
            ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
        }.map(\.element)
        let first = samples[0]
        let last = samples[samples.count - 1]
        var increase = last.value - first.value
        for (before, sample) in zip(samples, samples.dropFirst()) where sample.value < before.value {
            increase += before.value
        }
        let interval = Double(last.time &- first.time) / 1000
        let between = interval / Double(samples.count - 1)
        var beyond = Double(range / 1_000_000) / 1000
        if increase > 0, first.value >= 0 { beyond = min(beyond, interval * (first.value / increase)) }
        if beyond >= 1.1 * between { beyond = between / 2 }
        return increase * ((interval + beyond) / interval) / (Double(range) / 1e9)
    }
}
