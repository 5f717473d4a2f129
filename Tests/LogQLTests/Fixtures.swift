import Foundation

/// Queries with Loki's verdict on them, from the recorded cases in `fixtures/logql/cases`.
enum Fixtures {
    struct Refused: Sendable {
        var query: String
        var error: String
    }

    private struct Case: Decodable {
        struct Failure: Decodable { var error: String }
        enum Answer: Decodable {
            case failure(Failure)
            case result

            init(from decoder: any Decoder) throws {
                let failure = try? decoder.singleValueContainer().decode(Failure.self)
                self = failure.map { .failure($0) } ?? .result
            }
        }
        var query: String
        var kind: String
        var expected: Answer
    }

    /// What Loki's parser takes, whatever becomes of it over the data.
    static func accepted() throws -> [String] {
        var queries: Set<String> = []
        for one in try cases() {
            switch one.expected {
            case .result: queries.insert(one.query)
            case .failure(let failure):
                if failure.error.hasPrefix("pipeline error") { queries.insert(one.query) }
            }
        }
        return queries.sorted()
    }

    /// What Loki's parser refuses.
    static func refused() throws -> [Refused] {
        var errors: [String: String] = [:]
        for one in try cases() { if let error = refusal(of: one) { errors[one.query] = error } }
        return errors.map { Refused(query: $0.key, error: $0.value) }.sorted { $0.query < $1.query }
    }

    private static func refusal(of one: Case) -> String? {
        guard one.kind == "error", case .failure(let failure) = one.expected,
            failure.error.hasPrefix("parse error")
        else { return nil }
        return failure.error
    }

    private static func cases() throws -> [Case] {
        let folder = folder.appending(path: "cases")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        return try names.flatMap {
            try JSONDecoder().decode([Case].self, from: Data(contentsOf: folder.appending(path: $0)))
        }
    }

    static var folder: URL {
        var url = URL(filePath: #filePath)
        for _ in 1...3 { url.deleteLastPathComponent() }
        return url.appending(path: "fixtures/logql")
    }
}

/// Random numbers from a seed (SplitMix64), so that a failure can be repeated.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
