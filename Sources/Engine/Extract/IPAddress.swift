/// An IP address as Go's `netip` reads it; an IPv4-mapped IPv6 address is IPv6.
struct IPAddress: BitwiseCopyable, Hashable, Comparable {
    let isVersion4: Bool
    let high: UInt64
    let low: UInt64

    init(isVersion4: Bool, high: UInt64, low: UInt64) {
        self.isVersion4 = isVersion4
        self.high = high
        self.low = low
    }

    static func < (left: IPAddress, right: IPAddress) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// Reads the whole of `text`; nil when it is no address.
    init?(_ text: ByteView) {
        guard let kind = text.firstIndex(of: UInt8(ascii: ":")) == nil ? Self.version4(text) : Self.version6(text)
        else { return nil }
        self = kind
    }

    /// Four decimal numbers without leading zeros.
    private static func version4(_ text: ByteView) -> IPAddress? {
        var value: UInt64 = 0
        var fields = 0
        var number = 0
        var digits = 0
        guard text.count <= 15 else { return nil }
        for offset in 0...text.count {
            let byte = offset < text.count ? text[offset] : UInt8(ascii: ".")
            if byte == UInt8(ascii: ".") {
                guard digits > 0, fields < 4 else { return nil }
                value = value << 8 | UInt64(number)
                fields += 1
                (number, digits) = (0, 0)
            } else {
                guard byte &- UInt8(ascii: "0") < 10, !(digits > 0 && number == 0) else { return nil }
                number = number * 10 + Int(byte - UInt8(ascii: "0"))
                digits += 1
                guard number <= 255 else { return nil }
            }
        }
        return fields == 4 ? IPAddress(isVersion4: true, high: 0, low: value) : nil
    }

    /// Groups of up to four hexadecimal digits, one `::`, perhaps an IPv4 address at the end.
    private static func version6(_ text: ByteView) -> IPAddress? {
        var groups = (high: UInt64(0), low: UInt64(0))
        var count = 0
        var gap: Int?
        var offset = 0
        func push(_ group: UInt64) {
            groups = (groups.high << 16 | groups.low >> 48, groups.low << 16 | group)
            count += 1
        }
        if text.count >= 2, text[0] == UInt8(ascii: ":") {
            guard text[1] == UInt8(ascii: ":") else { return nil }
            gap = 0
            offset = 2
        }
        while offset < text.count {
            guard count < 8 else { return nil }
            let start = offset
            var group: UInt64 = 0
            while offset < text.count, offset - start < 5, let digit = JSONEscape.hexDigit(text[offset]) {
                group = group << 4 | UInt64(digit)
                offset += 1
            }
            if offset < text.count, text[offset] == UInt8(ascii: ".") {
                guard count <= 6, let tail = version4(text[start..<text.count]) else { return nil }
                push(tail.low >> 16)
                push(tail.low & 0xFFFF)
                break
            }
            guard offset > start, offset - start <= 4 else { return nil }
            push(group)
            guard offset < text.count else { break }
            guard text[offset] == UInt8(ascii: ":"), offset + 1 < text.count else { return nil }
            offset += 1
            if text[offset] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = count
                offset += 1
            }
        }
        guard let gap else {
            return count == 8 ? IPAddress(isVersion4: false, high: groups.high, low: groups.low) : nil
        }
        guard count < 8 else { return nil }
        return spread(groups, count: count, gap: gap)
    }

    /// Puts zeros where the `::` is: behind the first `gap` of `count` groups.
    private static func spread(_ groups: (high: UInt64, low: UInt64), count: Int, gap: Int) -> IPAddress {
        func group(_ index: Int) -> UInt64 {
            let shift = (count - 1 - index) * 16
            return (shift >= 64 ? groups.high >> UInt64(shift - 64) : groups.low >> UInt64(shift)) & 0xFFFF
        }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for place in 0..<8 {
            let value: UInt64 =
                place < gap ? group(place) : place < gap + 8 - count ? 0 : group(place - (8 - count))
            high = high << 16 | low >> 48
            low = low << 16 | value
        }
        return IPAddress(isVersion4: false, high: high, low: low)
    }

    /// With all bits behind the first `length` set to `bit`.
    func filled(behind length: Int, with bit: Bool) -> IPAddress {
        let width = isVersion4 ? 32 : 128
        var (high, low) = (self.high, self.low)
        let free = width - length
        let lowMask = free >= 64 ? UInt64.max : (1 << UInt64(free)) - 1
        let highMask = free <= 64 ? 0 : free == 128 ? UInt64.max : (1 << UInt64(free - 64)) - 1
        if bit {
            (high, low) = (high | highMask, low | lowMask)
        } else {
            (high, low) = (high & ~highMask, low & ~lowMask)
        }
        return IPAddress(isVersion4: isVersion4, high: high, low: isVersion4 ? low & 0xFFFF_FFFF : low)
    }
}
