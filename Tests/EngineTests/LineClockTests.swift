import Engine
import Records
import Testing

@Suite struct LineClockTests {
    static let reference = TimeText.rfc3339("2026-01-02T12:00:00Z")!

    private func time(_ line: String, _ place: LineClock.Form.Place, _ notation: String) throws -> String? {
        let form = LineClock.Form(place: place, notation: try #require(LineClock.Form.Notation(notation)))
        var clock = try LineClock(form, reference: Self.reference)
        let bytes = Array(line.utf8)
        return clock.time(of: bytes.span).map { TimeText.format($0) }
    }

    @Test(
        "a field is read from JSON and from logfmt",
        arguments: [
            (#"{"a":1,"time":"2025-01-15T10:00:00.5+01:00"}"#, "time", "2025-01-15T09:00:00.5Z"),
            (#"{"@timestamp":"2025-01-15T10:00:00Z"}"#, "@timestamp", "2025-01-15T10:00:00Z"),
            (#"{"log":{"ts":"2025-01-15 10:00:00Z"}}"#, "log.ts", "2025-01-15T10:00:00Z"),
            (#"{"time":"2025-01-15T10:00:00\u005a"}"#, "time", "2025-01-15T10:00:00Z"),
            (#"level=info time=2025-01-15T10:00:00.000000001Z x=1"#, "time", "2025-01-15T10:00:00.000000001Z"),
            (#"level=info time="2025-01-15T10:00:00Z" x=1"#, "time", "2025-01-15T10:00:00Z"),
            (#"@timestamp=2025-01-15T10:00:00Z"#, "@timestamp", "2025-01-15T10:00:00Z"),
            (#"{"time":"2025-02-30T10:00:00Z"}"#, "time", nil), (#"{"time":12}"#, "time", nil),
            (#"{"other":"2025-01-15T10:00:00Z"}"#, "time", nil), ("time=", "time", nil), ("", "time", nil),
            ("{", "time", nil), ("plain text", "time", nil),
        ] as [(String, String, String?)])
    func fields(line: String, field: String, expected: String?) throws {
        #expect(try time(line, .field(field), "rfc3339") == expected)
    }

    @Test(
        "numbers count seconds or parts of them, exactly",
        arguments: [
            ("ts=1736935200", "unix", "2025-01-15T10:00:00Z"),
            ("ts=1736935200.123456789", "unix", "2025-01-15T10:00:00.123456789Z"),
            ("ts=1736935200.1234567891", "unix", "2025-01-15T10:00:00.123456789Z"),
            (#"{"ts":1736935200123}"#, "unix_ms", "2025-01-15T10:00:00.123Z"),
            (#"{"ts":1736935200123.5}"#, "unix_ms", "2025-01-15T10:00:00.1235Z"),
            ("ts=1736935200123456", "unix_us", "2025-01-15T10:00:00.123456Z"),
            ("ts=1736935200123456789", "unix_ns", "2025-01-15T10:00:00.123456789Z"),
            ("ts=-1.5", "unix", "1969-12-31T23:59:58.5Z"), ("ts=99999999999999999999", "unix", nil),
            ("ts=99999999999", "unix", nil), ("ts=.", "unix", nil), ("ts=12a", "unix", nil),
        ] as [(String, String, String?)])
    func unix(line: String, notation: String, expected: String?) throws {
        #expect(try time(line, .field("ts"), notation) == expected)
    }

    @Test(
        "layouts are Go's; what they leave out comes from the reference",
        arguments: [
            ("[15/Jan/2025:11:00:00 +0100]", "02/Jan/2006:15:04:05 -0700", "2025-01-15T10:00:00Z"),
            ("[Wed Jan 15 10:00:00.123456 2025]", "Mon Jan 02 15:04:05.000000 2006", "2025-01-15T10:00:00.123456Z"),
            ("[Jan  5 10:00:00]", "Jan _2 15:04:05", "2025-01-05T10:00:00Z"),
            ("[Jan  2 10:00:00]", "Jan _2 15:04:05", "2026-01-02T10:00:00Z"),
            ("[Dec 31 23:59:59]", "Jan _2 15:04:05", "2025-12-31T23:59:59Z"),
            ("[13:37:01.051]", "15:04:05.000", "2026-01-02T13:37:01.051Z"),
            ("[2025-01-15 10:00:00,250]", "2006-01-02 15:04:05,000", "2025-01-15T10:00:00.25Z"),
            ("[2025-01-15 10:00:00.250]", "2006-01-02 15:04:05", "2025-01-15T10:00:00.25Z"),
            ("[1/2/25 3:04PM]", "1/2/06 3:04PM", "2025-01-02T15:04:00Z"),
            ("[12:30 am January 2 2025]", "03:04 pm January 2 2006", "2025-01-02T00:30:00Z"),
            ("[2025 032]", "2006 002", "2025-02-01T00:00:00Z"),
            ("[2025-01-15 10:00:00 UTC]", "2006-01-02 15:04:05 MST", "2025-01-15T10:00:00Z"),
            ("[2024-02-29]", "2006-01-02", "2024-02-29T00:00:00Z"), ("[2025-02-29]", "2006-01-02", nil),
            ("[2025-01-15 10:00:00 +0100 and more]", "2006-01-02 15:04:05 -0700", nil), ("[]", "2006", nil),
        ] as [(String, String, String?)])
    func layouts(line: String, layout: String, expected: String?) throws {
        #expect(try time(line, .regex(#"\[(?P<time>[^\]]*)\]"#), layout) == expected)
    }

    @Test("one clock reads many lines, whatever stands between them")
    func many() throws {
        var clock = try LineClock(LineClock.Form(place: .field("time")), reference: Self.reference)
        var read = 0
        for number in 0..<1_000 {
            let line = Array((number % 3 == 0 ? "nothing" : "x=\(number) time=2025-01-15T10:00:00Z").utf8)
            if clock.time(of: line.span) != nil { read += 1 }
        }
        #expect(read == 666)
    }

    @Test("forms that cannot be are refused")
    func refusals() {
        func problem(_ form: LineClock.Form) -> String? {
            do throws(LineClock.Problem) {
                _ = try LineClock(form, reference: Self.reference)
                return nil
            } catch {
                return error.message
            }
        }
        #expect(problem(.init(place: .regex("no group")))?.contains("wanted one named group") == true)
        #expect(problem(.init(place: .regex("(?P<a>x)(?P<b>y)")))?.contains("found 2") == true)
        #expect(problem(.init(place: .regex("(")))?.contains("the regular expression '('") == true)
        #expect(problem(.init(place: .field("")))?.contains("wanted the name of a field") == true)
        #expect(LineClock.Form.Notation("hello") == nil)
    }
}
