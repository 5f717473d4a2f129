import LogQL
import YAML

extension MappingReader {
    /// A duration in nanoseconds, as LogQL writes it: `30s`, `1h30m`.
    mutating func nanoseconds(_ key: String, atLeast minimum: String, orZero: Bool = false) -> Int64? {
        let least = parseDuration(minimum) ?? 0
        guard let node = value(key) else { return nil }
        guard let scalar = node.scalar, let value = parseDuration(scalar.text) ?? (scalar.text == "0" ? 0 : nil) else {
            findings.wrong(node, wanted: "a duration such as 30s or 1h30m", for: key)
            return nil
        }
        if value < least, !(orZero && value == 0) {
            findings.error(
                "'\(key)': wanted at least \(minimum)\(orZero ? " or 0" : ""), found '\(scalar.text)'", at: node.range)
            return nil
        }
        return value
    }

    mutating func duration(_ key: String, atLeast minimum: String, orZero: Bool = false) -> Duration? {
        nanoseconds(key, atLeast: minimum, orZero: orZero).map { .nanoseconds($0) }
    }

    /// A size in bytes: `1MiB`, `256KB`, `4096`.
    mutating func bytes(_ key: String, in bounds: ClosedRange<Int>) -> Int? {
        guard let node = value(key) else { return nil }
        guard let scalar = node.scalar, let size = UInt64(scalar.text) ?? parseByteSize(scalar.text) else {
            findings.wrong(node, wanted: "a size such as 256KiB or 4MiB", for: key)
            return nil
        }
        guard let size = Int(exactly: size), bounds.contains(size) else {
            findings.error(
                "'\(key)': wanted \(bounds.lowerBound) to \(bounds.upperBound) bytes, found '\(scalar.text)'",
                at: node.range)
            return nil
        }
        return size
    }
}
