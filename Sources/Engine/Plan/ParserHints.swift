import LogQL

/// What Loki knows, while it parses a line, of the labels that the query needs. It changes answers (a repeated key,
/// broken text behind the last label that is needed), so a query is given the same knowledge.
///
/// Rules share their parsers, so they are not given it: see `docs/logql.md`.
struct ParserHints: Sendable {
    /// Reading stops once each of these has been found, and no other label is taken; nil: every label may be needed.
    var required: [String]?
    /// Label filters that are tried as soon as a parser finds their label.
    var early: [LabelFilter]
    /// No label is needed at all: the parsers are left out.
    var needsNothing: Bool { required?.isEmpty ?? false }

    /// A filter or the grouping names `__error__`, where Loki notices: errors of parsers do not spoil the line then.
    let keepsErrors: Bool

    /// What the stages and the grouping of one range aggregation (or of a log query) tell.
    init(_ query: LogQuery, stages: [Stage], _ labels: NeededLabels) {
        var named: [String] = stages.flatMap(\.namesNeeded)
        if let unwrap = query.unwrap {
            named.append(unwrap.label)
            named += unwrap.filters.flatMap(\.names)
        }
        switch labels {
        case .every:
            required = nil
            early = Self.early(in: query)
            keepsErrors = false
        case .none:
            required = Self.unique(named)
            early = Self.early(in: query)
            keepsErrors = named.contains("__error__")
        case .some(let grouping):
            required = Self.unique(named + grouping)
            early = []
            keepsErrors = named.contains("__error__") || grouping.contains("__error__")
        }
    }

    /// The labels of the series that a pipeline ends in.
    enum NeededLabels {
        case every
        case none
        case some([String])
    }

    /// Single comparisons, the first for each label.
    private static func early(in query: LogQuery) -> [LabelFilter] {
        var filters: [LabelFilter] = []
        var seen: Set<String> = []
        func add(_ filter: LabelFilter) {
            switch filter {
            case .and, .or: return
            case .text, .number, .duration, .bytes, .ip: break
            }
            if let name = filter.names.first, seen.insert(name).inserted { filters.append(filter) }
        }
        for stage in query.stages {
            if case .labelFilter(let filter) = stage.kind { add(filter) }
        }
        for filter in query.unwrap?.filters ?? [] { add(filter) }
        return filters
    }

    /// A label called `x_extracted` may come from a key `x` that the stream has, too.
    private static func unique(_ names: [String]) -> [String] {
        var result: [String] = []
        var seen: Set<String> = []
        for name in names {
            if seen.insert(name).inserted { result.append(name) }
            guard name.hasSuffix("_extracted") else { continue }
            let plain = String(name.dropLast("_extracted".count))
            if seen.insert(plain).inserted { result.append(plain) }
        }
        return result
    }

    /// Two parsers with the same text here read a line alike.
    var key: String {
        "\(required.map { $0.joined(separator: ",") } ?? "*") \(early.map(\.description).joined(separator: ","))"
    }
}

extension Stage {
    /// The labels that a stage names, as Loki counts them.
    var namesNeeded: [String] {
        switch kind {
        case .labelFilter(let filter): filter.names
        case .labelFormat(let items):
            items.flatMap { item in
                switch item.value {
                case .rename(let from): [from]
                case .template(let text): TemplateNames(text).names
                }
            }
        case .lineFormat(let text): TemplateNames(text).names
        case .lineFilter, .json, .logfmt, .regexp, .pattern, .unpack, .decolorize, .drop, .keep: []
        }
    }

    /// True for stages that read labels from the line.
    var isParser: Bool {
        switch kind {
        case .json, .logfmt, .regexp, .pattern, .unpack: true
        case .lineFilter, .labelFilter, .decolorize, .lineFormat, .labelFormat, .drop, .keep: false
        }
    }
}
