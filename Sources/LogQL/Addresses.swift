/// Whether a text is what `ip(…)` takes: an address, a network `a.b.c.d/n` (host bits allowed), or a range `first-last` of one family.
public func isAddressPattern(_ text: String) -> Bool {
    if parseAddress(text) != nil { return true }
    if let slash = text.lastIndex(of: "/") {
        let digits = text[text.index(after: slash)...]
        guard let address = parseAddress(String(text[..<slash])), !digits.isEmpty, digits.utf8.count <= 3,
            digits.utf8.allSatisfy(isDigit), digits == "0" || digits.utf8.first != UInt8(ascii: "0"),
            let length = Int(digits)
        else { return false }
        return length <= address.count * 8
    }
    guard let dash = text.firstIndex(of: "-"), let first = parseAddress(String(text[..<dash])),
        let last = parseAddress(String(text[text.index(after: dash)...])), first.count == last.count
    else { return false }
    return !last.lexicographicallyPrecedes(first)
}

/// The 4 bytes of an IPv4 address or the 16 of an IPv6 address, in network order; nil for anything else, zones included.
public func parseAddress(_ text: String) -> [UInt8]? {
    let bytes = Array(text.utf8)
    guard bytes.count <= 45 else { return nil }
    return bytes.contains(UInt8(ascii: ":")) ? parseIPv6(bytes) : parseIPv4(bytes[...])
}

private func parseIPv4(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var address: [UInt8] = []
    for part in parts {
        guard (1...3).contains(part.count), part.allSatisfy(isDigit),
            part.count == 1 || part.first != UInt8(ascii: "0"),
            let value = UInt8(String(decoding: part, as: UTF8.self))
        else { return nil }
        address.append(value)
    }
    return address
}

private func parseIPv6(_ bytes: [UInt8]) -> [UInt8]? {
    var address: [UInt8] = []
    /// Where `::` stands, in bytes of the address.
    var gap: Int?
    var position = 0
    if bytes.starts(with: "::".utf8) {
        gap = 0
        position = 2
    }
    while position < bytes.count {
        let digits = bytes[position...].prefix { hexadecimalValue($0) != nil }
        guard (1...4).contains(digits.count), address.count < 16 else { return nil }
        if position + digits.count < bytes.count, bytes[position + digits.count] == UInt8(ascii: ".") {
            guard address.count <= 12, let tail = parseIPv4(bytes[position...]) else { return nil }
            address += tail
            position = bytes.count
            break
        }
        let value = digits.reduce(UInt16(0)) { $0 << 4 | UInt16(hexadecimalValue($1) ?? 0) }
        address += [UInt8(value >> 8), UInt8(value & 0xFF)]
        position += digits.count
        guard position < bytes.count else { break }
        guard bytes[position] == UInt8(ascii: ":"), position + 1 < bytes.count else { return nil }
        position += 1
        if bytes[position] == UInt8(ascii: ":") {
            guard gap == nil else { return nil }
            gap = address.count
            position += 1
        }
    }
    guard let gap else { return address.count == 16 ? address : nil }
    guard address.count < 16 else { return nil }
    address.insert(contentsOf: [UInt8](repeating: 0, count: 16 - address.count), at: gap)
    return address
}
