import Records

/// `{"streams":[{"stream":{…},"values":[["ns","line",{metadata}],…]},…]}`
extension PushEncoder {
    func json(_ batches: [LineBatch]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(batches.reduce(0) { $0 + $1.byteCount + 64 * $1.lines.count })
        text += #"{"streams":["#.utf8
        var isFirst = true
        for group in groups where group.first >= 0 {
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            text += #"{"stream":"#.utf8
            Self.object(
                group.stream.labels.labels.lazy.map { (Array($0.name.utf8)[...], Array($0.value.utf8)[...]) }, to: &text
            )
            text += #","values":["#.utf8
            var index = group.first
            while index >= 0 {
                let entry = entries[Int(index)]
                if index != group.first { text.append(UInt8(ascii: ",")) }
                value(entry, of: batches[Int(entry.batch)], to: &text)
                index = entry.next
            }
            text += "]}".utf8
        }
        text += "]}".utf8
        return text
    }

    private func value(_ entry: Entry, of batch: LineBatch, to text: inout [UInt8]) {
        let line = batch.lines[Int(entry.line)]
        text += #"[""#.utf8
        text += String(line.time.nanoseconds).utf8
        text += #"","#.utf8
        if entry.repaired >= 0 {
            Self.string(repaired[Int(entry.repaired)][...], to: &text)
        } else {
            Self.string(batch.bytes[line.bytes.range], to: &text)
        }
        if line.metadataCount > 0 {
            text.append(UInt8(ascii: ","))
            Self.object(
                Self.metadata(of: line, in: batch).lazy.map {
                    (Array(batch.metadataNames[Int($0.name)].utf8)[...], Self.value($0, in: batch))
                }, to: &text)
        }
        text.append(UInt8(ascii: "]"))
    }

    private static func object(
        _ members: some Sequence<(ArraySlice<UInt8>, ArraySlice<UInt8>)>, to text: inout [UInt8]
    ) {
        text.append(UInt8(ascii: "{"))
        var isFirst = true
        for (name, value) in members {
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            string(name, to: &text)
            text.append(UInt8(ascii: ":"))
            string(value, to: &text)
        }
        text.append(UInt8(ascii: "}"))
    }

    /// A string with the escapes of RFC 8259 §7; the bytes are UTF-8.
    private static func string(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        var rest = bytes
        while let index = rest.firstIndex(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") })
        {
            text.append(contentsOf: rest[..<index])
            escape(rest[index], to: &text)
            rest = rest[(index + 1)...]
        }
        text.append(contentsOf: rest)
        text.append(UInt8(ascii: "\""))
    }

    private static func escape(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): text += "\\\"".utf8
        case UInt8(ascii: "\\"): text += "\\\\".utf8
        case UInt8(ascii: "\n"): text += "\\n".utf8
        case UInt8(ascii: "\r"): text += "\\r".utf8
        case UInt8(ascii: "\t"): text += "\\t".utf8
        default: text += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
        }
    }
}
