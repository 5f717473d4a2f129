import Diagnostics
import Foundation
import LogQL
import Records

@testable import Engine

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

        /// The step of a range query in ns: seconds, or a duration.
        var step: Int64 {
            guard let text = fields["step"] as? String ?? (fields["step"] as? NSNumber)?.stringValue else {
                let seconds = (nanoseconds("end") - nanoseconds("start")) / 1_000_000_000 / 250
                return max(1, seconds) * 1_000_000_000
            }
            if let seconds = Double(text) { return Int64((seconds * 1e9).rounded()) }
            var total: Int64 = 0
            for part in text.matches(of: /([0-9]+)(ms|s|m|h)/) {
                let units: [Substring: Int64] = ["ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000]
                total += (Int64(part.1) ?? 0) * (units[part.2] ?? 3_600_000_000_000)
            }
            return total
        }

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
        return array.map { fields in
            Case(
                id: fields["id"] as? String ?? "", area: area, corpus: fields["corpus"] as? String ?? "",
                query: fields["query"] as? String ?? "", kind: fields["kind"] as? String ?? "", fields: fields)
        }
    }

    // MARK: Corpora

    /// The entries of a corpus as one batch; of equal entries of a stream one.
    static func corpus(_ name: String) throws -> LineBatch {
        let text = try String(contentsOf: folder.appending(path: "corpora/\(name).jsonl"), encoding: .utf8)
        let table = StreamTable()
        var builder = LineBatchBuilder(capacity: 1 << 20)
        var seen: Set<[String]> = []
        for row in text.split(separator: "\n") {
            guard let object = try JSONSerialization.jsonObject(with: Data(row.utf8)) as? [String: Any],
                let labels = object["labels"] as? [String: String], let line = object["line"] as? String,
                let time = (object["ts"] as? String).flatMap({ Int64($0) }),
                let stream = table.stream(for: LabelSet(labels.map { Label($0.key, $0.value) })),
                let index = builder.index(of: stream)
            else { continue }
            guard seen.insert(["\(stream.id)", "\(time)", line]).inserted else { continue }
            let range = builder.append(Array(line.utf8))
            builder.addLine(range, time: Timestamp(nanoseconds: time), stream: index)
            for (name, value) in (object["structuredMetadata"] as? [String: String] ?? [:]).sorted(by: { $0 < $1 }) {
                let value = builder.append(Array(value.utf8))
                builder.addMetadata(name: builder.metadataName(name), value: value)
            }
        }
        return builder.seal()
    }

    // MARK: Asking

    enum Answer {
        case result(QueryResult)
        case refused(String)
    }

    static func answer(_ one: Case, over batch: LineBatch) -> Answer {
        let parsed = parse(one.query)
        guard let expression = parsed.expression, !parsed.diagnostics.contains(where: { $0.severity == .error }) else {
            return .refused(parsed.diagnostics.first?.message ?? "refused")
        }
        let times: QueryTimes
        if one.fields["time"] != nil || one.fields["start"] == nil {
            times = .instant(Timestamp(nanoseconds: one.nanoseconds("time")))
        } else {
            let start = Timestamp(nanoseconds: one.nanoseconds("start"))
            let end = Timestamp(nanoseconds: one.nanoseconds("end"))
            if case .log = expression {
                times = .log(
                    start: start, end: end,
                    direction: QueryDirection(rawValue: one.fields["direction"] as? String ?? "") ?? .forward,
                    limit: one.fields["limit"] as? Int ?? 5_000)
            } else {
                times = .range(start: start, end: end, step: one.step)
            }
        }
        do throws(Query.Refusal) {
            var query = try Query(expression, times)
            query.ingest(batch)
            do throws(QueryFailure) {
                return .result(try query.finish())
            } catch {
                return .refused(error.message)
            }
        } catch {
            return .refused(error.diagnostics.first?.message ?? "refused")
        }
    }

    // MARK: Comparing

    /// What is wrong with an answer; nil when it is the recorded one.
    static func difference(_ one: Case, _ answer: Answer) -> String? {
        switch (one.kind, answer) {
        case ("error", .refused): return nil
        case ("error", .result):
            return "should be refused: \((one.fields["expected"] as? [String: Any])?["error"] ?? "")"
        case (_, .refused(let why)): return "refused: \(why)"
        case (_, .result(let result)):
            let wanted = one.fields["expected"]
            return compare(wanted, result, ordered: one.fields["ordered"] as? Bool ?? false)
        }
    }

    private static func compare(_ wanted: Any?, _ result: QueryResult, ordered: Bool) -> String? {
        switch result {
        case .scalar(let value):
            let text = (wanted as? [Any])?.last as? String ?? "nothing"
            return equal(value, text) ? nil : "wanted \(text), found \(value)"
        case .vector(let samples):
            let rows = (wanted as? [[String: Any]] ?? []).map { row in
                (labels(row["metric"]), (row["value"] as? [Any])?.last as? String ?? "")
            }
            let found = samples.map { ("\($0.labels.map { "\($0.name)=\($0.value)" })", $0.value) }
            guard rows.map(\.0) == found.map(\.0) else { return "series: \(rows.map(\.0)) != \(found.map(\.0))" }
            for (row, sample) in zip(rows, found) where !equal(sample.1, row.1) {
                return "\(row.0): wanted \(row.1), found \(sample.1)"
            }
            return nil
        case .matrix(let series):
            let rows = wanted as? [[String: Any]] ?? []
            let found = series.map { "\($0.labels.map { "\($0.name)=\($0.value)" })" }
            guard rows.map({ labels($0["metric"]) }) == found else {
                return "series: \(rows.map { labels($0["metric"]) }) != \(found)"
            }
            for (row, one) in zip(rows, series) {
                let points = row["values"] as? [[Any]] ?? []
                guard points.count == one.points.count else {
                    return "\(one.labels): \(points.count) points wanted, found \(one.points.count)"
                }
                for (point, value) in zip(points, one.points) {
                    let time = ((point[0] as? NSNumber)?.doubleValue ?? 0) * 1_000
                    guard Int64(time.rounded()) == value.time.nanoseconds / 1_000_000 else { return "time \(point[0])" }
                    let text = point[1] as? String ?? ""
                    guard equal(value.value, text) else { return "at \(point[0]) wanted \(text), found \(value.value)" }
                }
            }
            return nil
        case .streams(let streams):
            let rows = (wanted as? [[String: Any]] ?? [])
            let found = streams.map { "\($0.labels.map { "\($0.name)=\($0.value)" })" }
            guard rows.map({ labels($0["stream"]) }) == found else {
                return "streams: \(rows.map { labels($0["stream"]) }) != \(found)"
            }
            for (row, one) in zip(rows, streams) {
                let values = (row["values"] as? [[String]] ?? [])
                let lines = one.entries.map { ["\($0.time.nanoseconds)", goText($0.line)] }
                // Entries with equal times may stand in any order.
                guard values.map({ $0[0] }) == lines.map({ $0[0] }), Set(values) == Set(lines) else {
                    return
                        "\(one.labels): \(values.filter { !lines.contains($0) }) != \(lines.filter { !values.contains($0) })"
                }
            }
            return nil
        }
    }

    private static func labels(_ any: Any?) -> String {
        let pairs = (any as? [String: String] ?? [:]).map { Label($0.key, $0.value) }.sorted()
        return "\(pairs.map { "\($0.name)=\($0.value)" })"
    }

    private static func equal(_ found: Double, _ text: String) -> Bool {
        let wanted: Double? =
            switch text {
            case "+Inf": .infinity
            case "-Inf": -.infinity
            case "NaN": .nan
            default: Double(text)
            }
        guard let wanted else { return false }
        if wanted.isNaN || found.isNaN { return wanted.isNaN && found.isNaN }
        if wanted.isInfinite || found.isInfinite { return wanted == found }
        return abs(wanted - found) <= max(1e-12, 1e-9 * abs(wanted))
    }

    /// Bytes as Go's JSON writes them: each byte that is not UTF-8 becomes U+FFFD.
    static func goText(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
    }
}
