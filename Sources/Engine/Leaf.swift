import LogQL
import Records

/// The end of a rule's path in one program: its series and how a line updates them.
struct Leaf: ~Copyable {
    let rule: Int
    let kind: LeafPlan.Kind
    let amount: LeafPlan.Amount
    let takesErrors: Bool
    let keepsParserErrors: Bool
    /// Nanoseconds between evaluations, by which an entry of a `record` rule may lie ahead of our clock.
    let interval: Int64
    /// The labels of a series, in the order of their values in the key; for open keys those that are left out.
    var fields = OwnedBuffer<FieldID>()
    /// True where the labels of a series are gathered from the whole line: all but `fields`, or with `keepsNamed`
    /// those of `fields` that are there.
    let isOpen: Bool
    let keepsNamed: Bool
    /// By field: it is one of `fields`; only for open leaves.
    private var named = OwnedBuffer<Bool>()
    /// The labels after which an error of a parser does not count; empty where every error does.
    var sufficient = OwnedBuffer<FieldID>()
    var bounds = OwnedBuffer<Double>()
    var exemplarFields = OwnedBuffer<FieldID>()
    /// Stays empty where the rule has no exemplar.
    var exemplars = ExemplarTable()
    var table: SeriesTable
    /// How windows are cut; of no meaning for leaves without windows.
    let layout: PaneLayout
    let hasPanes: Bool
    var cursor = PaneCursor()
    var samples: SampleStore
    let seed: UInt64

    init(
        _ plan: LeafPlan, rule: RuleDefinition, options: PlanOptions, names: inout NameTable, seed: UInt64
    ) {
        let labels: [String]
        switch plan.key {
        // In a query a missing label is not an empty one, which the fast key cannot tell.
        case .by(let by): (isOpen, keepsNamed, labels) = (options.purpose == .query, true, by)
        case .all(let except): (isOpen, keepsNamed, labels) = (true, false, except)
        }
        self.rule = plan.rule
        kind = plan.kind
        amount = plan.amount
        takesErrors = plan.takesErrors
        keepsParserErrors = plan.keepsParserErrors
        interval = rule.interval
        self.seed = seed
        if case .panes(let layout) = plan.kind {
            self.layout = layout
            hasPanes = true
        } else {
            layout = PaneLayout(range: 0, interval: rule.interval, offset: 0, delay: 0, state: .sum)
            hasPanes = false
        }
        samples = SampleStore(
            keepsTimes: layout.state == .counter, exact: layout.exactSamples, limit: options.windowSamples)
        table = SeriesTable(limit: rule.limit, template: plan.template)
        for label in labels {
            let id = names.known(label)
            fields.append(id)
            if isOpen, id.value >= named.count {
                named.append(repeating: false, count: id.value + 1 - named.count)
            }
            if isOpen { named[id.value] = true }
        }
        for label in plan.sufficient { sufficient.append(names.known(label)) }
        if case .histogram(let buckets) = plan.kind {
            for bound in buckets { bounds.append(bound) }
        }
        for item in rule.exemplar { exemplarFields.append(names.known(item.field)) }
    }

    /// The series of the record's label values; nil when it is new.
    // Mutating only because the compiler sees a borrowed leaf and the record as one access to the program.
    @inline(__always)
    mutating func find(_ hash: UInt64, in record: inout Record) -> Int? {
        table.find(fields, hash, in: &record)
    }

    /// True for the labels of `fields`.
    func isNamed(_ id: FieldID) -> Bool { id.value < named.count && named[id.value] }

    /// Keeps the line's exemplar for a series, where the rule has one.
    mutating func noteExemplar(_ value: Double, _ entry: Int, _ record: inout Record) {
        guard exemplarFields.count > 0 else { return }
        exemplars.set(entry, exemplarFields, value: value, in: &record)
    }
}

extension LeafPlan {
    /// The numbers of a new series.
    fileprivate var template: [Double] {
        switch kind {
        case .counter: [0]
        // One count per bucket, one for +Inf, then the sum.
        case .histogram(let buckets): [Double](repeating: 0, count: buckets.count + 2)
        // The value, then the time of the entry that set it, as the bits of an Int64.
        case .gauge: [.nan, Double(bitPattern: UInt64(bitPattern: Int64.min))]
        case .panes(let layout): layout.template
        }
    }
}

/// The newest exemplar of each series of a histogram: its labels' values, its value and time.
struct ExemplarTable: ~Copyable {
    /// Names and values of an exemplar have at most 128 characters together (OpenMetrics 1.0, "Exemplars").
    static let slotBytes = 128
    private var bytes = OwnedBuffer<UInt8>()
    private var values = OwnedBuffer<Double>()
    private var times = OwnedBuffer<Int64>()

    mutating func set(_ entry: Int, _ fields: borrowing OwnedBuffer<FieldID>, value: Double, in record: inout Record) {
        makeRoom(for: entry)
        var length = 0
        for index in 0..<fields.count {
            let text = record.value(fields[index])
            guard !text.isEmpty, length + 1 + text.count <= Self.slotBytes else { return }
            length += 1 + text.count
        }
        var offset = entry * Self.slotBytes
        for index in 0..<fields.count {
            let text = record.value(fields[index])
            bytes[offset] = UInt8(text.count)
            for position in 0..<text.count { bytes[offset + 1 + position] = text[position] }
            offset += 1 + text.count
        }
        values[entry] = value
        times[entry] = record.time.nanoseconds
    }

    func exemplar(of entry: Int, labels: [String]) -> Exemplar? {
        guard entry < values.count, times[entry] != .min else { return nil }
        var offset = entry * Self.slotBytes
        var result: [Label] = []
        for label in labels {
            let length = Int(bytes[offset])
            var text: [UInt8] = []
            for position in 0..<length { text.append(bytes[offset + 1 + position]) }
            result.append(Label(label, String(decoding: text, as: UTF8.self)))
            offset += 1 + length
        }
        return Exemplar(
            labels: LabelSet(result), value: values[entry], time: Timestamp(nanoseconds: times[entry]))
    }

    func encode(labels: Int, to writer: inout StateWriter) {
        var known: [Int] = []
        for entry in 0..<values.count where times[entry] != .min { known.append(entry) }
        writer.add(UInt32(known.count))
        for entry in known {
            writer.add(UInt32(entry))
            writer.add(times[entry])
            writer.add(values[entry])
            let start = entry * Self.slotBytes
            var length = 0
            for _ in 0..<labels { length += 1 + Int(bytes[start + length]) }
            writer.add(UInt8(length))
            for offset in 0..<length { writer.add(bytes[start + offset]) }
        }
    }

    /// Keeps a saved exemplar unless there is a newer one.
    mutating func restore(_ saved: SavedLeaf.Exemplar, to entry: Int) {
        makeRoom(for: entry)
        guard saved.time > times[entry], saved.bytes.count <= Self.slotBytes else { return }
        for (offset, byte) in saved.bytes.enumerated() { bytes[entry * Self.slotBytes + offset] = byte }
        values[entry] = saved.value
        times[entry] = saved.time
    }

    private mutating func makeRoom(for entry: Int) {
        let missing = entry + 1 - values.count
        guard missing > 0 else { return }
        bytes.append(repeating: 0, count: missing * Self.slotBytes)
        values.append(repeating: 0, count: missing)
        times.append(repeating: .min, count: missing)
    }

    /// Forgets everything: entries were renumbered.
    mutating func removeAll() {
        bytes.removeAll()
        values.removeAll()
        times.removeAll()
    }
}
