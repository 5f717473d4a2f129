import LogQL

/// The stages of one program, made ready to run: literals in stable memory, regexes compiled, names as numbers.
struct StageRuntime: ~Copyable {
    private let regexSet = RegexSet()
    var lineFilters = OwnedBuffer<LineFilterRuntime>()
    var labelFilters: LabelFilterTable
    var json = OwnedBuffer<JSONScanner>()
    var jsonPaths = OwnedBuffer<JSONPathScanner>()
    /// The labels of each `json` and `logfmt` with expressions.
    var jsonTargets: [[FieldID]] = []
    var logfmtTargets: [[FieldID]] = []
    /// Targets of `logfmt` that take the value of a pair with another name, and that name.
    var logfmtSources: [[(target: FieldID, source: FieldID)]] = []
    var logfmt = OwnedBuffer<LogfmtScanner>()
    var regexps = OwnedBuffer<RegexExtractor>()
    var patterns = OwnedBuffer<PatternMatcher>()
    var labelFormats: [[LabelFormatItem]] = []
    var lineFormats: [LineFormat] = []
    var choices = OwnedBuffer<LabelChoices>()
    var unwraps = OwnedBuffer<UnwrapRuntime>()
    /// The text of each `LineFailure`, for filters on `__error__`.
    var errorTexts = OwnedBuffer<ByteView>()
    /// `__error_details__` of each `ScanError`.
    var errorDetails = OwnedBuffer<ByteView>()
    var hints = OwnedBuffer<HintRuntime>()
    var unpacks = OwnedBuffer<UnpackScanner>()
    let decolorizer: Decolorizer?

    struct UnwrapRuntime: BitwiseCopyable {
        var label: FieldID
        var conversion: Unwrap.Conversion
    }

    init(_ tables: StageTables, names: inout NameTable, constants: ByteStore, seed: UInt64) {
        decolorizer = tables.decolorizes ? Decolorizer(in: regexSet) : nil
        labelFilters = LabelFilterTable(tables.labelFilters, names: &names, constants: constants, regexes: regexSet)
        for filter in tables.lineFilters {
            lineFilters.append(LineFilterRuntime(filter, constants: constants, regexes: regexSet))
        }
        for wanted in tables.json {
            if let ids = Self.ids(wanted, &names) {
                json.append(JSONScanner(wanted: ids, seed: seed))
            } else {
                json.append(JSONScanner(seed: seed))
            }
        }
        for extractions in tables.jsonPaths {
            let ids = extractions.map { names.known($0.label) }
            let paths = extractions.map { item in
                promised(item.expression) { () throws(ExpressionError) in try JSONPath(item.expression) }
            }
            jsonPaths.append(JSONPathScanner(zip(paths, ids).map { ($0, $1) }))
            jsonTargets.append(ids)
        }
        for stage in tables.logfmt { add(stage, names: &names, seed: seed) }
        for pattern in tables.regexps { addRegexp(pattern, names: &names) }
        for pattern in tables.patterns {
            let fields = PatternExpression(pattern).names.map { names.known($0) }
            patterns.append(
                promised(pattern) { () throws(ExpressionError) in
                    try PatternMatcher(pattern, fields: fields, store: constants)
                })
        }
        for text in tables.lineFormats {
            if let field = LineFormat.soleField(text) {
                lineFormats.append(.field(names.known(field)))
            } else {
                lineFormats.append(.template(Template.bound(text, name: "line", names: &names, in: regexSet)))
            }
        }
        for items in tables.labelFormats { addLabelFormat(items, names: &names) }
        for items in tables.choices {
            choices.append(LabelChoices(items, names: &names, constants: constants, regexes: regexSet))
        }
        for unwrap in tables.unwraps {
            unwraps.append(UnwrapRuntime(label: names.known(unwrap.label), conversion: unwrap.conversion))
        }
        for hint in tables.hints { hints.append(HintRuntime(hint, names: &names)) }
        for wanted in tables.unpacks {
            unpacks.append(UnpackScanner(wanted: Self.ids(wanted, &names)?.map(\.id)))
        }
        for error in ScanError.allCases {
            let text = error.details
            errorDetails.append(constants.keep(text.description.utf8))
        }
        for failure in LineFailure.allCases { errorTexts.append(constants.keep(failure.text.utf8)) }
    }

    private mutating func add(_ stage: StageTables.Logfmt, names: inout NameTable, seed: UInt64) {
        logfmtTargets.append(stage.extractions.map { names.known($0.label) })
        let targets = Set(stage.extractions.map(\.label))
        logfmtSources.append(
            stage.extractions.compactMap { item in
                targets.contains(item.expression)
                    ? nil : names.id(forName: item.expression).map { (names.known(item.label), $0) }
            })
        if !stage.extractions.isEmpty {
            let targets = stage.extractions.map { item in
                LogfmtTarget(name: item.label, expression: item.expression, id: names.known(item.label))
            }
            logfmt.append(LogfmtScanner(targets: targets, seed: seed, strict: stage.strict))
        } else if let ids = Self.ids(stage.wanted, &names) {
            logfmt.append(
                LogfmtScanner(wanted: ids, seed: seed, strict: stage.strict, keepsEmpty: stage.keepEmpty))
        } else {
            logfmt.append(LogfmtScanner(seed: seed, strict: stage.strict, keepsEmpty: stage.keepEmpty))
        }
    }

    private mutating func addLabelFormat(_ items: [LabelFormat], names: inout NameTable) {
        var ready: [LabelFormatItem] = []
        for item in items {
            let value: LabelFormatItem.Value
            switch item.value {
            case .rename(let from): value = .rename(names.known(from))
            case .template(let text):
                value = .template(Template.bound(text, name: "label", names: &names, in: regexSet))
            }
            ready.append(LabelFormatItem(label: names.known(item.label), value: value))
        }
        labelFormats.append(ready)
    }

    private mutating func addRegexp(_ pattern: String, names: inout NameTable) {
        let labels = promised(pattern) { () throws(RegexError) in try RegexExtractor.names(pattern) }
        let fields = labels.map { names.known($0) }
        regexps.append(
            promised(pattern) { () throws(RegexError) in
                try RegexExtractor(pattern, fields: fields, in: regexSet)
            })
    }

    // These two take the buffer as a parameter: as a property of the program it would be part of the same access.

    mutating func scanRegexp(_ stage: Int, _ line: ByteView, into fields: inout FieldBuffer) -> MatchOutcome {
        regexps[stage].scan(line, into: &fields)
    }

    mutating func scanPattern(_ stage: Int, _ line: ByteView, into fields: inout FieldBuffer) {
        patterns[stage].scan(line, into: &fields)
    }

    /// nil where every label is wanted.
    private static func ids(_ wanted: StageTables.Wanted, _ names: inout NameTable) -> [(name: String, id: FieldID)]? {
        wanted.all ? nil : wanted.names.map { ($0, names.known($0)) }
    }
}

extension NameTable {
    /// The number of a name that is there already.
    func known(named name: String) -> FieldID? {
        let store = ByteStore()
        let view = store.keep(name.utf8)
        return withExtendedLifetime(store) { find(view) }
    }

    /// The number of a name that the plan lists.
    mutating func known(_ name: String) -> FieldID {
        guard let id = id(forName: name) else {
            preconditionFailure("the table of names has room for the names of a plan, but not for '\(name)'")
        }
        return id
    }
}

/// What the planner has tried with the same text before: a failure here is the planner's mistake.
func promised<Made: ~Copyable, Problem: Error>(_ text: String, _ make: () throws(Problem) -> Made) -> Made {
    do throws(Problem) {
        return try make()
    } catch {
        preconditionFailure("the planner accepted '\(text)', but: \(error)")
    }
}

extension RegexSet {
    /// The regex of a label matcher that the planner has compiled before.
    func checkedAnchored(_ pattern: String) -> Regex {
        promised(pattern) { () throws(RegexError) in try compile(pattern, anchored: true) }.regex
    }
}
