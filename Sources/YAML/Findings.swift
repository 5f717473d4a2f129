public import Diagnostics

/// The mistakes that the readers of one file have found so far.
///
/// Keeps the first 100; a file with more is better mended from the top.
public final class Findings {
    private static let limit = 100
    public private(set) var diagnostics: [Diagnostic] = []

    public init(_ diagnostics: [Diagnostic] = []) {
        for diagnostic in diagnostics { add(diagnostic) }
    }

    public func add(_ diagnostic: Diagnostic) {
        if diagnostic.severity == .error { errorCount += 1 }
        if diagnostics.count < Findings.limit { diagnostics.append(diagnostic) }
    }

    /// Where values stand that no message may repeat.
    public var concealed: [Range<Int>] = []
    /// How many of them are errors; counts on beyond the first 100.
    public private(set) var errorCount = 0

    public func error(_ message: String, hint: String? = nil, at range: Range<Int>) {
        add(Diagnostic(.error, message, hint: hint, at: range))
    }

    public func warning(_ message: String, hint: String? = nil, at range: Range<Int>) {
        add(Diagnostic(.warning, message, hint: hint, at: range))
    }

    /// Reports that a value is of the wrong kind: `wanted a list of paths, found a mapping`.
    public func wrong(_ node: Node, wanted: String, for name: String? = nil, hint: String? = nil) {
        let subject = name.map { "'\($0)': " } ?? ""
        error("\(subject)wanted \(wanted), found \(found(node))", hint: hint, at: node.range)
    }

    /// What a person calls the node in a message.
    func found(_ node: Node) -> String {
        node.scalar != nil && concealed.contains(node.range) && !node.isNull ? "a text" : node.found
    }

    /// The text of a scalar that is not null; reports everything else.
    public func text(_ node: Node, wanted: String = "text", for name: String? = nil) -> String? {
        guard let scalar = node.scalar, !scalar.isNull else {
            wrong(node, wanted: wanted, for: name)
            return nil
        }
        return scalar.text
    }

    /// A number as YAML writes it; `.inf` and `.nan` are numbers too.
    public func number(_ node: Node, wanted: String = "a number", for name: String? = nil) -> Double? {
        if let scalar = node.scalar, !scalar.isQuoted, let number = scalar.number { return number }
        wrong(node, wanted: wanted, for: name)
        return nil
    }
}

extension Scalar {
    var isQuoted: Bool {
        switch style {
        case .singleQuoted, .doubleQuoted: true
        case .plain, .literal, .folded: false
        }
    }

    fileprivate var number: Double? {
        switch text.lowercased() {
        case ".inf", "+.inf", "+inf": .infinity
        case "-.inf", "-inf": -.infinity
        case ".nan", "nan": .nan
        case let plain:
            plain.utf8.allSatisfy { "0123456789+-.e".utf8.contains($0) } ? Double(plain) : nil
        }
    }
}

extension Node {
    /// What a person calls the node in a message; long texts are cut.
    public var found: String {
        switch kind {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .scalar(let scalar):
            if scalar.isNull {
                "nothing"
            } else if scalar.text.unicodeScalars.count > 40 {
                "'\(String(String.UnicodeScalarView(scalar.text.unicodeScalars.prefix(37))))…'"
            } else {
                "'\(scalar.text)'"
            }
        }
    }

    /// The items of a list; nil for everything else.
    public var items: [Node]? {
        switch kind {
        case .sequence(let items): items
        case .mapping, .scalar: nil
        }
    }
}
