/// A regular expression of a filter that is so simple that Loki looks for texts instead.
///
/// This is more than speed: the texts do not mean quite the same. `0.*` in a label filter finds `0` anywhere although
/// expressions of label filters are anchored, `20|2` likewise, and a branch that matches everything (`a|.*`) is
/// ignored. The rules are those of Loki 3.4.0, over the tree that Go's parser makes, with common beginnings of
/// branches drawn out.
struct RegexShape: Equatable {
    /// One of the texts; a line passes when any of them does. No terms: everything passes.
    struct Term: Equatable {
        enum Kind { case contains, equals, nonEmpty }
        var kind: Kind
        var text: [UInt8]
        /// ASCII letters and others match in both cases.
        var folded: Bool
    }

    private(set) var terms: [Term]

    /// Nil when the expression is not simple. In a label filter a mere text is an equality.
    init?(_ pattern: String, isLabelFilter: Bool) {
        var parser = Parser(pattern: Array(pattern.utf8))
        guard let tree = parser.parse(), let terms = Self.terms(tree, isLabelFilter) else { return nil }
        self.terms = terms
    }

    /// What Go's parser would make of the part of its syntax that counts here.
    indirect enum Tree: Equatable {
        case empty, anything, something
        case text([UInt8], folded: Bool)
        case sequence([Tree])
        case choice([Tree])
    }

    private static func terms(_ tree: Tree, _ isLabelFilter: Bool) -> [Term]? {
        switch tree {
        case .empty, .anything: return []
        case .something: return [Term(kind: .nonEmpty, text: [], folded: false)]
        case .text(let text, let folded):
            return [Term(kind: isLabelFilter ? .equals : .contains, text: text, folded: folded)]
        case .sequence(let parts): return sequence(parts, after: nil)
        case .choice(let branches):
            var all: [Term] = []
            for branch in branches {
                guard let terms = terms(branch, isLabelFilter) else { return nil }
                // A branch that lets everything pass has no terms, and so is ignored.
                all += terms
            }
            return all
        }
    }

    private typealias Base = (text: [UInt8], folded: Bool)

    /// At most three parts: one text, branches behind it, and `.*`.
    private static func sequence(_ parts: [Tree], after base: Base?) -> [Term]? {
        let parts = parts.filter { $0 != .empty }
        guard parts.count <= 3 else { return nil }
        var base = base
        var hasText = false
        var terms: [Term]?
        for part in parts {
            switch part {
            case .text(let text, let folded):
                guard !hasText else { return nil }
                hasText = true
                base = ((base?.text ?? []) + text, folded)
            case .choice(let branches):
                guard let base, let found = Self.branches(branches, after: base) else { return nil }
                terms = (terms ?? []) + found
            case .anything: continue
            case .empty, .something, .sequence: return nil
            }
        }
        if let terms { return terms }
        return base.map { [Term(kind: .contains, text: $0.text, folded: $0.folded)] }
    }

    private static func branches(_ branches: [Tree], after base: Base) -> [Term]? {
        var terms: [Term] = []
        for branch in branches {
            switch branch {
            case .empty, .anything: terms.append(Term(kind: .contains, text: base.text, folded: base.folded))
            case .text(let text, let folded):
                guard folded == base.folded else { return nil }
                terms.append(Term(kind: .contains, text: base.text + text, folded: folded))
            case .sequence(let parts):
                guard let found = sequence(parts, after: base) else { return nil }
                terms += found
            case .something, .choice: return nil
            }
        }
        return terms
    }

    // MARK: reading

    private struct Parser {
        let pattern: [UInt8]
        var offset = 0
        var folded = false
        var depth = 0

        /// Nil when the expression has anything else than texts, `.*`, `.+`, groups, branches and `(?i)`.
        mutating func parse() -> Tree? {
            guard let tree = choice(), offset == pattern.count else { return nil }
            return tree
        }

        private func peek(_ distance: Int = 0) -> UInt8 {
            offset + distance < pattern.count ? pattern[offset + distance] : 0
        }

        private mutating func choice() -> Tree? {
            depth += 1
            defer { depth -= 1 }
            guard depth < 32 else { return nil }
            var branches: [Tree] = []
            repeat {
                if !branches.isEmpty { offset += 1 }
                guard let branch = sequence() else { return nil }
                branches.append(branch)
            } while offset < pattern.count && peek() == UInt8(ascii: "|")
            return RegexShape.choice(of: branches)
        }

        private mutating func sequence() -> Tree? {
            var parts: [Tree] = []
            while offset < pattern.count, peek() != UInt8(ascii: "|"), peek() != UInt8(ascii: ")") {
                guard let part = part() else { return nil }
                if case .text(let right, let isFolded) = part, case .text(let left, isFolded)? = parts.last {
                    parts[parts.count - 1] = .text(left + right, folded: isFolded)
                } else if part != .empty || parts.isEmpty {
                    parts.append(part)
                }
            }
            if parts.count > 1 { parts.removeAll { $0 == .empty } }
            return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
        }

        private mutating func part() -> Tree? {
            switch peek() {
            case UInt8(ascii: "."):
                let repeated = peek(1)
                guard repeated == UInt8(ascii: "*") || repeated == UInt8(ascii: "+") else { return nil }
                offset += 2
                if peek() == UInt8(ascii: "?") { offset += 1 }
                guard !isQuantifier(peek()) else { return nil }
                return repeated == UInt8(ascii: "*") ? .anything : .something
            case UInt8(ascii: "("): return group()
            case UInt8(ascii: "["), UInt8(ascii: "^"), UInt8(ascii: "$"), UInt8(ascii: "*"), UInt8(ascii: "+"),
                UInt8(ascii: "?"), UInt8(ascii: "{"):
                return nil
            case UInt8(ascii: "\\"):
                let sign = peek(1)
                guard sign > 0x20, sign < 0x7F, !LabelName.isPlain(sign) || sign == UInt8(ascii: "_") else {
                    return nil
                }
                offset += 2
                return text([sign])
            default:
                var length = 1
                while peek() >= 0xC0, peek(length) & 0xC0 == 0x80 { length += 1 }
                let bytes = Array(pattern[offset..<offset + length])
                offset += length
                return text(bytes)
            }
        }

        private func isQuantifier(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "?")
                || byte == UInt8(ascii: "{")
        }

        private func text(_ bytes: [UInt8]) -> Tree? {
            isQuantifier(peek()) ? nil : .text(folded ? bytes.map(ByteView.lowercased) : bytes, folded: folded)
        }

        private mutating func group() -> Tree? {
            let outer = folded
            offset += 1
            if peek() == UInt8(ascii: "?") {
                guard let isGroup = groupHead() else { return nil }
                if !isGroup { return .empty }
            }
            let tree = choice()
            guard let tree, peek() == UInt8(ascii: ")"), offset < pattern.count else { return nil }
            offset += 1
            folded = outer
            return isQuantifier(peek()) ? nil : tree
        }

        /// Behind `(`: `?:`, `?P<name>`, `?i:` or `?i)`; false for the last, which is no group.
        private mutating func groupHead() -> Bool? {
            offset += 1
            if peek() == UInt8(ascii: "P"), peek(1) == UInt8(ascii: "<") { offset += 1 }
            if peek() == UInt8(ascii: "<") {
                offset += 1
                while LabelName.isPlain(peek()), offset < pattern.count { offset += 1 }
                guard peek() == UInt8(ascii: ">") else { return nil }
                offset += 1
                return true
            }
            if peek() == UInt8(ascii: "i") {
                folded = true
                offset += 1
            }
            switch peek() {
            case UInt8(ascii: ":"):
                offset += 1
                return true
            case UInt8(ascii: ")"):
                offset += 1
                return isQuantifier(peek()) ? nil : false
            default: return nil
            }
        }
    }

    /// Branches with the beginnings that neighbours share drawn out, as Go's parser does. Nil where Go would make a
    /// character class.
    static func choice(of branches: [Tree]) -> Tree? {
        guard branches.count > 1 else { return branches.first }
        var result: [Tree] = []
        var start = 0
        while start < branches.count {
            guard let (text, folded) = head(branches[start]) else {
                result.append(branches[start])
                start += 1
                continue
            }
            var common = text
            var end = start + 1
            while end < branches.count, let (next, nextFolded) = head(branches[end]), nextFolded == folded {
                let shared = commonPrefix(common, next)
                guard !shared.isEmpty else { break }
                common = shared
                end += 1
            }
            if end == start + 1 {
                result.append(branches[start])
            } else {
                let rests = branches[start..<end].map { drop(common.count, from: $0) }
                guard let rest = choice(of: rests) else { return nil }
                result.append(flat([.text(common, folded: folded), rest]))
            }
            start = end
        }
        for (left, right) in zip(result, result.dropFirst()) where isSingle(left) && isSingle(right) { return nil }
        var distinct: [Tree] = []
        for branch in result where branch != .empty || distinct.last != .empty { distinct.append(branch) }
        return distinct.count == 1 ? distinct[0] : .choice(distinct)
    }

    private static func flat(_ parts: [Tree]) -> Tree {
        .sequence(parts.flatMap { if case .sequence(let inner) = $0 { inner } else { [$0] } })
    }

    private static func isSingle(_ tree: Tree) -> Bool {
        guard case .text(let text, _) = tree else { return false }
        return text.count { $0 & 0xC0 != 0x80 } == 1
    }

    /// The text that a branch begins with.
    private static func head(_ tree: Tree) -> ([UInt8], Bool)? {
        switch tree {
        case .text(let text, let folded): return (text, folded)
        case .sequence(let parts):
            guard case .text(let text, let folded)? = parts.first else { return nil }
            return (text, folded)
        case .empty, .anything, .something, .choice: return nil
        }
    }

    /// What both texts begin with, in whole characters.
    private static func commonPrefix(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var count = 0
        while count < min(left.count, right.count), left[count] == right[count] { count += 1 }
        while count > 0, count < max(left.count, right.count),
            (count < left.count && left[count] & 0xC0 == 0x80) || (count < right.count && right[count] & 0xC0 == 0x80)
        {
            count -= 1
        }
        return Array(left[0..<count])
    }

    private static func drop(_ count: Int, from tree: Tree) -> Tree {
        switch tree {
        case .text(let text, let folded):
            return text.count == count ? .empty : .text(Array(text[count...]), folded: folded)
        case .sequence(let parts):
            let rest = [drop(count, from: parts[0])] + parts.dropFirst()
            let kept = rest.filter { $0 != .empty }
            return kept.count == 1 ? kept[0] : kept.isEmpty ? .empty : .sequence(kept)
        case .empty, .anything, .something, .choice: return tree
        }
    }
}
