import Records
import Testing

@testable import Intake

/// A header as texts, absent fields as "".
struct ReadHeader: Equatable {
    var version: SyslogHeader.Version
    var priority: Int
    var seconds: Double?
    var host = ""
    var app = ""
    var process = ""
    var id = ""
    var data = ""
    var message: String

    init(
        _ version: SyslogHeader.Version, _ priority: Int, _ seconds: Double?, host: String = "", app: String = "",
        process: String = "", id: String = "", data: String = "", _ message: String
    ) {
        self.version = version
        self.priority = priority
        self.seconds = seconds.map { ($0 * 1e6).rounded() / 1e6 }
        self.host = host
        self.app = app
        self.process = process
        self.id = id
        self.data = data
        self.message = message
    }

    init(reading frame: [UInt8], clock: SyslogClock) {
        let header = SyslogHeader(frame.span, clock: clock)
        func text(_ range: ByteRange) -> String { String(decoding: frame[range.range], as: UTF8.self) }
        self.init(
            header.version, Int(header.priority), header.time.map { ($0.seconds * 1e6).rounded() / 1e6 },
            host: text(header.hostname),
            app: text(header.appName), process: text(header.procID), id: text(header.msgID),
            data: text(header.structuredData), text(header.message))
    }
}

@Suite("Syslog headers")
struct SyslogHeaderTests {
    /// 2024-06-15T12:00:00Z.
    static let clock = SyslogClock(now: Timestamp(nanoseconds: 1_718_452_800_000_000_000))

    static let rfc5424: [(String, ReadHeader)] = [
        (
            "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{FEFF}'su root' failed on /dev/pts/8",
            ReadHeader(
                .rfc5424, 34, 1_065_910_455.003, host: "mymachine.example.com", app: "su", id: "ID47",
                "'su root' failed on /dev/pts/8")
        ),
        (
            "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
            ReadHeader(
                .rfc5424, 165, 1_061_727_255.000003, host: "192.0.2.1", app: "myproc", process: "8710",
                "%% It's time to make the do-nuts.")
        ),
        (
            #"<165>1 2003-10-11T22:14:15.003Z m evntslog - ID47 [a@32473 iut="3" s="App"][b@32473 c="high"] An event"#,
            ReadHeader(
                .rfc5424, 165, 1_065_910_455.003, host: "m", app: "evntslog", id: "ID47",
                data: #"[a@32473 iut="3" s="App"][b@32473 c="high"]"#, "An event")
        ),
        (
            #"<165>1 2003-10-11T22:14:15.003Z m e - ID47 [x a="q\"]\\"]"#,
            ReadHeader(
                .rfc5424, 165, 1_065_910_455.003, host: "m", app: "e", id: "ID47", data: #"[x a="q\"]\\"]"#, "")
        ),
        ("<13>1 - - - - - -", ReadHeader(.rfc5424, 13, nil, "")),
        ("<13>1 - - - - - - ", ReadHeader(.rfc5424, 13, nil, "")),
        ("<13>1 - - - - - -  two spaces", ReadHeader(.rfc5424, 13, nil, " two spaces")),
        ("<13>1 - host", ReadHeader(.rfc5424, 13, nil, host: "host", "")),
        (
            "<40>1 2012-11-30T06:45:29+00:00 host app web.3 - State changed from starting to up",
            ReadHeader(
                .rfc5424, 40, 1_354_257_929, host: "host", app: "app", process: "web.3",
                "State changed from starting to up")
        ),
        (
            "<13>1 - h a p m [not closed",
            ReadHeader(.rfc5424, 13, nil, host: "h", app: "a", process: "p", id: "m", "[not closed")
        ),
    ]

    static let rfc3164: [(String, ReadHeader)] = [
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            ReadHeader(.rfc3164, 34, 1_728_684_855, host: "mymachine", app: "su", "'su root' failed")
        ),
        (
            "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
            ReadHeader(.rfc3164, 13, 1_707_154_338, host: "10.0.0.99", "Use the BFG!")
        ),
        (
            "<13>Dec 31 23:59:59 h cron[12]: (root) CMD",
            ReadHeader(.rfc3164, 13, 1_704_067_199, host: "h", app: "cron", process: "12", "(root) CMD")
        ),
        (
            "Oct 11 22:14:15 h postfix/smtpd[99]: connect",
            ReadHeader(.rfc3164, 13, 1_728_684_855, host: "h", app: "postfix/smtpd", process: "99", "connect")
        ),
        (
            "<13>Oct 11 22:14:15 root: no hostname",
            ReadHeader(.rfc3164, 13, 1_728_684_855, app: "root", "no hostname")
        ),
        (
            "<13>Oct 11 22:14:15 app[7]: no hostname",
            ReadHeader(.rfc3164, 13, 1_728_684_855, app: "app", process: "7", "no hostname")
        ),
        (
            "<190>Oct 11 2018 22:14:15 switch 01SHELL: up",
            ReadHeader(.rfc3164, 190, 1_539_296_055, host: "switch", app: "01SHELL", "up")
        ),
        (
            "<190>Oct 11 22:14:15 2018 switch x: up",
            ReadHeader(.rfc3164, 190, 1_539_296_055, host: "switch", app: "x", "up")
        ),
        (
            "<13>2024-01-02T03:04:05.25+01:00 h app: ISO",
            ReadHeader(.rfc3164, 13, 1_704_161_045.25, host: "h", app: "app", "ISO")
        ),
        (
            "<13>2024-01-02 03:04:05 h app: ISO with a space",
            ReadHeader(.rfc3164, 13, 1_704_164_645, host: "h", app: "app", "ISO with a space")
        ),
        (
            "<189>237: *Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured",
            ReadHeader(.rfc3164, 189, 1_709_318_771, id: "SYS-5-CONFIG_I", "%SYS-5-CONFIG_I: Configured")
        ),
        (
            "<189>29: router1: *Mar  1 18:46:11.678 EST: %LINK-3-UPDOWN: Gi0/1",
            ReadHeader(
                .rfc3164, 189, 1_709_318_771.678 + 5 * 3_600, host: "router1", id: "LINK-3-UPDOWN",
                "%LINK-3-UPDOWN: Gi0/1")
        ),
        (
            "<187>: 2016 Mar  4 09:37:23 CET: %ETH_PORT-5-IF_UP: Interface",
            ReadHeader(.rfc3164, 187, 1_457_084_243 - 3_600, id: "ETH_PORT-5-IF_UP", "%ETH_PORT-5-IF_UP: Interface")
        ),
        (
            "<166>Apr 25 2019 10:11:12 fw : %ASA-6-302013: Built",
            ReadHeader(.rfc3164, 166, 1_556_187_072, host: "fw", id: "ASA-6-302013", "%ASA-6-302013: Built")
        ),
        (
            "<166>Oct 11 2018 22:14:15: %ASA-6-302013: Built",
            ReadHeader(.rfc3164, 166, 1_539_296_055, id: "ASA-6-302013", "%ASA-6-302013: Built")
        ),
        ("<166>%ASA-6-302013: Built", ReadHeader(.rfc3164, 166, nil, id: "ASA-6-302013", "%ASA-6-302013: Built")),
        ("<34>su: 'su root' failed", ReadHeader(.rfc3164, 34, nil, app: "su", "'su root' failed")),
        (
            "<13>myapp: 2024-01-02T03:04:05Z its own time",
            ReadHeader(.rfc3164, 13, nil, app: "myapp", "2024-01-02T03:04:05Z its own time")
        ),
        (
            "<13>myapp: Oct 11 22:14:15 its own time",
            ReadHeader(.rfc3164, 13, nil, app: "myapp", "Oct 11 22:14:15 its own time")
        ),
        (
            "<13>Oct 11 22:14:15 h last message repeated 3 times",
            ReadHeader(.rfc3164, 13, 1_728_684_855, host: "h", "last message repeated 3 times")
        ),
        (
            "<13>Oct 11 22:14:15 h http://example.com/ is down",
            ReadHeader(.rfc3164, 13, 1_728_684_855, host: "h", "http://example.com/ is down")
        ),
        ("<13>Oct 11 22:14:15", ReadHeader(.rfc3164, 13, 1_728_684_855, "")),
        ("<13>Feb 29 00:00:00 h a: leap", ReadHeader(.rfc3164, 13, 1_709_164_800, host: "h", app: "a", "leap")),
    ]

    static let raw: [(String, ReadHeader)] = [
        ("hello world", ReadHeader(.none, 13, nil, "hello world")),
        ("error: not a tag without a PRI", ReadHeader(.none, 13, nil, "error: not a tag without a PRI")),
        ("<13>hello world", ReadHeader(.none, 13, nil, "hello world")),
        ("<192>1 - - - - - - x", ReadHeader(.none, 13, nil, "<192>1 - - - - - - x")),
        ("<>x", ReadHeader(.none, 13, nil, "<>x")),
        ("<1234>x", ReadHeader(.none, 13, nil, "<1234>x")),
        ("<13", ReadHeader(.none, 13, nil, "<13")),
        ("<", ReadHeader(.none, 13, nil, "<")),
        ("<13>", ReadHeader(.none, 13, nil, "")),
        ("<13>1 notatime h a p m - x", ReadHeader(.none, 13, nil, "1 notatime h a p m - x")),
        ("<13>Oct 32 22:14:15 h a: x", ReadHeader(.none, 13, nil, "Oct 32 22:14:15 h a: x")),
        ("<13>Oct 11 25:14:15 h a: x", ReadHeader(.none, 13, nil, "Oct 11 25:14:15 h a: x")),
        ("<13>1 9999-01-01T00:00:00Z h a p m - x", ReadHeader(.none, 13, nil, "1 9999-01-01T00:00:00Z h a p m - x")),
    ]

    @Test("a frame of RFC 5424 is taken apart", arguments: rfc5424)
    func modern(frame: String, wanted: ReadHeader) {
        #expect(ReadHeader(reading: Array(frame.utf8), clock: Self.clock) == wanted)
    }

    @Test("a frame of RFC 3164, or of a device's idea of it, is taken apart", arguments: rfc3164)
    func classic(frame: String, wanted: ReadHeader) {
        #expect(ReadHeader(reading: Array(frame.utf8), clock: Self.clock) == wanted)
    }

    @Test("a frame without a readable header passes as it is", arguments: raw)
    func unreadable(frame: String, wanted: ReadHeader) {
        #expect(ReadHeader(reading: Array(frame.utf8), clock: Self.clock) == wanted)
    }

    @Test("a name longer than 255 bytes makes the header unreadable, not the line shorter")
    func longName() {
        let frame = "<13>1 - \(String(repeating: "h", count: 256)) a p m - x"
        let read = ReadHeader(reading: Array(frame.utf8), clock: Self.clock)
        #expect(read.version == .none)
        #expect(read.message == String(frame.dropFirst(4)))
    }

    @Test("a date without a zone is in the zone that the configuration says")
    func zone() {
        let clock = SyslogClock(now: Self.clock.now, offsetSeconds: 7_200)
        let frame = Array("<13>Oct 11 22:14:15 h a: x".utf8)
        #expect(SyslogHeader(frame.span, clock: clock).time?.seconds == 1_728_677_655.0)
    }

    @Test(
        "the year is the one that puts the date nearest to now",
        arguments: [
            // 2024-01-01T00:00:10Z: yesterday's message is of last year.
            ("<13>Dec 31 23:59:59 h a: x", Int64(1_704_067_210), 1_704_067_199.0),
            // 2023-12-31T23:59:59Z: a clock ahead of ours is in next year already.
            ("<13>Jan  1 00:00:09 h a: x", Int64(1_704_067_199), 1_704_067_209.0),
            // 2021-06-15: the 29th of February is that of the nearest leap year, if one is near.
            ("<13>Feb 29 00:00:00 h a: x", Int64(1_623_758_400), 1_582_934_400.0),
        ])
    func year(frame: String, now: Int64, seconds: Double) {
        let clock = SyslogClock(now: Timestamp(nanoseconds: now * 1_000_000_000))
        let frame = Array(frame.utf8)
        #expect(SyslogHeader(frame.span, clock: clock).time?.seconds == seconds)
    }

    @Test("whatever the bytes, the ranges stand within the frame and nothing traps")
    func garbage() {
        var random = SystemRandomNumberGenerator()
        let seeds = (Self.rfc5424 + Self.rfc3164 + Self.raw).map { Array($0.0.utf8) }
        for round in 0..<60_000 {
            var frame = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where !frame.isEmpty:
                    frame[Int.random(in: 0..<frame.count, using: &random)] = .random(in: 0...255, using: &random)
                case 1 where !frame.isEmpty: frame.remove(at: Int.random(in: 0..<frame.count, using: &random))
                case 2:
                    frame.insert(
                        .random(in: 0...255, using: &random), at: Int.random(in: 0...frame.count, using: &random))
                default: frame.removeLast(Int.random(in: 0...frame.count, using: &random))
                }
            }
            let header = SyslogHeader(frame.span, clock: Self.clock)
            let ranges = [
                header.hostname, header.appName, header.procID, header.msgID, header.structuredData, header.message,
            ]
            #expect(ranges.allSatisfy { $0.range.upperBound <= frame.count })
            #expect(header.facility < 24)
            #expect(Int(header.message.start) + Int(header.message.count) == frame.count)
            var reader = StructuredDataReader(header.structuredData)
            var parameters = 0
            while let parameter = reader.next(frame.span) {
                parameters += 1
                #expect(parameter.value.upperBound <= header.structuredData.range.upperBound)
            }
            #expect(parameters <= frame.count)
        }
    }
}
