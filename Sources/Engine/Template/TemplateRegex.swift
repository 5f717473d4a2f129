/// A regular expression of a template, or why it is none.
final class TemplateRegex {
    private let regex: Regex?
    /// Owns the expression.
    private let set: RegexSet
    private let groups: [(name: [UInt8], number: Int)]
    private let failure: String
    /// The construct for which Loki would refuse it.
    let beyondRE2: String?

    init(_ pattern: [UInt8], in set: RegexSet) {
        self.set = set
        do throws(RegexError) {
            let compilation = try set.compile(String(decoding: pattern, as: UTF8.self), capturing: true)
            regex = compilation.regex
            groups = compilation.groups.map { (Array($0.name.utf8), $0.number) }
            beyondRE2 = compilation.beyondRE2
            failure = ""
        } catch {
            regex = nil
            groups = []
            beyondRE2 = nil
            failure = "error parsing regexp: \(error.message)"
        }
    }

    func apply(
        _ function: TemplateFunction, _ values: [TemplateValue], _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        guard let regex else { throw TemplateFailure(message: failure) }
        let text = values[1].bytes
        switch function {
        case .count: return .int(try count(regex, text, &run))
        case .regexReplaceAll: return try replaced(regex, text, values[2].bytes, expands: true, &run)
        default: return try replaced(regex, text, values[2].bytes, expands: false, &run)
        }
    }

    /// The next match at or behind `start`; nil when there is none.
    private func match(
        _ regex: Regex, _ text: ByteView, from start: Int, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> Range<Int>? {
        try run.spend()
        switch regex.matches(text, from: start) {
        case .match: return regex.group(0)
        case .noMatch: return nil
        case .limit: throw TemplateFailure(message: "regular expression took too many steps")
        }
    }

    private func count(_ regex: Regex, _ text: ByteView, _ run: inout TemplateRun) throws(TemplateFailure) -> Int {
        var count = 0
        var start = 0
        var lastEnd = -1
        while start <= text.count, let found = try match(regex, text, from: start, &run) {
            let isRepeated = found.upperBound == start && found.lowerBound == lastEnd
            if found.upperBound == start {
                start += start < text.count ? GoRune.decode(text, at: start).length : 1
            } else {
                start = found.upperBound
            }
            lastEnd = found.upperBound
            if !isRepeated { count += 1 }
        }
        return count
    }

    private func replaced(
        _ regex: Regex, _ text: ByteView, _ replacement: ByteView, expands: Bool, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        var copied = 0
        var start = 0
        while start <= text.count, let found = try match(regex, text, from: start, &run) {
            run.scratch.append(text[copied..<max(copied, found.lowerBound)])
            if found.upperBound > copied || found.lowerBound == 0 {
                if expands {
                    expand(replacement, regex, text, &run.scratch)
                } else {
                    run.scratch.append(replacement)
                }
            }
            guard run.scratch.count <= TemplateLimits.valueBytes else { throw TextFunctions.tooLong }
            copied = found.upperBound
            let width = start < text.count ? GoRune.decode(text, at: start).length : 0
            if start + width > found.upperBound {
                start += width
            } else if start + 1 > found.upperBound {
                start += 1
            } else {
                start = found.upperBound
            }
        }
        run.scratch.append(text.dropping(copied))
        return try run.takeText()
    }

    // MARK: replacement

    private func expand(
        _ template: ByteView, _ regex: Regex, _ text: ByteView, _ result: inout OwnedBuffer<UInt8>
    ) {
        var offset = 0
        while let dollar = template.firstIndex(of: UInt8(ascii: "$"), from: offset) {
            result.append(template[offset..<dollar])
            offset = dollar + 1
            if offset < template.count, template[offset] == UInt8(ascii: "$") {
                result.append(UInt8(ascii: "$"))
                offset += 1
            } else if let (name, length) = reference(template.dropping(offset)) {
                offset += length
                if let range = group(name, regex) { result.append(text[range]) }
            } else {
                result.append(UInt8(ascii: "$"))
            }
        }
        result.append(template.dropping(offset))
    }

    /// The name behind a dollar sign and how much of the text it takes; nil when there is none.
    private func reference(_ text: ByteView) -> (name: ByteView, length: Int)? {
        let braced = !text.isEmpty && text[0] == UInt8(ascii: "{")
        let start = braced ? 1 : 0
        var end = start
        while end < text.count {
            let (scalar, length) = GoRune.decode(text, at: end)
            guard GoRune.isLetter(scalar) || GoRune.isDigit(scalar) || scalar == 0x5F else { break }
            end += length
        }
        guard end > start else { return nil }
        if braced {
            guard end < text.count, text[end] == UInt8(ascii: "}") else { return nil }
        }
        return (text[start..<end], end + (braced ? 1 : 0))
    }

    private func group(_ name: ByteView, _ regex: Regex) -> Range<Int>? {
        var number: Int? = 0
        for offset in 0..<name.count {
            let digit = name[offset] &- UInt8(ascii: "0")
            number = number.flatMap { digit < 10 && $0 < 100_000_000 ? $0 * 10 + Int(digit) : nil }
        }
        if name[0] == UInt8(ascii: "0"), name.count > 1 { number = nil }
        if let number { return number <= regex.groupCount ? regex.group(number) : nil }
        for (candidate, number) in groups where name.equals(candidate) {
            if let range = regex.group(number) { return range }
        }
        return nil
    }
}

/// Expressions that are not constant: the last few of them.
final class TemplateRegexCache {
    /// Expressions that are kept before all are forgotten.
    private static let capacity = 32
    private var known: [[UInt8]: TemplateRegex] = [:]
    private var set = RegexSet()

    func regex(_ pattern: ByteView) -> TemplateRegex {
        let key = pattern.array
        if let found = known[key] { return found }
        if known.count == Self.capacity {
            known = [:]
            set = RegexSet()
        }
        let fresh = TemplateRegex(key, in: set)
        known[key] = fresh
        return fresh
    }
}
