import Foundation
import Fuzzing

/// What the engine's fuzz tests begin with: the queries and the lines of `fixtures/logql`.
enum FuzzSeeds {
    static let queries: [String] = {
        let cases = folder.appending(path: "cases")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: cases.path)) ?? []
        var all: Set<String> = []
        for name in names {
            let data = (try? Data(contentsOf: cases.appending(path: name))) ?? Data()
            let rows = try? JSONSerialization.jsonObject(with: data) as? [[String: Any]]
            all.formUnion((rows ?? []).compactMap { $0["query"] as? String })
        }
        return all.sorted()
    }()

    private static let folder: URL = {
        var url = URL(filePath: #filePath)
        for _ in 1...3 { url.deleteLastPathComponent() }
        return url.appending(path: "fixtures/logql")
    }()

    /// By corpus.
    static let lines: [String: [[UInt8]]] = {
        let corpora = folder.appending(path: "corpora")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: corpora.path)) ?? []
        var lines: [String: [[UInt8]]] = [:]
        for name in names.sorted() {
            let text = (try? String(contentsOf: corpora.appending(path: name), encoding: .utf8)) ?? ""
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
