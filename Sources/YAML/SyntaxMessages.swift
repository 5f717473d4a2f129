import Diagnostics

/// libyaml's words, for a person who wrote the file.
func diagnostic(for error: SyntaxError, offsets: ByteOffsets, source: [UInt8]) -> Diagnostic {
    let isOpen = error.problem == "found unexpected end of stream"
    var offset = error.byteOffset ?? offsets[isOpen ? error.contextIndex ?? error.index : error.index]
    offset = min(offset, source.count)
    // At the end of the text the last line that has something shows more than an empty one.
    if offset == source.count {
        while offset > 0, source[offset - 1] <= 0x20 { offset -= 1 }
    }
    let (message, hint) = words(for: error)
    var context: String?
    if let index = error.contextIndex, offsets[index] < offset {
        let line = 1 + source[..<offsets[index]].count { $0 == 0x0A }
        let here = 1 + source[..<offset].count { $0 == 0x0A }
        if line != here, let what = error.context { context = "\(what.inside) that begins on line \(line)" }
    }
    let hints = [hint, context].compactMap { $0 }.joined(separator: "; ")
    return Diagnostic(.error, message, hint: hints.isEmpty ? nil : hints, at: offset..<min(offset + 1, source.count))
}

private func words(for error: SyntaxError) -> (message: String, hint: String?) {
    switch error.problem {
    case "mapping values are not allowed in this context":
        ("a ':' makes no sense here", "quote the text if it contains ': ', or check the indentation of this line")
    case "did not find expected key":
        ("wanted a key of the mapping, found something else", "check the indentation and quotes of this line")
    case "could not find expected ':'":
        ("wanted ':' after the key", "check the indentation and quotes of the line above")
    case "did not find expected '-' indicator":
        ("wanted '-' for the next item of the list", "check the indentation of this line")
    case "block sequence entries are not allowed in this context":
        ("a list item makes no sense here", "begin the list on a line of its own")
    case "found character that cannot start any token":
        (
            "a value cannot begin with this character",
            "indent with blanks, not tabs; quote text that begins with @, ` or %"
        )
    case "found a tab character that violates indentation",
        "found a tab character where an indentation space is expected":
        ("a tab where blanks are wanted", "indent with blanks")
    case "did not find expected ',' or ']'": ("wanted ',' or ']' in the list", nil)
    case "did not find expected ',' or '}'": ("wanted ',' or '}' in the mapping", nil)
    case "did not find expected node content": ("wanted a value, found none", nil)
    case "did not find expected <document start>":
        ("text after the end of the document", "check the indentation of this line")
    case "found unexpected end of stream": ("the quoted text does not end", "add the closing quote")
    case "found unknown escape character":
        (
            "no such escape in double quotes",
            "write the backslash twice, or use single quotes, where a backslash is plain text"
        )
    case "did not find expected hexdecimal number": ("wanted hexadecimal digits in the escape", nil)
    case "control characters are not allowed": ("a control character; is this a text file?", nil)
    case "exceeded maximum nesting": ("nested too deep", nil)
    case let other where other.contains("UTF-8"): ("the file is not UTF-8 text", nil)
    case let other: ("not YAML: \(other)", nil)
    }
}

private let plainNames = [
    "block mapping": "mapping", "flow mapping": "mapping in braces", "block collection": "list",
    "flow sequence": "list in brackets", "simple key": "key", "quoted scalar": "quoted text", "plain scalar": "text",
]

extension String {
    /// `while parsing a block mapping` → `in the block mapping`
    fileprivate var inside: String {
        for start in ["while parsing a ", "while scanning a ", "while scanning an "] where hasPrefix(start) {
            let name = dropFirst(start.count)
            return "in the " + (plainNames[String(name)] ?? String(name))
        }
        return self
    }
}
