import Fuzzing
import Records
import Testing

@testable import Intake

@Suite("Mutated syslog", .serialized)
struct SyslogFuzzTests {
    private static let headers = (SyslogHeaderTests.rfc5424 + SyslogHeaderTests.rfc3164 + SyslogHeaderTests.raw).map {
        Array($0.0.utf8)
    }
    private static let words = [
        "<13>", "<191>", "<192>", "<34>1 ", " - ", "2003-10-11T22:14:15.003Z", "Oct 11 22:14:15", "-07:00",
        "[a@1 b=\"c\"]", "\\]",
        "\\\"", "]", "[", "\u{FEFF}", "5 <13>a", "3000000 ", "99999999999999999999 ", "\n", "\r\n", "\u{0}", "host",
        "app[1]: ",
    ]
    private static let nests = [("[a b=\"", "\"]"), ("[", "]"), ("<", ">"), ("5 ", "")]

    private static func checkFrames(_ trial: inout Trial) {
        let bytes = trial.bytes
        let limit = 480
        let whole = SyslogFrameTests.decode(bytes, limit: limit)
        trial.met("\(min(whole.count, 40)) \(whole.contains { $0.isCut }) \(whole.contains { $0.isIncomplete })")
        trial.expect(whole.allSatisfy { $0.bytes.count <= limit }, "a message beyond the limit")
        let size = whole.reduce(0) { $0 + $1.bytes.count }
        trial.expect(size <= bytes.count, "\(size) bytes of messages in \(bytes.count)")
        let splits = (0..<trial.random.below(6)).map { _ in trial.random.below(bytes.count + 1) }.sorted()
        let split = SyslogFrameTests.decode(bytes, limit: limit, splits: splits)
        trial.expect(split == whole, "split at \(splits): \(split), in one piece: \(whole)")
    }

    @Test("frames are the same in one piece and in chunks")
    func frames() {
        let seeds = SyslogFrameTests.table.map { Array($0.0.utf8) } + Self.headers.map { $0 + [0x0A] }
        let target = FuzzTarget(
            area: "syslog", name: "frames", seeds: seeds, dictionary: Self.words, nests: Self.nests)
        #expect(target.replay(Self.checkFrames) == [])
        #expect(target.run(Self.checkFrames) == [])
    }

    private static func checkHeader(_ trial: inout Trial) {
        let frame = trial.bytes
        let header = SyslogHeader(frame.span, clock: SyslogHeaderTests.clock)
        let ranges = [
            header.hostname, header.appName, header.procID, header.msgID, header.structuredData, header.message,
        ]
        trial.met("\(header.version) \(header.time == nil) \(ranges.map { $0.count == 0 })")
        trial.expect(ranges.allSatisfy { $0.range.upperBound <= frame.count }, "a range beyond the frame")
        trial.expect(header.facility < 24, "facility \(header.facility)")
        trial.expect(header.message.range.upperBound == frame.count, "the message ends at \(header.message.range)")
        var reader = StructuredDataReader(header.structuredData)
        var parameters = 0
        while reader.next(frame.span) != nil, parameters <= frame.count { parameters += 1 }
        trial.expect(parameters <= frame.count, "parameters without end")
        trial.met("parameters \(min(parameters, 20))")
    }

    @Test("headers stand within their frames, whatever the bytes")
    func headers() {
        let target = FuzzTarget(
            area: "syslog", name: "headers", seeds: Self.headers, dictionary: Self.words, nests: Self.nests)
        #expect(target.replay(Self.checkHeader) == [])
        #expect(target.run(Self.checkHeader) == [])
    }
}
