extension Expression: CustomStringConvertible {
    /// The canonical text: one line, keywords in lower case, only the brackets that are needed. Parsing it gives a tree that prints the
    /// same, so it can stand for the expression across reloads.
    public var description: String {
        switch self {
        case .log(let query): query.description
        case .metric(let metric): metric.description
        }
    }
}

extension LogQuery: CustomStringConvertible {
    /// The canonical text.
    public var description: String {
        let pipeline = stages.map { " " + $0.description }.joined()
        return selector.description + pipeline + (unwrap.map { " " + $0.description } ?? "")
    }
}

extension Selector: CustomStringConvertible {
    /// The canonical text, braces included.
    public var description: String {
        "{" + matchers.map(\.description).joined(separator: ", ") + "}"
    }
}

extension Matcher: CustomStringConvertible {
    /// The canonical text, such as `job="nginx"`.
    public var description: String { name + operation.rawValue + quote(value) }
}

extension Stage: CustomStringConvertible {
    /// The canonical text, with the `|` in front of it.
    public var description: String {
        switch kind {
        case .lineFilter(let filter): filter.description
        case .labelFilter(let filter): "| " + filter.description
        case .json(let extractions): "| json" + list(extractions)
        case .logfmt(let strict, let keepEmpty, let extractions):
            "| logfmt" + (strict ? " --strict" : "") + (keepEmpty ? " --keep-empty" : "") + list(extractions)
        case .regexp(let regex): "| regexp " + quote(regex)
        case .pattern(let pattern): "| pattern " + quote(pattern)
        case .unpack: "| unpack"
        case .decolorize: "| decolorize"
        case .lineFormat(let template): "| line_format " + quote(template)
        case .labelFormat(let formats): "| label_format" + list(formats)
        case .drop(let choices): "| drop" + list(choices)
        case .keep(let choices): "| keep" + list(choices)
        }
    }

    private func list(_ items: [some CustomStringConvertible]) -> String {
        items.isEmpty ? "" : " " + items.map(\.description).joined(separator: ", ")
    }
}

extension Extraction: CustomStringConvertible {
    /// The canonical text; the short form where label and expression are the same.
    public var description: String { label == expression ? label : label + "=" + quote(expression) }
}

extension LabelFormat: CustomStringConvertible {
    /// The canonical text.
    public var description: String {
        switch value {
        case .rename(let source): label + "=" + source
        case .template(let template): label + "=" + quote(template)
        }
    }
}

extension LabelChoice: CustomStringConvertible {
    /// The canonical text.
    public var description: String { matcher?.description ?? name }
}

extension LineFilter: CustomStringConvertible {
    /// The canonical text.
    public var description: String {
        operation.rawValue + " " + values.map(\.description).joined(separator: " or ")
    }
}

extension LineFilter.Value: CustomStringConvertible {
    /// The canonical text.
    public var description: String {
        switch self {
        case .text(let text): quote(text)
        case .ip(let address): "ip(" + quote(address) + ")"
        }
    }
}

extension LabelFilter: CustomStringConvertible {
    /// The canonical text; `,` and blanks have become `and`. How equal operators are bracketed does not matter and does not show.
    public var description: String {
        switch self {
        case .text(let matcher): matcher.description
        case .number(let name, let comparison, let value): "\(name) \(comparison.rawValue) \(signedNumber(value))"
        case .duration(let name, let comparison, let value): "\(name) \(comparison.rawValue) \(formatDuration(value))"
        case .bytes(let name, let comparison, let value): "\(name) \(comparison.rawValue) \(queryByteSize(value))"
        case .ip(let name, let equal, let address): "\(name) \(equal ? "=" : "!=") ip(\(quote(address)))"
        case .and(let left, let right): "\(left.bracketed(below: 2)) and \(right.bracketed(below: 2))"
        case .or(let left, let right): "\(left.description) or \(right.description)"
        }
    }

    private func bracketed(below binding: Int) -> String {
        let own =
            switch self {
            case .or: 1
            case .and: 2
            case .text, .number, .duration, .bytes, .ip: 3
            }
        return own < binding ? "(\(description))" : description
    }
}

extension Unwrap: CustomStringConvertible {
    /// The canonical text, with the `|` in front and the filters behind it.
    public var description: String {
        let source = conversion == .number ? label : "\(conversion.rawValue)(\(label))"
        return "| unwrap \(source)" + filters.map { " | " + $0.description }.joined()
    }
}

extension MetricExpression: CustomStringConvertible {
    /// The canonical text, with only the brackets that are needed.
    public var description: String {
        switch self {
        case .range(let aggregation): aggregation.description
        case .vector(let aggregation): aggregation.description
        case .binary(let operation): operation.description
        case .literal(let value, _): signedNumber(value)
        case .vectorOf(let value, _): "vector(\(formatNumber(value)))"
        case .labelReplace(let replace): replace.description
        }
    }

    fileprivate func bracketed(below binding: Int) -> String {
        guard case .binary(let inner) = self, inner.operation.precedence < binding else { return description }
        return "(\(description))"
    }
}

extension RangeAggregation: CustomStringConvertible {
    /// The canonical text; the range stands behind the pipeline, wherever it was written.
    public var description: String {
        let parameter = parameter.map { formatNumber($0) + ", " } ?? ""
        let offset = offset == 0 ? "" : " offset " + formatDuration(offset)
        let grouping = grouping.map { " " + $0.description } ?? ""
        return "\(operation.rawValue)(\(parameter)\(query) [\(formatDuration(window))]\(offset))\(grouping)"
    }
}

extension VectorAggregation: CustomStringConvertible {
    /// The canonical text; the grouping stands in front.
    public var description: String {
        let parameter = parameter.map { formatNumber($0) + ", " } ?? ""
        let grouping = grouping.map { " " + $0.description + " " } ?? ""
        return "\(operation.rawValue)\(grouping)(\(parameter)\(argument))"
    }
}

extension Grouping: CustomStringConvertible {
    /// The canonical text.
    public var description: String { (without ? "without (" : "by (") + labels.joined(separator: ", ") + ")" }
}

extension BinaryOperation: CustomStringConvertible {
    /// The canonical text.
    public var description: String {
        let binding = operation.precedence
        let rightAssociative = operation == .power
        let left = left.bracketed(below: binding + (rightAssociative ? 1 : 0))
        let right = right.bracketed(below: binding + (rightAssociative ? 0 : 1))
        let modifiers = (returnBool ? " bool" : "") + (matching.map { " " + $0.description } ?? "")
        return "\(left) \(operation.rawValue)\(modifiers) \(right)"
    }
}

extension BinaryOperation.Matching: CustomStringConvertible {
    /// The canonical text. `group_left` always has its brackets, so that one which begins the right operand is not taken for them.
    public var description: String {
        let matching = (on ? "on (" : "ignoring (") + labels.joined(separator: ", ") + ")"
        return switch cardinality {
        case .oneToOne: matching
        case .groupLeft: matching + " group_left (" + include.joined(separator: ", ") + ")"
        case .groupRight: matching + " group_right (" + include.joined(separator: ", ") + ")"
        }
    }
}

extension LabelReplace: CustomStringConvertible {
    /// The canonical text.
    public var description: String {
        let texts = [destination, replacement, source, regex].map(quote).joined(separator: ", ")
        return "label_replace(\(argument), \(texts))"
    }
}

/// A number as an operand. Minus zero needs a blank: `-0` is a duration in LogQL.
private func signedNumber(_ value: Double) -> String {
    value == 0 && value.sign == .minus ? "- 0" : formatNumber(value)
}
