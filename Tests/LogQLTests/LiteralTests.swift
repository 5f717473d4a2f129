import LogQL
import Testing

@Suite("Literals")
struct LiteralTests {
    @Test(
        "durations are read in the forms of Prometheus and Go",
        arguments: [
            ("0", 0), ("5m", 300_000_000_000), ("1h30m", 5_400_000_000_000), ("1d12h", 129_600_000_000_000),
            ("1w", 604_800_000_000_000),
            ("1y", 31_536_000_000_000_000), ("500ms", 500_000_000), ("1s500ms", 1_500_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000), ("-5s", -5_000_000_000), ("+5s", 5_000_000_000), ("1m1h", 3_660_000_000_000),
            ("300us", 300_000),
            ("2µs", 2000), ("2μs", 2000), ("7ns", 7), ("1m0.5s", 60_500_000_000), ("-0", 0), ("-0s", 0),
            ("1.0000000009s", 1_000_000_000), ("9223372036854775807ns", Int64.max),
            ("-9223372036854775808ns", Int64.min),
            ("292y", 9_208_512_000_000_000_000), ("0.1ms", 100_000), ("010s", 10_000_000_000),
        ])
    func durations(text: String, nanoseconds: Int64) {
        #expect(parseDuration(text) == nanoseconds)
    }

    @Test(
        "what is no duration is refused",
        arguments: [
            "", "5", "m", "1.5d", "1h 30m", "1h5", "5q", "1M", "-1d", "1d1d", " 5m", "5m ", "--5s", ".s", "1..5s",
            "300y",
            "9223372036854775808ns", "-9223372036854775809ns", "99999999999999999999s", "é", "5m\u{0}", "٣s", "0.", "-",
        ])
    func notDurations(text: String) {
        #expect(parseDuration(text) == nil)
    }

    @Test(
        "a range takes whole numbers from large to small units only",
        arguments: [
            ("1y2w3d4h5m6s7ms", true), ("0", true), ("0s", true), ("30s1m", false), ("1.5m", false), ("5us", false),
            ("-1m", false), ("60", false), ("1m1m", false),
        ])
    func ranges(text: String, valid: Bool) {
        #expect((parsePrometheusDuration(text) != nil) == valid)
    }

    @Test(
        "printed durations read back",
        arguments: [
            ("0s", 0), ("5m", 300_000_000_000), ("1d12h", 129_600_000_000_000), ("9d", 777_600_000_000_000),
            ("2w", 1_209_600_000_000_000),
            ("1s500ms", 1_500_000_000), ("-1h30m", -5_400_000_000_000), ("-48h", -172_800_000_000_000), ("1ns", 1),
            ("24h1us", 86_400_000_001_000),
            ("-2562047h47m16s854ms775us808ns", Int64.min),
        ])
    func printing(text: String, nanoseconds: Int64) {
        #expect(formatDuration(nanoseconds) == text)
        #expect(parseDuration(text) == nanoseconds)
    }

    @Test("any number of nanoseconds prints and reads back")
    func everyDuration() {
        var random = SeededNumbers(state: 1)
        for _ in 0..<20_000 {
            let value = Int64(truncatingIfNeeded: random.next()) >> Int64.random(in: 0..<63, using: &random)
            #expect(parseDuration(formatDuration(value)) == value)
        }
    }

    @Test(
        "sizes are read with units of 1000 and 1024",
        arguments: [
            ("5KB", 5000), ("5kB", 5000), ("5k", 5000), ("1MiB", 1_048_576), ("256KiB", 262_144), ("5Mi", 5_242_880),
            ("512", 512),
            ("512B", 512), ("512b", 512), ("1.5KiB", 1536), ("1.5", 1), ("1,000", 1000), ("2 GiB", 2_147_483_648),
            ("1eb", 1_000_000_000_000_000_000),
            ("0", 0), ("0.5KB", 500), ("12.6KB", 12_600), ("1TB", 1_000_000_000_000), ("3PiB", 3_377_699_720_527_872),
            (".5k", 500),
        ] as [(String, UInt64)])
    func sizes(text: String, bytes: UInt64) {
        #expect(parseByteSize(text) == bytes)
    }

    @Test(
        "what is no size is refused",
        arguments: [
            "", "k", "-5k", "+5k", "1e3", "5q", "7YB", "5 k B", "1.2.3k", "20EB", "16EiB", "inf", "nan", "0x10",
        ])
    func notSizes(text: String) {
        #expect(parseByteSize(text) == nil)
    }

    @Test("printed sizes read back")
    func everySize() {
        #expect(formatByteSize(1_048_576) == "1MiB")
        #expect(formatByteSize(5000) == "5kB")
        #expect(formatByteSize(1234) == "1234B")
        var random = SeededNumbers(state: 2)
        for _ in 0..<20_000 {
            // Sizes come from a Double times a unit.
            let value = UInt64(Double(random.next() >> 11)) >> UInt64.random(in: 0..<53, using: &random)
            #expect(parseByteSize(formatByteSize(value)) == value)
        }
    }

    @Test(
        "a size filter prints so that it reads back",
        arguments: ["1kB", "12.6KB", "0.512KB", "0.001K", "0KB", "1.2345678MB", "5KiB", "4Ki", "1.1GiB"])
    func sizeFilters(size: String) throws {
        let text = try #require(parse("{job=\"x\"} | size > \(size)").expression).description
        guard case .log(let query) = try #require(parse(text).expression),
            case .labelFilter(.bytes(_, _, let bytes)) = query.stages[0].kind
        else {
            Issue.record("not a size: \(text)")
            return
        }
        #expect(bytes == parseByteSize(size))
    }

    @Test(
        "numbers are read as Go reads them",
        arguments: [
            ("5", 5), ("-5", -5), ("+5", 5), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("1E-3", 0.001), ("1_000", 1000),
            ("010", 10), ("0x1p4", 16),
            ("0x.8p1", 1), ("1_0.5", 10.5), ("0x_1p0", 1), ("inf", .infinity), ("-Inf", -.infinity),
            ("+INFINITY", .infinity),
        ] as [(String, Double)])
    func numbers(text: String, value: Double) {
        #expect(parseNumber(text) == value)
    }

    @Test(
        "what is no number is refused",
        arguments: [
            "", "0x10", "0b11", "0o7", "1,5", "1e400", "-1e400", "ten", " 5", "5 ", "1e", "1e+", "_1", "1_", "1__0",
            "1_.5", "+-5", ".", "0x", "infin", "5\u{0}",
            "0x1", "1p4",
        ])
    func notNumbers(text: String) {
        #expect(parseNumber(text) == nil)
    }

    @Test("not-a-number is a number")
    func notANumber() {
        #expect(parseNumber("NaN")?.isNaN == true)
        #expect(parseNumber("-nan")?.isNaN == true)
    }

    @Test(
        "strings lose their quotes and escapes",
        arguments: [
            (#""a\tb\n""#, Array("a\tb\n".utf8)), (#""\"\\""#, Array("\"\\".utf8)),
            (#""\x41\101\u00e9\U0001F600""#, Array("AAé😀".utf8)),
            (#""\xff""#, [0xFF] as [UInt8]), ("`a\\d`", Array("a\\d".utf8)), ("`a\r\nb`", Array("a\nb".utf8)),
            (#""\a\b\f\v""#, [7, 8, 12, 11]), ("\"\"", []),
        ])
    func strings(literal: String, bytes: [UInt8]) {
        #expect(unquote(literal) == bytes)
    }

    @Test(
        "what is no string is refused",
        arguments: [
            #""\d""#, #""\x4""#, #""\400""#, #""\ud800""#, #""\U00110000""#, #""\'""#, #""a"#, "`a", "'a'", "\"a\nb\"",
            #""a"b""#, "`a`b`", "", "\"", #""\""#,
        ])
    func notStrings(literal: String) {
        #expect(unquote(literal) == nil)
    }

    @Test("any text survives quoting")
    func quoting() {
        var random = SeededNumbers(state: 3)
        for _ in 0..<2000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<12, using: &random) {
                text.append(Unicode.Scalar(UInt32.random(in: 0..<0x3000, using: &random)) ?? "a")
            }
            #expect(unquote(quote(String(text))) == Array(String(text).utf8))
        }
    }

    @Test(
        "addresses, networks and ranges",
        arguments: [
            ("10.0.0.1", true), ("10.0.0.0/8", true), ("10.0.0.7/8", true), ("10.0.0.1-10.0.0.9", true), ("::1", true),
            ("::", true), ("2001:db8::/32", true),
            ("::ffff:192.168.4.5", true), ("2001:DB8::ff", true), ("1:2:3:4:5:6:7:8", true), ("1:2:3:4:5:6:7::", true),
            ("::-::1", true), ("bogus", false),
            ("10.0.0.9-10.0.0.1", false), ("10.0.0.1-::1", false), ("10.0.0.0/33", false), ("::/129", false),
            ("10.0.0", false), ("10.0.0.256", false),
            ("10.0.0.01", false), ("1:2:3:4:5:6:7:8:9", false), ("1::2::3", false), (":1", false), ("1:", false),
            ("12345::", false), ("", false),
            ("10.0.0.0/", false), ("10.0.0.0/08", false), ("/8", false), ("-", false), ("1:2:3:4:5:6:7:1.2.3.4", false),
            ("1:2:3:4:5:6:1.2.3.4", true),
        ])
    func addresses(text: String, valid: Bool) {
        #expect(isAddressPattern(text) == valid)
    }
}
