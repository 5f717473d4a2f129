public import Records

// Unsafe: the view of a line is taken for the length of one call.

/// Reads the time of a line from the line itself: from a field, or from a place that a regular expression finds.
///
/// One owner. Reading takes no allocation once the buffers have their size, except for values with escapes.
public struct LineClock: ~Copyable {
    /// Where the time stands in a line and how it is written.
    public struct Form: Sendable, Hashable {
        /// Where the time stands.
        public enum Place: Sendable, Hashable {
            /// A key of JSON (with dots: of inner objects) when the line begins with `{`, a key of logfmt otherwise.
            case field(String)
            /// The only named group of the expression's first match.
            case regex(String)
        }

        /// How the time is written.
        public enum Notation: Sendable, Hashable {
            case rfc3339
            /// A decimal number of units of 10⁻ⁿ seconds since 1970: 0 for seconds, 3 for milliseconds.
            case unix(Int)
            /// A layout of Go's `time` package.
            case layout(String)

            /// `rfc3339`, `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a Go layout; nil when it is none of them.
            public init?(_ text: String) {
                switch text {
                case "rfc3339": self = .rfc3339
                case "unix": self = .unix(0)
                case "unix_ms": self = .unix(3)
                case "unix_us": self = .unix(6)
                case "unix_ns": self = .unix(9)
                default:
                    // Nearly any text is a layout for Go, 'rfc3393' too; one without a year, a month or minutes is a slip.
                    guard ["2006", "Jan", "04", ":4"].contains(where: { text.contains($0) }), TimeLayout(text) != nil
                    else { return nil }
                    self = .layout(text)
                }
            }
        }

        public var place: Place
        public var notation: Notation

        public init(place: Place, notation: Notation = .rfc3339) {
            self.place = place
            self.notation = notation
        }
    }

    /// Why a form cannot be used; lower case, no full stop.
    public struct Problem: Error, Sendable {
        public var message: String

        public init(message: String) { self.message = message }
    }

    private let notation: Form.Notation
    private let layout: TimeLayout?
    private let reference: Timestamp
    private let regexes: RegexSet
    private let regex: (regex: Regex, group: Int)?
    private var json: JSONPathScanner?
    private var logfmt: LogfmtScanner
    private var names: NameTable
    private var fields: FieldBuffer
    private var copy: OwnedBuffer<UInt8>
    private var decoded: OwnedBuffer<UInt8>

    /// `reference` gives the date or the year where a layout has none: usually now.
    public init(_ form: Form, reference: Timestamp) throws(Problem) {
        // Nothing may throw once a part that cannot be copied is there.
        let parts = try Parts(form)
        notation = form.notation
        layout = parts.layout
        self.reference = reference
        regexes = parts.regexes
        regex = parts.regex
        json = parts.json
        logfmt = LogfmtScanner(targets: parts.targets, seed: 0, stopsAtFirst: true)
        names = parts.names
        fields = FieldBuffer(capacity: 8)
        copy = OwnedBuffer(capacity: 1_024)
        decoded = OwnedBuffer(capacity: 128)
    }

    private struct Parts {
        var layout: TimeLayout?
        let regexes = RegexSet()
        var regex: (regex: Regex, group: Int)?
        var json: JSONPathScanner?
        var targets: [LogfmtTarget] = []
        var names = NameTable(seed: 0)

        init(_ form: Form) throws(Problem) {
            switch form.notation {
            case .layout(let text):
                layout = TimeLayout(text)
                guard layout != nil else { throw Problem(message: "'\(text)' is no layout of a time") }
            case .rfc3339, .unix: break
            }
            switch form.place {
            case .field(let name): try setField(name)
            case .regex(let pattern): try setRegex(pattern)
            }
        }

        private mutating func setField(_ name: String) throws(Problem) {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard !name.isEmpty, parts.allSatisfy({ !$0.isEmpty }), let id = names.id(forName: "time") else {
                throw Problem(message: "wanted the name of a field, found '\(name)'")
            }
            let path = parts.map { part in
                "[\"" + part.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\"]"
            }
            do throws(ExpressionError) {
                json = JSONPathScanner([(try JSONPath(path.joined()), id)])
            } catch {
                throw Problem(message: "wanted the name of a field, found '\(name)'")
            }
            // The scanner compares keys as the label names that they would become.
            let label = LineClock.labelName(name)
            targets = [LogfmtTarget(name: label, expression: label, id: id)]
        }

        private mutating func setRegex(_ pattern: String) throws(Problem) {
            do throws(RegexError) {
                let compiled = try regexes.compile(pattern, capturing: true)
                guard compiled.groups.count == 1 else {
                    throw RegexError(
                        message: "wanted one named group, such as (?P<time>[^ ]+), found \(compiled.groups.count)",
                        offset: 0)
                }
                regex = (compiled.regex, compiled.groups[0].number)
            } catch {
                throw Problem(message: "the regular expression '\(pattern)': \(error.message)")
            }
        }
    }

    private static func labelName(_ key: String) -> String {
        let store = ByteStore()
        var name: [UInt8] = []
        withExtendedLifetime(store) { LabelName.append(store.keep(key.utf8), to: &name) }
        return String(decoding: name, as: UTF8.self)
    }

    /// The time that the line says; nil where there is none that can be read.
    public mutating func time(of line: Span<UInt8>) -> Timestamp? {
        copy.removeAll()
        unsafe line.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            copy.append(unsafe ByteView(base: base, count: bytes.count))
        }
        let view = copy.paddedView()
        guard let value = value(in: view) else { return nil }
        switch notation {
        case .rfc3339: return TimeText.rfc3339(value)
        case .layout: return layout?.time(value, reference: reference)
        case .unix(let power):
            var cursor = TimeCursor(value)
            let nanoseconds = cursor.decimal(exponent: 9 - power)
            return cursor.isAtEnd ? nanoseconds.map { Timestamp(nanoseconds: $0) } : nil
        }
    }

    private mutating func value(in line: ByteView) -> ByteView? {
        if let regex {
            guard regex.regex.matches(line) == .match, let range = regex.regex.group(regex.group) else { return nil }
            return line[range]
        }
        fields.removeAll()
        if line.peek(0) == UInt8(ascii: "{"), !line.isEmpty {
            _ = json?.scan(line, into: &fields)
        } else {
            _ = logfmt.scan(line, into: &fields, names: &names)
        }
        guard fields.count > 0 else { return nil }
        let field = fields[fields.count - 1]
        switch field.form {
        case .plain: return field.value
        case .escaped:
            decoded.removeAll()
            for byte in field.decoded { decoded.append(byte) }
            return decoded.paddedView()
        }
    }
}
