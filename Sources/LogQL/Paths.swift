/// One step of a path into a JSON document.
public enum JSONPathStep: Hashable, Sendable {
    case key(String)
    case index(Int)
}

/// Reads a path of `json name="path"`: `a.b`, `a[0]`, `["quoted key"]`, mixed. Either the steps or a sentence about what is wrong.
public func parseJSONPath(_ path: String) -> (steps: [JSONPathStep], problem: String?) {
    let bytes = Array(path.utf8)
    var steps: [JSONPathStep] = []
    var position = 0
    func problem(_ wanted: String) -> (steps: [JSONPathStep], problem: String?) {
        let found =
            position < bytes.count ? "'\(String(decoding: bytes[position...].prefix(20), as: UTF8.self))'" : "its end"
        return ([], "expected \(wanted) in the path '\(path.prefix(60))', found \(found)")
    }
    func skipBlanks() { while position < bytes.count, isBlank(bytes[position]) { position += 1 } }
    while true {
        skipBlanks()
        guard position < bytes.count else { break }
        if bytes[position] == UInt8(ascii: "[") {
            position += 1
            skipBlanks()
            guard position < bytes.count else { return problem("a quoted key or an index") }
            if bytes[position] == UInt8(ascii: "\"") {
                guard let end = bytes[(position + 1)...].firstIndex(of: UInt8(ascii: "\"")) else {
                    return problem("a closed quote")
                }
                steps.append(.key(String(decoding: bytes[position + 1..<end], as: UTF8.self)))
                position = end + 1
            } else {
                let digits = bytes[position...].prefix(while: isDigit)
                guard !digits.isEmpty, let index = Int(String(decoding: digits, as: UTF8.self)) else {
                    return problem("a quoted key or an index")
                }
                steps.append(.index(index))
                position += digits.count
            }
            skipBlanks()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "]") else { return problem("']'") }
            position += 1
            continue
        }
        if !steps.isEmpty {
            guard bytes[position] == UInt8(ascii: ".") else { return problem("'.' or '['") }
            position += 1
            skipBlanks()
        }
        guard position < bytes.count, isLetter(bytes[position]) else { return problem("a key") }
        let name = bytes[position...].prefix { isLetter($0) || isDigit($0) }
        steps.append(.key(String(decoding: name, as: UTF8.self)))
        position += name.count
    }
    return steps.isEmpty ? problem("a key or '['") : (steps, nil)
}
