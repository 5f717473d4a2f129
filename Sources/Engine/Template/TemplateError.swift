/// Why a text is no template, in the words of Go's parser.
struct TemplateError: Error {
    /// With Go's prefix: `template: line:1: unclosed action`.
    var message: String
    /// Where the parser stood, in bytes of the text.
    var offset: Int
}

/// Why a template failed on a line, in the words of Go's `text/template`: for `__error_details__`.
struct TemplateFailure: Error {
    var message: String
}

/// What bounds the work of a template, however hostile its text and the line are.
enum TemplateLimits {
    /// The longest template, in bytes.
    static let textBytes = 1 << 20
    /// How deep actions and parentheses may nest.
    static let nesting = 100
    /// How deep the evaluation may go: nested actions times nested `template` calls.
    static let depth = 250
    /// The longest result of one line, in bytes.
    static let outputBytes = 1 << 20
    /// Memory for the values of one line, in bytes.
    static let valueBytes = 8 << 20
    /// Nodes evaluated and 64-byte pieces of text worked on, for one line.
    static let steps = 1_000_000
    /// How deep a JSON text may nest.
    static let jsonDepth = 200
}

/// What a template reads on a line. Views must stay good until the execution is over.
protocol TemplateData: ~Copyable {
    /// The value of the label that `Template.bind` gave the number `slot`; nil or empty when there is none.
    mutating func value(ofSlot slot: Int) -> ByteView?
    /// Appends all labels of the line in any order, errors included.
    mutating func appendLabels(to labels: inout [TemplateLabel])
    /// What `__line__` is.
    var templateLine: ByteView { get }
    /// What `__timestamp__` is, in nanoseconds since 1970.
    var templateTime: Int64 { get }
}

/// A label as a template sees it.
struct TemplateLabel: BitwiseCopyable {
    var name: ByteView
    var value: ByteView
}
