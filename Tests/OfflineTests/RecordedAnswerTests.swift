import Foundation
import Testing

@testable import Offline

/// Some of Loki's recorded answers, asked for as the command line asks and read from what it prints.
@Suite struct RecordedAnswerTests {
    private static let folder = root + "/fixtures/logql/"

    private func cases(_ area: String) throws -> [[String: Any]] {
        let data = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "cases/\(area).json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    }

    private func request(_ item: [String: Any]) throws -> QueryRequest {
        var request = QueryRequest(try #require(item["query"] as? String))
        request.corpora = [Self.folder + "corpora/\(try #require(item["corpus"] as? String)).jsonl"]
        func moment(_ name: String) -> QueryRequest.Moment? { (item[name] as? String).flatMap { .init($0) } }
        (request.time, request.start, request.end) = (moment("time"), moment("start"), moment("end"))
        request.step = (item["step"] as? String).flatMap { QueryRequest.step($0) }
        request.limit = item["limit"] as? Int ?? 5_000
        request.direction = (item["direction"] as? String).flatMap { .init(rawValue: $0) } ?? .forward
        request.output = .loki
        return request
    }

    /// Times and labels as they stand, numbers in text rounded, entries with equal times in one order.
    private func normal(_ value: Any, _ kind: String) -> String {
        switch value {
        case let object as [String: Any]:
            return "{"
                + object.sorted { $0.key < $1.key }.map { "\($0.key):\(normal($0.value, kind))" }.joined(separator: ",")
                + "}"
        case let list as [Any]:
            if list.count == 2, !(list[0] is [Any]), let text = list[1] as? String {
                if kind == "streams" { return "[\(list[0]),\(text)]" }
                let time = (list[0] as? NSNumber)?.doubleValue ?? .nan
                guard let number = Double(text), number.isFinite else { return "[\(time),\(text)]" }
                return "[\(time),\(String(format: "%.9g", number))]"
            }
            let parts = list.map { normal($0, kind) }
            return "[" + (kind == "streams" ? parts.sorted() : parts).joined(separator: ",") + "]"
        default: return "\(value)"
        }
    }

    @Test(
        "the printed answer is the recorded one",
        arguments: [
            "metric-range", "metric-scalar", "metric-topk", "metric-offset", "metric-metadata", "metric-special",
            "pipeline-range", "pipeline-metadata", "pipeline-realistic", "pipeline-template-functions",
        ])
    func answers(area: String) throws {
        var compared = 0
        // Loki cuts window ends and offsets to milliseconds one by one, so that an offset of microseconds moves the
        // time that it prints; here that is the instant.
        let moved = ["metric-offset-edges-us@a", "metric-offset-edges-us@b"]
        for item in try cases(area)
        where item["kind"] as? String != "error" && !moved.contains(item["id"] as? String ?? "") {
            let found = ask(try request(item))
            let id = item["id"] as? String ?? ""
            guard !found.failed else {
                Issue.record("\(id): \(found.errors)")
                continue
            }
            let data = try #require(
                try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [String: Any], "\(id)")
            let kind = try #require(item["resultType"] as? String)
            #expect(data["resultType"] as? String == kind, "\(id)")
            let expected = normal(try #require(item["expected"]), kind)
            let got = normal(try #require(data["result"]), kind)
            #expect(got == expected, "\(id)")
            compared += 1
        }
        #expect(compared > 5)
    }

    @Test("what Loki refuses is refused", arguments: ["errors", "metric-refused"])
    func refusals(area: String) throws {
        for item in try cases(area) where item["kind"] as? String == "error" {
            let request = try request(item)
            // The command line refuses it.
            if item["step"] != nil, request.step == nil { continue }
            let found = ask(request)
            #expect(found.failed, "\(item["id"] ?? ""): \(item["query"] ?? "")")
            #expect(found.output == "")
        }
    }
}
