import Diagnostics
import Engine
import LogQL
import Records
import YAML

/// A file of rule tests as it was read.
struct RuleTestFile: Sendable {
    var source: SourceText
    /// Paths of rule files, seen from the folder of the test file.
    var rules: [String]
    var tests: [RuleTest]
}

/// One test: lines in, expectations.
struct RuleTest: Sendable {
    var name: String
    var range: Range<Int>
    var start: Timestamp
    var inputs: [Input]
    var expectations: [Expectation]

    /// Lines of one stream.
    struct Input: Sendable {
        struct Line: Sendable {
            var text: [UInt8]
            /// nil: a step behind the line before, or as the line says.
            var time: Timestamp?
            var metadata: [Label]
        }

        var labels: LabelSet
        var start: Timestamp
        /// Nanoseconds between lines.
        var step: Int64
        var lines: [Line]
        /// A file of lines, seen from the folder of the test file, and where it is named.
        var file: (path: String, range: Range<Int>)?
        var clock: LineClock.Form?
        var range: Range<Int>
    }

    /// Something that must hold, and where it is said.
    struct Expectation: Sendable {
        enum Kind: Sendable {
            /// The exact series of the metrics that are named, and metrics without any series.
            case series([SampleLine], absent: [String], at: Timestamp?)
            case counts([Counts])
            case entries([Entry], of: LogQuery)
            /// The series of a metric query at an instant.
            case vector([SampleLine], of: Expression, at: Timestamp)
            case failure(String, of: Expression, at: Timestamp?)
            /// Rules that must be refused, with parts of what must be said.
            case refusal([String], of: Scalar)
        }

        var kind: Kind
        var range: Range<Int>
    }

    /// What became of the lines of a rule.
    struct Counts: Sendable {
        var rule: String
        var seen: Int?
        var matched: Int?
        var filtered: Int?
        /// nil: not looked at; what is not listed is 0.
        var failed: [(reason: String, count: Int)]?
        var range: Range<Int>
    }

    /// An entry that a log query must give; what is nil is not looked at.
    struct Entry: Sendable {
        var line: [UInt8]
        var labels: LabelSet?
        var time: Timestamp?
    }
}
