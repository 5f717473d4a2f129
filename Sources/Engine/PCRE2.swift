import CPCRE2

// The only file that imports CPCRE2. Unsafe here: PCRE2's handles, and the ovector, which PCRE2 keeps as long as the
// match data. Sound because a `RegexSet` owns all of them and a `Regex` is used only while its set lives, and because
// offsets are read only after a match, within the number of groups.

/// What a match came to. `limit`: PCRE2 gave up on the line; it counts as no match, and the caller counts it.
enum MatchOutcome: UInt8, BitwiseCopyable {
    case match, noMatch, limit
}

/// Compiled regular expressions of one program; not shared between threads, since match data are in it.
@safe final class RegexSet {
    private let compileContext: OpaquePointer
    private let matchContext: OpaquePointer
    private let jitStack: OpaquePointer?
    private var codes: [OpaquePointer] = unsafe []
    private var matchData: [OpaquePointer] = unsafe []
    private var tallies: [UnsafeMutablePointer<Regex.Tally>] = unsafe []
    private var termBlocks: [UnsafeMutablePointer<Regex.Term>] = unsafe []
    let store = ByteStore()

    /// Steps after which PCRE2 gives up on a line: about 0.2 ms.
    static let matchLimit: UInt32 = 100_000
    /// The longest pattern, in bytes.
    static let maximumPatternBytes = 65_536

    init() {
        unsafe compileContext = pcre2_compile_context_create_8(nil)!
        unsafe matchContext = pcre2_match_context_create_8(nil)!
        unsafe jitStack = pcre2_jit_stack_create_8(32 << 10, 512 << 10, nil)
        unsafe pcre2_set_max_pattern_length_8(compileContext, Self.maximumPatternBytes)
        unsafe pcre2_set_newline_8(compileContext, UInt32(PCRE2_NEWLINE_LF))
        unsafe pcre2_set_match_limit_8(matchContext, Self.matchLimit)
        // Without JIT these two bound what the interpreter takes.
        unsafe pcre2_set_depth_limit_8(matchContext, 10_000)
        unsafe pcre2_set_heap_limit_8(matchContext, 1_024)
        unsafe pcre2_jit_stack_assign_8(matchContext, nil, UnsafeMutableRawPointer(jitStack))
    }

    deinit {
        while let data = unsafe matchData.popLast() { unsafe pcre2_match_data_free_8(data) }
        while let code = unsafe codes.popLast() { unsafe pcre2_code_free_8(code) }
        while let tally = unsafe tallies.popLast() { unsafe tally.deallocate() }
        while let terms = unsafe termBlocks.popLast() { unsafe terms.deallocate() }
        unsafe pcre2_jit_stack_free_8(jitStack)
        unsafe pcre2_match_context_free_8(matchContext)
        unsafe pcre2_compile_context_free_8(compileContext)
    }

    /// What compiling a pattern gave.
    struct Compilation {
        /// Good as long as the set lives.
        let regex: Regex
        /// Named groups in the order of their numbers.
        let groups: [(name: String, number: Int)]
        /// The construct for which Loki would refuse the pattern; nil when there is none.
        let beyondRE2: String?
    }

    /// Compiles the expression of a line filter: found anywhere; simple ones as Loki simplifies them.
    func compileLineFilter(_ pattern: String) throws(RegexError) -> Compilation {
        if let simple = try shaped(pattern, isLabelFilter: false) { return simple }
        return try compile(pattern)
    }

    /// Compiles the expression of a label filter: anchored, but for those that Loki simplifies.
    func compileLabelFilter(_ pattern: String) throws(RegexError) -> Compilation {
        if let simple = try shaped(pattern, isLabelFilter: true) { return simple }
        return try compile(pattern, anchored: true)
    }

    private func shaped(_ pattern: String, isLabelFilter: Bool) throws(RegexError) -> Compilation? {
        guard let shape = RegexShape(pattern, isLabelFilter: isLabelFilter) else { return nil }
        var terms: [Regex.Term] = []
        for term in shape.terms {
            switch term.kind {
            case .nonEmpty: terms.append(Regex.Term(nonEmpty: true))
            case .equals, .contains:
                let anchored = term.kind == .equals
                if term.folded, !term.text.allSatisfy({ $0 < 0x80 }) {
                    // One expression for the whole shape would lose the other terms: only single terms are worth it.
                    guard shape.terms.count == 1 else { return nil }
                    // One that is too long is compiled as it stands.
                    return try? folded(term.text, anchored: anchored)
                }
                let needle = Needle(term.text, folded: term.folded, in: store)
                terms.append(Regex.Term(needle: needle, isWhole: anchored))
            }
        }
        let block = UnsafeMutablePointer<Regex.Term>.allocate(capacity: max(1, terms.count))
        unsafe block.initialize(from: terms, count: terms.count)
        unsafe termBlocks.append(block)
        let regex = unsafe Regex(terms: UnsafePointer(block), count: terms.count)
        return Compilation(regex: regex, groups: [], beyondRE2: nil)
    }

    /// A text with letters beyond ASCII, in either case: each letter as a class of its two forms, since the folding
    /// of regular expressions takes in more (`s` would find U+017F).
    private func folded(_ text: [UInt8], anchored: Bool) throws(RegexError) -> Compilation {
        var pattern = ""
        for scalar in String(decoding: text, as: UTF8.self).lowercased().unicodeScalars {
            let upper = scalar.properties.uppercaseMapping.unicodeScalars
            // Most of a long text need not be spelt out.
            if scalar.isASCII, LabelName.isPlain(UInt8(scalar.value)) || scalar == " " {
                let isLetter = scalar.properties.isAlphabetic
                pattern += isLetter ? "[\(scalar)\(scalar.properties.uppercaseMapping)]" : String(scalar)
                continue
            }
            pattern += "[\\x{\(String(scalar.value, radix: 16))}"
            if upper.count == 1 { pattern += "\\x{\(String(upper.first!.value, radix: 16))}" }
            pattern += "]"
        }
        return try compile(pattern, anchored: anchored)
    }

    /// Compiles a pattern. `anchored`: it must match the whole text. `capturing`: its groups are wanted.
    /// `dotMatchesNewline` is for stream selectors, as Prometheus has it.
    func compile(
        _ pattern: String, anchored: Bool = false, capturing: Bool = false, dotMatchesNewline: Bool = false
    ) throws(RegexError) -> Compilation {
        let syntax = try RegexSyntax(pattern)
        func result(_ regex: Regex) -> Compilation {
            Compilation(regex: regex, groups: syntax.groups, beyondRE2: syntax.beyondRE2)
        }
        if !capturing, let literal = syntax.literal, !syntax.literalIsFolded || literal.allSatisfy({ $0 < 0x80 }) {
            let needle = Needle(literal, folded: syntax.literalIsFolded, in: store)
            return result(Regex(text: needle, anchored: anchored))
        }
        let (code, options) = unsafe try compiled(syntax, anchored, dotMatchesNewline)
        let data = unsafe pcre2_match_data_create_from_pattern_8(code, nil)!
        unsafe matchData.append(data)
        var needle = Needle(.empty)
        var tally: UnsafeMutablePointer<Regex.Tally>?
        if syntax.required.count >= 3, !anchored, !syntax.isAnchored {
            needle = Needle(syntax.required, in: store)
            let fresh = UnsafeMutablePointer<Regex.Tally>.allocate(capacity: 1)
            unsafe fresh.initialize(to: Regex.Tally())
            unsafe tallies.append(fresh)
            unsafe tally = fresh
        }
        return result(
            unsafe Regex(
                code: code, data: data, context: matchContext, needle: needle, tally: tally,
                groupCount: syntax.groupCount, readsUTF: options & PCRE2_MATCH_INVALID_UTF != 0))
    }

    private func compiled(
        _ syntax: RegexSyntax, _ anchored: Bool, _ dotMatchesNewline: Bool
    ) throws(RegexError) -> (OpaquePointer, UInt32) {
        var options = UInt32(PCRE2_DOLLAR_ENDONLY) | PCRE2_NEVER_BACKSLASH_C | PCRE2_ALT_CIRCUMFLEX
        options |= syntax.needsUTF || syntax.foldsBeyondASCII ? PCRE2_MATCH_INVALID_UTF | PCRE2_UTF : PCRE2_NEVER_UTF
        if dotMatchesNewline { options |= PCRE2_DOTALL }
        let text = anchored ? Array("\\A(?:".utf8) + syntax.translated + Array(")\\z".utf8) : syntax.translated
        var code: Int32 = 0
        var place = 0
        let compiled = unsafe text.withUnsafeBufferPointer {
            unsafe pcre2_compile_8($0.baseAddress, $0.count, options, &code, &place, compileContext)
        }
        guard let compiled = unsafe compiled else {
            throw RegexError(message: Self.message(code), offset: max(0, place - (anchored ? 5 : 0)))
        }
        unsafe codes.append(compiled)
        // Where JIT is not to be had, `pcre2_match` interprets.
        _ = unsafe pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE))
        return unsafe (compiled, options)
    }

    private static func message(_ code: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = unsafe buffer.withUnsafeMutableBufferPointer {
            unsafe pcre2_get_error_message_8(code, $0.baseAddress, $0.count)
        }
        return String(decoding: buffer.prefix(max(0, Int(count))), as: UTF8.self)
    }
}

/// A compiled expression of a `RegexSet`; handles only, so that it may stand in a table of instructions.
@safe struct Regex: BitwiseCopyable {
    private enum Kind: UInt8 {
        /// The text contains the needle, or is equal to it.
        case contains, equals
        /// One of several such tests holds; none at all: every text passes.
        case anyOf
        case compiled
    }

    /// One test of a simple expression.
    struct Term: BitwiseCopyable {
        let needle: Needle
        let isWhole: Bool
        let nonEmpty: Bool

        init(needle: Needle = Needle(.empty), isWhole: Bool = false, nonEmpty: Bool = false) {
            (self.needle, self.isWhole, self.nonEmpty) = (needle, isWhole, nonEmpty)
        }

        @inline(__always)
        func matches(_ text: ByteView) -> Bool {
            if nonEmpty { return !text.isEmpty }
            guard isWhole else { return needle.isIn(text) }
            return needle.folded ? text.equalsFolded(needle.bytes) : text.equals(needle.bytes)
        }
    }

    /// How often the literal in front of an expression was found, to leave it out where it nearly always is.
    struct Tally: BitwiseCopyable {
        var tests: UInt32 = 0
        var found: UInt32 = 0
        var pause: UInt32 = 0
    }

    private let kind: Kind
    private let needle: Needle
    private let code: OpaquePointer?
    private let data: OpaquePointer?
    private let context: OpaquePointer?
    private let ovector: UnsafeMutablePointer<Int>?
    private let tally: UnsafeMutablePointer<Tally>?
    private let terms: UnsafePointer<Term>?
    private let termCount: Int
    let groupCount: Int
    /// True when the pattern is matched against code points, not bytes; bytes that are not UTF-8 match nothing then.
    let readsUTF: Bool

    fileprivate init(text needle: Needle, anchored: Bool) {
        kind = anchored ? .equals : .contains
        self.needle = needle
        unsafe (code, data, context) = (nil, nil, nil)
        unsafe ovector = nil
        unsafe tally = nil
        unsafe terms = nil
        termCount = 0
        groupCount = 0
        readsUTF = false
    }

    fileprivate init(terms: UnsafePointer<Term>, count: Int) {
        kind = .anyOf
        needle = Needle(.empty)
        unsafe (code, data, context) = (nil, nil, nil)
        unsafe ovector = nil
        unsafe tally = nil
        unsafe self.terms = unsafe terms
        termCount = count
        groupCount = 0
        readsUTF = false
    }

    fileprivate init(
        code: OpaquePointer, data: OpaquePointer, context: OpaquePointer, needle: Needle,
        tally: UnsafeMutablePointer<Tally>?, groupCount: Int, readsUTF: Bool
    ) {
        kind = .compiled
        self.needle = needle
        unsafe (self.code, self.data, self.context) = (code, data, context)
        unsafe ovector = pcre2_get_ovector_pointer_8(data)
        unsafe self.tally = tally
        unsafe terms = nil
        termCount = 0
        self.groupCount = groupCount
        self.readsUTF = readsUTF
    }

    /// True when the expression is a mere text, found without PCRE2.
    var isText: Bool { kind != .compiled }

    /// Whether the expression matches somewhere in `text` (anchored ones: the whole of it). After a match of an
    /// expression compiled as `capturing`, `group` tells where its groups are.
    @inline(__always)
    func matches(_ text: ByteView) -> MatchOutcome {
        switch kind {
        case .contains: return needle.isIn(text) ? .match : .noMatch
        case .equals:
            let equal = needle.folded ? text.equalsFolded(needle.bytes) : text.equals(needle.bytes)
            return equal ? .match : .noMatch
        case .anyOf:
            if termCount == 0 { return .match }
            for index in 0..<termCount where unsafe terms![index].matches(text) { return .match }
            return .noMatch
        case .compiled:
            if unsafe tally != nil, !mayMatch(text) { return .noMatch }
            let code = unsafe pcre2_match_8(self.code, text.base, text.count, 0, 0, data, context)
            if code > 0 { return .match }
            return code == PCRE2_ERROR_NOMATCH ? .noMatch : .limit
        }
    }

    /// The same for the first match that begins at or behind `start`; what stands before it is seen by `^` and `\b`.
    /// Only of expressions compiled as `capturing`.
    func matches(_ text: ByteView, from start: Int) -> MatchOutcome {
        precondition(kind == .compiled && start >= 0 && start <= text.count, "no place to start at")
        let code = unsafe pcre2_match_8(self.code, text.base, text.count, start, 0, data, context)
        if code > 0 { return .match }
        return code == PCRE2_ERROR_NOMATCH ? .noMatch : .limit
    }

    /// Where group `number` (0 is the whole match) stands after a match; nil when it took no part. Good until the
    /// expression is matched again.
    @inline(__always)
    func group(_ number: Int) -> Range<Int>? {
        precondition(number >= 0 && number <= groupCount && kind == .compiled, "no such group")
        let start = unsafe ovector![number &* 2]
        let end = unsafe ovector![number &* 2 &+ 1]
        // PCRE2_UNSET is all ones; `\K` in a look-around can put the end before the start.
        return start >= 0 && start <= end ? start..<end : nil
    }

    /// Looks for the text that every match contains. Stops looking for a while where most lines have it.
    private func mayMatch(_ text: ByteView) -> Bool {
        let tally = unsafe self.tally!
        if unsafe tally.pointee.pause > 0 {
            unsafe tally.pointee.pause -= 1
            return true
        }
        let found = needle.isIn(text)
        unsafe tally.pointee.tests += 1
        if found { unsafe tally.pointee.found += 1 }
        if unsafe tally.pointee.tests == 256 {
            unsafe tally.pointee = Tally(pause: tally.pointee.found > 192 ? 8_192 : 0)
        }
        return found
    }
}
