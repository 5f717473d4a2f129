/// A path of `json name="a.b[0]["c d"]"`.
struct JSONPath: Equatable {
    enum Step: Equatable {
        case key([UInt8])
        case index(Int)
    }

    private(set) var steps: [Step] = []

    /// Reads a path; the message of an error is Loki's.
    init(_ text: String) throws(ExpressionError) {
        var reader = Reader(Array(text.utf8))
        func fail(_ token: Reader.Token, _ expected: String) -> ExpressionError {
            ExpressionError(
                message:
                    "cannot parse expression [\(text)]: syntax error: unexpected \(token.name), expecting \(expected)")
        }
        switch reader.next() {
        case .field(let name): steps.append(.key(name))
        case .open: steps.append(try Self.bracket(&reader, fail))
        case let other: throw fail(other, "LSB or FIELD")
        }
        while true {
            switch reader.next() {
            case .end: return
            case .open: steps.append(try Self.bracket(&reader, fail))
            case .dot:
                let token = reader.next()
                guard case .field(let name) = token else { throw fail(token, "FIELD") }
                steps.append(.key(name))
            case let other: throw fail(other, "LSB or DOT or $end")
            }
        }
    }

    private static func bracket(
        _ reader: inout Reader, _ fail: (Reader.Token, String) -> ExpressionError
    ) throws(ExpressionError) -> Step {
        let token = reader.next()
        let step: Step
        switch token {
        case .string(let name): step = .key(name)
        case .index(let number): step = .index(number)
        case .end, .dot, .open, .close, .field: throw fail(token, "STRING or INDEX")
        }
        let closing = reader.next()
        guard case .close = closing else { throw fail(closing, "RSB") }
        return step
    }

    /// The tokens of a path. A byte that begins none ends the path, as in Loki.
    private struct Reader {
        enum Token {
            case end, dot, open, close
            case field([UInt8]), string([UInt8])
            case index(Int)

            var name: String {
                switch self {
                case .end: "$end"
                case .dot: "DOT"
                case .open: "LSB"
                case .close: "RSB"
                case .field: "FIELD"
                case .string: "STRING"
                case .index: "INDEX"
                }
            }
        }

        let bytes: [UInt8]
        var offset = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        mutating func next() -> Token {
            while offset < bytes.count, bytes[offset] <= 0x20 { offset += 1 }
            guard offset < bytes.count else { return .end }
            let start = offset
            offset += 1
            switch bytes[start] {
            case UInt8(ascii: "."): return .dot
            case UInt8(ascii: "["): return .open
            case UInt8(ascii: "]"): return .close
            case UInt8(ascii: "\""): return string()
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                while offset < bytes.count, bytes[offset] &- UInt8(ascii: "0") < 10 { offset += 1 }
                return Int(String(decoding: bytes[start..<offset], as: UTF8.self)).map { .index($0) } ?? .end
            case let byte where LabelName.isPlain(byte) || byte >= 0x80:
                while offset < bytes.count, LabelName.isPlain(bytes[offset]) || bytes[offset] >= 0x80 { offset += 1 }
                return .field(Array(bytes[start..<offset]))
            default:
                offset = bytes.count
                return .end
            }
        }

        /// The text up to the closing quote; a backslash takes the byte behind it as it is.
        private mutating func string() -> Token {
            var text: [UInt8] = []
            while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
                if bytes[offset] == UInt8(ascii: "\\"), offset + 1 < bytes.count { offset += 1 }
                text.append(bytes[offset])
                offset += 1
            }
            guard offset < bytes.count else { return .end }
            offset += 1
            return .string(text)
        }
    }
}
