import Foundation

/// Queries with Loki's verdict on them, from `fixtures/logql`.
enum Fixtures {
    struct Refused: Decodable, Sendable {
        var query: String
        var error: String
    }

    static func accepted() throws -> [String] {
        try JSONDecoder().decode([String].self, from: contents("accepted-queries.json"))
    }

    static func refused() throws -> [Refused] {
        try JSONDecoder().decode([Refused].self, from: contents("refused-queries.json"))
    }

    static var folder: URL {
        var url = URL(filePath: #filePath)
        for _ in 1...3 { url.deleteLastPathComponent() }
        return url.appending(path: "fixtures/logql")
    }

    private static func contents(_ name: String) throws -> Data {
        try Data(contentsOf: folder.appending(path: name))
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
