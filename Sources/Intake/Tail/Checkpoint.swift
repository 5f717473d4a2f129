/// What is kept over a restart: sections of bytes, each with a name, in one file.
///
/// The file begins with the line `millrace-checkpoint 1`. Then come the sections, each one a line
/// `section <name> <number of bytes>`, the bytes, and a newline. The last line, `checksum <16 hexadecimal digits>`, is
/// the 64-bit FNV-1a hash of all that stands before it. A section that nobody knows is carried over.
struct Checkpoint: Equatable {
    /// Why a file is no checkpoint.
    enum Damage: Error, Equatable {
        case notACheckpoint
        /// Written by a version that we cannot read.
        case unknownVersion
        case wrongChecksum
        case malformedSection
    }

    var sections: [String: [UInt8]] = [:]

    private static let heading = "millrace-checkpoint "
    private static let version = "1"

    init() {}

    init(decoding bytes: [UInt8]) throws(Damage) {
        let newline = UInt8(ascii: "\n")
        guard let headingEnd = bytes.firstIndex(of: newline),
            let heading = String(validating: bytes[..<headingEnd], as: UTF8.self), heading.hasPrefix(Self.heading)
        else { throw .notACheckpoint }
        guard heading == Self.heading + Self.version else { throw .unknownVersion }
        let footerCount = Self.footer(for: []).count
        guard bytes.count >= headingEnd + 1 + footerCount else { throw .wrongChecksum }
        let bodyEnd = bytes.count - footerCount
        guard Array(bytes[bodyEnd...]) == Self.footer(for: bytes[..<bodyEnd]) else { throw .wrongChecksum }

        var position = headingEnd + 1
        while position < bodyEnd {
            guard let lineEnd = bytes[position..<bodyEnd].firstIndex(of: newline),
                let line = String(validating: bytes[position..<lineEnd], as: UTF8.self)
            else { throw .malformedSection }
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "section", let count = Int(words[2]), count >= 0,
                count < bodyEnd - lineEnd - 1, bytes[lineEnd + 1 + count] == newline
            else { throw .malformedSection }
            sections[String(words[1])] = Array(bytes[lineEnd + 1..<lineEnd + 1 + count])
            position = lineEnd + 1 + count + 1
        }
    }

    /// The file's bytes. Names of sections must not contain spaces or newlines.
    func encoded() -> [UInt8] {
        var bytes = Array((Self.heading + Self.version + "\n").utf8)
        for (name, section) in sections.sorted(by: { $0.key < $1.key }) {
            bytes += Array("section \(name) \(section.count)\n".utf8)
            bytes += section
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes + Self.footer(for: bytes[...])
    }

    private static func footer(for body: ArraySlice<UInt8>) -> [UInt8] {
        let digits = String(FNV64.hash(body), radix: 16)
        return Array("checksum \(String(repeating: "0", count: 16 - digits.count))\(digits)\n".utf8)
    }
}
