/// Cuts a byte stream into syslog messages: octet counting and newline framing (RFC 6587 §3.4), told apart per frame.
///
/// The rule: a frame is counted when it begins with one to nine digits, the first not 0, a space and `<`. Everything
/// else is text up to the next LF or NUL: so a line such as `10 users`, a leading zero and a length of twenty digits
/// are text, and nothing is lost whatever a sender writes. NULs and line ends at a message's end are taken off, and
/// those between frames are skipped. A message over the limit is cut; its rest is read and forgotten.
///
/// A pure value: however the bytes are split into chunks, the frames are the same.
struct FrameDecoder {
    /// A message, and where its bytes are.
    struct Frame: Equatable {
        /// Within the chunk, or within `carried` when it began in an earlier one.
        var range: Range<Int>
        var isCarried: Bool
        /// The message was longer than the limit.
        var isCut: Bool
        /// The stream ended before the count was reached.
        var isIncomplete = false
    }

    private enum State {
        case between
        /// In what may be a count: digits so far, and whether the space has come.
        case length(digits: Int, value: Int, hasSpace: Bool)
        case counted(remaining: Int)
        case text
    }

    /// A longer message is cut to this many bytes.
    let maximumMessageBytes: Int
    /// The start of the frame that the last chunk did not finish; at most `maximumMessageBytes`.
    ///
    /// Also the bytes of a carried frame that was just returned, until the next call.
    private(set) var carried: [UInt8] = []
    private var state = State.between
    private var isCut = false
    private var isReturned = false

    /// The limit is at least 480 bytes, which RFC 5426 wants of any receiver.
    init(maximumMessageBytes: Int) {
        self.maximumMessageBytes = max(480, maximumMessageBytes)
    }

    /// Whether a frame has begun that the bytes so far do not finish.
    var isWithinFrame: Bool {
        switch state {
        case .between: false
        case .length, .counted, .text: true
        }
    }

    /// The next message of the chunk, with `offset` moved behind it; nil when the chunk is used up.
    mutating func next(in chunk: Span<UInt8>, from offset: inout Int) -> Frame? {
        forgetReturned()
        while offset < chunk.count {
            switch state {
            case .between: begin(chunk, &offset)
            case .length(let digits, let value, let hasSpace):
                readLength(chunk[offset], &offset, digits, value, hasSpace)
            case .counted(let remaining):
                if let frame = readCounted(chunk, &offset, remaining) { return frame }
            case .text:
                if let frame = readText(chunk, &offset) { return frame }
            }
        }
        return nil
    }

    /// The message that the end of the stream leaves unfinished, in `carried`; nil when there is none.
    mutating func finish() -> Frame? {
        forgetReturned()
        defer { state = .between }
        switch state {
        case .between: return nil
        case .length, .text: return carriedFrame()
        case .counted:
            guard var frame = carriedFrame() else { return nil }
            frame.isIncomplete = true
            return frame
        }
    }

    private mutating func forgetReturned() {
        guard isReturned else { return }
        // A long message must not keep its buffer for as long as the connection lives.
        carried.removeAll(keepingCapacity: carried.capacity <= 4_096)
        isReturned = false
        isCut = false
    }

    private mutating func begin(_ chunk: Span<UInt8>, _ offset: inout Int) {
        switch chunk[offset] {
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0: offset += 1
        case UInt8(ascii: "1")...UInt8(ascii: "9"): state = .length(digits: 0, value: 0, hasSpace: false)
        default: state = .text
        }
    }

    /// One byte of what may be `MSG-LEN SP <`; the bytes are kept in case that it is text.
    private mutating func readLength(
        _ byte: UInt8, _ offset: inout Int, _ digits: Int, _ value: Int, _ hasSpace: Bool
    ) {
        if hasSpace {
            if byte == UInt8(ascii: "<") {
                carried.removeAll(keepingCapacity: true)
                state = .counted(remaining: value)
            } else {
                state = .text
            }
        } else if byte == UInt8(ascii: " ") {
            carried.append(byte)
            offset += 1
            state = .length(digits: digits, value: value, hasSpace: true)
        } else if digits < 9, let digit = decimalDigit(byte) {
            carried.append(byte)
            offset += 1
            state = .length(digits: digits + 1, value: value * 10 + digit, hasSpace: false)
        } else {
            state = .text
        }
    }

    private mutating func readCounted(_ chunk: Span<UInt8>, _ offset: inout Int, _ remaining: Int) -> Frame? {
        let part = offset..<offset + min(remaining, chunk.count - offset)
        offset = part.upperBound
        guard part.count == remaining else {
            keep(chunk, part)
            state = .counted(remaining: remaining - part.count)
            return nil
        }
        state = .between
        return completed(chunk, part)
    }

    private mutating func readText(_ chunk: Span<UInt8>, _ offset: inout Int) -> Frame? {
        guard let end = frameTerminator(in: chunk, from: offset) else {
            keep(chunk, offset..<chunk.count)
            offset = chunk.count
            return nil
        }
        let part = offset..<end
        offset = end + 1
        state = .between
        return completed(chunk, part)
    }

    /// The message that ends with this part of the chunk; nil when nothing but line ends is in it.
    private mutating func completed(_ chunk: Span<UInt8>, _ part: Range<Int>) -> Frame? {
        if !carried.isEmpty {
            keep(chunk, part)
            return carriedFrame()
        }
        let cut = part.count > maximumMessageBytes
        let range = cut ? part.lowerBound..<part.lowerBound + maximumMessageBytes : part
        let trimmed = trimmedFrame(chunk, range)
        return trimmed.isEmpty ? nil : Frame(range: trimmed, isCarried: false, isCut: cut)
    }

    private mutating func carriedFrame() -> Frame? {
        isReturned = true
        let range = trimmedFrame(carried.span, 0..<carried.count)
        guard !range.isEmpty else {
            forgetReturned()
            return nil
        }
        return Frame(range: range, isCarried: true, isCut: isCut)
    }

    /// Appends a part of the chunk as far as the limit allows.
    private mutating func keep(_ chunk: Span<UInt8>, _ part: Range<Int>) {
        let room = maximumMessageBytes - carried.count
        if part.count > room { isCut = true }
        appendBytes(of: chunk, part.lowerBound..<part.lowerBound + min(part.count, room), to: &carried)
    }
}

/// The range without the NULs and line ends at its end.
func trimmedFrame(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var end = range.upperBound
    while end > range.lowerBound {
        let last = bytes[end - 1]
        guard last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") || last == 0 else { break }
        end -= 1
    }
    return range.lowerBound..<end
}
