import Diagnostics
import Fuzzing
import LogQL
import Testing

@Suite("Hostile input", .serialized)
struct HostileTests {
    struct Repeated: Sendable, CustomTestStringConvertible {
        var text: String
        var testDescription: String { String(text.prefix(30)) }

        init(_ before: String, _ repeated: String, _ count: Int, _ after: String) {
            text = before + String(repeating: repeated, count: count) + after
        }
    }

    private static let hostile: [Repeated] = [
        Repeated("", "(", 100_000, ""),
        Repeated("", "sum(", 25_000, ""),
        Repeated(#"{job="x"} | "#, "(", 100_000, ""),
        Repeated("rate(", "(", 100_000, ""),
        Repeated("", "1^", 50_000, "1"),
        Repeated("", "1+", 50_000, "1"),
        Repeated(#"{job="x"} | "#, "a=1,", 30_000, "a=1"),
        Repeated(#"{job="x"} | "#, "a=1 or ", 15_000, "a=1"),
        Repeated("", "label_replace(", 8000, ""),
        Repeated("", "sum by (a) (", 8000, ""),
        Repeated("", "-", 100_000, ""),
        Repeated("", "[", 100_000, ""),
        Repeated("", "{", 100_000, ""),
        Repeated("", "\"", 99_999, ""),
        Repeated("", "'", 99_999, ""),
        Repeated("", "|", 100_000, ""),
        Repeated(#"{a=~""#, "(", 100_000, "\"} |"),
        Repeated(#"{a=~""#, "a{", 50_000, "\"} |"),
        Repeated(#"{a="b"} | regexp ""#, "(?P<", 25_000, "\""),
        Repeated(#"{a="b"} | pattern ""#, "<", 100_000, "\""),
        Repeated(#"{a="b"} | json a=""#, "[", 100_000, "\""),
        Repeated("", "\u{0}", 100_000, ""),
        Repeated("", "é", 60_000, ""),
        Repeated("", "0", 100_000, " x"),
        Repeated("", "9", 100_000, ""),
        Repeated("", "1.", 50_000, ""),
        Repeated("", "x", 131_073, ""),
        Repeated("", "{}", 50_000, ""),
        Repeated("", "#", 100_000, ""),
        Repeated("", "a(", 50_000, ""),
        Repeated("", "1h", 50_000, ""),
        Repeated("", ")", 100_000, ""),
        Repeated("", "--a", 40_000, ""),
        Repeated(#"{a="b"} |= ip(""#, ":", 100_000, "\")"),
        Repeated(#"{a="b"}"#, #"| json a=".""#, 8000, ""),
        Repeated(#"{a="b"}"#, " | json", 1001, ""),
        Repeated(#"{a="b"}"#, #" |= "x""#, 10_000, ""),
    ]

    @Test("deep nesting and long chains end with a diagnostic, not with a crash", arguments: hostile)
    func nesting(_ repeated: Repeated) {
        let text = repeated.text
        let took = threadTime {
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
        #expect(parse(comma.description).expression?.description == comma.description)
        // Behind each comma the canonical text needs brackets, which nest.
        let alternatives = #"{job="x"} | "# + String(repeating: "a=1 or a=2,", count: 190) + "a=1 or a=2"
        let printed = try #require(parse(alternatives).expression).description
        #expect(parse(printed).expression?.description == printed)
        #expect(parse(alternatives + String(repeating: ",a=1 or a=2", count: 20)).expression == nil)
        let sum = String(repeating: "1 + ", count: 490) + "1"
        #expect(try #require(parse(sum).expression).description == sum)
        let power = String(repeating: "2 ^ ", count: 490) + "2"
        #expect(try #require(parse(power).expression).description == power)
        let nested = String(repeating: "(", count: 190) + "1" + String(repeating: ")", count: 190)
        #expect(parse(nested).expression?.description == "1")
        let stages = #"{job="x"}"# + String(repeating: " |= \"a\"", count: 1000)
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
            // A digit is a query.
            #expect(parse(text).expression == nil || text.utf8.contains { $0 >= 0x30 && $0 <= 0x39 })
            _ = (
                parseDuration(text), parseByteSize(text), parseNumber(text), unquote(text), isAddressPattern(text),
                regexMatchesEmpty(text), parseJSONPath(text)
            )
        }
    }
}
