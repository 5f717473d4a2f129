import CYAML

/// What libyaml saw next, copied out of its memory.
struct Event {
    enum Kind {
        case streamStart, streamEnd, documentStart, documentEnd, sequenceEnd, mappingEnd
        case alias(String)
        case scalar(String, Scalar.Style, anchor: String?, tag: String?)
        case sequenceStart(anchor: String?, tag: String?)
        case mappingStart(anchor: String?, tag: String?)
    }
    var kind: Kind
    /// In Unicode scalars from the beginning, as libyaml counts.
    var range: Range<Int>
}

/// Why libyaml could not go on.
struct SyntaxError: Error {
    var problem: String
    var context: String?
    /// In Unicode scalars from the beginning.
    var index: Int
    var contextIndex: Int?
    /// A byte offset, where libyaml knows no index because it could not even read the character.
    var byteOffset: Int?
}

/// libyaml's parser: one event at a time. The only file of this module with unsafe code.
///
/// What makes it sound: the parser and the copy of the text live in memory that this object allocates and frees,
/// and neither moves; every string of an event is copied before `yaml_event_delete` frees it; lengths come from
/// libyaml together with the pointer. Not usable after an error, which `failed` sees to.
@safe final class EventReader {
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private let text: UnsafeMutablePointer<UInt8>
    private var failed: SyntaxError?

    init(_ bytes: [UInt8]) {
        unsafe text = .allocate(capacity: max(1, bytes.count))
        for (index, byte) in bytes.enumerated() { unsafe text[index] = byte }
        if unsafe yaml_parser_initialize(parser) == 0 {
            failed = SyntaxError(problem: "out of memory", index: 0)
            return
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, text, bytes.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    func next() throws(SyntaxError) -> Event {
        if let failed { throw failed }
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) != 0 else {
            let error = syntaxError()
            failed = error
            throw error
        }
        defer { unsafe yaml_event_delete(&event) }
        let start = unsafe Int(event.start_mark.index)
        return unsafe Event(kind: kind(of: event), range: start..<max(start, Int(event.end_mark.index)))
    }

    private func kind(of event: yaml_event_t) -> Event.Kind {
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return .streamStart
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        case YAML_ALIAS_EVENT: return unsafe .alias(string(event.data.alias.anchor) ?? "")
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            return unsafe .sequenceStart(anchor: string(start.anchor), tag: string(start.tag))
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            return unsafe .mappingStart(anchor: string(start.anchor), tag: string(start.tag))
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let value = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return unsafe .scalar(
                String(decoding: value, as: UTF8.self), style(scalar.style), anchor: string(scalar.anchor),
                tag: string(scalar.tag))
        // libyaml's enum is open to Swift; YAML_NO_EVENT only follows the end of the stream.
        default: return .streamEnd
        }
    }

    private func style(_ style: yaml_scalar_style_t) -> Scalar.Style {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: .literal
        case YAML_FOLDED_SCALAR_STYLE: .folded
        default: .plain
        }
    }

    private func string(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(cString: pointer)
    }

    private func syntaxError() -> SyntaxError {
        let state = unsafe parser.pointee
        let problem = unsafe state.problem.map { unsafe String(cString: $0) } ?? "not YAML"
        guard unsafe state.error == YAML_SCANNER_ERROR || state.error == YAML_PARSER_ERROR else {
            return unsafe SyntaxError(problem: problem, index: 0, byteOffset: Int(state.problem_offset))
        }
        let context = unsafe state.context.map { unsafe String(cString: $0) }
        return unsafe SyntaxError(
            problem: problem, context: context, index: Int(state.problem_mark.index),
            contextIndex: context == nil ? nil : Int(state.context_mark.index))
    }
}
