import Records

/// What the header of one syslog message says: where each field stands in the frame, without a copy.
///
/// An absent field, and the NILVALUE `-` of RFC 5424, is an empty range.
struct SyslogHeader: BitwiseCopyable {
    /// The format that was recognised, per message: senders of both kinds share one port.
    enum Version: UInt8, BitwiseCopyable {
        /// Neither format: `message` is the raw line (without PRI, where that could be read).
        case none
        case rfc3164
        case rfc5424
    }

    var version = Version.none
    /// Facility × 8 + severity, at most 191; 13 (user, notice) where the frame has none, as RFC 3164 §4.3.3 says.
    var priority: UInt8 = 13
    /// The sender's time; nil where the frame has none.
    var time: Timestamp?
    var hostname = ByteRange(start: 0, count: 0)
    var appName = ByteRange(start: 0, count: 0)
    var procID = ByteRange(start: 0, count: 0)
    var msgID = ByteRange(start: 0, count: 0)
    /// All elements, from the first `[` to the last `]`; they were checked, so that `StructuredDataReader` can read them.
    var structuredData = ByteRange(start: 0, count: 0)
    /// MSG without its byte order mark.
    var message: ByteRange

    var facility: Int { Int(priority >> 3) }
    var severity: Int { Int(priority & 7) }

    /// The longest hostname, app-name, proc-id or msg-id; a longer one means that this is no header.
    ///
    /// RFC 5424 allows 255, 48, 128 and 32 bytes; in the field, names of containers are longer than 48.
    static let maximumFieldBytes = 255

    /// Reads the header of a frame that is at most 4 GiB long. Never fails: what cannot be read stays in `message`.
    init(_ bytes: Span<UInt8>, clock: SyslogClock) {
        message = ByteRange(start: 0, count: bytes.count)
        var start = 0
        let hasPriority = readPriority(bytes, &start)
        if hasPriority, readRFC5424(bytes, start, clock) { return }
        if readRFC3164(bytes, start, clock, hasPriority: hasPriority) { return }
        setMessage(bytes, start)
    }

    /// `<0>` to `<191>`, one to three digits.
    private mutating func readPriority(_ bytes: Span<UInt8>, _ at: inout Int) -> Bool {
        guard bytes.count >= 3, bytes[0] == UInt8(ascii: "<") else { return false }
        var value = 0
        var index = 1
        while index < bytes.count, index < 4, let digit = decimalDigit(bytes[index]) {
            value = value * 10 + digit
            index += 1
        }
        guard index > 1, index < bytes.count, bytes[index] == UInt8(ascii: ">"), value <= 191 else { return false }
        priority = UInt8(value)
        at = index + 1
        return true
    }

    /// The message is everything from here on, but for a byte order mark.
    mutating func setMessage(_ bytes: Span<UInt8>, _ start: Int) {
        var start = start
        if start + 3 <= bytes.count, bytes[start] == 0xEF, bytes[start + 1] == 0xBB, bytes[start + 2] == 0xBF {
            start += 3
        }
        message = ByteRange(start: start, count: bytes.count - start)
    }
}

/// What reading a header needs to know about time: the year and the zone that RFC 3164 leaves out.
struct SyslogClock: BitwiseCopyable {
    /// Now: a date without a year is taken to be in the year that puts it nearest to this.
    var now: Timestamp
    /// Seconds east of UTC of dates without a zone.
    var offsetSeconds: Int64 = 0
}

/// The value of an ASCII digit.
func decimalDigit(_ byte: UInt8) -> Int? {
    let digit = byte &- UInt8(ascii: "0")
    return digit < 10 ? Int(digit) : nil
}

/// The range up to the next space or the end, and `at` behind it (on the space).
func syslogToken(_ bytes: Span<UInt8>, _ at: inout Int) -> Range<Int> {
    let start = at
    while at < bytes.count, bytes[at] != UInt8(ascii: " ") { at += 1 }
    return start..<at
}

extension ByteRange {
    init(_ range: Range<Int>) {
        self.init(start: range.lowerBound, count: range.count)
    }
}
