import Engine
import Records

/// The kinds of rule, by the key that names the metric.
enum RuleKind: String, CaseIterable {
    case counter, histogram, gauge, record, alert

    /// `a counter`, `an alert`
    var phrase: String { self == .alert ? "an alert" : "a \(rawValue)" }

    /// Whether rules of this kind read lines, and so take a log query.
    var readsLines: Bool {
        switch self {
        case .counter, .histogram, .gauge: true
        case .record, .alert: false
        }
    }

    /// The keys besides the kind itself.
    var keys: [String] {
        switch self {
        case .counter: ["help", "expr", "by", "labels", "limit", "idle", "initial", "exemplar"]
        case .histogram:
            ["help", "expr", "by", "labels", "limit", "idle", "initial", "buckets", "native", "exemplar"]
        case .gauge: ["help", "expr", "by", "labels", "limit", "idle", "initial", "set"]
        case .record: ["help", "expr", "labels", "limit", "idle", "zero"]
        case .alert: ["expr", "for", "keep_firing_for", "labels", "annotations"]
        }
    }
}

extension RuleDefinition {
    var kindName: String {
        switch kind {
        case .counter: "counter"
        case .histogram: "histogram"
        case .gauge: "gauge"
        case .record: "record"
        }
    }

    /// Names that this rule takes in an exposition: its family and its samples.
    var exposedNames: [String] {
        switch kind {
        case .counter: [name, String(name.dropLast("_total".count))]
        case .histogram: [name, name + "_bucket", name + "_sum", name + "_count"]
        case .gauge, .record: [name]
        }
    }

    var labelNames: [String] { Set(by + labels.labels.map(\.name)).sorted() }
}
