/// A pattern for paths: `*` and `?` within a name, `[a-z]` and `[!a-z]`, `{a,b}`, `**` for folders at any depth.
///
/// `\` takes the next character as it is. `*` matches names that begin with a dot, too, as Promtail has it. What is
/// not a well-formed class or alternative stands for itself.
public struct Glob: Hashable, Sendable {
    /// The pattern as it was written.
    public let pattern: String
    /// One for each choice of alternatives in braces.
    let alternatives: [Path]

    /// How many paths the braces of one pattern may stand for; the rest is left out.
    public static let maximumAlternatives = 1_000

    /// A pattern without alternatives, split at its slashes.
    struct Path: Hashable, Sendable {
        let isAbsolute: Bool
        let components: [Component]
    }

    /// What one name in a path may be.
    enum Component: Hashable, Sendable {
        /// This name and no other.
        case literal(String)
        case name(NamePattern)
        /// `**`: any number of folders, none included.
        case anyDepth

        func matches(_ name: String) -> Bool {
            switch self {
            case .literal(let literal): name == literal
            case .name(let pattern): pattern.matches(name)
            case .anyDepth: true
            }
        }
    }

    public init(_ pattern: String) {
        self.pattern = pattern
        alternatives = Self.expandBraces(Array(pattern.unicodeScalars)).map { scalars in
            let parts = scalars.split(separator: "/", omittingEmptySubsequences: true).filter { Array($0) != ["."] }
            return Path(
                isAbsolute: scalars.first == "/",
                components: parts.map { part in
                    if Array(part) == ["*", "*"] { return .anyDepth }
                    let name = NamePattern(Array(part))
                    return name.literal.map(Component.literal) ?? .name(name)
                })
        }
    }

    /// Whether the pattern names exactly one path.
    public var isLiteral: Bool {
        alternatives.count == 1
            && alternatives[0].components.allSatisfy {
                switch $0 {
                case .literal: true
                case .name, .anyDepth: false
                }
            }
    }

    /// Whether a path matches; a pattern without a slash needs to match the last name only.
    public func matches(_ path: String) -> Bool {
        let names = path.split(separator: "/").map(String.init).filter { $0 != "." }
        let isAbsolute = path.hasPrefix("/")
        return alternatives.contains { alternative in
            if !pattern.contains("/"), alternative.components.count == 1, let last = names.last {
                return alternative.components[0].matches(last)
            }
            return alternative.isAbsolute == isAbsolute
                && Self.matches(names[...], alternative.components[...])
        }
    }

    private static func matches(_ names: ArraySlice<String>, _ components: ArraySlice<Component>) -> Bool {
        guard let first = components.first else { return names.isEmpty }
        let rest = components.dropFirst()
        switch first {
        case .anyDepth:
            // Of `**/**` one is enough; without this the search would be exponential.
            if rest.first == .anyDepth { return matches(names, rest) }
            return (names.startIndex...names.endIndex).contains { matches(names[$0...], rest) }
        case .literal, .name:
            guard let name = names.first, first.matches(name) else { return false }
            return matches(names.dropFirst(), rest)
        }
    }

    private static func expandBraces(_ pattern: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        var done: [[Unicode.Scalar]] = []
        var waiting = [pattern]
        while let next = waiting.popLast(), done.count < maximumAlternatives {
            guard let (range, choices) = firstBraces(of: next) else {
                done.append(next)
                continue
            }
            for choice in choices.reversed() where waiting.count < maximumAlternatives {
                waiting.append(Array(next[..<range.lowerBound]) + Array(choice) + Array(next[range.upperBound...]))
            }
        }
        return done
    }

    /// The first pair of braces that has a comma between them at its own level.
    private static func firstBraces(of pattern: [Unicode.Scalar]) -> (Range<Int>, [ArraySlice<Unicode.Scalar>])? {
        var start = 0
        while let open = pattern[start...].firstIndex(of: "{") {
            if open > 0, pattern[open - 1] == "\\" {
                start = open + 1
                continue
            }
            var depth = 0
            var choices: [ArraySlice<Unicode.Scalar>] = []
            var choiceStart = open + 1
            for index in open..<pattern.count {
                switch pattern[index] {
                case "{": depth += 1
                case "," where depth == 1:
                    choices.append(pattern[choiceStart..<index])
                    choiceStart = index + 1
                case "}":
                    depth -= 1
                    if depth == 0 {
                        choices.append(pattern[choiceStart..<index])
                        if choices.count > 1 { return (open..<index + 1, choices) }
                    }
                default: break
                }
                if depth == 0 { break }
            }
            start = open + 1
        }
        return nil
    }
}

/// What one name may be: characters, `*`, `?` and classes.
struct NamePattern: Hashable, Sendable {
    private enum Part: Hashable {
        case scalar(Unicode.Scalar)
        case any
        case anyNumber
        case oneOf([ClosedRange<Unicode.Scalar>], inverted: Bool)
    }
    private var parts: [Part] = []

    /// The one name that matches, if there is just one.
    let literal: String?

    init(_ pattern: [Unicode.Scalar]) {
        var index = 0
        while index < pattern.count {
            let scalar = pattern[index]
            index += 1
            switch scalar {
            case "*": if parts.last != .anyNumber { parts.append(.anyNumber) }
            case "?": parts.append(.any)
            case "[":
                if let (part, next) = Self.characterClass(pattern, from: index) {
                    parts.append(part)
                    index = next
                } else {
                    parts.append(.scalar(scalar))
                }
            case "\\" where index < pattern.count:
                parts.append(.scalar(pattern[index]))
                index += 1
            default: parts.append(.scalar(scalar))
            }
        }
        var text = String.UnicodeScalarView()
        for part in parts {
            if case .scalar(let scalar) = part { text.append(scalar) }
        }
        literal = text.count == parts.count ? String(text) : nil
    }

    private static func characterClass(_ pattern: [Unicode.Scalar], from start: Int) -> (Part, Int)? {
        var index = start
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        let inverted = index < pattern.count && (pattern[index] == "!" || pattern[index] == "^")
        if inverted { index += 1 }
        while index < pattern.count {
            // A `]` that comes first is one of the characters.
            if pattern[index] == "]", !ranges.isEmpty { return (.oneOf(ranges, inverted: inverted), index + 1) }
            let low = pattern[index]
            if index + 2 < pattern.count, pattern[index + 1] == "-", pattern[index + 2] != "]" {
                let high = pattern[index + 2]
                ranges.append(min(low, high)...max(low, high))
                index += 3
            } else {
                ranges.append(low...low)
                index += 1
            }
        }
        return nil
    }

    /// In time proportional to the product of both lengths at worst: only the last `*` is ever tried again.
    func matches(_ name: String) -> Bool {
        let scalars = Array(name.unicodeScalars)
        var part = 0
        var position = 0
        var retry: (part: Int, position: Int)?
        while position < scalars.count {
            if part < parts.count, parts[part] == .anyNumber {
                retry = (part + 1, position)
                part += 1
            } else if part < parts.count, accepts(parts[part], scalars[position]) {
                part += 1
                position += 1
            } else if let last = retry {
                retry = (last.part, last.position + 1)
                (part, position) = (last.part, last.position + 1)
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { $0 == .anyNumber }
    }

    private func accepts(_ part: Part, _ scalar: Unicode.Scalar) -> Bool {
        switch part {
        case .scalar(let wanted): scalar == wanted
        case .any: true
        case .anyNumber: false
        case .oneOf(let ranges, let inverted): ranges.contains { $0.contains(scalar) } != inverted
        }
    }
}
