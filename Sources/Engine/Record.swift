import Records

/// What is known of one label of the line at hand.
struct Field: BitwiseCopyable {
    enum Origin: UInt8 {
        /// There is no such label.
        case absent
        /// A label of the stream.
        case stream
        case metadata
        case parsed
        /// Taken away by `drop` or `keep`, or renamed; a later parser does not bring it back.
        case dropped
    }

    var value: ByteView
    /// The hash of the value once a rule has needed it; 0 before.
    var hash: UInt64 = 0
    var origin: Origin
    var form: ExtractedField.Form = .plain
    /// Which parser stage set it: within one stage the later value wins, between stages the earlier.
    var stage = noStage
    /// Set as the twin of a label that the stream has, `name_extracted`, not by a key of that name.
    var isTwin = false

    static let noStage: UInt16 = 0
    /// Set by `label_format`.
    static let setStage = UInt16.max

    var isPresent: Bool { origin != .absent && origin != .dropped }
}

/// Why a line cannot be used; `__error__` in LogQL, and the `reason` of `millrace_rule_lines_failed_total`.
public enum LineFailure: UInt8, BitwiseCopyable, CaseIterable, Sendable {
    case none
    case json
    case logfmt
    case labelFilter
    case sampleExtraction
    /// A counter would have gone down.
    case negative
    /// The unwrapped value is NaN or infinite where a rule cannot take it.
    case notFinite
    /// Older than every pane that is held.
    case late
    /// Further ahead of the clock than an interval.
    case ahead
    /// The regular expression reached its match or stack limit.
    case regexLimit
    /// There is no room for the samples that the rule has to keep.
    case full
    /// A template of `line_format` or `label_format` failed while it ran.
    case template

    /// The text that filters on `__error__` see; those behind `sampleExtraction` but `template` never reach a filter.
    public var text: String {
        switch self {
        case .none: ""
        case .json: "JSONParserErr"
        case .logfmt: "LogfmtParserErr"
        case .labelFilter: "LabelFilterErr"
        case .sampleExtraction: "SampleExtractionErr"
        case .negative: "negative"
        case .notFinite: "not_finite"
        case .late: "late"
        case .ahead: "ahead"
        case .regexLimit: "regex_limit"
        case .template: "TemplateFormatErr"
        case .full: "full"
        }
    }

    /// True for the errors of parsers, which grouping by `__error__` lets through as a label.
    var isOfParser: Bool { self == .json || self == .logfmt }
}

/// One line while it is worked on: its text, its labels by number, its error.
///
/// Every change is logged, so that the walk over the prefix tree can go back to a fork (`mark`, `rewind`), and back
/// to the bare stream labels before the next line.
struct Record: ~Copyable {
    struct Change: BitwiseCopyable {
        var id: FieldID
        var old: Field
    }

    /// A state to go back to.
    struct Mark: BitwiseCopyable {
        var changes: Int
        var line: ByteView
        var failure: LineFailure
        var details: ByteView
        var unwrapped: Double
    }

    /// The line as the stages so far have made it.
    var line: ByteView
    var time = Timestamp(nanoseconds: 0)
    var failure = LineFailure.none
    /// `__error_details__`; kept only where somebody asks for them.
    var details: ByteView
    var unwrapped = 0.0
    private var fields = OwnedBuffer<Field>()
    private var changes = OwnedBuffer<Change>(capacity: 64)
    /// By field: the stream has such a label, whatever the stages have made of it.
    private var isOfStream = OwnedBuffer<Bool>()
    var arena = Arena()
    let nothing: ByteView
    let seed: UInt64

    init(fieldCount: Int, nothing: ByteView, seed: UInt64) {
        self.nothing = nothing
        self.seed = seed
        line = nothing
        details = nothing
        fields.append(repeating: Field(value: nothing, origin: .absent), count: fieldCount)
        isOfStream.append(repeating: false, count: fieldCount)
    }

    var fieldCount: Int { fields.count }

    /// Makes room for labels whose names were not known when the program was made.
    mutating func grow(to count: Int) {
        if count > fields.count {
            isOfStream.append(repeating: false, count: count - fields.count)
            fields.append(repeating: Field(value: nothing, origin: .absent), count: count - fields.count)
        }
    }

    /// Puts the labels of another stream in place; the changes of the last line must be gone.
    mutating func setBase(_ labels: [(id: FieldID, value: ByteView)]) {
        precondition(changes.count == 0, "the last line's labels are still there")
        for index in 0..<fields.count {
            fields[index] = Field(value: nothing, origin: .absent)
            isOfStream[index] = false
        }
        for label in labels {
            fields[label.id.value] = Field(value: label.value, origin: .stream)
            isOfStream[label.id.value] = true
        }
    }

    mutating func begin(_ line: ByteView, time: Timestamp) {
        rewindAll()
        self.line = line
        self.time = time
        failure = .none
        details = nothing
        arena.reset()
    }

    mutating func rewindAll() {
        rewindChanges(to: 0)
    }

    var mark: Mark {
        Mark(changes: changes.count, line: line, failure: failure, details: details, unwrapped: unwrapped)
    }

    mutating func rewind(to mark: Mark) {
        rewindChanges(to: mark.changes)
        line = mark.line
        failure = mark.failure
        details = mark.details
        unwrapped = mark.unwrapped
    }

    private mutating func rewindChanges(to count: Int) {
        var index = changes.count
        while index > count {
            index -= 1
            let change = changes[index]
            fields[change.id.value] = change.old
        }
        changes.truncate(to: count)
    }

    func origin(_ id: FieldID) -> Field.Origin { fields[id.value].origin }
    func stage(_ id: FieldID) -> UInt16 { fields[id.value].stage }
    func isTwin(_ id: FieldID) -> Bool { fields[id.value].isTwin }
    func isPresent(_ id: FieldID) -> Bool { fields[id.value].isPresent }
    func isOfStream(_ id: FieldID) -> Bool { isOfStream[id.value] }

    /// True when a stage or the metadata has added, changed or taken away a label.
    var isChanged: Bool { changes.count > 0 }

    /// A parser has given the line this label, whatever became of it since.
    func isExtracted(_ id: FieldID) -> Bool {
        fields[id.value].stage != Field.noStage && fields[id.value].stage != Field.setStage
    }

    mutating func set(_ id: FieldID, _ field: Field) {
        changes.append(Change(id: id, old: fields[id.value]))
        fields[id.value] = field
    }

    /// The value of a label, decoded; empty when there is none.
    mutating func value(_ id: FieldID) -> ByteView {
        let field = fields[id.value]
        switch field.origin {
        case .absent, .dropped: return nothing
        case .stream, .metadata, .parsed:
            return field.form == .plain ? field.value : decode(id, field)
        }
    }

    /// The hash of a label's value, computed once per line.
    mutating func hash(_ id: FieldID) -> UInt64 {
        let known = fields[id.value].hash
        if known != 0 { return known }
        let computed = value(id).hash(seed: seed) | 1
        fields[id.value].hash = computed
        return computed
    }

    // Not logged as a change: the same value in another spelling.
    private mutating func decode(_ id: FieldID, _ field: Field) -> ByteView {
        let room = unsafe arena.reserve(field.value.count)
        let written = unsafe unescapeJSON(field.value, into: room) ?? 0
        let view = arena.commit(written)
        fields[id.value].value = view
        fields[id.value].form = .plain
        return view
    }
}
