import Diagnostics

extension Matcher {
    /// Whether a missing label fulfils the matcher. A regex is judged by its syntax, without compiling it.
    var matchesEmpty: Bool {
        switch operation {
        case .equal: value.isEmpty
        case .notEqual: !value.isEmpty
        case .regex: regexMatchesEmpty(value)
        case .notRegex: !regexMatchesEmpty(value)
        }
    }
}

extension Parser {
    /// The rules on the captures of `pattern` and of the filters `|>` and `!>`.
    mutating func checkPattern(_ pattern: String, at range: Range<Int>, isFilter: Bool) {
        var names: Set<String> = []
        var previousEnd: Int?
        for capture in patternCaptures(pattern) {
            if capture.range.lowerBound == previousEnd {
                _ = fail("two captures stand side by side in the pattern", hint: "put text between them", at: range)
                return
            }
            previousEnd = capture.range.upperBound
            guard capture.name != "_" else { continue }
            if isFilter {
                _ = fail(
                    "a pattern that filters has no named captures, found '<\(capture.name)>'", hint: "use '<_>'",
                    at: range)
                return
            }
            if !names.insert(capture.name).inserted {
                _ = fail("the capture '<\(capture.name)>' stands twice in the pattern", at: range)
                return
            }
        }
        if !isFilter, names.isEmpty {
            _ = fail("the pattern has no named capture", hint: "write for example \"<method> <path> <_>\"", at: range)
        }
    }

    /// The rules on the named groups of `regexp`; whether it compiles is not known here.
    mutating func checkCaptures(_ regex: String, at range: Range<Int>) {
        var names: Set<String> = []
        for name in regexGroupNames(regex) {
            if !names.insert(name).inserted {
                _ = fail("the group '\(name)' stands twice in the regex", at: range)
                return
            }
            if name.utf8.first.map(isDigit) ?? true {
                _ = fail(
                    "the group '\(name)' is not a label name", hint: "label names begin with a letter or '_'", at: range
                )
                return
            }
        }
        if names.isEmpty {
            _ = fail("the regex has no named group", hint: "write for example (?P<method>\\w+)", at: range)
        }
    }
}

/// The captures `<name>` of a pattern, `<_>` included; ranges are byte offsets into it. Anything else is literal text.
public func patternCaptures(_ pattern: String) -> [(name: String, range: Range<Int>)] {
    let bytes = Array(pattern.utf8)
    var captures: [(name: String, range: Range<Int>)] = []
    var position = 0
    while position < bytes.count {
        defer { position += 1 }
        guard bytes[position] == UInt8(ascii: "<") else { continue }
        var end = position + 1
        while end < bytes.count, isLetter(bytes[end]) || (isDigit(bytes[end]) && end > position + 1) { end += 1 }
        guard end > position + 1, end < bytes.count, bytes[end] == UInt8(ascii: ">") else { continue }
        captures.append((String(decoding: bytes[position + 1..<end], as: UTF8.self), position..<end + 1))
        position = end
    }
    return captures
}

/// The names of the groups `(?P<name>…)` and `(?<name>…)` of a regex, in order.
public func regexGroupNames(_ regex: String) -> [String] {
    var scanner = RegexScanner(regex)
    var names: [String] = []
    while let item = scanner.next() {
        if case .open(.some(let name)) = item { names.append(name) }
    }
    return names
}

/// Whether a regex that is anchored at both ends matches the empty text, judged by its syntax: alternatives, groups and repetition. What it does
/// not understand counts as not empty, so that nothing is refused by mistake.
public func regexMatchesEmpty(_ regex: String) -> Bool {
    // For each open group: whether the alternative read so far, and any of those before it, match the empty text.
    var groups: [(current: Bool, earlier: Bool)] = [(true, false)]
    var scanner = RegexScanner(regex)
    /// Whether the item read last matches the empty text, until it is known whether it is repeated.
    var pending = true
    func settle() {
        groups[groups.count - 1].current = groups[groups.count - 1].current && pending
        pending = true
    }
    while let item = scanner.next() {
        switch item {
        case .open:
            settle()
            groups.append((true, false))
        case .close:
            settle()
            guard groups.count > 1, let group = groups.popLast() else { return false }
            pending = group.current || group.earlier
        case .alternative:
            settle()
            let group = groups[groups.count - 1]
            groups[groups.count - 1] = (true, group.earlier || group.current)
        case .optional: pending = true
        case .repeated: break
        case .character:
            settle()
            pending = false
        case .assertion:
            settle()
        case .lookaround:
            return false
        }
    }
    settle()
    return groups.count == 1 && (groups[0].current || groups[0].earlier)
}

/// Cuts a regex in RE2's syntax into the items that matter for its shape.
struct RegexScanner {
    enum Item {
        case open(name: String?)
        case close, alternative
        /// `?`, `*`, `{0,…}`, and the same with a `?` behind.
        case optional
        /// `+`, `{1,…}`
        case repeated
        case character
        /// Matches a place: `^`, `$`, `\b`, flags.
        case assertion
        case lookaround
    }

    /// How far the end of a name or count is looked for, so that the work stays linear in the regex.
    private static let furthest = 256

    private let bytes: [UInt8]
    private var position = 0

    init(_ regex: String) {
        bytes = Array(regex.utf8)
    }

    mutating func next() -> Item? {
        guard position < bytes.count else { return nil }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\\"): return escape()
        case UInt8(ascii: "["): return characterClass()
        case UInt8(ascii: "("): return group()
        case UInt8(ascii: ")"): return .close
        case UInt8(ascii: "|"): return .alternative
        case UInt8(ascii: "^"), UInt8(ascii: "$"): return .assertion
        case UInt8(ascii: "*"), UInt8(ascii: "?"):
            skipLaziness()
            return .optional
        case UInt8(ascii: "+"):
            skipLaziness()
            return .repeated
        case UInt8(ascii: "{"):
            guard let first = bytes[position...].first, isDigit(first),
                let close = bytes[position...].prefix(Self.furthest).firstIndex(of: UInt8(ascii: "}")),
                bytes[position..<close].allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ",") })
            else { return .character }
            let least = bytes[position..<close].prefix(while: isDigit)
            position = close + 1
            skipLaziness()
            return least.allSatisfy { $0 == UInt8(ascii: "0") } ? .optional : .repeated
        default: return .character
        }
    }

    private mutating func skipLaziness() {
        if position < bytes.count, bytes[position] == UInt8(ascii: "?") { position += 1 }
    }

    private mutating func escape() -> Item {
        guard position < bytes.count else { return .character }
        let letter = bytes[position]
        position += 1
        if letter == UInt8(ascii: "Q") {
            let start = position
            while position < bytes.count, !bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "E")]) {
                position += 1
            }
            let isEmpty = position == start
            position = min(position + 2, bytes.count)
            return isEmpty ? .assertion : .character
        }
        return "bBAzE".utf8.contains(letter) ? .assertion : .character
    }

    private mutating func characterClass() -> Item {
        if position < bytes.count, bytes[position] == UInt8(ascii: "^") { position += 1 }
        if position < bytes.count, bytes[position] == UInt8(ascii: "]") { position += 1 }
        while position < bytes.count, bytes[position] != UInt8(ascii: "]") {
            if bytes[position] == UInt8(ascii: "\\") {
                position += 1
            } else if bytes[position...].starts(with: [UInt8(ascii: "["), UInt8(ascii: ":")]) {
                if let end = bytes[(position + 2)...].prefix(Self.furthest).firstIndex(of: UInt8(ascii: ":")) {
                    position = end + 1
                }
            }
            position += 1
        }
        position = min(position + 1, bytes.count)
        return .character
    }

    private mutating func group() -> Item {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "?") else { return .open(name: nil) }
        var end = position + 1
        if end < bytes.count, bytes[end] == UInt8(ascii: "P") { end += 1 }
        guard end < bytes.count else { return .lookaround }
        if bytes[end] == UInt8(ascii: "<") {
            let start = end + 1
            guard start < bytes.count, bytes[start] != UInt8(ascii: "="), bytes[start] != UInt8(ascii: "!"),
                let close = bytes[start...].prefix(Self.furthest).firstIndex(of: UInt8(ascii: ">"))
            else { return .lookaround }
            position = close + 1
            return .open(name: String(decoding: bytes[start..<close], as: UTF8.self))
        }
        while end < bytes.count, isLetter(bytes[end]) || bytes[end] == UInt8(ascii: "-") { end += 1 }
        guard end < bytes.count else { return .lookaround }
        let last = bytes[end]
        position = end + 1
        if last == UInt8(ascii: ":") { return .open(name: nil) }
        return last == UInt8(ascii: ")") ? .assertion : .lookaround
    }
}
