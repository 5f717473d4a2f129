import Diagnostics

/// Reads the keys of one mapping and reports what does not fit; after `finish`, also the keys nobody asked for.
///
/// Every function answers nil for a key that is absent, null or wrong; only the last is a mistake. So a reader
/// goes on and finds all mistakes at once.
public struct MappingReader {
    public let node: Node
    /// What the mapping is, for messages: `a rule`, `loki`.
    public let title: String
    public let findings: Findings
    private let pairs: [Pair]
    private var known: [String] = []

    /// Reports a node that is no mapping, and answers nil.
    public init?(_ node: Node, _ title: String, _ findings: Findings) {
        switch node.kind {
        case .mapping(let pairs): self.pairs = pairs
        case .scalar, .sequence:
            findings.error("\(title): wanted a mapping, found \(findings.found(node))", at: node.range)
            return nil
        }
        self.node = node
        self.title = title
        self.findings = findings
    }

    /// The keys as they stand.
    public var keys: [Scalar] { pairs.map(\.key) }

    /// Where a key stands; the beginning of the mapping where it is absent.
    public func range(ofKey key: String) -> Range<Int> {
        pairs.first { $0.key.text == key }?.key.range ?? node.range.lowerBound..<node.range.lowerBound
    }

    /// Where the value of a key stands; the beginning of the mapping where it is absent.
    public func range(of key: String) -> Range<Int> {
        self.node[key]?.range ?? range(ofKey: key)
    }

    /// True when the key stands in the mapping, even with nothing behind it.
    public func has(_ key: String) -> Bool { pairs.contains { $0.key.text == key } }

    /// The value of a key as a node.
    public mutating func value(_ key: String) -> Node? {
        known.append(key)
        guard let value = node[key], !value.isNull else { return nil }
        return value
    }

    public mutating func text(_ key: String, wanted: String = "text") -> String? {
        value(key).flatMap { findings.text($0, wanted: wanted, for: key) }
    }

    /// A whole number within bounds.
    public mutating func integer(_ key: String, in bounds: ClosedRange<Int>) -> Int? {
        parsed(key, wanted: "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)") { text in
            Int(text).flatMap { bounds.contains($0) ? $0 : nil }
        }
    }

    public mutating func boolean(_ key: String) -> Bool? {
        parsed(key, wanted: "true or false") { text in
            switch text {
            case "true", "True", "TRUE": true
            case "false", "False", "FALSE": false
            default: nil
            }
        }
    }

    /// One of the raw values of an enum; a near miss is named.
    public mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String, _: Choice.Type)
        -> Choice?
    {
        guard let value = value(key) else { return nil }
        let names = Choice.allCases.map(\.rawValue)
        if let choice = value.scalar.flatMap({ Choice(rawValue: $0.text) }) { return choice }
        let meant = value.scalar.flatMap { nearest(to: $0.text, among: names) }
        findings.wrong(
            value,
            wanted: names.count == 1 ? names[0] : names.dropLast().joined(separator: ", ") + " or \(names.last ?? "")",
            for: key, hint: meant.map { "did you mean '\($0)'?" })
        return nil
    }

    /// A text that something else understands; `wanted` says what it understands.
    public mutating func parsed<Value>(_ key: String, wanted: String, _ parse: (String) -> Value?) -> Value? {
        guard let value = value(key) else { return nil }
        if let scalar = value.scalar, let result = parse(scalar.text) { return result }
        findings.wrong(value, wanted: wanted, for: key)
        return nil
    }

    /// The items of a list. `what` is plural: `paths`.
    public mutating func list(_ key: String, of what: String) -> [Node]? {
        guard let value = value(key) else { return nil }
        if let items = value.items { return items }
        let hint = value.scalar == nil ? nil : "write a list, such as \(key): [first, second]"
        findings.wrong(value, wanted: "a list of \(what)", for: key, hint: hint)
        return nil
    }

    /// A list of texts, each with its node.
    public mutating func texts(_ key: String, of what: String) -> [(text: String, node: Node)]? {
        list(key, of: what)?.compactMap { item in
            findings.text(item, for: key).map { ($0, item) }
        }
    }

    /// Names and texts, in order, each with its node: labels, headers.
    public mutating func table(_ key: String) -> [(name: Scalar, value: Node)]? {
        guard let value = value(key) else { return nil }
        switch value.kind {
        case .mapping(let pairs):
            return pairs.compactMap { pair in
                findings.text(pair.value, for: pair.key.text) == nil ? nil : (pair.key, pair.value)
            }
        case .scalar, .sequence:
            findings.wrong(value, wanted: "a mapping of names to texts", for: key)
            return nil
        }
    }

    /// A reader for a mapping inside this one.
    public mutating func mapping(_ key: String) -> MappingReader? {
        value(key).flatMap { MappingReader($0, key, findings) }
    }

    /// Reports a key that must be there and is not.
    public func require(_ key: String, hint: String? = nil) {
        if node[key]?.isNull ?? true {
            let place = has(key) ? range(ofKey: key) : node.range.lowerBound..<(node.range.lowerBound + 1)
            findings.error("\(title): '\(key)' is missing", hint: hint, at: place)
        }
    }

    /// Reports the keys that were not asked for, with the nearest of those that were.
    public func finish() {
        for key in keys where !known.contains(key.text) {
            let hint =
                nearest(to: key.text, among: known).map { "did you mean '\($0)'?" }
                ?? (known.count <= 16 ? "known here: \(known.joined(separator: ", "))" : nil)
            findings.error("\(title): unknown key '\(key.text)'", hint: hint, at: key.range)
        }
    }
}
