import Diagnostics
import YAML

/// What a file that was named to us is.
public enum FileKind: Sendable {
    case configuration
    case rules

    /// A folder holds rules, and so does a file with `groups:` at its top; everything else is a configuration.
    public init(path: String) {
        let (source, problem) = readText(path)
        if problem != nil {
            self = path.hasSuffix(".yaml") || path.hasSuffix(".yml") ? .configuration : .rules
            return
        }
        self = Document(source.text).root?["groups"] == nil ? .configuration : .rules
    }
}

/// The folder part of a path; "." where it has none.
public func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
