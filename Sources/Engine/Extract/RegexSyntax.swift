/// Why a pattern is no regular expression; the offset counts the pattern's UTF-8 bytes.
struct RegexError: Error {
    var message: String
    var offset: Int
}

/// A pattern in RE2's syntax, translated for PCRE2 so that both match the same bytes, with what the translation
/// learned on its way.
///
/// The translation changes what the engines read differently (`\s` is without vertical tab in RE2, `\v` is one byte,
/// `\12` is octal) and drops names of groups, whose numbers it keeps. PCRE2's own constructs pass, and the first of
/// them is remembered, since Loki would refuse the pattern.
struct RegexSyntax {
    /// For PCRE2.
    var translated: [UInt8] = []
    /// True when bytes and code points would give different matches, so that PCRE2 must read UTF-8.
    var needsUTF = false
    /// Named groups in the order of their numbers.
    var groups: [(name: String, number: Int)] = []
    var groupCount = 0
    /// The first construct that RE2 does not know: `look-around`, `back-reference`, ...
    var beyondRE2: String?
    /// The pattern when it is nothing but a text.
    var literal: [UInt8]?
    var literalIsFolded = false
    /// A text that every match contains; empty when none is known.
    var required: [UInt8] = []
    /// True when a match can only begin where the text does.
    var isAnchored = false

    let pattern: [UInt8]
    var offset = 0
    var flags = Flags()
    var levels = [Level()]
    let keepsNames: Bool
    var usesExtendedMode = false

    // What is known of the last atom, for the quantifier that may follow it.
    var atom = Atom.none
    var literalSoFar: [UInt8]? = []
    var run: [UInt8] = []
    var hasTopAlternative = false

    struct Flags {
        var fold = false
        var extended = false
    }

    /// A group that is open.
    struct Level {
        var flags = Flags()
        /// Whether an unbounded atom that takes non-ASCII bytes stood last where the group begins.
        var wideBefore = false
        /// The same at the end of one of its alternatives that are done.
        var wideAfter = false
        var hasWide = false
    }

    enum Atom {
        case none
        /// One literal byte, ASCII.
        case byte
        /// A literal character of several bytes.
        case character
        case asciiClass
        /// Matches non-ASCII characters: `.`, `[^x]`, `\S`.
        case wide
        case group(hasWide: Bool, wideBefore: Bool)
        case assertion
    }

    /// Whether an unbounded wide atom stood last: the next may not be wide too, or bytes and characters differ.
    var wideIsLast = false
    var lastWideIsLazy = false

    init(_ pattern: String) throws(RegexError) {
        self.pattern = Array(pattern.utf8)
        keepsNames =
            pattern.contains("\\k") || pattern.contains("\\g") || pattern.contains("(?P=") || pattern.contains("(?P>")
            || pattern.contains("(?&") || pattern.contains("(?(")
        while offset < self.pattern.count { try step() }
        guard levels.count == 1 else { throw fail("missing closing ): `\(pattern)`", self.pattern.count) }
        settle(minimum: 1, unbounded: false, lazy: false)
        if lastWideIsLazy && (wideIsLast || levels[0].wideAfter) { needsUTF = true }
        endRun()
        if hasTopAlternative { required = [] }
        if usesExtendedMode {
            (literalSoFar, required, needsUTF, isAnchored) = (nil, [], true, false)
            // A comment of extended mode would swallow what is put behind the pattern.
            translated.append(UInt8(ascii: "\n"))
        }
        literal = literalSoFar
    }

    func fail(_ message: String, _ offset: Int) -> RegexError { RegexError(message: message, offset: offset) }

    func peek(_ distance: Int = 0) -> UInt8 {
        offset + distance < pattern.count ? pattern[offset + distance] : 0
    }

    func rest(startsWith text: StaticString) -> Bool {
        guard offset + text.utf8CodeUnitCount <= pattern.count else { return false }
        for index in 0..<text.utf8CodeUnitCount where unsafe pattern[offset + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    mutating func beyond(_ construct: String) {
        if beyondRE2 == nil { beyondRE2 = construct }
        literalSoFar = nil
    }

    mutating func copy(_ count: Int) {
        translated += pattern[offset..<min(offset + count, pattern.count)]
        offset += count
    }

    mutating func emit(_ text: String) { translated += text.utf8 }

    mutating func step() throws(RegexError) {
        switch peek() {
        case UInt8(ascii: "("): try openGroup()
        case UInt8(ascii: ")"): try closeGroup()
        case UInt8(ascii: "|"): alternative()
        case UInt8(ascii: "["): try characterClass()
        case UInt8(ascii: "\\"): try escape()
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"): try quantifier(offset + 1)
        case UInt8(ascii: "{"):
            if let end = repeatEnd() { try quantifier(end) } else { text(1) }
        case UInt8(ascii: "."):
            begin(.wide)
            copy(1)
        case UInt8(ascii: "^"):
            if translated.isEmpty { isAnchored = true }
            begin(.assertion)
            copy(1)
        case UInt8(ascii: "$"):
            begin(.assertion)
            copy(1)
        case 0xC0...:
            var length = 1
            while peek(length) & 0xC0 == 0x80 { length += 1 }
            text(length)
        default: text(1)
        }
    }

    // MARK: atoms and their quantifiers

    /// The atom before is over, without a quantifier; `next` begins.
    mutating func begin(_ next: Atom) {
        settle(minimum: 1, unbounded: false, lazy: false)
        atom = next
        switch next {
        case .byte, .character, .none: break
        case .asciiClass, .wide, .group, .assertion:
            endRun()
            literalSoFar = nil
        }
    }

    /// A literal character of `length` bytes.
    mutating func text(_ length: Int) {
        literalCharacter(Array(pattern[offset..<offset + length]), copied: length)
    }

    mutating func literalCharacter(_ bytes: [UInt8], copied length: Int) {
        begin(bytes.count == 1 ? .byte : .character)
        // Unicode has other forms of k and s that fold to ASCII.
        if flags.fold, bytes.count > 1 || [UInt8(ascii: "k"), UInt8(ascii: "s")].contains(bytes[0] | 0x20) {
            foldsBeyondASCII = true
        }
        if flags.extended {
            literalSoFar = nil
        } else {
            literalSoFar? += bytes
            if flags.fold { literalIsFolded = true }
        }
        if levels.count == 1, !flags.fold, !flags.extended {
            run += bytes
        } else {
            endRun()
        }
        copy(length)
    }

    /// True when case folding takes characters beyond ASCII in.
    var foldsBeyondASCII = false

    mutating func endRun() {
        if run.count > required.count { required = run }
        run = []
    }

    /// Accounts for the last atom, whose quantifier is now known.
    mutating func settle(minimum: Int, unbounded: Bool, lazy: Bool) {
        switch atom {
        case .none: break
        case .assertion: wideIsLast = false
        case .byte, .asciiClass: if minimum > 0 { wideIsLast = false }
        case .character:
            if minimum != 1 || unbounded { needsUTF = true }
            if minimum > 0 { wideIsLast = false }
        case .wide:
            levels[levels.count - 1].hasWide = true
            if !unbounded || minimum > 1 || wideIsLast { needsUTF = true }
            wideIsLast = true
            lastWideIsLazy = lazy
        case .group(let hasWide, let wideBefore):
            if hasWide, unbounded || minimum > 1 { needsUTF = true }
            if minimum == 0, wideBefore { wideIsLast = true }
        }
        atom = .none
    }

    /// The end of a `{2,3}` at `offset`; nil when it is text.
    func repeatEnd() -> Int? {
        var index = offset + 1
        func digits() -> Bool {
            let start = index
            while index < pattern.count, pattern[index] &- UInt8(ascii: "0") < 10 { index += 1 }
            return index > start
        }
        guard digits() else { return nil }
        if index < pattern.count, pattern[index] == UInt8(ascii: ",") {
            index += 1
            _ = digits()
        }
        return index < pattern.count && pattern[index] == UInt8(ascii: "}") ? index + 1 : nil
    }

    mutating func quantifier(_ end: Int) throws(RegexError) {
        let body = pattern[offset..<end]
        var minimum = 0
        var unbounded = true
        switch peek() {
        case UInt8(ascii: "*"): break
        case UInt8(ascii: "+"): minimum = 1
        case UInt8(ascii: "?"): unbounded = false
        default:
            let parts = body.dropFirst().dropLast().split(
                separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            minimum = Int(String(decoding: parts[0], as: UTF8.self)) ?? .max
            unbounded = parts.count == 2 && parts[1].isEmpty
            for part in parts where Int(String(decoding: part, as: UTF8.self)) ?? 0 > 1_000 {
                beyond("a repetition of more than 1000")
            }
        }
        if case .none = atom {
            throw fail("missing argument to repetition operator: `\(String(decoding: body, as: UTF8.self))`", offset)
        }
        literalSoFar = nil
        // Only a text's last character is repeated.
        switch atom {
        case .byte where !run.isEmpty: takeFromRun(1, keep: minimum > 0)
        case .character where !run.isEmpty: takeFromRun(lastCharacterLength(), keep: minimum > 0)
        case .none, .byte, .character, .asciiClass, .wide, .group, .assertion: break
        }
        copy(end - offset)
        var lazy = false
        if peek() == UInt8(ascii: "?") {
            lazy = true
            copy(1)
        } else if peek() == UInt8(ascii: "+") {
            beyond("a possessive quantifier")
            copy(1)
        }
        settle(minimum: minimum, unbounded: unbounded, lazy: lazy)
        if peek() == UInt8(ascii: "*") || peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "?") {
            throw fail("invalid nested repetition operator", offset)
        }
    }

    func lastCharacterLength() -> Int {
        var length = 1
        while length < run.count, run[run.count - length] & 0xC0 == 0x80 { length += 1 }
        return length
    }

    mutating func takeFromRun(_ length: Int, keep: Bool) {
        if !keep { run.removeLast(length) }
        endRun()
    }

    // MARK: groups

    mutating func alternative() {
        settle(minimum: 1, unbounded: false, lazy: false)
        endRun()
        literalSoFar = nil
        let last = levels.count - 1
        levels[last].wideAfter = levels[last].wideAfter || wideIsLast
        if wideIsLast, lastWideIsLazy { needsUTF = true }
        wideIsLast = levels[last].wideBefore
        if last == 0 {
            hasTopAlternative = true
            isAnchored = false
        }
        copy(1)
    }

    mutating func push() {
        begin(.none)
        endRun()
        literalSoFar = nil
        levels.append(Level(flags: flags, wideBefore: wideIsLast))
    }

    mutating func closeGroup() throws(RegexError) {
        guard levels.count > 1 else { throw fail("unexpected )", offset) }
        settle(minimum: 1, unbounded: false, lazy: false)
        endRun()
        let level = levels.removeLast()
        flags = level.flags
        wideIsLast = wideIsLast || level.wideAfter
        if level.hasWide { levels[levels.count - 1].hasWide = true }
        atom = .group(hasWide: level.hasWide, wideBefore: level.wideBefore)
        copy(1)
    }

    mutating func openGroup() throws(RegexError) {
        if peek(1) == UInt8(ascii: "*") { throw fail("missing argument to repetition operator: `*`", offset + 1) }
        guard peek(1) == UInt8(ascii: "?") else {
            push()
            groupCount += 1
            return copy(1)
        }
        if rest(startsWith: "(?:") {
            push()
            return copy(3)
        }
        if rest(startsWith: "(?P<") { return try namedGroup(4) }
        if rest(startsWith: "(?<="), true { return special(4, "look-around") }
        if rest(startsWith: "(?<!") { return special(4, "look-around") }
        if rest(startsWith: "(?<") { return try namedGroup(3) }
        if rest(startsWith: "(?=") || rest(startsWith: "(?!") { return special(3, "look-around") }
        if rest(startsWith: "(?>") { return special(3, "an atomic group") }
        if rest(startsWith: "(?P=") { return special(4, "a back-reference") }
        if rest(startsWith: "(?#") { return comment() }
        if let end = flagsEnd() { return setFlags(end) }
        special(2, "a PCRE group")
    }

    /// A group that only PCRE2 knows: passed on, nothing is derived from it.
    mutating func special(_ length: Int, _ construct: String) {
        beyond(construct)
        push()
        needsUTF = true
        copy(length)
    }

    mutating func comment() {
        beyond("a comment")
        while offset < pattern.count, peek() != UInt8(ascii: ")") { offset += 1 }
        offset += 1
    }

    mutating func namedGroup(_ length: Int) throws(RegexError) {
        var end = offset + length
        while end < pattern.count, LabelName.isPlain(pattern[end]) { end += 1 }
        guard end < pattern.count, pattern[end] == UInt8(ascii: ">"), end > offset + length else {
            let upTo = min(end + 1, pattern.count)
            throw fail("invalid named capture: `\(String(decoding: pattern[offset..<upTo], as: UTF8.self))`", offset)
        }
        push()
        groupCount += 1
        groups.append((String(decoding: pattern[offset + length..<end], as: UTF8.self), groupCount))
        if keepsNames {
            copy(end + 1 - offset)
        } else {
            emit("(")
            offset = end + 1
        }
    }

    /// Behind the letters of `(?im-s` when they are followed by `)` or `:`.
    func flagsEnd() -> Int? {
        var end = offset + 2
        while end < pattern.count, "imsUxnJ-^".utf8.contains(pattern[end]) { end += 1 }
        guard end > offset + 2, end < pattern.count else { return nil }
        return pattern[end] == UInt8(ascii: ")") || pattern[end] == UInt8(ascii: ":") ? end : nil
    }

    mutating func setFlags(_ end: Int) {
        let isGroup = pattern[end] == UInt8(ascii: ":")
        if isGroup { push() } else { begin(.none) }
        let wasLiteral = literalSoFar
        var on = true
        for letter in pattern[offset + 2..<end] {
            switch letter {
            case UInt8(ascii: "-"): on = false
            case UInt8(ascii: "i"): flags.fold = on
            case UInt8(ascii: "x"):
                flags.extended = on
                usesExtendedMode = true
                beyond("extended mode")
            case UInt8(ascii: "n"), UInt8(ascii: "J"), UInt8(ascii: "^"): beyond("a PCRE flag")
            default: break
            }
        }
        // `(?i)` in front of a text leaves it a text.
        if !isGroup, wasLiteral?.isEmpty == true { literalSoFar = [] } else { literalSoFar = nil }
        copy(end + 1 - offset)
    }
}
