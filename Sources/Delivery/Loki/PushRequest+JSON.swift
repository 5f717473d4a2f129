import Records

extension PushRequest {
    static func decodeJSON(_ bytes: [UInt8]) throws(PushError) -> PushRequest {
        var raw: [(labels: [Label], entries: [PushedEntry])] = []
        var reader = JSONReader(bytes)
        guard reader.peek() != nil else { throw PushError("EOF") }
        do throws(JSONReader.Failure) {
            var members = try reader.object()
            while let key = try reader.nextKey(&members) {
                guard key == "streams" else {
                    try reader.skipValue()
                    continue
                }
                var streams = try reader.array()
                while try reader.nextElement(&streams) { raw.append(try stream(&reader)) }
            }
            try reader.end()
        } catch {
            throw PushError("malformed JSON: wanted \(error.wanted) at byte \(error.position)")
        }
        var streams: [PushedStream] = []
        for (labels, entries) in raw {
            // Loki prints the labels and parses the text, which is where names are checked.
            let pairs = labels.sorted().map { "\($0.name)=\(quoted($0.value))" }
            let text = "{" + pairs.joined(separator: ", ") + "}"
            streams.append(PushedStream(labels: try LabelText.parse(text), entries: entries))
        }
        return PushRequest(streams: streams)
    }

    private static func stream(
        _ reader: inout JSONReader
    ) throws(JSONReader.Failure) -> (labels: [Label], entries: [PushedEntry]) {
        var labels: [String: String] = [:]
        var entries: [PushedEntry] = []
        var members = try reader.object()
        while let key = try reader.nextKey(&members) {
            switch key {
            case "stream":
                var pairs = try reader.object()
                while let name = try reader.nextKey(&pairs) { labels[name] = try reader.scalarText() }
            case "values":
                var values = try reader.array()
                while try reader.nextElement(&values) { entries.append(try entry(&reader)) }
            default: try reader.skipValue()  // keys that Loki ignores too
            }
        }
        return (labels.map { Label($0.key, $0.value) }, entries)
    }

    /// `["ns", "line", {"name": "value"}]`; the line and the metadata may be missing.
    private static func entry(_ reader: inout JSONReader) throws(JSONReader.Failure) -> PushedEntry {
        var entry = PushedEntry(time: Timestamp(nanoseconds: 0), line: "", metadata: [])
        var parts = try reader.array()
        guard try reader.nextElement(&parts) else { throw reader.failure("a timestamp") }
        guard let time = Int64(try reader.string()) else { throw reader.failure("nanoseconds as text") }
        entry.time = Timestamp(nanoseconds: time)
        guard try reader.nextElement(&parts) else { return entry }
        entry.line = try reader.string()
        guard try reader.nextElement(&parts) else { return entry }
        var pairs = try reader.object()
        while let name = try reader.nextKey(&pairs) {
            entry.metadata.append(Label(sanitizedMetadataName(name), try reader.string()))
        }
        while try reader.nextElement(&parts) { try reader.skipValue() }
        return entry
    }
}
