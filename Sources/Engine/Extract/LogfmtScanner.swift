/// The `logfmt` stage: takes labels from `key=value` pairs, as Loki 3.4.0 does.
///
/// Keys are expected to follow each other as in the line before (see `KeyMemory`). Fields come in the order of the
/// line; when one label comes twice, the later one wins.
///
/// With targets (`logfmt a="b"`) only the pairs found are given; that each target starts as an empty label is for
/// the caller to do, who knows which of them are labels of the stream.
struct LogfmtScanner: ~Copyable {
    enum Fault: UInt8, BitwiseCopyable {
        case none, equals, quote, unterminated, badEscape, badKey
    }

    private var keys: LogfmtKeys
    private var memory: KeyMemory
    let strict: Bool
    let keepsEmpty: Bool
    /// Labels that must have been found for the scan to stop; nil to read every line to its end.
    private let needed: Int?
    private var tracksLabels: Bool
    /// By field: the scan in which it was found last, and from which variant of its key.
    private var found: [(scan: UInt32, variant: UInt32)] = []
    private var scanNumber: UInt32 = 0
    private var missing = Int.max
    /// What ended the last strict scan that failed, and the 1-based byte position of it.
    private(set) var fault = Fault.none
    private(set) var faultPosition = 0

    /// Every key becomes a label.
    init(seed: UInt64, strict: Bool = false, keepsEmpty: Bool = false) {
        self.init(LogfmtKeys(.all, seed: seed), seed, strict, keepsEmpty, needed: nil)
    }

    /// Only keys that become one of the labels `wanted` do. `stopsWhenComplete`: read no further once all are found.
    init(
        wanted: [(name: String, id: FieldID)], seed: UInt64, strict: Bool = false, keepsEmpty: Bool = false,
        stopsWhenComplete: Bool = false
    ) {
        let keys = LogfmtKeys(.wanted(wanted), seed: seed)
        self.init(keys, seed, strict, keepsEmpty, needed: stopsWhenComplete ? keys.wantedCount : nil)
    }

    /// `logfmt a="b"`: a pair goes to the target whose expression is its key, else to the target of its name.
    /// `stopsAtFirst`: read no further once one target is found, as Loki does where it knows the labels it needs.
    init(targets: [LogfmtTarget], seed: UInt64, strict: Bool = false, stopsAtFirst: Bool = false) {
        self.init(LogfmtKeys(.targets(targets), seed: seed), seed, strict, true, needed: stopsAtFirst ? 1 : nil)
    }

    private init(_ keys: LogfmtKeys, _ seed: UInt64, _ strict: Bool, _ keepsEmpty: Bool, needed: Int?) {
        self.keys = keys
        memory = KeyMemory(seed: seed)
        self.strict = strict
        self.keepsEmpty = keepsEmpty
        self.needed = needed
        tracksLabels = needed != nil || !keys.isByName
    }

    /// Values that were lost because the name table was full, since the scanner was made.
    var refused: UInt64 { keys.refused }

    /// `__error_details__` of the last strict scan that failed.
    var details: String {
        let reason =
            switch fault {
            case .none: ""
            case .equals: "unexpected '='"
            case .quote: "unexpected '\"'"
            case .unterminated: "unterminated quoted value"
            case .badEscape: "invalid quoted value"
            case .badKey: "invalid key"
            }
        return "logfmt syntax error at pos \(faultPosition) : \(reason)"
    }

    /// Appends the labels of `line` to `fields`. Only strict scans fail; the labels before the error are there.
    mutating func scan(_ line: ByteView, into fields: inout FieldBuffer, names: inout NameTable) -> ScanError {
        if memory.isFull { memory.removeAll() }
        missing = needed ?? Int.max
        if missing == 0 { return .none }
        scanNumber &+= 1
        let before = fields.count
        let tracked = tracksLabels
        let error = walk(line, &fields, &names)
        guard tracksLabels != tracked else { return error }
        // Two keys that make one label: labels of this line have been taken without tracking.
        fields.truncate(to: before)
        scanNumber &+= 1
        return walk(line, &fields, &names)
    }

    private mutating func walk(
        _ line: ByteView, _ fields: inout FieldBuffer, _ names: inout NameTable
    ) -> ScanError {
        var offset = 0
        var entry: Int32 = 0
        while true {
            while offset < line.count, line.peek(offset) <= 0x20 { offset &+= 1 }
            guard offset < line.count else { return .none }
            var target: JSONKeys.Target
            let expected = memory[entry].next
            if memory.matches(expected, line, offset, node: 0),
                offset &+ Int(truncatingIfNeeded: memory[expected].length) <= line.count
            {
                entry = expected
                target = JSONKeys.Target(field: memory[entry].field, variant: memory[entry].variant)
                offset = offset &+ Int(truncatingIfNeeded: memory[entry].length)
            } else {
                let found = unexpectedKey(line, offset, after: entry, names: &names)
                offset = found.offset
                guard found.fault == .none else {
                    if strict { return fail(found.fault, offset) }
                    if found.fault != .badKey { offset = skipWord(line, offset) }
                    continue
                }
                target = found.target
                entry = found.entry
                if !found.hasValue {
                    take(.empty, target, &fields)
                    if missing == 0 { return .none }
                    continue
                }
            }
            // The value.
            if line.peek(offset) == UInt8(ascii: "\""), offset < line.count {
                let (end, escaped) = line.stringEnd(offset &+ 1)
                guard end < line.count else { return strict ? fail(.unterminated, line.count) : .none }
                let inside = line.part(offset &+ 1, end)
                offset = end &+ 1
                if escaped, !Self.escapesAreGood(inside) {
                    if strict { return fail(.badEscape, offset) }
                    continue
                }
                take(inside, target, &fields, escaped: escaped)
            } else {
                let end = wordEnd(line, offset)
                if end < line.count, line.peek(end) > 0x20 {
                    let fault = line.peek(end) == UInt8(ascii: "=") ? Fault.equals : .quote
                    if strict { return fail(fault, end) }
                    offset = skipWord(line, end)
                    continue
                }
                take(line.part(offset, end), target, &fields)
                offset = end
            }
            if missing == 0 { return .none }
        }
    }

    private mutating func fail(_ fault: Fault, _ offset: Int) -> ScanError {
        self.fault = fault
        faultPosition = offset + 1
        return .logfmt
    }

    @inline(__always)
    private mutating func take(
        _ value: ByteView, _ target: JSONKeys.Target, _ fields: inout FieldBuffer, escaped: Bool = false
    ) {
        guard target.field >= 0, keepsEmpty || !value.isEmpty,
            !tracksLabels || admits(target.field, target.variant)
        else { return }
        let form: ExtractedField.Form = escaped || Self.needsRepair(value) ? .escaped : .plain
        fields.append(ExtractedField(id: FieldID(Int(target.field)), form: form, value: value))
    }

    @inline(__always)
    private static func needsRepair(_ value: ByteView) -> Bool {
        // A bare value may have backslashes, which are no escapes; then the broken bytes stay.
        value.hasNonASCII && UTF8Rune.needsRepair(value) && value.firstIndex(of: UInt8(ascii: "\\")) == nil
    }

    private mutating func admits(_ field: Int32, _ variant: UInt32) -> Bool {
        let index = Int(field)
        while found.count <= index { found.append((scan: 0, variant: 0)) }
        if found[index].scan == scanNumber { return keys.isByName ? found[index].variant == variant : true }
        found[index] = (scan: scanNumber, variant: variant)
        missing -= 1
        return true
    }

    /// The next byte <= 0x20, `=` or `"`.
    @inline(__always)
    private func wordEnd(_ line: ByteView, _ start: Int) -> Int {
        var offset = start
        while offset < line.count {
            let found = Word.logfmtStop(line.word(offset))
            if found != 0 { return min(offset &+ found.trailingZeroBitCount &>> 3, line.count) }
            offset &+= 8
        }
        return line.count
    }

    private func skipWord(_ line: ByteView, _ start: Int) -> Int {
        var offset = start
        while offset < line.count, line.peek(offset) > 0x20 { offset &+= 1 }
        return offset
    }

    /// In a quoted value with escapes, raw control bytes are errors too.
    private static func escapesAreGood(_ inside: ByteView) -> Bool {
        var offset = 0
        while offset < inside.count {
            let byte = inside[offset]
            if byte == UInt8(ascii: "\\") {
                guard let escape = JSONEscape.decode(inside, at: offset) else { return false }
                offset += escape.length
            } else {
                guard byte >= 0x20 else { return false }
                offset += 1
            }
        }
        return true
    }

    private struct FoundKey: BitwiseCopyable {
        var entry: Int32 = 0
        var target = JSONKeys.Target.nowhere
        var hasValue = false
        /// Behind the `=`, or behind a bare key, or where the fault is.
        var offset = 0
        var fault = Fault.none
    }

    /// A key that is not the one that followed the last time: looks it up, or learns it.
    @inline(never)
    private mutating func unexpectedKey(
        _ line: ByteView, _ start: Int, after previous: Int32, names: inout NameTable
    ) -> FoundKey {
        var found = FoundKey()
        let end = wordEnd(line, start)
        found.offset = end
        let stop = end < line.count ? line[end] : 0x20
        if stop == UInt8(ascii: "\"") { found.fault = .quote }
        if stop == UInt8(ascii: "="), end == start { found.fault = .equals }
        guard found.fault == .none else { return found }
        let key = line[start..<end]
        if key.hasNonASCII, UTF8Rune.needsRepair(key) {
            found.fault = .badKey
            return found
        }
        guard stop == UInt8(ascii: "=") else {
            found.entry = previous
            if keepsEmpty { found.target = keys.target(key, names: &names) }
            if found.target.variant != 0 { tracksLabels = true }
            return found
        }
        found.hasValue = true
        found.offset = end + 1
        let known = memory.find(line[start..<end + 1], node: 0)
        if known != 0 {
            found.entry = known
            found.target = JSONKeys.Target(field: memory[known].field, variant: memory[known].variant)
        } else {
            found.target = keys.target(key, names: &names)
            found.entry = memory.insert(line[start..<end + 1], node: 0, target: found.target)
            if found.target.variant != 0 { tracksLabels = true }
        }
        if found.entry != 0 { memory[previous].next = found.entry }
        return found
    }
}

/// One target of `logfmt name="expression"`.
struct LogfmtTarget {
    var name: String
    var expression: String
    var id: FieldID

    /// The key that an expression stands for; nil with a message when it is none.
    static func key(_ expression: String) -> Result<String, RegexError> {
        if expression.isEmpty {
            return .failure(
                RegexError(
                    message: "cannot parse expression []: syntax error: unexpected $end, expecting STRING or KEY",
                    offset: 0))
        }
        if expression.utf8.count >= 2, expression.hasPrefix("\""), expression.hasSuffix("\"") {
            return .success(String(expression.dropFirst().dropLast()))
        }
        return .success(expression)
    }
}

/// Which label a logfmt key becomes.
struct LogfmtKeys {
    enum Choice {
        case all
        case wanted([(name: String, id: FieldID)])
        case targets([LogfmtTarget])
    }

    private var keys: JSONKeys
    private var targets: [(key: [UInt8], name: [UInt8], id: FieldID)] = []
    private var scratch: [UInt8] = []
    /// False for targets, which later pairs overwrite whatever their keys.
    let isByName: Bool

    init(_ choice: Choice, seed: UInt64) {
        switch choice {
        case .all:
            keys = JSONKeys(wanted: nil, seed: seed)
            isByName = true
        case .wanted(let names):
            keys = JSONKeys(wanted: names, seed: seed)
            isByName = true
        case .targets(let chosen):
            keys = JSONKeys(wanted: [], seed: seed)
            isByName = false
            targets = chosen.map { target in
                let key = (try? LogfmtTarget.key(target.expression).get()) ?? target.expression
                return (Array(key.utf8), Array(target.name.utf8), target.id)
            }
        }
    }

    var wantedCount: Int { keys.wantedCount ?? 0 }
    var refused: UInt64 { keys.refused }

    mutating func target(_ key: ByteView, names: inout NameTable) -> JSONKeys.Target {
        if isByName { return keys.target(key, in: JSONKeys.root, names: &names, isJSON: false) }
        scratch.removeAll(keepingCapacity: true)
        LabelName.append(key, to: &scratch)
        let byExpression = targets.firstIndex { $0.key == scratch }
        guard let index = byExpression ?? targets.firstIndex(where: { $0.name == scratch }) else { return .nowhere }
        return JSONKeys.Target(field: Int32(targets[index].id.value), variant: 0)
    }
}
