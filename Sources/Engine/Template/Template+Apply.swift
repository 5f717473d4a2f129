extension Template {
    /// A function's value; the arguments fit its parameters. `regex`: the number of its constant expression, or -1.
    func apply(
        _ function: TemplateFunction, _ values: [TemplateValue], _ regex: Int32, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        switch function {
        case .and, .call, .eq, .ge, .gt, .html, .index, .js, .le, .len, .lt, .ne, .not, .or, .print, .printf, .println,
            .slice, .urlquery:
            return try GoBuiltins.apply(function, values, &run)
        case .toLower, .toUpper, .replaceSome, .trimSet, .trimLeft, .trimRight, .stripPrefix, .stripSuffix, .trimSpace,
            .alignLeft, .alignRight, .b64enc, .b64dec, .contains, .hasPrefix, .hasSuffix, .indent, .lower, .nindent,
            .repeat, .replace, .substr, .title, .trim, .trimAll, .trimPrefix, .trimSuffix, .trunc, .upper, .urldecode,
            .urlencode:
            return try TextFunctions.apply(function, values, &run)
        case .count, .regexReplaceAll, .regexReplaceAllLiteral:
            let expression =
                regex >= 0 ? tree.regexes[Int(regex)] : regexCache.regex(values[0].bytes)
            return try expression.apply(function, values, &run)
        case .add, .addf, .bytes, .ceil, .div, .divf, .duration, .durationSeconds, .float64, .floor, .int, .max, .maxf,
            .min, .minf, .mod, .mul, .mulf, .round, .sub, .subf:
            return try NumberFunctions.apply(function, values)
        case .date, .toDate, .toDateInZone, .unixEpoch, .unixEpochMillis, .unixEpochNanos, .unixToTime, .now:
            return try TimeFunctions.apply(function, values, &run)
        case .default:
            guard values.count > 1, values[1].isTrue else { return values[0] }
            return values[1]
        case .fromJson: return try TemplateJSON.value(of: values[0].bytes, &run)
        case .line, .timestamp: return .nothing
        }
    }
}

extension TemplateValue {
    /// The bytes of a text; of anything else, none. For arguments whose type is checked.
    var bytes: ByteView {
        if case .text(let text) = self { return text }
        return .empty
    }

    /// The value of an integer; 0 for anything else. For arguments whose type is checked.
    var integer: Int64 {
        if case .integer(let value, _) = self { return value }
        return 0
    }
}
