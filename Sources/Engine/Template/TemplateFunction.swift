/// The functions that templates know, by name: Go's own and Loki's.
enum TemplateFunction: String {
    // Go's.
    case and, call, eq, ge, gt, html, index, js, le, len, lt, ne, not, or, print, printf, println, slice, urlquery
    // The line.
    case line = "__line__"
    case timestamp = "__timestamp__"
    // Texts.
    case toLower = "ToLower"
    case toUpper = "ToUpper"
    case replaceSome = "Replace"
    case trimSet = "Trim"
    case trimLeft = "TrimLeft"
    case trimRight = "TrimRight"
    case stripPrefix = "TrimPrefix"
    case stripSuffix = "TrimSuffix"
    case trimSpace = "TrimSpace"
    case alignLeft, alignRight, b64enc, b64dec, contains, count, hasPrefix, hasSuffix, indent, lower, nindent
    case regexReplaceAll, regexReplaceAllLiteral, `repeat`, replace, substr, title, trim, trimAll, trimPrefix
    case trimSuffix, trunc, upper, urldecode, urlencode
    // Numbers.
    case add, addf, bytes, ceil, div, divf, duration, float64, floor, int, max, maxf, min, minf, mod, mul, mulf
    case round, sub, subf
    case durationSeconds = "duration_seconds"
    // Times and others.
    case date, `default`, fromJson, now, toDate, toDateInZone, unixEpoch, unixEpochMillis, unixEpochNanos, unixToTime

    var parameters: TemplateParameters {
        switch self {
        case .and, .or, .eq: Self.wants([.value], rest: .value)
        case .not, .len: Self.wants([.value])
        case .ge, .gt, .le, .lt, .ne: Self.wants([.value, .value])
        case .index, .slice, .call: Self.wants([.value], rest: .value)
        case .html, .js, .print, .println, .urlquery: Self.wants([], rest: .any)
        case .printf: Self.wants([.string], rest: .any)
        case .line, .timestamp, .now: Self.wants([])
        case .toLower, .toUpper, .trimSpace, .lower, .upper, .title, .trim, .b64enc, .b64dec, .urlencode, .urldecode,
            .bytes, .duration, .durationSeconds, .fromJson, .unixToTime:
            Self.wants([.string])
        case .trimSet, .trimLeft, .trimRight, .stripPrefix, .stripSuffix, .contains, .count, .hasPrefix, .hasSuffix,
            .trimAll, .trimPrefix, .trimSuffix, .toDate:
            Self.wants([.string, .string])
        case .replaceSome: Self.wants([.string, .string, .string, .int])
        case .regexReplaceAll, .regexReplaceAllLiteral, .replace, .toDateInZone:
            Self.wants([.string, .string, .string])
        case .alignLeft, .alignRight, .indent, .nindent, .repeat, .trunc: Self.wants([.int, .string])
        case .substr: Self.wants([.int, .int, .string])
        case .add, .addf: Self.wants([], rest: .any)
        case .sub, .div, .mod: Self.wants([.any, .any])
        case .subf, .divf, .mulf, .mul, .max, .maxf, .min, .minf, .default: Self.wants([.any], rest: .any)
        case .ceil, .floor, .float64, .int: Self.wants([.any])
        case .round: Self.wants([.any, .int], rest: .float)
        case .date: Self.wants([.string, .any])
        case .unixEpoch, .unixEpochMillis, .unixEpochNanos: Self.wants([.time])
        }
    }

    private static func wants(_ fixed: [TemplateParameter], rest: TemplateParameter? = nil) -> TemplateParameters {
        TemplateParameters(fixed: fixed, rest: rest)
    }
}
