import Diagnostics
import YAML

/// A text that is never shown: it prints, interpolates and dumps as `<secret>`.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    public init(_ text: String) {
        self.text = text
    }

    /// The text itself, for the place that sends it and nowhere else.
    public func reveal() -> String { text }

    public var description: String { "<secret>" }
    public var debugDescription: String { "<secret>" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Reads texts in which `${ENV:NAME}` and `${file:PATH}` stand for secrets.
struct SecretReader {
    private static let limit = 64 << 10

    /// Relative paths of secret files are seen from here.
    let folder: String
    let environment: (String) -> String?
    let findings: Findings

    /// nil, with a diagnostic that names the variable or file, where a secret is missing.
    func read(_ node: Node, for key: String) -> Secret? {
        guard let text = findings.text(node, for: key), let scalar = node.scalar else { return nil }
        var result = ""
        var complete = true
        for part in placeholders(in: text) {
            switch part.kind {
            case .literal(let literal): result += literal
            case .placeholder(let name):
                if let value = value(of: name, at: scalar.sourceRange(part.range)) {
                    result += value
                } else {
                    complete = false
                }
            case .unclosed:
                findings.error("'\(key)': '${' without '}'", at: scalar.sourceRange(part.range))
                complete = false
            }
        }
        return complete ? Secret(result) : nil
    }

    private func value(of name: String, at range: Range<Int>) -> String? {
        if name.hasPrefix("ENV:") {
            let variable = String(name.dropFirst(4))
            if let value = environment(variable) { return value }
            findings.error("the environment variable '\(variable)' is not set", at: range)
        } else if name.hasPrefix("file:") {
            let given = String(name.dropFirst(5))
            do {
                let bytes = try readFile(path(given, in: folder), limit: SecretReader.limit)
                if var text = String(validating: bytes, as: UTF8.self) {
                    while text.utf8.last == UInt8(ascii: "\n") || text.utf8.last == UInt8(ascii: "\r") {
                        text.unicodeScalars.removeLast()
                    }
                    return text
                }
                findings.error("the secret file '\(given)' is not UTF-8 text", at: range)
            } catch {
                findings.error("the secret file '\(given)': \(error.message)", at: range)
            }
        } else {
            findings.error(
                "no such placeholder here: '${\(name)}'", hint: "secrets are ${ENV:NAME} and ${file:PATH}", at: range)
        }
        return nil
    }
}

/// A piece of a text with `${…}` placeholders; `$${` is a literal `${`.
struct TemplatePiece {
    enum Kind {
        case literal(String)
        case placeholder(String)
        case unclosed
    }
    var kind: Kind
    /// UTF-8 bytes of the text.
    var range: Range<Int>
}

func placeholders(in text: String) -> [TemplatePiece] {
    let bytes = Array(text.utf8)
    var pieces: [TemplatePiece] = []
    var literal: [UInt8] = []
    var literalStart = 0
    var index = 0
    func starts(_ mark: String, _ index: Int) -> Bool { bytes[index...].starts(with: mark.utf8) }
    func flush() {
        if !literal.isEmpty {
            pieces.append(.init(kind: .literal(String(decoding: literal, as: UTF8.self)), range: literalStart..<index))
        }
        literal = []
    }
    while index < bytes.count {
        if starts("$${", index) {
            literal += Array("${".utf8)
            index += 3
        } else if starts("${", index) {
            flush()
            guard let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")) else {
                pieces.append(.init(kind: .unclosed, range: index..<bytes.count))
                return pieces
            }
            let name = String(decoding: bytes[(index + 2)..<end], as: UTF8.self)
            pieces.append(.init(kind: .placeholder(name), range: index..<(end + 1)))
            index = end + 1
            literalStart = index
        } else {
            literal.append(bytes[index])
            index += 1
        }
    }
    flush()
    return pieces
}

extension Scalar {
    /// Where a part of the text stands in the file.
    func sourceRange(_ range: Range<Int>) -> Range<Int> {
        Diagnostic(.error, "", at: range).moved(by: sourceOffsets).range
    }
}

/// The text of a configuration file with every literal secret struck out, so that lines of it can be shown.
///
/// Offsets and columns stay. Struck out are all values of a destination that are not known to be harmless, a
/// misspelt key's among them; where the file is not YAML, the rest of each line that speaks of a secret.
func withoutSecrets(_ text: String, root: Node?) -> String {
    var bytes = Array(text.utf8)
    if let root {
        for range in secretRanges(root) { strike(&bytes, range) }
    } else {
        let words = ["password", "bearer", "authorization", "token", "secret", "key", "pass", "headers"]
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            let line = String(decoding: bytes[start..<end], as: UTF8.self).lowercased()
            if words.contains(where: line.contains), let colon = bytes[start..<end].firstIndex(of: UInt8(ascii: ":")) {
                strike(&bytes, (colon + 1)..<end)
            }
            start = end + 1
        }
    }
    strikeUserInformation(&bytes)
    return String(decoding: bytes, as: UTF8.self)
}

// Keys of the file and of a destination whose values are no secrets.
private let harmless: Set<String> = [
    "labels", "sources", "rules", "metrics", "state", "log", "workers", "shutdown", "limits",
]
private let harmlessOfDestination: Set<String> = [
    "url", "tenant", "encoding", "batch", "queue", "timeout", "backoff", "tls", "username",
]

/// Where secrets stand that were written into the file itself.
func secretRanges(_ root: Node) -> [Range<Int>] {
    guard case .mapping(let pairs) = root.kind else { return [root.range] }
    return pairs.filter { !harmless.contains($0.key.text) }.flatMap { pair in
        (pair.value.items ?? [pair.value]).flatMap { secrets(inDestination: $0) }
    }
}

private func secrets(inDestination node: Node) -> [Range<Int>] {
    switch node.kind {
    case .scalar(let scalar): scalar.text.contains("${") || scalar.isNull ? [] : [scalar.range]
    case .sequence(let items): items.flatMap(secrets(inDestination:))
    case .mapping(let pairs):
        pairs.filter { !harmlessOfDestination.contains($0.key.text) }.flatMap { secrets(inDestination: $0.value) }
    }
}

/// Strikes out `user:password` of `scheme://user:password@host`.
private func strikeUserInformation(_ bytes: inout [UInt8]) {
    var index = 0
    while index + 3 <= bytes.count {
        guard bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == UInt8(ascii: "/"),
            bytes[index + 2] == UInt8(ascii: "/")
        else {
            index += 1
            continue
        }
        var end = index + 3
        while end < bytes.count, bytes[end] > 0x20, !"/?#\"'".utf8.contains(bytes[end]) { end += 1 }
        if let at = bytes[(index + 3)..<end].lastIndex(of: UInt8(ascii: "@")) { strike(&bytes, (index + 3)..<at) }
        index = end
    }
}

/// Replaces each character by one of the same length in UTF-8; blanks and line breaks stay.
private func strike(_ bytes: inout [UInt8], _ range: Range<Int>) {
    var result: [UInt8] = []
    for scalar in String(decoding: bytes[range], as: UTF8.self).unicodeScalars {
        switch UTF8.width(scalar) {
        case 1: result.append(scalar.value > 0x20 ? UInt8(ascii: "*") : UInt8(scalar.value))
        case 2: result += Array("·".utf8)
        case 3: result += Array("•".utf8)
        default: result += Array("🔒".utf8)
        }
    }
    if result.count == range.count { bytes.replaceSubrange(range, with: result) }
}
