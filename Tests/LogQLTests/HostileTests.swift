import LogQL
import Testing

@Suite("Hostile input", .serialized)
struct HostileTests {
    @Test(
        "deep nesting and long chains end with a diagnostic, not with a crash",
        arguments: [
            String(repeating: "(", count: 100_000), String(repeating: "sum(", count: 25_000),
            #"{job="x"} | "# + String(repeating: "(", count: 100_000),
            "rate(" + String(repeating: "(", count: 100_000), String(repeating: "1^", count: 50_000) + "1",
            String(repeating: "1+", count: 50_000) + "1",
            #"{job="x"} | "# + String(repeating: "a=1,", count: 30_000) + "a=1",
            #"{job="x"} | "# + String(repeating: "a=1 or ", count: 15_000) + "a=1",
            String(repeating: "label_replace(", count: 8000), String(repeating: "sum by (a) (", count: 8000),
            String(repeating: "-", count: 100_000), String(repeating: "[", count: 100_000),
            String(repeating: "{", count: 100_000), String(repeating: "\"", count: 99_999),
            String(repeating: "'", count: 99_999), String(repeating: "|", count: 100_000),
            #"{a=~""# + String(repeating: "(", count: 100_000) + "\"}",
            #"{a=~""# + String(repeating: "a{", count: 50_000) + "\"}",
            #"{a="b"} | regexp ""# + String(repeating: "(?P<", count: 25_000) + "\"",
            #"{a="b"} | pattern ""# + String(repeating: "<", count: 100_000) + "\"",
            #"{a="b"} | json a=""# + String(repeating: "[", count: 100_000) + "\"",
            String(repeating: "\u{0}", count: 100_000), String(repeating: "é", count: 60_000),
            String(repeating: "0", count: 100_000), String(repeating: "9", count: 100_000),
            String(repeating: "1.", count: 50_000),
            String(repeating: "x", count: 131_073), String(repeating: "{}", count: 50_000),
            String(repeating: "#", count: 100_000), String(repeating: "a(", count: 50_000),
            String(repeating: "1h", count: 50_000), String(repeating: ")", count: 100_000),
            String(repeating: "--a", count: 40_000),
            #"{a="b"} |= ip(""# + String(repeating: ":", count: 100_000) + "\")",
            #"{a="b"}"# + String(repeating: #"| json a=".""#, count: 8000),
        ])
    func nesting(text: String) {
        let clock = ContinuousClock()
        let took = clock.measure {
            let parsed = parse(text)
            #expect(parsed.expression == nil)
            #expect(!parsed.diagnostics.isEmpty)
            #expect(parsed.diagnostics.count <= 50)
        }
        #expect(took < .seconds(10), "\(text.prefix(20))")
    }

    @Test("what is allowed to be long works")
    func long() throws {
        let filter = #"{job="x"} | "# + (0..<1500).map { "a=\"\($0)\"" }.joined(separator: " or ")
        #expect(try #require(parse(filter).expression).description == filter)
        let comma = try #require(parse(#"{job="x"} | "# + String(repeating: "a=1,", count: 1500) + "a=1").expression)
        #expect(parse(comma.description).expression?.description == comma.description || comma.description.count > 0)
        let sum = String(repeating: "1 + ", count: 1900) + "1"
        #expect(try #require(parse(sum).expression).description == sum)
        let power = String(repeating: "2 ^ ", count: 1900) + "2"
        #expect(try #require(parse(power).expression).description == power)
        let nested = String(repeating: "(", count: 190) + "1" + String(repeating: ")", count: 190)
        #expect(parse(nested).expression?.description == "1")
        let stages = #"{job="x"}"# + String(repeating: " |= \"a\"", count: 10_000)
        #expect(try #require(parse(stages).expression).description == stages)
    }

    @Test("mutated queries never crash, and what parses prints and reads back")
    func mutations() throws {
        let queries = try Fixtures.accepted()
        var random = SeededNumbers(state: 42)
        var parsedCount = 0
        for _ in 0..<6000 {
            var bytes = Array(queries.randomElement(using: &random)!.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, queries, &random) }
            let text = String(decoding: bytes, as: UTF8.self)
            let parsed = parse(text)
            #expect(parsed.expression != nil || parsed.diagnostics.contains { $0.severity == .error }, "\(text)")
            for diagnostic in parsed.diagnostics {
                #expect(diagnostic.range.lowerBound >= 0 && diagnostic.range.upperBound <= text.utf8.count, "\(text)")
            }
            guard let printed = parsed.expression?.description else { continue }
            parsedCount += 1
            #expect(parse(printed).expression?.description == printed, "\(text)")
        }
        #expect(parsedCount > 500)
    }

    private func mutate(_ bytes: inout [UInt8], _ queries: [String], _ random: inout SeededNumbers) {
        let position = Int.random(in: 0...bytes.count, using: &random)
        let length = Int.random(in: 0...min(8, bytes.count - position), using: &random)
        let signs = Array("(){}[]|=!~<>\"`'\\,#+-*/^%0123456789.e_ \n\u{FF}".utf8)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes.removeSubrange(position..<position + length)
        case 1: bytes.insert(signs.randomElement(using: &random)!, at: position)
        case 2: bytes.insert(contentsOf: bytes[position..<position + length], at: position)
        case 3 where position < bytes.count: bytes[position] = UInt8.random(in: .min ... .max, using: &random)
        default:
            let other = Array(queries.randomElement(using: &random)!.utf8)
            let start = Int.random(in: 0..<max(1, other.count), using: &random)
            bytes.insert(contentsOf: other[start..<min(other.count, start + 12)], at: position)
        }
    }

    @Test("random tokens never crash")
    func tokens() {
        let words = [
            "sum", "rate", "by", "(", ")", "{", "}", "job", "=", "\"x\"", "|", "json", "[5m]", "offset", "1m", "5", "-",
            "unwrap", "and", "or", "on", "group_left", "ip", "|=", "!=", "=~", ",", "label_replace", "vector",
            "quantile_over_time", "0.9", "5KB", "--strict", "logfmt", "^", "bool", "topk", "'",
        ]
        var random = SeededNumbers(state: 7)
        for _ in 0..<6000 {
            let text = (0..<Int.random(in: 1...25, using: &random)).map { _ in words.randomElement(using: &random)! }
                .joined(separator: " ")
            let parsed = parse(text)
            if let printed = parsed.expression?.description {
                #expect(parse(printed).expression?.description == printed, "\(text)")
            } else {
                #expect(!parsed.diagnostics.isEmpty, "\(text)")
            }
        }
    }

    @Test("random bytes never crash")
    func noise() {
        var random = SeededNumbers(state: 11)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(parse(text).expression == nil)
            _ = (
                parseDuration(text), parseByteSize(text), parseNumber(text), unquote(text), isAddressPattern(text),
                regexMatchesEmpty(text), parseJSONPath(text)
            )
        }
    }
}
