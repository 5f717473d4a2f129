/// A text with a name and line starts: turns byte offsets into lines and columns and draws the caret.
public struct SourceText: Sendable {
    /// What the text is called in messages: a path, or for example `<expression>`.
    public let name: String
    public let text: String
    private let bytes: [UInt8]
    private let lineStarts: [Int]

    public init(name: String, text: String) {
        self.name = name
        self.text = text
        bytes = Array(text.utf8)
        var starts = [0]
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            starts.append(index + 1)
        }
        lineStarts = starts
    }

    /// The 1-based line and the 1-based column, in Unicode scalars, of a byte offset.
    public func position(of offset: Int) -> (line: Int, column: Int) {
        let offset = min(max(0, offset), bytes.count)
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return (low + 1, scalars(lineStarts[low]..<offset) + 1)
    }

    /// The byte offset at which a 1-based line starts; the end of the text beyond the last line.
    public func start(ofLine line: Int) -> Int {
        line >= 1 && line <= lineStarts.count ? lineStarts[line - 1] : bytes.count
    }

    /// One diagnostic as a person reads it: `name:line:column: error: message`, the line, a caret, the hint.
    public func render(_ diagnostic: Diagnostic) -> String {
        let (line, column) = position(of: diagnostic.range.lowerBound)
        var result = "\(name):\(line):\(column): \(diagnostic.severity.rawValue): \(diagnostic.message)\n"
        let start = lineStarts[line - 1]
        var end = line < lineStarts.count ? lineStarts[line] - 1 : bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        let (shown, indent) = window(line: start..<end, around: diagnostic.range.lowerBound)
        let width = max(1, scalars(diagnostic.range.clamped(to: start..<max(start, end))))
        let number = String(line)
        let gutter = String(repeating: " ", count: number.count)
        result += " \(number) | \(shown)\n"
        result +=
            " \(gutter) | \(String(repeating: " ", count: indent))\(String(repeating: "^", count: min(width, 120)))"
        if let hint = diagnostic.hint { result += " \(hint)" }
        return result + "\n"
    }

    /// All diagnostics of this text, in the order in which they stand in it.
    public func render(_ diagnostics: [Diagnostic]) -> String {
        diagnostics.sorted { ($0.range.lowerBound, $0.message) < ($1.range.lowerBound, $1.message) }
            .map(render).joined()
    }

    /// At most 160 scalars of a line around an offset, tabs as blanks, and how far in the offset stands.
    private func window(line: Range<Int>, around offset: Int) -> (text: String, indent: Int) {
        let scalars = Array(String(decoding: bytes[line], as: UTF8.self).unicodeScalars)
        let column = self.scalars(line.lowerBound..<min(max(offset, line.lowerBound), line.upperBound))
        let first = scalars.count > 160 ? max(0, min(column - 60, scalars.count - 160)) : 0
        var text = String.UnicodeScalarView()
        for scalar in scalars[first..<min(scalars.count, first + 160)] {
            text.append(scalar.value < 0x20 || scalar.value == 0x7f ? " " : scalar)
        }
        return (String(text), column - first)
    }

    private func scalars(_ range: Range<Int>) -> Int {
        bytes[range].reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    }
}
