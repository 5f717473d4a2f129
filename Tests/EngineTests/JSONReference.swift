@testable import Engine

/// What the `json` stage should find in a line, the slow and obvious way: over an array, one byte at a time, looking
/// for the end of each object before its keys are read.
struct JSONReference {
    private let text: [UInt8]
    private var offset = 0
    private(set) var scanned = Scanned()
    /// Which key gave each label: the first one may give it again, another may not.
    private var givers: [String: [UInt8]] = [:]
    private let wanted: Set<String>?
    private let stops: Bool

    private enum Stop: Error {
        case failed(ScanError)
        case complete
    }

    init(_ text: [UInt8], wanted: Set<String>? = nil, stops: Bool = false) {
        self.text = text
        self.wanted = wanted
        self.stops = stops
        do {
            try object(end: text.count, prefix: "")
        } catch Stop.failed(let error) {
            scanned.error = error
        } catch {}
    }

    private mutating func skipSpace(_ end: Int) {
        while offset < end, [0x20, 0x09, 0x0A, 0x0D].contains(text[offset]) { offset += 1 }
    }

    private func stringEnd(_ start: Int, _ end: Int) -> Int? {
        var index = start
        while index < end {
            if text[index] == UInt8(ascii: "\"") { return index }
            index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private func blockEnd(_ start: Int, _ end: Int, _ open: Character, _ close: Character) -> Int? {
        var level = 0
        var index = start
        while index < end {
            if text[index] == UInt8(ascii: "\"") {
                guard let quote = stringEnd(index + 1, end) else { return nil }
                index = quote
            } else if text[index] == open.asciiValue! {
                level += 1
            } else if text[index] == close.asciiValue! {
                level -= 1
                if level == 0 { return index + 1 }
            }
            index += 1
        }
        return nil
    }

    private mutating func object(end: Int, prefix: String) throws {
        skipSpace(end)
        guard offset < end, text[offset] == UInt8(ascii: "{") else { throw Stop.failed(.object) }
        offset += 1
        skipSpace(end)
        guard offset < end else { throw Stop.failed(.malformed) }
        while true {
            if text[offset] == UInt8(ascii: "}") { return }
            guard text[offset] == UInt8(ascii: "\"") else { throw Stop.failed(.object) }
            guard let quote = stringEnd(offset + 1, end) else { throw Stop.failed(.malformed) }
            guard let key = Self.decode(text[offset + 1..<quote]) else { throw Stop.failed(.escape) }
            offset = quote + 1
            skipSpace(end)
            guard offset < end, text[offset] == UInt8(ascii: ":") else { throw Stop.failed(.malformed) }
            offset += 1
            skipSpace(end)
            guard offset < end else { throw Stop.failed(.malformed) }
            try value(key, end: end, prefix: prefix)
            skipSpace(end)
            guard offset < end else { throw Stop.failed(.array) }
            if text[offset] == UInt8(ascii: "}") { return }
            guard text[offset] == UInt8(ascii: ",") else { throw Stop.failed(.object) }
            offset += 1
            skipSpace(end)
            guard offset < end else { throw Stop.failed(.array) }
        }
    }

    private mutating func value(_ key: [UInt8], end: Int, prefix: String) throws {
        let start = offset
        switch text[start] {
        case UInt8(ascii: "\""):
            guard let quote = stringEnd(start + 1, end) else { throw Stop.failed(.string) }
            offset = quote + 1
            let decoded = Self.decode(text[start + 1..<quote]).map { Self.repaired(Array($0)) }
            try label(key, prefix, decoded ?? "")
        case UInt8(ascii: "["):
            guard let close = blockEnd(start, end, "[", "]") else { throw Stop.failed(.array) }
            offset = close
        case UInt8(ascii: "{"):
            guard let close = blockEnd(start, end, "{", "}") else { throw Stop.failed(.object) }
            try object(end: close, prefix: Self.joined(prefix, key))
            offset = close
        default:
            while offset < end, !" \n\r\t,}]".utf8.contains(text[offset]) { offset += 1 }
            let token = String(decoding: text[start..<offset], as: UTF8.self)
            if text[start] == UInt8(ascii: "-") || (0x30...0x39).contains(text[start]) || token == "true"
                || token == "false"
            {
                try label(key, prefix, token)
            } else if token != "null" {
                throw Stop.failed(.value)
            }
        }
    }

    private mutating func label(_ key: [UInt8], _ prefix: String, _ value: String) throws {
        let name = Self.joined(prefix, key)
        guard !name.isEmpty, wanted?.contains(name) ?? true else { return }
        let giver = prefix.isEmpty ? key : Array(name.utf8)
        guard givers[name] == nil || givers[name] == giver else { return }
        givers[name] = giver
        scanned.labels[name] = value
        if stops, scanned.labels.count == wanted?.count { throw Stop.complete }
    }

    private static func joined(_ prefix: String, _ key: [UInt8]) -> String {
        var name = ""
        let scalars = Array(String(decoding: key, as: UTF8.self).unicodeScalars)
        var trimmed = scalars[...]
        while trimmed.first?.properties.isWhitespace == true { trimmed.removeFirst() }
        while trimmed.last?.properties.isWhitespace == true { trimmed.removeLast() }
        for scalar in trimmed {
            let isPlain =
                scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_")
            if name.isEmpty, prefix.isEmpty, ("0"..."9").contains(scalar) { name += "_" }
            name += isPlain ? String(scalar) : "_"
        }
        return prefix.isEmpty ? name : name.isEmpty ? prefix : prefix + "_" + name
    }

    /// Bytes that are not UTF-8, and U+FFFD, become blanks.
    private static func repaired(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let length = (1...4).first { length in
                index + length <= bytes.count
                    && String(validating: bytes[index..<index + length], as: UTF8.self)?.unicodeScalars.count == 1
            }
            let rune = bytes[index..<index + (length ?? 1)]
            result += length == nil || Array(rune) == [0xEF, 0xBF, 0xBD] ? [0x20] : Array(rune)
            index += length ?? 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func decode(_ inside: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = inside
        func unit(_ rest: ArraySlice<UInt8>) -> UInt32? {
            guard rest.count >= 6, rest.first == UInt8(ascii: "\\"), rest.dropFirst().first == UInt8(ascii: "u") else {
                return nil
            }
            let digits = rest.dropFirst(2).prefix(4)
            guard digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit && $0 < 0x80 }) else { return nil }
            return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        }
        let simple: [Character: UInt8] = [
            "\"": 0x22, "\\": 0x5C, "/": 0x2F, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9,
        ]
        while let byte = rest.first {
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                rest = rest.dropFirst()
                continue
            }
            if let first = unit(rest) {
                rest = rest.dropFirst(6)
                if let scalar = UnicodeScalar(first) {
                    result += Array(String(Character(scalar)).utf8)
                } else if first < 0xDC00, let second = unit(rest), (0xDC00...0xDFFF).contains(second) {
                    let scalar = UnicodeScalar(0x10000 + (first - 0xD800) * 0x400 + second - 0xDC00)!
                    result += Array(String(Character(scalar)).utf8)
                    rest = rest.dropFirst(6)
                } else {
                    return nil
                }
            } else if let next = rest.dropFirst().first, let plain = simple[Character(UnicodeScalar(next))] {
                result.append(plain)
                rest = rest.dropFirst(2)
            } else {
                return nil
            }
        }
        return result
    }
}
