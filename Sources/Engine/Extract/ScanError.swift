/// What was wrong with a line that a parser read; the labels found before stay.
enum ScanError: UInt8, BitwiseCopyable, CaseIterable, Sendable {
    case none
    /// No `{` where an object must begin, no `"` or `}` where a key belongs, something other than `,` or `}` behind a
    /// value, or an inner object without an end.
    case object
    /// A value that is neither string, number, literal, array nor object.
    case value
    case string
    case array
    /// The line ends in or behind a key, or before a value.
    case malformed
    /// A key with an escape that cannot be decoded.
    case escape
    /// `json` with paths: the line does not begin like JSON.
    case notJSON
    /// `logfmt --strict`; the scanner says where and why.
    case logfmt
    /// `unpack`: the line does not begin with `{`.
    case packed

    /// `__error_details__` as Loki words it; empty when there are none, and for `logfmt`, which makes its own.
    var details: StaticString {
        switch self {
        case .none, .notJSON, .logfmt: ""
        case .object: "Value looks like object, but can't find closing '}' symbol"
        case .value: "Unknown value type"
        case .string: "Value is string, but can't find closing '\"' symbol"
        case .array: "Value is array, but can't find closing ']' symbol"
        case .malformed: "Malformed JSON error"
        case .packed: "expecting json object(6), but it is not"
        case .escape: "Encountered an invalid escape sequence in a string"
        }
    }
}
