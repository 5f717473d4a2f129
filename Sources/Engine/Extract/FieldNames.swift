/// A label name of a program by number: an index into the record's field table.
struct FieldID: BitwiseCopyable, Hashable {
    var index: UInt16

    init(_ index: Int) { self.index = UInt16(index) }
    var value: Int { Int(index) }
}

/// One label that a parser took from a line.
struct ExtractedField: BitwiseCopyable {
    enum Form: UInt8 {
        /// The bytes are the value.
        case plain
        /// The bytes are the inside of a JSON string that has at least one backslash: decode before use.
        case escaped
    }
    var id: FieldID
    var form: Form
    var value: ByteView
}
