@testable import Engine

/// What the `logfmt` stage should find in a line, the slow and obvious way: over an array, one byte at a time.
struct LogfmtReference {
    private let text: [UInt8]
    private let strict: Bool
    private let keepsEmpty: Bool
    private(set) var labels: [String: String] = [:]
    /// What ends a strict scan, in the words of `__error_details__`.
    private(set) var details = ""
    /// Which key gave each label: the first one may give it again, another may not.
    private var givers: [String: [UInt8]] = [:]

    init(_ text: [UInt8], strict: Bool = false, keepsEmpty: Bool = false) {
        self.text = text
        self.strict = strict
        self.keepsEmpty = keepsEmpty
        var offset = 0
        while let next = pair(from: offset) { offset = next }
    }

    private func end(_ start: Int, _ isEnd: (UInt8) -> Bool) -> Int {
        text[start...].firstIndex(where: isEnd) ?? text.count
    }

    /// The offset behind the pair that follows; nil at the end of the line.
    private mutating func pair(from offset: Int) -> Int? {
        let start = end(offset) { $0 > 0x20 }
        guard start < text.count else { return nil }
        let stop = end(start) { $0 <= 0x20 || $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "\"") }
        let sign = stop < text.count ? text[stop] : 0x20
        let key = Array(text[start..<stop])
        if sign == UInt8(ascii: "\"") { return fail("unexpected '\"'", stop, goingOnAt: afterWord(stop)) }
        if sign == UInt8(ascii: "="), key.isEmpty { return fail("unexpected '='", stop, goingOnAt: afterWord(stop)) }
        if Self.repaired(key) != key { return fail("invalid key", stop, goingOnAt: stop) }
        guard sign == UInt8(ascii: "=") else {
            take(key, [])
            return stop
        }
        let first = stop + 1
        if first < text.count, text[first] == UInt8(ascii: "\"") { return quoted(key, first + 1) }
        let last = end(first) { $0 <= 0x20 || $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "\"") }
        if last < text.count, text[last] > 0x20 {
            return fail("unexpected '\(Character(UnicodeScalar(text[last])))'", last, goingOnAt: afterWord(last))
        }
        let value = Array(text[first..<last])
        take(key, value.contains(UInt8(ascii: "\\")) ? value : Self.repaired(value))
        return last
    }

    private mutating func quoted(_ key: [UInt8], _ start: Int) -> Int? {
        var end = start
        while end < text.count, text[end] != UInt8(ascii: "\"") { end += text[end] == UInt8(ascii: "\\") ? 2 : 1 }
        guard end < text.count else { return fail("unterminated quoted value", text.count, goingOnAt: text.count) }
        let inside = Array(text[start..<end])
        guard inside.contains(UInt8(ascii: "\\")) else {
            take(key, Self.repaired(inside))
            return end + 1
        }
        guard let value = Self.decoded(inside) else { return fail("invalid quoted value", end + 1, goingOnAt: end + 1) }
        take(key, value)
        return end + 1
    }

    private func afterWord(_ offset: Int) -> Int { end(offset) { $0 <= 0x20 } }

    private mutating func fail(_ reason: String, _ offset: Int, goingOnAt next: Int) -> Int? {
        guard strict else { return next }
        details = "logfmt syntax error at pos \(offset + 1) : \(reason)"
        return nil
    }

    private mutating func take(_ key: [UInt8], _ value: [UInt8]) {
        let name = Self.name(key)
        guard keepsEmpty || !value.isEmpty, !name.isEmpty, name.utf8.count <= NameTable.maximumNameBytes else { return }
        guard givers[name] == nil || givers[name] == key else { return }
        givers[name] = key
        labels[name] = String(decoding: value, as: UTF8.self)
    }

    private static func name(_ key: [UInt8]) -> String {
        var scalars = Array(String(decoding: key, as: UTF8.self).unicodeScalars)[...]
        while scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
        while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
        var name = ""
        for scalar in scalars {
            let isDigit = ("0"..."9").contains(scalar)
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || isDigit || scalar == "_")
            if name.isEmpty, isDigit { name = "_" }
            name += isPlain ? String(scalar) : "_"
        }
        return name
    }

    /// Bytes that are not UTF-8, and U+FFFD, become blanks.
    static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let length = (1...4).first { length in
                index + length <= bytes.count
                    && String(validating: bytes[index..<index + length], as: UTF8.self)?.unicodeScalars.count == 1
            }
            let rune = Array(bytes[index..<index + (length ?? 1)])
            result += length == nil || rune == [0xEF, 0xBF, 0xBD] ? [0x20] : rune
            index += length ?? 1
        }
        return result
    }

    /// The text of a quoted value; nil where an escape or a control byte is wrong.
    private static func decoded(_ inside: [UInt8]) -> [UInt8]? {
        let simple: [UInt8: UInt8] = [
            0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x27: 0x27, 0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9,
        ]
        func unit(_ index: Int) -> UInt32? {
            guard index + 6 <= inside.count, inside[index] == UInt8(ascii: "\\"), inside[index + 1] == UInt8(ascii: "u")
            else { return nil }
            let digits = inside[index + 2..<index + 6]
            guard digits.allSatisfy({ $0 < 0x80 && Character(UnicodeScalar($0)).isHexDigit }) else { return nil }
            return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        }
        var result: [UInt8] = []
        var index = 0
        while index < inside.count {
            if inside[index] < 0x20 { return nil }
            if inside[index] != UInt8(ascii: "\\") {
                let end = inside[index...].firstIndex { $0 < 0x20 || $0 == UInt8(ascii: "\\") } ?? inside.count
                result += repaired(Array(inside[index..<end]))
                index = end
            } else if let first = unit(index) {
                index += 6
                if (0xD800...0xDBFF).contains(first), let second = unit(index), (0xDC00...0xDFFF).contains(second) {
                    index += 6
                    let scalar = UnicodeScalar(0x10000 + (first - 0xD800) * 0x400 + second - 0xDC00)!
                    result += Array(String(Character(scalar)).utf8)
                } else if let scalar = UnicodeScalar(first), first != 0xFFFD {
                    result += Array(String(Character(scalar)).utf8)
                } else {
                    result.append(0x20)
                }
            } else {
                guard index + 1 < inside.count, let plain = simple[inside[index + 1]] else { return nil }
                result.append(plain)
                index += 2
            }
        }
        return result
    }
}
