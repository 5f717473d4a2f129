import LogQL
import Synchronization

/// `label_replace`, with its expression compiled.
///
/// Compiled expressions are not shared between threads, so there is a lock: evaluations are rare, lines never come here.
final class LabelReplacement: Sendable {
    /// One part of the replacement.
    private enum Part {
        case text(String)
        case group(Int)
        /// The first of the groups with this name that took part.
        case named(String)
    }

    struct Matcher {
        let set: RegexSet
        let regex: Regex
        let groups: [(name: String, number: Int)]
        var known: [String: String?] = [:]
    }

    let destination: String
    let source: String
    /// The construct for which Loki would refuse the expression; nil when there is none.
    let beyondRE2: String?
    private let parts: [Part]
    private let matcher: Mutex<Matcher>

    private static let knownLimit = 4_096

    init(_ replace: LabelReplace) throws(RegexError) {
        destination = replace.destination
        source = replace.source
        parts = Self.parts(of: replace.replacement)
        let set = RegexSet()
        let compiled = try set.compile(replace.regex, anchored: true, capturing: true)
        beyondRE2 = compiled.beyondRE2
        matcher = Mutex(Matcher(set: set, regex: compiled.regex, groups: compiled.groups))
    }

    /// What the new label gets for a value of the source label; nil where the expression does not match.
    func replacement(for text: String) -> String? {
        matcher.withLock { matcher in
            if let known = matcher.known[text] { return known }
            if matcher.known.count >= Self.knownLimit { matcher.known.removeAll() }
            let result = expand(text, matcher)
            matcher.known[text] = .some(result)
            return result
        }
    }

    private func expand(_ text: String, _ matcher: Matcher) -> String? {
        let constants = ByteStore()
        let view = constants.keep(text.utf8)
        guard matcher.regex.matches(view) == .match else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): bytes += text.utf8
            case .group(let number):
                if number <= matcher.regex.groupCount, let range = matcher.regex.group(number) {
                    bytes += view[range].array
                }
            case .named(let name):
                for group in matcher.groups where group.name == name {
                    guard let range = matcher.regex.group(group.number) else { continue }
                    bytes += view[range].array
                    break
                }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: The replacement

    /// Go's `Regexp.Expand`: `$name`, `${name}`, `$1`, `${1}`, `$$`; a `$` before anything else is a `$`.
    private static func parts(of template: String) -> [Part] {
        var parts: [Part] = []
        var text = ""
        var rest = Substring(template)
        while let character = rest.unicodeScalars.first {
            guard character == "$" else {
                text.unicodeScalars.append(character)
                rest = Substring(rest.unicodeScalars.dropFirst())
                continue
            }
            let behind = Substring(rest.unicodeScalars.dropFirst())
            if behind.unicodeScalars.first == "$" {
                text += "$"
                rest = Substring(behind.unicodeScalars.dropFirst())
            } else if let (name, end) = groupName(behind) {
                if !text.isEmpty { parts.append(.text(text)) }
                text = ""
                parts.append(group(name))
                rest = end
            } else {
                text += "$"
                rest = behind
            }
        }
        if !text.isEmpty { parts.append(.text(text)) }
        return parts
    }

    /// The name at the beginning of a text, as long as it can be, and what stands behind it; nil where there is none.
    private static func groupName(_ text: Substring) -> (name: String, rest: Substring)? {
        let isBraced = text.unicodeScalars.first == "{"
        let start = isBraced ? Substring(text.unicodeScalars.dropFirst()) : text
        let name = start.unicodeScalars.prefix {
            $0 == "_" || $0.properties.isAlphabetic || $0.properties.generalCategory == .decimalNumber
        }
        guard !name.isEmpty else { return nil }
        let rest = start.unicodeScalars[name.endIndex...]
        if !isBraced { return (String(name), Substring(rest)) }
        guard rest.first == "}" else { return nil }
        return (String(name), Substring(rest.dropFirst()))
    }

    /// All digits, without a leading zero: a number.
    private static func group(_ name: String) -> Part {
        let isNumber = name.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        let isPlain = name == "0" || !name.hasPrefix("0")
        if isNumber, isPlain, name.utf8.count < 9, let number = Int(name) { return .group(number) }
        return .named(name)
    }
}
