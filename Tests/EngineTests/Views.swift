@testable import Engine

/// Runs `body` with a view of `text` and what views promise behind it: a newline and padding. What stands there is
/// hostile on purpose.
func withView<Result>(_ bytes: [UInt8], _ body: (ByteView) throws -> Result) rethrows -> Result {
    let after = Array("\n\"}],:{\"x\":\"y\\\"".utf8)
    let padded = bytes + after + [UInt8](repeating: UInt8(ascii: "\""), count: 64)
    return try padded.withUnsafeBufferPointer { try body(ByteView(base: $0.baseAddress!, count: bytes.count)) }
}

func withView<Result>(_ text: String, _ body: (ByteView) throws -> Result) rethrows -> Result {
    try withView(Array(text.utf8), body)
}

extension ExtractedField {
    /// The value as text, decoded.
    var text: String {
        switch form {
        case .plain: return value.string
        case .escaped:
            var bytes = [UInt8](repeating: 0, count: value.count)
            let count = bytes.withUnsafeMutableBufferPointer { unescapeJSON(value, into: $0.baseAddress!) }
            return count.map { String(decoding: bytes[0..<$0], as: UTF8.self) } ?? "undecodable"
        }
    }
}

/// What a scan gave: labels (the last of equal names wins) and the error.
struct Scanned: Equatable, CustomStringConvertible {
    var labels: [String: String] = [:]
    var error = ScanError.none

    var description: String { "\(labels.sorted { $0.key < $1.key }) \(error)" }
}

/// A small generator with a fixed seed.
struct Random: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
