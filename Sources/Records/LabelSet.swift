/// A label: a name and a value, as Prometheus and Loki use the words.
public struct Label: Hashable, Comparable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// Equal bytes: two spellings of an accented letter are two values.
    public static func == (left: Label, right: Label) -> Bool {
        left.name.utf8.elementsEqual(right.name.utf8) && left.value.utf8.elementsEqual(right.value.utf8)
    }

    /// By code point, first of the name, then of the value.
    public static func < (left: Label, right: Label) -> Bool {
        if !left.name.utf8.elementsEqual(right.name.utf8) {
            return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }
        return left.value.utf8.lexicographicallyPrecedes(right.value.utf8)
    }
}

/// Labels sorted by name, each name once: what identifies a stream or a series.
public struct LabelSet: Hashable, Sendable {
    public let labels: [Label]

    public static let empty = LabelSet([])

    /// Sorts the labels; of two with the same name the later one stays.
    public init(_ labels: some Sequence<Label>) {
        var byName: [String: String] = [:]
        for label in labels { byName[label.name] = label.value }
        self.labels = byName.map { Label($0.key, $0.value) }.sorted { $0.name < $1.name }
    }

    private init(sorted labels: [Label]) {
        self.labels = labels
    }

    /// The labels for which `isKept` holds; the same set where it holds for all.
    public func filtered(_ isKept: (Label) -> Bool) -> LabelSet {
        labels.allSatisfy(isKept) ? self : LabelSet(sorted: labels.filter(isKept))
    }

    public subscript(name: String) -> String? {
        labels.first { $0.name == name }?.value
    }

    /// These labels, with those of `other` added; the values of `other` win.
    public func merging(_ other: LabelSet) -> LabelSet {
        other.labels.isEmpty ? self : LabelSet(labels + other.labels)
    }

    /// The text form of the push protocol, `{a="b", c="d"}`, with values quoted as Go quotes them.
    public var text: String {
        "{" + labels.map { "\($0.name)=\(quoted($0.value))" }.joined(separator: ", ") + "}"
    }
}

/// A text in double quotes with the escapes of Go's `strconv.Quote`; printable Unicode stays as it is.
public func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        default:
            if scalar.value < 0x20 || scalar.value == 0x7F {
                result += "\\x" + hexadecimal(scalar.value)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
    }
    return result + "\""
}

private func hexadecimal(_ value: UInt32) -> String {
    (value < 16 ? "0" : "") + String(value, radix: 16)
}
