/// `ip("...")` of line and label filters: an address, a block or a range, looked for in text.
struct IPFilter: BitwiseCopyable {
    private let first: IPAddress
    private let last: IPAddress

    /// Reads the argument: `10.0.0.1`, `10.0.0.0/8` or `10.0.0.1-10.0.0.9`.
    init(_ pattern: String) throws(ExpressionError) {
        let store = ByteStore()
        let text = store.keep(pattern.utf8)
        let range = withExtendedLifetime(store) { Self.range(text) }
        guard let range else { throw ExpressionError(message: "ip: invalid pattern: \"\(pattern)\"") }
        (first, last) = range
    }

    private static func range(_ text: ByteView) -> (IPAddress, IPAddress)? {
        if let dash = text.firstIndex(of: UInt8(ascii: "-")) {
            guard let first = IPAddress(text[0..<dash]), let last = IPAddress(text.dropping(dash + 1)),
                first.isVersion4 == last.isVersion4, !(last < first)
            else { return nil }
            return (first, last)
        }
        if let slash = text.firstIndex(of: UInt8(ascii: "/")) {
            let digits = text.dropping(slash + 1)
            guard let address = IPAddress(text[0..<slash]), let length = prefixLength(digits),
                length <= (address.isVersion4 ? 32 : 128)
            else { return nil }
            return (address.filled(behind: length, with: false), address.filled(behind: length, with: true))
        }
        return IPAddress(text).map { ($0, $0) }
    }

    private static func prefixLength(_ text: ByteView) -> Int? {
        guard (1...3).contains(text.count), text.count == 1 || text[0] != UInt8(ascii: "0") else { return nil }
        var length = 0
        for offset in 0..<text.count {
            guard text[offset] &- UInt8(ascii: "0") < 10 else { return nil }
            length = length * 10 + Int(text[offset] - UInt8(ascii: "0"))
        }
        return length
    }

    func contains(_ address: IPAddress) -> Bool {
        address.isVersion4 == first.isVersion4 && !(address < first) && !(last < address)
    }

    /// Whether one of the addresses in `text` is meant. Candidates are found from the left by their first bytes; what
    /// belongs to a candidate is not looked at again, nor is the byte behind it.
    func matches(_ text: ByteView) -> Bool {
        var offset = 0
        while offset < text.count {
            let isVersion4 = Self.startsVersion4(text, offset)
            guard isVersion4 || Self.startsVersion6(text, offset) else {
                offset += 1
                continue
            }
            var end = offset
            while end < text.count, Self.belongs(text.peek(end), version4: isVersion4) { end += 1 }
            // 45 bytes is the longest address.
            if end - offset <= 45, let address = IPAddress(text[offset..<end]), contains(address) { return true }
            offset = end + 1
        }
        return false
    }

    @inline(__always)
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    @inline(__always)
    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 6
    }

    @inline(__always)
    private static func belongs(_ byte: UInt8, version4: Bool) -> Bool {
        if isDigit(byte) || byte == UInt8(ascii: ".") { return true }
        return !version4 && (isHexDigit(byte) || byte == UInt8(ascii: ":"))
    }

    @inline(__always)
    private static func startsVersion4(_ text: ByteView, _ offset: Int) -> Bool {
        guard offset + 3 < text.count, isDigit(text.peek(offset)) else { return false }
        let dot = UInt8(ascii: ".")
        return text.peek(offset + 1) == dot || text.peek(offset + 2) == dot || text.peek(offset + 3) == dot
    }

    @inline(__always)
    private static func startsVersion6(_ text: ByteView, _ offset: Int) -> Bool {
        guard offset + 4 < text.count else { return false }
        let colon = UInt8(ascii: ":")
        if text.peek(offset) == colon { return text.peek(offset + 1) == colon && isHexDigit(text.peek(offset + 2)) }
        for distance in 0..<5 {
            let byte = text.peek(offset + distance)
            if byte == colon { return distance > 0 }
            guard isHexDigit(byte) else { return false }
        }
        return false
    }
}
