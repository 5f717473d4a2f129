struct IPFilter: BitwiseCopyable { init?(_ text: String) { return nil }; func matches(_ v: ByteView) -> Bool { false } }
struct LinePattern: ~Copyable { init(_ t: String) {}; func matches(_ v: ByteView) -> Bool { false } }
struct PatternMatcher: ~Copyable {
    init(_ t: String, names: inout NameTable) {}; mutating func scan(_ l: ByteView, into: inout FieldBuffer) {}
}
struct JSONPathSet: ~Copyable {
    init(_ p: [(String, FieldID)]) {}; static func problem(in: String) -> String? { nil };
    mutating func scan(_ l: ByteView, into: inout FieldBuffer) -> ScanError { .none }
}
struct LogfmtScanner: ~Copyable {
    var hasExtractions: Bool { false };
    init(wanted: [(name: String, id: FieldID)]?, strict: Bool, keepEmpty: Bool, extractions: [(String, FieldID)]) {}
    mutating func scan(_ l: ByteView, into: inout FieldBuffer, names: inout NameTable) -> ScanError { .none }
}
struct RegexExtractor: ~Copyable {
    private let regex: Regex
    private var groups = OwnedBuffer<Group>()
    struct Group: BitwiseCopyable { var number: Int; var id: FieldID }
    init(_ pattern: String, names: inout NameTable, regexes set: RegexSet) {
        let c = try! set.compile(pattern, capturing: true)
        regex = c.regex
        for g in c.groups { groups.append(Group(number: g.number, id: names.id(forName: g.name)!)) }
    }
    mutating func scan(_ line: ByteView, into fields: inout FieldBuffer) -> MatchOutcome {
        let o = regex.matches(line)
        if o != .match { return o }
        for i in 0..<groups.count {
            let g = groups[i]; let r = regex.group(g.number) ?? 0..<0;
            fields.append(ExtractedField(id: g.id, form: .plain, value: line[r]))
        }
        return o
    }
}
