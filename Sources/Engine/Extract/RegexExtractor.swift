/// The `regexp` stage, compiled: named groups become labels.
struct RegexExtractor {
    private let regex: Regex
    /// Owns the expression.
    private let set: RegexSet
    private var groups: [(number: Int, field: FieldID)] = []
    /// The construct for which Loki would refuse the expression; nil when there is none.
    let beyondRE2: String?

    /// The names of the labels that an expression makes, in the order of their groups.
    static func names(_ pattern: String) throws(RegexError) -> [String] {
        let names = try RegexSyntax(pattern).groups.map(\.name)
        if names.isEmpty { throw RegexError(message: "at least one named capture must be supplied", offset: 0) }
        var seen: Set<String> = []
        for name in names {
            guard !(name.utf8.first! &- UInt8(ascii: "0") < 10) else {
                throw RegexError(message: "invalid extracted label name '\(name)'", offset: 0)
            }
            guard seen.insert(name).inserted else {
                throw RegexError(message: "duplicate extracted label name '\(name)'", offset: 0)
            }
        }
        return names
    }

    /// `fields` are those of `names(pattern)`, in order.
    init(_ pattern: String, fields: [FieldID], in set: RegexSet) throws(RegexError) {
        let names = try Self.names(pattern)
        precondition(fields.count == names.count, "one field for each named group")
        let compilation = try set.compile(pattern, capturing: true)
        regex = compilation.regex
        self.set = set
        beyondRE2 = compilation.beyondRE2
        for (group, field) in zip(compilation.groups, fields) { groups.append((group.number, field)) }
    }

    /// Appends the named groups of the first match in `line`; groups that took no part are empty.
    func scan(_ line: ByteView, into fields: inout FieldBuffer) -> MatchOutcome {
        let outcome = regex.matches(line)
        guard outcome == .match else { return outcome }
        for index in groups.indices {
            let range = regex.group(groups[index].number)
            let value = range.map { line[$0] } ?? line[0..<0]
            fields.append(ExtractedField(id: groups[index].field, form: .plain, value: value))
        }
        return .match
    }
}
