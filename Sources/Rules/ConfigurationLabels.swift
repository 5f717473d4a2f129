import Diagnostics
import Records
import YAML

/// The text of a stream label, with parts that differ from file to file or from message to message.
public struct LabelTemplate: Hashable, Sendable {
    public enum Part: Hashable, Sendable {
        case literal(String)
        /// `${path.pod}`: scope `path`, name `pod`. Known scopes are `path`, `cri`, `docker` and `syslog`; names of
        /// `syslog` include `sd.ID.PARAMETER`.
        case variable(scope: String, name: String)
    }

    /// The label's name.
    public var label: String
    /// Without empty literals; no two literals next to each other.
    public var parts: [Part]

    public init(label: String, parts: [Part]) {
        self.label = label
        self.parts = parts
    }

    /// The text where no part varies; nil where one does.
    public var constant: String? {
        var result = ""
        for part in parts {
            switch part {
            case .literal(let text): result += text
            case .variable: return nil
            }
        }
        return result
    }
}

/// What a placeholder may name, by the kind of source.
enum LabelScope {
    case constant
    case tail(Configuration.Tail.Format)
    case syslog
    case stdin

    static let pathNames = ["filename", "directory", "namespace", "pod", "uid", "container", "id"]
    static let syslogNames = [
        "hostname", "app_name", "proc_id", "msg_id", "severity", "facility", "connection_ip",
    ]

    /// Every placeholder of this kind of source, without `env.NAME` and `syslog.sd.ID.PARAMETER`.
    var names: [String] {
        switch self {
        case .constant, .stdin: []
        case .tail(.raw): LabelScope.pathNames.map { "path.\($0)" }
        case .tail(.cri): LabelScope.pathNames.map { "path.\($0)" } + ["cri.stream"]
        case .tail(.docker): LabelScope.pathNames.map { "path.\($0)" } + ["docker.stream"]
        case .syslog: LabelScope.syslogNames.map { "syslog.\($0)" }
        }
    }
}

/// Reads the labels of streams.
struct LabelReader {
    let environment: (String) -> String?
    let findings: Findings

    /// Reads the key `labels` of a mapping; labels that are wrong are left out.
    func read(_ reader: inout MappingReader, _ scope: LabelScope) -> [LabelTemplate] {
        (reader.table("labels") ?? []).compactMap { name, value in
            if let problem = labelProblem(name.text) {
                findings.error(problem, at: name.range)
                return nil
            }
            guard let scalar = value.scalar else { return nil }
            return LabelTemplate(label: name.text, parts: parts(of: scalar, scope))
        }
    }

    private func parts(of scalar: Scalar, _ scope: LabelScope) -> [LabelTemplate.Part] {
        var parts: [LabelTemplate.Part] = []
        func append(literal: String) {
            if case .literal(let before)? = parts.last {
                parts[parts.count - 1] = .literal(before + literal)
            } else if !literal.isEmpty {
                parts.append(.literal(literal))
            }
        }
        for piece in placeholders(in: scalar.text) {
            switch piece.kind {
            case .literal(let text): append(literal: text)
            case .unclosed: findings.error("'${' without '}'", at: scalar.sourceRange(piece.range))
            case .placeholder(let text):
                switch resolve(text, scope, at: scalar.sourceRange(piece.range)) {
                case .literal(let text)?: append(literal: text)
                case .variable(let scope, let name)?: parts.append(.variable(scope: scope, name: name))
                case nil: break
                }
            }
        }
        return parts
    }

    private func resolve(_ text: String, _ scope: LabelScope, at range: Range<Int>) -> LabelTemplate.Part? {
        if text.hasPrefix("env.") {
            let variable = String(text.dropFirst(4))
            if let value = environment(variable) { return .literal(value) }
            findings.error("the environment variable '\(variable)' is not set", at: range)
            return nil
        }
        if text.hasPrefix("ENV:") || text.hasPrefix("file:") {
            findings.error(
                "a label is no place for a secret, found '${\(text)}'",
                hint: "labels are shown and sent; for a variable that is not secret write ${env.NAME}", at: range)
            return nil
        }
        let pair = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if scope.names.contains(text) { return .variable(scope: pair[0], name: pair[1]) }
        if case .syslog = scope, text.hasPrefix("syslog.sd.") {
            let names = text.dropFirst("syslog.sd.".count).split(separator: ".", omittingEmptySubsequences: false)
            if names.count >= 2, !names.contains("") {
                return .variable(scope: "syslog", name: String(text.dropFirst(7)))
            }
            findings.error("wanted ${syslog.sd.ID.PARAMETER}, found '${\(text)}'", at: range)
            return nil
        }
        let hint =
            nearest(to: text, among: scope.names).map { "did you mean '${\($0)}'?" }
            ?? (scope.names.isEmpty
                ? "known here: env.NAME" : "known here: \(scope.names.joined(separator: ", ")), env.NAME")
        findings.error("unknown placeholder '${\(text)}'", hint: hint, at: range)
        return nil
    }
}
