import LogQL

/// The stages of one program, made ready to run: literals in stable memory, regexes compiled, names as numbers.
struct StageRuntime: ~Copyable {
    private let regexSet = RegexSet()
    var lineFilters = OwnedBuffer<LineFilterRuntime>()
    var labelFilters: LabelFilterTable
    var json = OwnedBuffer<JSONScanner>()
    var jsonPaths = OwnedBuffer<JSONPathSet>()
    var logfmt = OwnedBuffer<LogfmtScanner>()
    var regexps = OwnedBuffer<RegexExtractor>()
    var patterns = OwnedBuffer<PatternMatcher>()
    var labelFormats: [[Rename]] = []
    var choices = OwnedBuffer<LabelChoices>()
    var unwraps = OwnedBuffer<UnwrapRuntime>()
    /// The text of each `LineFailure`, for filters on `__error__`.
    var errorTexts = OwnedBuffer<ByteView>()

    struct Rename: Sendable {
        var to: FieldID
        var from: FieldID
    }

    struct UnwrapRuntime: BitwiseCopyable {
        var label: FieldID
        var conversion: Unwrap.Conversion
    }

    init(_ tables: StageTables, names: inout NameTable, constants: inout ConstantPool, seed: UInt64) {
        labelFilters = LabelFilterTable(tables.labelFilters, names: &names, constants: &constants, regexes: regexSet)
        for filter in tables.lineFilters {
            lineFilters.append(LineFilterRuntime(filter, constants: &constants, regexes: regexSet))
        }
        for wanted in tables.json {
            if let ids = Self.ids(wanted, &names) {
                json.append(JSONScanner(wanted: ids, seed: seed))
            } else {
                json.append(JSONScanner(seed: seed))
            }
        }
        for paths in tables.jsonPaths {
            jsonPaths.append(JSONPathSet(paths.map { ($0.expression, names.known($0.label)) }))
        }
        for stage in tables.logfmt {
            logfmt.append(
                LogfmtScanner(
                    wanted: Self.ids(stage.wanted, &names), strict: stage.strict, keepEmpty: stage.keepEmpty,
                    extractions: stage.extractions.map { ($0.expression, names.known($0.label)) }))
        }
        for pattern in tables.regexps { regexps.append(RegexExtractor(pattern, names: &names, regexes: regexSet)) }
        for pattern in tables.patterns { patterns.append(PatternMatcher(pattern, names: &names)) }
        for items in tables.labelFormats {
            labelFormats.append(
                items.compactMap { item in
                    guard case .rename(let from) = item.value else { return nil }
                    return Rename(to: names.known(item.label), from: names.known(from))
                })
        }
        for items in tables.choices {
            choices.append(LabelChoices(items, names: &names, constants: &constants, regexes: regexSet))
        }
        for unwrap in tables.unwraps {
            unwraps.append(UnwrapRuntime(label: names.known(unwrap.label), conversion: unwrap.conversion))
        }
        for failure in LineFailure.allCases { errorTexts.append(constants.keep(failure.text)) }
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

extension RegexSet {
    /// Compiles a pattern that the planner has compiled before.
    func checked(_ pattern: String, anchored: Bool) -> Regex {
        do throws(RegexError) {
            return try compile(pattern, anchored: anchored).regex
        } catch {
            preconditionFailure("the planner accepted '\(pattern)', but: \(error.message)")
        }
    }
}
