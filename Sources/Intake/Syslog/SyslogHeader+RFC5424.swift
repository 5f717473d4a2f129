import Records

extension SyslogHeader {
    /// Reads `1 SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP SD [SP MSG]` (RFC 5424 §6); false when it is
    /// something else.
    ///
    /// Tolerated: a header that ends early, empty fields, and a message where the structured data should be, as
    /// Heroku's drains send it.
    mutating func readRFC5424(_ bytes: Span<UInt8>, _ start: Int, _ clock: SyslogClock) -> Bool {
        guard start + 3 <= bytes.count, bytes[start] == UInt8(ascii: "1"), bytes[start + 1] == UInt8(ascii: " ") else {
            return false
        }
        var at = start + 2
        var found = self
        if bytes[at] == UInt8(ascii: "-") {
            at += 1
        } else if let time = SyslogTime.iso(bytes, &at, clock, spaceAllowed: false) {
            found.time = time
        } else {
            return false
        }
        guard at == bytes.count || bytes[at] == UInt8(ascii: " ") else { return false }
        for field in 0..<4 {
            guard at < bytes.count else { break }
            at += 1
            let token = syslogToken(bytes, &at)
            guard token.count <= Self.maximumFieldBytes else { return false }
            let isNil = token.count == 1 && bytes[token.lowerBound] == UInt8(ascii: "-")
            found.setField(field, isNil ? ByteRange(start: 0, count: 0) : ByteRange(token))
        }
        if at < bytes.count { at += 1 }
        found.readStructuredData(bytes, &at)
        found.setMessage(bytes, at)
        found.version = .rfc5424
        self = found
        return true
    }

    private mutating func setField(_ index: Int, _ range: ByteRange) {
        switch index {
        case 0: hostname = range
        case 1: appName = range
        case 2: procID = range
        default: msgID = range
        }
    }

    /// Leaves `at` at the start of the message.
    private mutating func readStructuredData(_ bytes: Span<UInt8>, _ at: inout Int) {
        guard at < bytes.count else { return }
        var end = at
        switch bytes[at] {
        case UInt8(ascii: "-"): end = at + 1
        case UInt8(ascii: "["):
            guard let checked = StructuredDataReader.end(bytes, at) else { return }
            end = checked
        default: return
        }
        guard end == bytes.count || bytes[end] == UInt8(ascii: " ") else { return }
        if bytes[at] == UInt8(ascii: "[") { structuredData = ByteRange(at..<end) }
        at = min(end + 1, bytes.count)
    }
}

/// Walks the parameters of structured data: `[id name="value" …][id …]` (RFC 5424 §6.3).
struct StructuredDataReader {
    /// One `name="value"`, as ranges of the frame.
    struct Parameter {
        var id: Range<Int>
        var name: Range<Int>
        /// Between the quotes, escapes still in place.
        var value: Range<Int>
        /// The value has a `\"`, `\\` or `\]`.
        var hasEscapes: Bool
    }

    private var at: Int
    private let end: Int
    private var id = 0..<0

    /// `range` is the header's `structuredData`.
    init(_ range: ByteRange) {
        at = range.range.lowerBound
        end = range.range.upperBound
    }

    /// The next parameter; nil at the end.
    mutating func next(_ bytes: Span<UInt8>) -> Parameter? {
        while at < end {
            if bytes[at] == UInt8(ascii: "[") {
                at += 1
                guard let name = Self.name(bytes, &at) else { return nil }
                id = name
            } else if bytes[at] == UInt8(ascii: " ") {
                at += 1
            } else if bytes[at] == UInt8(ascii: "]") {
                at += 1
            } else {
                return Self.parameter(bytes, &at, id: id)
            }
        }
        return nil
    }

    /// Where the elements that begin at `start` end; nil when they are not well-formed.
    static func end(_ bytes: Span<UInt8>, _ start: Int) -> Int? {
        var at = start
        while at < bytes.count, bytes[at] == UInt8(ascii: "[") {
            at += 1
            guard let id = name(bytes, &at) else { return nil }
            while true {
                guard at < bytes.count else { return nil }
                if bytes[at] == UInt8(ascii: "]") { break }
                guard bytes[at] == UInt8(ascii: " ") else { return nil }
                while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
                if at < bytes.count, bytes[at] == UInt8(ascii: "]") { break }
                guard parameter(bytes, &at, id: id) != nil else { return nil }
            }
            at += 1
        }
        return at
    }

    /// An SD-NAME: anything printable but `=`, space, `]` and `"`, at most 255 bytes (the RFC says 32).
    private static func name(_ bytes: Span<UInt8>, _ at: inout Int) -> Range<Int>? {
        let start = at
        while at < bytes.count {
            let byte = bytes[at]
            if byte <= 0x20 || byte == UInt8(ascii: "=") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "\"") {
                break
            }
            at += 1
        }
        return at > start && at - start <= SyslogHeader.maximumFieldBytes ? start..<at : nil
    }

    private static func parameter(_ bytes: Span<UInt8>, _ at: inout Int, id: Range<Int>) -> Parameter? {
        guard let name = name(bytes, &at), at + 1 < bytes.count, bytes[at] == UInt8(ascii: "="),
            bytes[at + 1] == UInt8(ascii: "\"")
        else { return nil }
        at += 2
        let start = at
        var hasEscapes = false
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
            if bytes[at] == UInt8(ascii: "\\") {
                hasEscapes = true
                at += 1
            }
            at += 1
        }
        guard at < bytes.count else { return nil }
        at += 1
        return Parameter(id: id, name: name, value: start..<at - 1, hasEscapes: hasEscapes)
    }
}
