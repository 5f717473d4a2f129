public import LogQL
public import Records

/// A rule as the engine takes it: already read from its file, with a parsed expression.
public struct RuleDefinition: Sendable {
    public enum Kind: Sendable {
        /// Goes up by one per line, or by the unwrapped value.
        case counter
        /// Observes the unwrapped value. Upper bounds, ascending, without +Inf.
        case histogram(buckets: [Double])
        case gauge(GaugeOperation)
        /// A LogQL metric query, evaluated on the group's grid.
        case record
    }

    /// What a gauge does with the unwrapped value of a line; `inc` and `dec` need none.
    public enum GaugeOperation: String, CaseIterable, Sendable {
        case last, min, max, sum, inc, dec
    }

    /// The metric's name.
    public var name: String
    public var group: String
    public var kind: Kind
    public var help: String
    public var expression: Expression
    /// The labels of the series; only for counter, histogram and gauge.
    public var by: [String]
    /// Labels that every series of the rule gets.
    public var labels: LabelSet
    /// Series that exist at 0 before the first line; each has exactly the labels of `by`.
    public var initial: [LabelSet]
    /// Series at most; then one overflow series whose label values are `__overflow__`.
    public var limit: Int
    /// Nanoseconds without an update after which a series goes; nil keeps it for ever.
    public var idle: Int64?
    /// For `record` rules that count: a series whose window is empty is 0 instead of missing, until its last entry is
    /// `idle` old; without `idle` as long as the window holds a line of its selector.
    public var zero: Bool
    /// Label of the exemplar and the field it is taken from; empty for none.
    public var exemplar: [ExemplarLabel]
    /// How often the group is evaluated, in ns; only for `record`.
    public var interval: Int64
    /// How long evaluation is held back for late lines, in ns.
    public var delay: Int64

    public struct ExemplarLabel: Sendable, Hashable {
        public var label: String
        public var field: String

        public init(label: String, field: String) {
            self.label = label
            self.field = field
        }
    }

    public init(
        name: String, group: String, kind: Kind, help: String = "", expression: Expression, by: [String] = [],
        labels: LabelSet = .empty, initial: [LabelSet] = [], limit: Int = 10_000, idle: Int64? = nil,
        zero: Bool = false, exemplar: [ExemplarLabel] = [], interval: Int64 = 60_000_000_000, delay: Int64 = 0
    ) {
        self.name = name
        self.group = group
        self.kind = kind
        self.help = help
        self.expression = expression
        self.by = by
        self.labels = labels
        self.initial = initial
        self.limit = limit
        self.idle = idle
        self.zero = zero
        self.exemplar = exemplar
        self.interval = interval
        self.delay = delay
    }
}
