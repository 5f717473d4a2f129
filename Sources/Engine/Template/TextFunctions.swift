/// Functions on texts: Go's `strings` and what Loki takes from sprig.
enum TextFunctions {
    static func apply(
        _ function: TemplateFunction, _ values: [TemplateValue], _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        for value in values { try run.spend(bytes: value.bytes.count) }
        switch function {
        case .toLower, .lower: return try mapped(values[0].bytes, &run, GoRune.lower)
        case .toUpper, .upper: return try mapped(values[0].bytes, &run, GoRune.upper)
        case .title: return try titled(values[0].bytes, &run)
        case .replaceSome:
            return try replaced(values[0].bytes, values[1].bytes, values[2].bytes, values[3].integer, &run)
        case .replace: return try replaced(values[2].bytes, values[0].bytes, values[1].bytes, -1, &run)
        case .trimSet: return .text(trimmed(values[0].bytes, values[1].bytes))
        case .trimLeft: return .text(trimmed(values[0].bytes, values[1].bytes, right: false))
        case .trimRight: return .text(trimmed(values[0].bytes, values[1].bytes, left: false))
        case .trimAll: return .text(trimmed(values[1].bytes, values[0].bytes))
        case .trimSpace, .trim: return .text(trimmedSpace(values[0].bytes))
        case .stripPrefix: return .text(without(prefix: values[1].bytes, values[0].bytes))
        case .trimPrefix: return .text(without(prefix: values[0].bytes, values[1].bytes))
        case .stripSuffix: return .text(without(suffix: values[1].bytes, values[0].bytes))
        case .trimSuffix: return .text(without(suffix: values[0].bytes, values[1].bytes))
        case .contains: return .bool(values[1].bytes.firstRange(of: values[0].bytes, from: 0) != nil)
        case .hasPrefix: return .bool(values[1].bytes.starts(with: values[0].bytes))
        case .hasSuffix: return .bool(values[1].bytes.ends(with: values[0].bytes))
        case .trunc: return .text(truncated(values[1].bytes, values[0].integer))
        case .substr:
            return .text(try substring(values[2].bytes, from: values[0].integer, to: values[1].integer))
        case .alignLeft, .alignRight:
            return try aligned(values[1].bytes, values[0].integer, right: function == .alignRight, &run)
        case .indent, .nindent:
            return try indented(values[1].bytes, values[0].integer, newline: function == .nindent, &run)
        case .repeat: return try repeated(values[1].bytes, values[0].integer, &run)
        case .b64enc: return try TextCodecs.base64(values[0].bytes, &run)
        case .b64dec: return try TextCodecs.fromBase64(values[0].bytes, &run)
        case .urlencode: return try TextCodecs.urlEncoded(values[0].bytes, &run)
        case .urldecode: return try TextCodecs.urlDecoded(values[0].bytes, &run)
        default: return .nothing
        }
    }

    private static func mapped(
        _ text: ByteView, _ run: inout TemplateRun, _ map: (UInt32) -> UInt32
    ) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        var offset = 0
        while offset < text.count {
            let (scalar, length) = GoRune.decode(text, at: offset)
            GoRune.append(map(scalar), to: &run.scratch)
            offset += length
        }
        return try run.takeText()
    }

    private static func titled(_ text: ByteView, _ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        var offset = 0
        var last: UInt32 = 0x20
        while offset < text.count {
            let (scalar, length) = GoRune.decode(text, at: offset)
            GoRune.append(isSeparator(last) ? GoRune.title(scalar) : scalar, to: &run.scratch)
            last = scalar
            offset += length
        }
        return try run.takeText()
    }

    private static func isSeparator(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return !GoRune.isLetter(scalar) && !GoRune.isDigit(scalar) && scalar != 0x5F }
        return !GoRune.isLetter(scalar) && !GoRune.isDigit(scalar) && GoRune.isSpace(scalar)
    }

    private static func replaced(
        _ text: ByteView, _ old: ByteView, _ new: ByteView, _ limit: Int64, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        if old.equals(new) || limit == 0 { return .text(text) }
        var done: Int64 = 0
        var offset = 0
        while done != limit {
            var found = offset
            if old.isEmpty {
                if done > 0 {
                    guard offset < text.count else { break }
                    found += GoRune.decode(text, at: offset).length
                }
            } else {
                guard let next = text.firstRange(of: old, from: offset) else { break }
                found = next
            }
            run.scratch.append(text[offset..<found])
            run.scratch.append(new)
            guard run.scratch.count <= TemplateLimits.valueBytes else { throw tooLong }
            offset = found + old.count
            done += 1
        }
        run.scratch.append(text.dropping(offset))
        return try run.takeText()
    }

    static let tooLong = TemplateFailure(message: "text is too long")

    // MARK: cutting

    private static func trimmed(
        _ text: ByteView, _ set: ByteView, left: Bool = true, right: Bool = true
    ) -> ByteView {
        trimmed(text, left: left, right: right) { scalar in
            var offset = 0
            while offset < set.count {
                let (member, length) = GoRune.decode(set, at: offset)
                if member == scalar { return true }
                offset += length
            }
            return false
        }
    }

    static func trimmedSpace(_ text: ByteView) -> ByteView { trimmed(text, left: true, right: true, GoRune.isSpace) }

    private static func trimmed(
        _ text: ByteView, left: Bool, right: Bool, _ isIn: (UInt32) -> Bool
    ) -> ByteView {
        var start = 0
        var end = text.count
        while left, start < end {
            let (scalar, length) = GoRune.decode(text, at: start)
            guard isIn(scalar) else { break }
            start += length
        }
        while right, end > start {
            var last = end - 1
            while last > start, end - last < 4, text[last] & 0xC0 == 0x80 { last -= 1 }
            var (scalar, length) = GoRune.decode(text[0..<end], at: last)
            if last + length != end { (last, scalar, length) = (end - 1, GoRune.replacement, 1) }
            guard isIn(scalar) else { break }
            end = last
        }
        return text[start..<end]
    }

    private static func without(prefix: ByteView, _ text: ByteView) -> ByteView {
        text.starts(with: prefix) ? text.dropping(prefix.count) : text
    }

    private static func without(suffix: ByteView, _ text: ByteView) -> ByteView {
        text.ends(with: suffix) ? text[0..<text.count - suffix.count] : text
    }

    private static func truncated(_ text: ByteView, _ count: Int64) -> ByteView {
        if count < 0 {
            let start = Int64(text.count).addingReportingOverflow(count)
            return !start.overflow && start.partialValue > 0 ? text.dropping(Int(start.partialValue)) : text
        }
        return Int64(text.count) > count ? text[0..<Int(count)] : text
    }

    private static func substring(
        _ text: ByteView, from start: Int64, to end: Int64
    ) throws(TemplateFailure) -> ByteView {
        let count = Int64(text.count)
        func outOfRange(_ range: String) -> TemplateFailure {
            TemplateFailure(message: "runtime error: slice bounds out of range [\(range)")
        }
        if start < 0 {
            if end < 0 { throw outOfRange(":\(end)]") }
            if end > count { throw outOfRange(":\(end)] with length \(count)") }
            return text[0..<Int(end)]
        }
        let last = end < 0 || end > count ? count : end
        if start > last { throw outOfRange("\(start):\(last)]") }
        return text[Int(start)..<Int(last)]
    }

    // MARK: padding

    private static func aligned(
        _ text: ByteView, _ width: Int64, right: Bool, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        let runes = text.runeCount
        if width < 0 || width == runes { return .text(text) }
        guard width <= TemplateLimits.outputBytes else { throw tooLong }
        if width < runes {
            let offset = text.offset(ofRune: right ? runes - Int(width) : Int(width))
            return .text(right ? text.dropping(offset) : text[0..<offset])
        }
        run.scratch.truncate(to: 0)
        if !right { run.scratch.append(text) }
        run.scratch.append(repeating: 0x20, count: Int(width) - runes)
        if right { run.scratch.append(text) }
        return try run.takeText()
    }

    private static func indented(
        _ text: ByteView, _ width: Int64, newline: Bool, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        guard width >= 0 else { throw TemplateFailure(message: "strings: negative Repeat count") }
        guard width <= TemplateLimits.outputBytes else { throw tooLong }
        run.scratch.truncate(to: 0)
        if newline { run.scratch.append(byte: 0x0A) }
        run.scratch.append(repeating: 0x20, count: Int(width))
        for offset in 0..<text.count {
            run.scratch.append(text[offset])
            if text[offset] == 0x0A { run.scratch.append(repeating: 0x20, count: Int(width)) }
            guard run.scratch.count <= TemplateLimits.valueBytes else { throw tooLong }
        }
        return try run.takeText()
    }

    private static func repeated(
        _ text: ByteView, _ count: Int64, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        guard count >= 0 else { throw TemplateFailure(message: "strings: negative Repeat count") }
        let (total, overflow) = Int64(text.count).multipliedReportingOverflow(by: count)
        if overflow { throw TemplateFailure(message: "strings: Repeat output length overflow") }
        guard total <= TemplateLimits.outputBytes else { throw tooLong }
        run.scratch.truncate(to: 0)
        if total > 0 { for _ in 0..<count { run.scratch.append(text) } }
        return try run.takeText()
    }
}
