/// A LogQL expression as it was written: values only, no behaviour. Ranges are UTF-8 byte offsets into the text.
public enum Expression: Sendable {
    case log(LogQuery)
    case metric(MetricExpression)
}

/// A log query: a selector, then stages; with `unwrap` at the end where a sample is taken from a label.
public struct LogQuery: Sendable {
    public var selector: Selector
    public var stages: [Stage]
    public var unwrap: Unwrap?
    public var range: Range<Int>
}

/// The stream selector, `{job="ingress", env=~"prod|stage"}`: a conjunction.
public struct Selector: Sendable {
    public var matchers: [Matcher]
    public var range: Range<Int>
}

public enum MatchOperator: String, BitwiseCopyable, Hashable, Sendable {
    case equal = "="
    case notEqual = "!="
    case regex = "=~"
    case notRegex = "!~"
}

/// A comparison of a label's text. Regexes are anchored at both ends.
public struct Matcher: Sendable {
    public var name: String
    public var operation: MatchOperator
    public var value: String
    public var range: Range<Int>
}

/// One stage of a pipeline and where it stands.
public struct Stage: Sendable {
    public var kind: Kind
    public var range: Range<Int>

    public init(kind: Kind, range: Range<Int>) {
        self.kind = kind
        self.range = range
    }

    public enum Kind: Sendable {
        case lineFilter(LineFilter)
        case labelFilter(LabelFilter)
        /// `json`; without expressions every key becomes a label.
        case json([Extraction])
        /// `logfmt`; without expressions every key becomes a label.
        case logfmt(strict: Bool, keepEmpty: Bool, [Extraction])
        case regexp(String)
        case pattern(String)
        case unpack
        case decolorize
        case lineFormat(String)
        case labelFormat([LabelFormat])
        case drop([LabelChoice])
        case keep([LabelChoice])
    }
}

/// `label="expression"` of `json` and `logfmt`; the short form `label` has itself as expression.
public struct Extraction: Sendable {
    public var label: String
    public var expression: String
    public var range: Range<Int>
}

public struct LineFilter: Sendable {
    public enum Operation: String, Hashable, Sendable {
        case contains = "|="
        case notContains = "!="
        case regex = "|~"
        case notRegex = "!~"
        case pattern = "|>"
        case notPattern = "!>"
    }
    public enum Value: Hashable, Sendable {
        case text(String)
        /// `ip("10.0.0.0/8")`, with `|=` and `!=` only.
        case ip(String)
    }

    public var operation: Operation
    /// The first value and those chained to it with `or`; never empty.
    public var values: [Value]
}

public enum Comparison: String, BitwiseCopyable, Hashable, Sendable {
    case equal = "=="
    case notEqual = "!="
    case greater = ">"
    case greaterOrEqual = ">="
    case less = "<"
    case lessOrEqual = "<="
}

/// A label filter. The right-hand side chooses the kind of comparison.
public indirect enum LabelFilter: Sendable {
    case text(Matcher)
    case number(name: String, Comparison, Double)
    /// Nanoseconds.
    case duration(name: String, Comparison, Int64)
    case bytes(name: String, Comparison, UInt64)
    case ip(name: String, equal: Bool, String)
    case and(LabelFilter, LabelFilter)
    case or(LabelFilter, LabelFilter)
}

/// One item of `label_format`.
public struct LabelFormat: Sendable {
    public enum Value: Sendable {
        case rename(String)
        case template(String)
    }
    public var label: String
    public var value: Value
    public var range: Range<Int>
}

/// One item of `drop` or `keep`: a name, or a matcher on it.
public struct LabelChoice: Sendable {
    public var name: String
    /// nil where the item is only a name.
    public var matcher: Matcher?
}

/// `unwrap label`, `unwrap duration(label)`, and the label filters behind it.
public struct Unwrap: Sendable {
    public enum Conversion: String, BitwiseCopyable, Hashable, Sendable {
        case number = ""
        case bytes
        case duration
        case durationSeconds = "duration_seconds"
    }
    public var label: String
    public var conversion: Conversion
    /// Filters that stand behind `unwrap`; they see `__error__` of the conversion.
    public var filters: [LabelFilter]
    public var range: Range<Int>
}

public indirect enum MetricExpression: Sendable {
    case range(RangeAggregation)
    case vector(VectorAggregation)
    case binary(BinaryOperation)
    case literal(Double, Range<Int>)
    /// `vector(1)`
    case vectorOf(Double, Range<Int>)
    case labelReplace(LabelReplace)
}

/// `rate({job="x"} | json | unwrap y [5m] offset 1m) by (host)`
public struct RangeAggregation: Sendable {
    public enum Operation: String, CaseIterable, Hashable, Sendable {
        case rate
        case rateCounter = "rate_counter"
        case countOverTime = "count_over_time"
        case bytesRate = "bytes_rate"
        case bytesOverTime = "bytes_over_time"
        case sumOverTime = "sum_over_time"
        case avgOverTime = "avg_over_time"
        case minOverTime = "min_over_time"
        case maxOverTime = "max_over_time"
        case stddevOverTime = "stddev_over_time"
        case stdvarOverTime = "stdvar_over_time"
        case quantileOverTime = "quantile_over_time"
        case firstOverTime = "first_over_time"
        case lastOverTime = "last_over_time"
        case absentOverTime = "absent_over_time"
    }
    public var operation: Operation
    /// The quantile of `quantile_over_time`.
    public var parameter: Double?
    public var query: LogQuery
    /// The window's width in ns.
    public var window: Int64
    /// Nanoseconds; negative looks ahead.
    public var offset: Int64
    public var grouping: Grouping?
    public var range: Range<Int>
}

public struct VectorAggregation: Sendable {
    public enum Operation: String, CaseIterable, Hashable, Sendable {
        case sum, avg, min, max, count, stddev, stdvar, topk, bottomk
        case approxTopk = "approx_topk"
        case sort
        case sortDescending = "sort_desc"
    }
    public var operation: Operation
    /// The k of `topk`, `bottomk` and `approx_topk`.
    public var parameter: Double?
    public var grouping: Grouping?
    public var argument: MetricExpression
    public var range: Range<Int>
}

/// `by (a, b)` or `without (a, b)`
public struct Grouping: Hashable, Sendable {
    public var without: Bool
    public var labels: [String]
}

public struct BinaryOperation: Sendable {
    public enum Operation: String, CaseIterable, Hashable, Sendable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case modulo = "%"
        case power = "^"
        case equal = "=="
        case notEqual = "!="
        case greater = ">"
        case greaterOrEqual = ">="
        case less = "<"
        case lessOrEqual = "<="
        case and, or, unless
    }
    /// `on (a)` or `ignoring (a)`, with `group_left (b)` or `group_right (b)`.
    public struct Matching: Sendable {
        public enum Cardinality: Hashable, Sendable { case oneToOne, groupLeft, groupRight }
        /// True for `on`, false for `ignoring`.
        public var on: Bool
        public var labels: [String]
        public var cardinality: Cardinality
        public var include: [String]
    }
    public var operation: Operation
    public var left: MetricExpression
    public var right: MetricExpression
    public var returnBool: Bool
    public var matching: Matching?
    public var range: Range<Int>
}

/// `label_replace(expr, "destination", "replacement", "source", "regex")`
public struct LabelReplace: Sendable {
    public var argument: MetricExpression
    public var destination: String
    public var replacement: String
    public var source: String
    public var regex: String
    public var range: Range<Int>
}
