import Testing

@testable import Engine

struct JSONFuzzTests {
    /// Makes lines of JSON that are mostly alike, as logs are, and sometimes broken.
    struct Lines {
        var random: Random
        static let keys = [
            "a", "b", "a_b", "a.b", "a-b", "status", "method", "upstream_response_time", "b_c", "c", "9x", " pad ", "ü",
            "",
            "x-forwarded-for", "k\\u00e9y", "a\\u002eb", "a_very_long_key_that_is_longer_than_thirty_two_bytes",
            "trace_id",
        ]
        static let values = [
            "\"\"", "\"x\"", "\"GET\"", "\"a longer string of some more bytes, {with} [signs]\"", "\"es\\\"caped\\\\\"",
            "\"\\u00e9\\n\"",
            "\"\\ud800\"", "\"\\ud83d\\ude80\"", "\"☃ é\"", "\"\u{FFFD}\"", "200", "-0", "1e5", "0.083",
            "12345678901234567890", "true", "false",
            "null", "[]", "[1,2,[3]]", "[{\"k\":\"]\"},\"[\"]", "{}", "\"\\q\"", "\"tab\tin\"",
        ]

        mutating func one(_ options: [String]) -> String { options.randomElement(using: &random)! }
        mutating func chance(_ n: Int) -> Bool { Int.random(in: 0..<n, using: &random) == 0 }

        mutating func object(_ keys: [String], depth: Int) -> String {
            let blank = chance(10) ? " " : ""
            var members = keys.map { key in
                let value = depth < 4 && chance(5) ? object(Array(keys.prefix(3)), depth: depth + 1) : one(Self.values)
                return "\"\(key)\"\(blank):\(blank)\(value)"
            }
            if chance(4), members.count > 1 { members.remove(at: Int.random(in: 0..<members.count, using: &random)) }
            if chance(6) { members.shuffle(using: &random) }
            return "{" + members.joined(separator: "," + blank) + (chance(20) ? "," : "") + "}"
        }

        mutating func line(_ keys: [String]) -> [UInt8] {
            var bytes = Array(object(keys, depth: 0).utf8)
            for _ in 0..<(chance(2) ? 0 : Int.random(in: 1...3, using: &random)) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                let signs = Array("{}[]\",:\\ \n1t-x\u{1}".utf8) + [0xFF, 0xC3]
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes.removeSubrange(place...)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(signs.randomElement(using: &random)!, at: place)
                case 3: bytes[place] = signs.randomElement(using: &random)!
                default: bytes += Array(" trailing {\"x\":1}".utf8)
                }
            }
            return bytes
        }

        /// Several lines over one set of keys.
        mutating func batch() -> [[UInt8]] {
            let keys = (0..<Int.random(in: 1...9, using: &random)).map { _ in one(Self.keys) }
            return (0..<8).map { _ in line(keys) }
        }
    }

    @Test("every line gives what the slow reading gives, whatever the lines before were", arguments: 1...8)
    func all(seed: UInt64) {
        var lines = Lines(random: Random(seed: seed))
        let batch = (0..<120).flatMap { _ in lines.batch() }
        for (line, scanned) in zip(batch, JSONScannerTests.scanAll(batch)) {
            #expect(scanned == JSONReference(line).scanned, "\(String(decoding: line, as: UTF8.self))")
        }
    }

    @Test("chosen labels too, with and without stopping early", arguments: 11...18)
    func wanted(seed: UInt64) {
        var lines = Lines(random: Random(seed: seed))
        let names = ["a_b", "status", "method", "b_c", "upstream_response_time", "k_y", "a_a_b", "c", "_9x"]
        for _ in 0..<15 {
            let batch = (0..<8).flatMap { _ in lines.batch() }
            let chosen = Array(names.shuffled(using: &lines.random).prefix(Int.random(in: 0...4, using: &lines.random)))
            for stops in [false, true] {
                let results = JSONScannerTests.scanWanted(batch, chosen, stopsWhenComplete: stops)
                for (line, scanned) in zip(batch, results) {
                    let expected =
                        stops && chosen.isEmpty
                        ? Scanned() : JSONReference(line, wanted: Set(chosen), stops: stops).scanned
                    #expect(scanned == expected, "\(chosen) \(String(decoding: line, as: UTF8.self))")
                }
            }
        }
    }

    @Test("deep nesting neither overflows nor takes long")
    func deep() {
        let open = Array(repeating: Array("{\"a\":".utf8), count: 10_000).flatMap { $0 }
        let close = [UInt8](repeating: UInt8(ascii: "}"), count: 10_000)
        let arrays = [UInt8](repeating: UInt8(ascii: "["), count: 10_000)
        let lines = [
            open + [0x31] + close, open, Array("{\"a\":".utf8) + arrays,
            Array("{\"b\":1,\"a\":".utf8) + open + [0x31] + close + Array(",\"c\":2}".utf8),
        ]
        let scanned = JSONScannerTests.scanAll(lines)
        #expect(scanned.map(\.error) == [.none, .object, .array, .none])
        #expect(scanned[0].labels == [:])
        #expect(scanned[3].labels == ["b": "1", "c": "2"])
    }

    @Test("lines with ever new keys cost no memory without end and lose only what finds no room")
    func newKeys() {
        var names = NameTable(seed: 1, limit: 100)
        var scanner = JSONScanner(seed: 1)
        var fields = FieldBuffer()
        var kept = 0
        for index in 0..<5_000 {
            withView("{\"k\(index)\":1,\"o\(index)\":{\"x\":2}}") { view in
                fields.removeAll()
                #expect(scanner.scan(view, into: &fields, names: &names) == .none)
                kept += fields.count
            }
        }
        #expect(names.count == 100)
        #expect(kept == 100)
        #expect(scanner.refused == 9_900)
    }
}
