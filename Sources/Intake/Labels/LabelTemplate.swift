/// A label value with variables in it, such as `${path.namespace}-${path.pod}`.
public struct LabelTemplate: Hashable, Sendable {
    /// A piece of a template.
    public enum Part: Hashable, Sendable {
        /// Text taken as it stands.
        case literal(String)
        /// `${scope.name}`, for example `${path.pod}`.
        case variable(scope: String, name: String)
    }

    public var parts: [Part]

    public init(_ parts: [Part]) {
        self.parts = parts
    }

    /// Whether any of the variables is of this scope.
    public func uses(scope wanted: String) -> Bool {
        parts.contains {
            switch $0 {
            case .literal: false
            case .variable(let scope, _): scope == wanted
            }
        }
    }

    /// The text with each variable replaced by what `value` gives for it; by nothing when that is nil.
    public func text(_ value: (_ scope: String, _ name: String) -> String?) -> String {
        var text = ""
        for part in parts {
            switch part {
            case .literal(let literal): text += literal
            case .variable(let scope, let name): text += value(scope, name) ?? ""
            }
        }
        return text
    }
}
