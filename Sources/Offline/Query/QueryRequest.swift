import Diagnostics
public import Engine
import LogQL
public import Records

/// What `millrace query` was asked for.
public struct QueryRequest: Sendable {
    /// A moment as the command line gives it.
    public enum Moment: Sendable, Hashable {
        case at(Timestamp)

        /// Nanoseconds since 1970, or RFC 3339; nil for anything else.
        public init?(_ text: String) {
            if let nanoseconds = Int64(text) {
                self = .at(Timestamp(nanoseconds: nanoseconds))
            } else if let time = TimeText.rfc3339(text) {
                self = .at(time)
            } else {
                return nil
            }
        }

        var time: Timestamp {
            switch self {
            case .at(let time): time
            }
        }
    }

    /// Which end of the time a limit keeps, and the order of the entries.
    public enum Direction: String, CaseIterable, Sendable {
        case forward, backward
    }

    public var expression: String
    /// Corpus files; several are one corpus.
    public var corpora: [String] = []
    /// Text files; `-` is standard input.
    public var tail: [String] = []
    /// Labels of the streams of `tail`; `filename` is added.
    public var labels: [Label] = []
    /// Where the lines of `tail` have their time; nil: all have the time of the query.
    public var clock: LineClock.Form?
    public var time: Moment?
    public var start: Moment?
    public var end: Moment?
    /// Nanoseconds.
    public var step: Int64?
    public var limit = 5_000
    public var direction = Direction.forward
    public var output = QueryOutput.text
    /// Whether progress may be shown on standard error where that is a terminal.
    public var showsProgress = true

    public init(_ expression: String) { self.expression = expression }

    /// A step: decimal seconds (`15`, `0.5`) or a duration (`1m30s`, `500ms`), in ns; nil for anything else.
    public static func step(_ text: String) -> Int64? {
        if let seconds = parseNumber(text), seconds.isFinite {
            let nanoseconds = (seconds * 1e9).rounded()
            return nanoseconds.magnitude < 9e18 ? Int64(nanoseconds) : nil
        }
        return parsePrometheusDuration(text)
    }
}

/// What a command came to: the outputs, and whether the input or the expression was wrong.
public struct OfflineAnswer: Sendable {
    /// For standard output.
    public var output: [UInt8]
    /// For standard error.
    public var errors: String
    /// True for exit code 1.
    public var failed: Bool

    public init(output: [UInt8] = [], errors: String = "", failed: Bool = false) {
        self.output = output
        self.errors = errors
        self.failed = failed
    }
}

/// Why a query has no answer; the text is for standard error, with a newline at its end.
struct QueryProblem: Error {
    var text: String

    init(_ message: String) { text = "millrace: \(message)\n" }
    init(rendered text: String) { self.text = text }
}
