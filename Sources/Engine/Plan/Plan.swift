public import Diagnostics
import LogQL
import Records

/// What a set of rules means: compiled once, read by every worker's program.
///
/// All rules form one prefix tree: rules over the same selector share the stages they begin with, so a line is
/// parsed once for forty rules. Immutable.
public struct Plan: Sendable {
    /// A selector and the code of the rules over it.
    struct Root: Sendable {
        var selector: Selector
        var code: Range<Int>
        /// The rule of each leaf in `code`.
        var rules: [Int]
    }

    /// Another for each plan of the process: what a worker answers belongs to the plan that it ran then.
    public let number: Int
    public let rules: [RuleDefinition]
    /// Canonical text of each rule: two plans' rules with the same text keep their series over a reload.
    let identities: [String]
    /// Label names in the order of their `FieldID`s.
    let names: [String]
    let roots: [Root]
    let code: [Instruction]
    let markCount: Int
    let stages: StageTables
    let leaves: [LeafPlan]
    /// True where some series has every label of its lines.
    let hasOpenKeys: Bool
    /// Indices into `leaves`, for each rule in the order in which its range aggregations stand; equal ones are one.
    let leavesOfRule: [[Int]]
    /// By rule: the steps of its metric expression; nil where it is no `record` rule.
    let metrics: [MetricGraph?]
    public let options: PlanOptions

    /// Groups with `record` rules, in the order of the rules, with their evaluation grid.
    public let groups: [Group]

    /// A group of rules that are evaluated together.
    public struct Group: Sendable, Hashable {
        public var name: String
        /// Nanoseconds between evaluations; instants are multiples of it.
        public var interval: Int64
        /// Nanoseconds by which evaluation is held back.
        public var delay: Int64
    }
}

/// What a plan is for, and how much its windows may keep.
public struct PlanOptions: Sendable, Hashable {
    /// What the planner makes of LogQL: rules share what they begin with; a query stands alone and is answered as
    /// Loki answers it, to the last quirk (see `ParserHints`).
    public enum Purpose: Sendable {
        case rules
        case query
    }

    public var purpose: Purpose
    /// The instants of a query; nil for live rules, which are evaluated at the multiples of their interval.
    public var span: QuerySpan?
    /// `quantile_over_time` is exact for windows with at most so many samples of a series, and off by at most 0.5 %
    /// (of each of the two samples that it lies between) for larger ones.
    public var quantileSamples: Int
    /// How many samples each `quantile_over_time` and `rate_counter` may keep in a worker: 8 and 16 bytes each. Beyond
    /// it quantiles are no longer exact, and a sample that a counter has no room for is counted as failed (`full`).
    public var windowSamples: Int

    public init(
        purpose: Purpose = .rules, span: QuerySpan? = nil, quantileSamples: Int = 4_096, windowSamples: Int = 1 << 20
    ) {
        self.purpose = purpose
        self.span = span
        self.quantileSamples = max(0, quantileSamples)
        self.windowSamples = max(8, windowSamples)
    }
}

/// A mistake in a rule that only shows when it is compiled; the range is in the rule's expression.
public struct PlanProblem: Sendable {
    /// Index of the rule.
    public var rule: Int
    public var diagnostic: Diagnostic
}

/// The stages of a plan by kind; instructions refer to them by index.
struct StageTables: Sendable {
    /// The labels that somebody below a parser needs.
    struct Wanted: Sendable {
        var names: [String]
        var all: Bool
    }
    struct Logfmt: Sendable {
        var strict: Bool
        var keepEmpty: Bool
        var wanted: Wanted
        var extractions: [Extraction]
    }

    var lineFilters: [LineFilter] = []
    var labelFilters: [LabelFilter] = []
    var json: [Wanted] = []
    var jsonPaths: [[Extraction]] = []
    var logfmt: [Logfmt] = []
    var regexps: [String] = []
    var patterns: [String] = []
    var labelFormats: [[LabelFormat]] = []
    var choices: [[LabelChoice]] = []
    var unwraps: [Unwrap] = []
    var lineFormats: [String] = []
    var unpacks: [Wanted] = []
    var decolorizes = false
    var hints: [Hint] = []

    /// What Loki knows while it parses: see `ParserHints`.
    struct Hint: Sendable {
        var required: [String]?
        /// Labels and the indices of their filters in `labelFilters`.
        var early: [(name: String, filter: Int32)]
    }
}

/// Where a line that passed a rule's pipeline ends: which series it updates, and how.
struct LeafPlan: Sendable {
    enum Kind: Sendable {
        case counter
        case histogram([Double])
        case gauge(RuleDefinition.GaugeOperation)
        case panes(PaneLayout)
    }
    enum Key: Sendable {
        case by([String])
        /// Every label but these.
        case all(except: [String])
    }
    enum Amount: Sendable {
        case one
        case unwrapped
        /// Bytes of the line as it leaves the pipeline.
        case lineBytes
    }

    var rule: Int
    var kind: Kind
    var key: Key
    var amount: Amount
    /// Lines with an error pass: the series are grouped by `__error__`. In a query only errors of parsers do.
    var takesErrors: Bool
    /// Lines with an error of a parser pass: a filter has seen it.
    var keepsParserErrors = false
    /// The labels after which Loki would have stopped to read a line: an error of a parser that found them all does
    /// not count. Empty where every line is read to its end.
    var sufficient: [String] = []

    /// Labels by which the leaf looks at the line; nil where it needs all of them.
    func neededNames(_ rule: RuleDefinition) -> [String]? {
        switch key {
        case .by(let names): names + rule.exemplar.map(\.field)
        case .all: nil
        }
    }
}
