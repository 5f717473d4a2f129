@testable import Engine

/// What patterns should find in a line, the slow and obvious way: over arrays.
enum PatternReference {
    static func first(_ needle: [UInt8], in line: [UInt8], from start: Int) -> Int? {
        guard start + needle.count <= line.count else { return nil }
        return (start...line.count - needle.count).first { line[$0..<$0 + needle.count].elementsEqual(needle) }
    }

    /// The captures of the stage, in order.
    static func captures(_ expression: PatternExpression, _ line: [UInt8]) -> [(name: String, value: [UInt8])] {
        var found: [(name: String, value: [UInt8])] = []
        var parts = expression.parts[...]
        var offset = 0
        if line.isEmpty { return [] }
        if case .literal(let text)? = parts.first {
            guard line.starts(with: text) else { return [] }
            offset = text.count
            parts.removeFirst()
        }
        while case .capture(let name)? = parts.popFirst() {
            var end: Int?
            var length = 0
            if case .literal(let text)? = parts.popFirst() {
                end = first(text, in: line, from: offset)
                length = text.count
            }
            if let name { found.append((name, Array(line[offset..<(end ?? line.count)]))) }
            guard let end else { break }
            offset = end + length
        }
        return found
    }

    /// Whether the line filter lets the line pass.
    static func passes(_ expression: PatternExpression, _ line: [UInt8]) -> Bool {
        if line.isEmpty || expression.parts.isEmpty { return line.isEmpty && expression.parts.isEmpty }
        var offset = 0
        var isBehindCapture = false
        for part in expression.parts {
            guard case .literal(let text) = part else {
                isBehindCapture = true
                continue
            }
            if isBehindCapture {
                guard let found = first(text, in: line, from: offset), found > offset else { return false }
                offset = found + text.count
            } else {
                guard line.starts(with: text) else { return false }
                offset = text.count
            }
            isBehindCapture = false
        }
        // A capture at the end takes at least one byte.
        return isBehindCapture ? offset < line.count : offset == line.count
    }
}
