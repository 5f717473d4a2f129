import Records

/// Which output of a container a line came from.
enum ContainerStream: UInt8, CaseIterable {
    case stdout
    case stderr

    var name: String {
        switch self {
        case .stdout: "stdout"
        case .stderr: "stderr"
        }
    }
}

/// What stands before the content of a line that a container runtime wrote: `<time> <stream> <tags> <content>`.
struct CRIHeader {
    var time: Timestamp
    var stream: ContainerStream
    /// The line goes on in the next one of its stream (tag `P`).
    var isPartial: Bool
    var contentStart: Int

    /// Reads the header of the line; nil when it has none that can be read.
    ///
    /// Tags are separated by `:`, and the first one says whether the line is complete. The space before an empty
    /// content may be missing.
    init?(_ bytes: Span<UInt8>, start: Int, end: Int) {
        let space = UInt8(ascii: " ")
        guard let first = bytes.offset(of: space, from: start), first < end, first - start <= 40,
            let time = RFC3339.timestamp(in: bytes, start..<first), first + 8 < end,
            bytes[first + 1] == UInt8(ascii: "s"), bytes[first + 2] == UInt8(ascii: "t"),
            bytes[first + 3] == UInt8(ascii: "d"), bytes[first + 7] == space
        else { return nil }
        self.time = time
        switch (bytes[first + 4], bytes[first + 5], bytes[first + 6]) {
        case (UInt8(ascii: "o"), UInt8(ascii: "u"), UInt8(ascii: "t")): stream = .stdout
        case (UInt8(ascii: "e"), UInt8(ascii: "r"), UInt8(ascii: "r")): stream = .stderr
        default: return nil
        }
        let tags = first + 8
        switch bytes[tags] {
        case UInt8(ascii: "F"): isPartial = false
        case UInt8(ascii: "P"): isPartial = true
        default: return nil
        }
        var tagsEnd = tags + 1
        if tagsEnd < end, bytes[tagsEnd] == UInt8(ascii: ":") {
            tagsEnd = min(bytes.offset(of: space, from: tagsEnd) ?? end, end)
        }
        guard tagsEnd == end || bytes[tagsEnd] == space else { return nil }
        contentStart = min(tagsEnd + 1, end)
    }
}

/// Puts lines together that a container runtime wrote in parts; one for each file and stream.
struct PartialLine {
    /// What there is of the line so far: at most the limit of a line, and one byte more when it is too long.
    private(set) var bytes: [UInt8] = []
    /// Where in the file the first part begins: a restart has to read from there.
    private(set) var start: Int64?

    var isEmpty: Bool { start == nil }

    /// Adds a part; beyond `limit` + 1 bytes nothing more is kept.
    mutating func add(_ part: Span<UInt8>, at offset: Int64, limit: Int) {
        if start == nil { start = offset }
        bytes.append(0..<min(max(0, limit + 1 - bytes.count), part.count), of: part)
    }

    /// The bytes so far, at most `limit` of them, and whether that cut the line; empty from then on.
    mutating func take(limit: Int) -> (bytes: [UInt8], isCut: Bool) {
        defer { self = PartialLine() }
        return bytes.count > limit ? (Array(bytes.prefix(limit)), true) : (bytes, false)
    }

    /// The file was rotated in the middle of the line, which goes on in the next file.
    mutating func continueInNextFile() {
        if start != nil { start = 0 }
    }
}
