import LogQL
import Records

/// The end of a rule's path in one program: its series and how a line updates them.
struct Leaf: ~Copyable {
    let rule: Int
    let kind: LeafPlan.Kind
    let amount: LeafPlan.Amount
    let takesErrors: Bool
    /// The labels of a series, in the order of their values in the key; for open keys those that are left out.
    var fields = OwnedBuffer<FieldID>()
    /// True where a series has every label of the line but `fields`.
    let isOpen: Bool
    var bounds = OwnedBuffer<Double>()
    var exemplarFields = OwnedBuffer<FieldID>()
    var exemplars: ExemplarTable?
    var table: SeriesTable
    let seed: UInt64

    init(_ plan: LeafPlan, rule: RuleDefinition, names: inout NameTable, seed: UInt64) {
        self.rule = plan.rule
        kind = plan.kind
        amount = plan.amount
        takesErrors = plan.takesErrors
        self.seed = seed
        switch plan.key {
        case .by(let labels):
            isOpen = false
            for label in labels { if let id = names.id(forName: label) { fields.append(id) } }
        case .all(let except):
            isOpen = true
            for label in except { if let id = names.id(forName: label) { fields.append(id) } }
        }
        let template: [Double]
        switch plan.kind {
        case .counter: template = [0]
        case .histogram(let buckets):
            for bound in buckets { bounds.append(bound) }
            // One count per bucket, one for +Inf, then the sum.
            template = [Double](repeating: 0, count: buckets.count + 2)
        case .gauge:
            // The value, then the time of the entry that set it, as the bits of an Int64.
            template = [.nan, Double(bitPattern: UInt64(bitPattern: Int64.min))]
        case .panes(let layout): template = layout.template
        }
        table = SeriesTable(limit: rule.limit, template: template)
        for item in rule.exemplar { if let id = names.id(forName: item.field) { exemplarFields.append(id) } }
        exemplars = rule.exemplar.isEmpty ? nil : ExemplarTable()
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
        let missing = entry + 1 - values.count
        if missing > 0 {
            bytes.append(repeating: 0, count: missing * Self.slotBytes)
            values.append(repeating: 0, count: missing)
            times.append(repeating: .min, count: missing)
        }
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

    /// Forgets everything: entries were renumbered.
    mutating func removeAll() {
        bytes.removeAll()
        values.removeAll()
        times.removeAll()
    }
}
