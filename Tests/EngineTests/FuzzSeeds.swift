import Foundation
import Fuzzing

/// What the engine's fuzz tests begin with: the queries and the lines of `fixtures/logql`.
enum FuzzSeeds {
    static let queries: [String] = {
        let all = LokiAnswers.areas.flatMap { (try? LokiAnswers.cases($0)) ?? [] }.map(\.query)
        return Set(all).sorted()
    }()

    /// By corpus.
    static let lines: [String: [[UInt8]]] = {
        let folder = LokiAnswers.folder.appending(path: "corpora")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        var lines: [String: [[UInt8]]] = [:]
        for name in names.sorted() {
            let text = (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
            lines[name] = text.split(separator: "\n").compactMap { row in
                let object = try? JSONSerialization.jsonObject(with: Data(row.utf8)) as? [String: Any]
                return (object?["line"] as? String).map { Array($0.utf8) }
            }
        }
        return lines
    }()

    static func lines(_ corpora: [String]) -> [[UInt8]] {
        corpora.flatMap { Array((lines["\($0).jsonl"] ?? []).prefix(150)) }
    }

    /// Inputs of several lines each.
    static func batches(_ corpora: [String], of count: Int = 3) -> [[UInt8]] {
        let all = lines(corpora)
        return stride(from: 0, to: all.count, by: count).map { start in
            Array(all[start..<min(all.count, start + count)].joined(separator: [0x1E]))
        }
    }
}
