import Diagnostics
import Engine
import Foundation
import LogQL
import Records

@testable import Offline

/// The recorded answers of a Loki 3.4.0, from `fixtures/logql`.
enum LokiAnswers {
    struct Case: @unchecked Sendable {
        var id: String
        var area: String
        var corpus: String
        var query: String
        var kind: String
        var fields: [String: Any]

        func nanoseconds(_ name: String) -> Int64 { (fields[name] as? String).flatMap { Int64($0) } ?? 0 }
    }

    /// The recorded answers that we decided against, each with what Loki does and why we do not. `docs/logql.md` shows
    /// them.
    static let decided: [(id: String, loki: String, why: String)] = [
        (
            "quirk-metadata-name-blocks-later-lines",
            "a label of the metadata on one line keeps later lines from giving a label of that name",
            "every line is parsed by itself: the answer does not depend on which line comes first"
        ),
        (
            "quirk-two-regexps-one-name", "what the first line's first parser finds decides for all lines",
            "the same"
        ),
        (
            "quirk-bytes-threshold-rounded",
            "`1KiB` becomes `1.0kB` on its way through Loki, and compares like 1,000",
            "a threshold is what was written: 1,024"
        ),
        ("quirk-bytes-threshold-rounded-mib", "`1MiB` compares like 1,000,000", "1,048,576"),
        ("quirk-bytes-threshold-rounded-tens", "`12.6KB` compares like 13,000", "12,600"),
    ]

    static let folder: URL = {
        var url = URL(filePath: #filePath)
        for _ in 1...3 { url.deleteLastPathComponent() }
        return url.appending(path: "fixtures/logql")
    }()

    static let areas: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "cases").path)) ?? []
        return files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }()

    static func cases(_ area: String) throws -> [Case] {
        let data = try Data(contentsOf: folder.appending(path: "cases/\(area).json"))
        let array = try JSONSerialization.jsonObject(with: data) as? [[String: Any]] ?? []
        // Foundation drops byte order marks, also in the middle of a string.
        let rows = data.split(separator: UInt8(ascii: "\n")).filter { $0.first == UInt8(ascii: "{") }
        return try zip(array, rows).map { fields, row in
            Case(
                id: fields["id"] as? String ?? "", area: area, corpus: fields["corpus"] as? String ?? "",
                query: try query(in: Array(row)), kind: fields["kind"] as? String ?? "", fields: fields)
        }
    }

    private static func query(in row: [UInt8]) throws -> String {
        var cursor = JSONCursor(row)
        var query = ""
        try cursor.object { (cursor, name) throws(JSONCursor.Failure) in
            if name == "query" {
                query = String(decoding: try cursor.string(), as: UTF8.self)
            } else {
                try cursor.skip()
            }
        }
        return query
    }

    // MARK: Corpora

    /// The entries of a corpus, read as `millrace query --corpus` reads them.
    static func corpus(_ name: String) throws -> [LineBatch] {
        var reader = try CorpusReader(
            folder.appending(path: "corpora/\(name).jsonl").path, streams: StreamTable(), known: CorpusReader.Known())
        var batches: [LineBatch] = []
        while let batch = try reader.next() { batches.append(batch) }
        return batches
    }

    // MARK: Asking

    enum Answer {
        /// What `--output loki` prints.
        case data([String: Any])
        case refused(String)
    }

    static func answer(_ one: Case, over batches: [LineBatch]) throws -> Answer {
        let parsed = parse(one.query)
        guard let expression = parsed.expression, !parsed.diagnostics.contains(where: { $0.severity == .error }) else {
            return .refused(parsed.diagnostics.first?.message ?? "refused")
        }
        guard let times = times(of: one, expression) else { return .refused("the step is no duration") }
        do {
            var query = try Query(expression, times)
            for batch in batches { query.ingest(batch) }
            let data = lokiData(try query.finish(), times)
            let object = try JSONSerialization.jsonObject(with: Data(data)) as? [String: Any]
            return .data(object ?? [:])
        } catch let refusal as Query.Refusal {
            return .refused(refusal.diagnostics.first?.message ?? "refused")
        } catch let failure as QueryFailure {
            return .refused(failure.message)
        }
    }

    private static func times(of one: Case, _ expression: LogQL.Expression) -> QueryTimes? {
        guard one.fields["start"] != nil, one.fields["endpoint"] as? String != "query" else {
            return .instant(Timestamp(nanoseconds: one.nanoseconds("time")))
        }
        let start = Timestamp(nanoseconds: one.nanoseconds("start"))
        let end = Timestamp(nanoseconds: one.nanoseconds("end"))
        if case .log = expression {
            return .log(
                start: start, end: end,
                direction: QueryDirection(rawValue: one.fields["direction"] as? String ?? "") ?? .forward,
                limit: one.fields["limit"] as? Int ?? 5_000)
        }
        if let text = one.fields["step"] as? String ?? (one.fields["step"] as? NSNumber)?.stringValue {
            return QueryRequest.step(text).map { .range(start: start, end: end, step: $0) }
        }
        let seconds = (end.nanoseconds - start.nanoseconds) / 1_000_000_000 / 250
        return .range(start: start, end: end, step: max(1, seconds) * 1_000_000_000)
    }

    // MARK: Comparing

    /// What is wrong with an answer; nil when it is the recorded one.
    static func difference(_ one: Case, _ answer: Answer) -> String? {
        switch (one.kind, answer) {
        case ("error", .refused): return nil
        case ("error", .data):
            return "should be refused: \((one.fields["expected"] as? [String: Any])?["error"] ?? "")"
        case (_, .refused(let why)): return "refused: \(why)"
        case (_, .data(let data)):
            let type = data["resultType"] as? String ?? ""
            guard type == one.fields["resultType"] as? String else { return "the type is \(type)" }
            return compare(one.fields["expected"], data["result"], type)
        }
    }

    private static func compare(_ wanted: Any?, _ found: Any?, _ type: String) -> String? {
        if type == "scalar" { return points([wanted], [found]) }
        let rows = wanted as? [[String: Any]] ?? []
        let others = found as? [[String: Any]] ?? []
        let name = type == "streams" ? "stream" : "metric"
        guard rows.map({ labels($0[name]) }) == others.map({ labels($0[name]) }) else {
            return "wanted \(rows.map { labels($0[name]) }), found \(others.map { labels($0[name]) })"
        }
        for (row, other) in zip(rows, others) {
            let difference: String?
            if type == "streams" {
                difference = entries(row["values"] as? [[String]] ?? [], other["values"] as? [[String]] ?? [])
            } else if type == "vector" {
                difference = points([row["value"]], [other["value"]])
            } else {
                difference = points(row["values"] as? [Any] ?? [], other["values"] as? [Any] ?? [])
            }
            if let difference { return "\(labels(row[name])): \(difference)" }
        }
        return nil
    }

    /// Entries with equal times may stand in any order.
    private static func entries(_ wanted: [[String]], _ found: [[String]]) -> String? {
        guard wanted.map(\.first) == found.map(\.first), Set(wanted) == Set(found) else {
            return "wanted \(wanted.filter { !found.contains($0) }), found \(found.filter { !wanted.contains($0) })"
        }
        return nil
    }

    private static func points(_ wanted: [Any?], _ found: [Any?]) -> String? {
        guard wanted.count == found.count else { return "wanted \(wanted.count) points, found \(found.count)" }
        for (point, other) in zip(wanted, found) {
            guard let point = point as? [Any], let other = other as? [Any], point.count == 2, other.count == 2 else {
                return "a point is not a pair"
            }
            guard (point[0] as? NSNumber)?.doubleValue == (other[0] as? NSNumber)?.doubleValue else {
                return "wanted the time \(point[0]), found \(other[0])"
            }
            guard let text = point[1] as? String, let value = other[1] as? String, equal(value, text) else {
                return "at \(point[0]) wanted \(point[1]), found \(other[1])"
            }
        }
        return nil
    }

    private static func labels(_ any: Any?) -> String {
        let pairs = (any as? [String: String] ?? [:]).map { Label($0.key, $0.value) }.sorted()
        return "\(pairs.map { "\($0.name)=\($0.value)" })"
    }

    private static func equal(_ found: String, _ wanted: String) -> Bool {
        guard let a = number(wanted), let b = number(found) else { return false }
        if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
        if a.isInfinite || b.isInfinite { return a == b }
        return abs(a - b) <= max(1e-12, 1e-9 * abs(a))
    }

    private static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }
}
