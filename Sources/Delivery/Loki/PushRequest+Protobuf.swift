import Records

extension PushRequest {
    static func decodeProtobuf(_ bytes: [UInt8]) throws(PushError) -> PushRequest {
        var raw: [(labels: String, entries: [PushedEntry])] = []
        do throws(ProtobufReader.Failure) {
            var reader = ProtobufReader(bytes, in: 0..<bytes.count)
            while let field = try reader.next() {
                guard field.number == 1, case .bytes(let range) = field.value else { continue }
                raw.append(try stream(bytes, range))
            }
        } catch {
            switch error {
            case .truncated: throw PushError("unexpected EOF")
            case .malformed: throw PushError("proto: illegal tag or wire type in PushRequest")
            }
        }
        var streams: [PushedStream] = []
        for (labels, entries) in raw {
            streams.append(PushedStream(labels: try LabelText.parse(labels), entries: entries))
        }
        return PushRequest(streams: streams)
    }

    private static func stream(
        _ bytes: [UInt8], _ range: Range<Int>
    ) throws(ProtobufReader.Failure) -> (labels: String, entries: [PushedEntry]) {
        var labels = ""
        var entries: [PushedEntry] = []
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            guard case .bytes(let content) = field.value else { continue }
            if field.number == 1 { labels = text(bytes, content) }
            if field.number == 2 { entries.append(try entry(bytes, content)) }
        }
        return (labels, entries)
    }

    private static func entry(_ bytes: [UInt8], _ range: Range<Int>) throws(ProtobufReader.Failure) -> PushedEntry {
        var entry = PushedEntry(time: Timestamp(nanoseconds: 0), line: "", metadata: [])
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            guard case .bytes(let content) = field.value else { continue }
            if field.number == 1 { entry.time = try time(bytes, content) }
            if field.number == 2 { entry.line = text(bytes, content) }
            if field.number == 3 { entry.metadata.append(try pair(bytes, content)) }
        }
        return entry
    }

    private static func time(_ bytes: [UInt8], _ range: Range<Int>) throws(ProtobufReader.Failure) -> Timestamp {
        var seconds: Int64 = 0
        var nanoseconds: Int64 = 0
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            guard case .number(let value) = field.value else { continue }
            if field.number == 1 { seconds = Int64(bitPattern: value) }
            if field.number == 2 { nanoseconds = Int64(Int32(truncatingIfNeeded: value)) }
        }
        let (product, tooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, over) = product.addingReportingOverflow(nanoseconds)
        return tooLong || over ? (seconds < 0 ? .distantPast : .distantFuture) : Timestamp(nanoseconds: sum)
    }

    private static func pair(_ bytes: [UInt8], _ range: Range<Int>) throws(ProtobufReader.Failure) -> Label {
        var label = Label("", "")
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            guard case .bytes(let content) = field.value else { continue }
            if field.number == 1 { label.name = sanitizedMetadataName(text(bytes, content)) }
            if field.number == 2 { label.value = text(bytes, content) }
        }
        return label
    }

    private static func text(_ bytes: [UInt8], _ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
