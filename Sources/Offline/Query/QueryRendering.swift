public import Engine
import Records

/// How the answer to a query is written.
public enum QueryOutput: String, CaseIterable, Sendable {
    /// A table, or lines with their time and labels.
    case text
    /// One JSON object a line; entries in the form that `--corpus` reads.
    case json
    /// The `data` object of Loki's HTTP API, one line.
    case loki
}

/// The answer to a query as bytes, with a newline at its end.
public func render(_ result: QueryResult, _ times: QueryTimes, as output: QueryOutput) -> [UInt8] {
    switch output {
    case .text: Array(QueryTable.text(result, times).utf8)
    case .json: jsonLines(result, times)
    case .loki: lokiData(result, times)
    }
}

/// `{"resultType":…,"result":…}` as Loki's query endpoints answer it, in the order of the result.
public func lokiData(_ result: QueryResult, _ times: QueryTimes) -> [UInt8] {
    var json = JSONOutput()
    func pair(_ json: inout JSONOutput, _ time: Timestamp, _ value: Double) {
        json.raw("[\(time.sampleSeconds),\"\(value.plainText)\"]")
    }
    switch result {
    case .scalar(let value):
        json.raw("{\"resultType\":\"scalar\",\"result\":")
        pair(&json, times.end, value)
    case .vector(let samples):
        json.raw("{\"resultType\":\"vector\",\"result\":[")
        json.list(samples) { json, sample in
            json.raw("{\"metric\":")
            json.object(sample.labels)
            json.raw(",\"value\":")
            pair(&json, sample.time, sample.value)
            json.raw("}")
        }
        json.raw("]")
    case .matrix(let series):
        json.raw("{\"resultType\":\"matrix\",\"result\":[")
        json.list(series) { json, series in
            json.raw("{\"metric\":")
            json.object(series.labels)
            json.raw(",\"values\":[")
            json.list(series.points) { json, point in pair(&json, point.time, point.value) }
            json.raw("]}")
        }
        json.raw("]")
    case .streams(let streams):
        json.raw("{\"resultType\":\"streams\",\"result\":[")
        json.list(streams) { json, stream in
            json.raw("{\"stream\":")
            json.object(stream.labels)
            json.raw(",\"values\":[")
            json.list(stream.entries) { json, entry in
                json.raw("[\"\(entry.time.nanoseconds)\",")
                json.string(entry.line)
                json.raw("]")
            }
            json.raw("]}")
        }
        json.raw("]")
    }
    json.raw("}\n")
    return json.bytes
}

private func jsonLines(_ result: QueryResult, _ times: QueryTimes) -> [UInt8] {
    var json = JSONOutput()
    func sample(_ labels: [Label], _ time: Timestamp, _ value: Double) {
        json.raw("{\"ts\":\"\(time.nanoseconds)\",\"labels\":")
        json.object(labels)
        json.raw(",\"value\":\"\(value.plainText)\"}\n")
    }
    switch result {
    case .scalar(let value): sample([], times.end, value)
    case .vector(let samples): for item in samples { sample(item.labels, item.time, item.value) }
    case .matrix(let series):
        for item in series { for point in item.points { sample(item.labels, point.time, point.value) } }
    case .streams(let streams):
        for entry in Entry.inOrder(streams, times) {
            json.raw("{\"ts\":\"\(entry.time.nanoseconds)\",\"labels\":")
            json.object(entry.labels)
            json.raw(",\"line\":")
            json.string(entry.line)
            json.raw("}\n")
        }
    }
    return json.bytes
}

/// One entry of an answer, for people who read them all in order of time.
private struct Entry {
    var time: Timestamp
    var labels: [Label]
    var line: [UInt8]
    var position: Int

    static func inOrder(_ streams: [QueryStream], _ times: QueryTimes) -> [Entry] {
        var entries: [Entry] = []
        for stream in streams {
            for entry in stream.entries {
                entries.append(
                    Entry(time: entry.time, labels: stream.labels, line: entry.line, position: entries.count))
            }
        }
        let descending =
            switch times {
            case .log(_, _, .backward, _): true
            case .log(_, _, .forward, _), .instant, .range: false
            }
        return entries.sorted {
            $0.time == $1.time ? $0.position < $1.position : ($0.time < $1.time) != descending
        }
    }
}

/// The answer as people read it.
private enum QueryTable {
    static func text(_ result: QueryResult, _ times: QueryTimes) -> String {
        switch result {
        case .scalar(let value): return value.plainText + "\n"
        case .vector(let samples):
            let rows = samples.map { (labelText($0.labels), $0.value.plainText) }
            return table(rows)
        case .matrix(let series):
            return series.map { series in
                labelText(series.labels) + "\n"
                    + table(series.points.map { ("  " + TimeText.format($0.time), $0.value.plainText) })
            }.joined()
        case .streams(let streams):
            return Entry.inOrder(streams, times).map { entry in
                "\(TimeText.format(entry.time)) \(labelText(entry.labels)) \(printable(entry.line))\n"
            }.joined()
        }
    }

    /// Two columns, the second aligned by its right edge.
    private static func table(_ rows: [(String, String)]) -> String {
        let first = rows.map(\.0.count).max() ?? 0
        let second = rows.map(\.1.count).max() ?? 0
        return rows.map { row in
            row.0 + String(repeating: " ", count: first - row.0.count + 2 + second - row.1.count) + row.1 + "\n"
        }.joined()
    }

    /// A line for a terminal: control characters but tabs are shown, not obeyed.
    private static func printable(_ line: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        for scalar in String(decoding: repaired(line), as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\t": text.append(scalar)
            case "\n": text.append(contentsOf: "\\n".unicodeScalars)
            case "\r": text.append(contentsOf: "\\r".unicodeScalars)
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                text.append(contentsOf: "\\x\(hex.count < 2 ? "0" : "")\(hex)".unicodeScalars)
            default: text.append(scalar)
            }
        }
        return String(text)
    }
}

extension QueryTimes {
    /// The instant, or the last of the range.
    var end: Timestamp {
        switch self {
        case .instant(let time): time
        case .range(_, let end, _), .log(_, let end, _, _): end
        }
    }
}
