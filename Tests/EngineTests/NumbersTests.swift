import Testing

@testable import Engine

struct NumbersTests {
    @Test(
        "numbers are read as Go reads them",
        arguments: [
            ("0", 0), ("1", 1), ("-3", -3), ("+3", 3), ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e3", 1000),
            ("1E5", 1e5), ("-1.5e-2", -0.015), ("1_000", 1000), ("007", 7), ("9007199254740993", 9_007_199_254_740_992),
            ("12345678901234567890", 12_345_678_901_234_567_168), ("0.083", 0.083),
            ("1700000000.123456", 1_700_000_000.123456), ("inf", .infinity), ("+Inf", .infinity),
            ("-infinity", -.infinity), ("0x1p4", 16), ("1e-400", 0), ("0.1", 0.1),
            ("123456789012345.25", 123456789012345.25),
            ("0.00000000000000000000000000000001", 1e-32), ("1_0.2_5e1_0", 10.25e10),
        ] as [(String, Double)])
    func numbers(text: String, value: Double) { withView(text) { #expect(parseDouble($0) == value) } }

    @Test("minus zero keeps its sign and NaN is read without one")
    func special() {
        #expect(withView("-0") { parseDouble($0) }?.sign == .minus)
        #expect(withView("NaN") { parseDouble($0) }?.isNaN == true)
    }

    @Test(
        "what Go refuses is refused",
        arguments: [
            "", "-", "+", ".", "1,5", "0b11", "0x10", "ten", "1e", "e5", "1e+", "+nan", "-nan", "1__0", "_1", "1_",
            "1.2.3",
            " 1", "1 ", "1_.5", "infinit", "--1", "1e5.5", "0o17", "1f", "\u{0}", "1\u{0}",
        ])
    func refused(text: String) { withView(text) { #expect(parseDouble($0) == nil) } }

    @Test("messages are Go's")
    func messages() {
        #expect(withView("1,5") { explainDouble($0) } == #"strconv.ParseFloat: parsing "1,5": invalid syntax"#)
        #expect(withView("1e400") { explainDouble($0) } == #"strconv.ParseFloat: parsing "1e400": value out of range"#)
        #expect(withView("1e400") { parseDouble($0) } == nil)
        #expect(withView("90") { explainGoDuration($0) } == #"time: missing unit in duration "90""#)
        #expect(withView("ms") { explainGoDuration($0) } == #"time: invalid duration "ms""#)
        #expect(withView("1d") { explainGoDuration($0) } == #"time: unknown unit "d" in duration "1d""#)
        #expect(withView("xyz") { explainGoDuration($0) } == #"time: invalid duration "xyz""#)
        #expect(withView("7YB") { explainBytes($0) } == "unhandled size name: yb")
        #expect(withView("huge") { explainBytes($0) } == #"strconv.ParseFloat: parsing "": invalid syntax"#)
    }

    @Test("plain decimals agree with the standard library, exactly")
    func random() {
        var random = Random(seed: 3)
        for _ in 0..<20_000 {
            let digits = Int.random(in: 1...20, using: &random)
            var text = Bool.random(using: &random) ? "-" : ""
            let point = Int.random(in: -5...digits, using: &random)
            for index in 0..<digits {
                if index == point { text += "." }
                text += String(Int.random(in: 0...9, using: &random))
            }
            if Int.random(in: 0..<8, using: &random) == 0 { text += "e\(Int.random(in: -30...30, using: &random))" }
            #expect(withView(text) { parseDouble($0) } == Double(text), "\(text)")
        }
    }

    @Test(
        "durations are read as Go reads them",
        arguments: [
            ("0", 0), ("250ms", 250_000_000), ("1h3m", 3_780_000_000_000), ("1.5s", 1_500_000_000), ("3µs", 3_000),
            ("3μs", 3_000), ("4us", 4_000), ("12ns", 12), ("0s", 0), ("-5s", -5_000_000_000), ("+2s", 2_000_000_000),
            (".5s", 500_000_000), ("1m30s", 90_000_000_000), ("-0", 0), ("1.s", 1_000_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("9223372036854775807ns", .max), ("-9223372036854775808ns", .min), ("830µs", 830_000),
        ] as [(String, Int64)])
    func durations(text: String, nanoseconds: Int64) { withView(text) { #expect(parseGoDuration($0) == nanoseconds) } }

    @Test(
        "what is no duration in Go is none here",
        arguments: [
            "", "-", "1d", "1w", "90", "1e3ms", "100ms ", "s", ".s", "1", "1.5", "9223372036854775808ns", "3000000h",
            "5 s",
            "1h 3m", "--1s", "99999999999999999999s",
        ])
    func badDurations(text: String) { withView(text) { #expect(parseGoDuration($0) == nil) } }

    @Test(
        "sizes are read as humanize reads them",
        arguments: [
            ("3.5MB", 3_500_000), ("10GiB", 10_737_418_240), ("1,000", 1_000), ("1KiB", 1_024), ("64k", 64_000),
            ("5MiB", 5_242_880), ("512B", 512), ("1EB", 1_000_000_000_000_000_000), ("1 mib", 1_048_576),
            ("2 KB", 2_000),
            ("2G", 2_000_000_000), ("1kb", 1_000), ("0", 0), ("1.9", 1), ("5ki", 5_120), ("7 p", 7_000_000_000_000_000),
            ("15EiB", 17_293_822_569_102_704_640),
        ] as [(String, UInt64)])
    func sizes(text: String, bytes: UInt64) { withView(text) { #expect(parseBytes($0) == bytes) } }

    @Test(
        "what is no size is none here",
        arguments: ["", "-1KB", "7YB", "huge", "1e3", "1.2.3", "16EiB", "KB", "1kib b", "+1", "1 k b"])
    func badSizes(text: String) { withView(text) { #expect(parseBytes($0) == nil) } }
}
