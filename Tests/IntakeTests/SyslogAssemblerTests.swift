import Records
import Testing

@testable import Intake

@Suite("Syslog entries")
struct SyslogAssemblerTests {
    /// An entry as a user of Loki would see it.
    struct Entry: Equatable {
        var line: String
        var labels: String
        var metadata: [String: String]
        var time: Int64
    }

    static func entries(_ batch: LineBatch) -> [Entry] {
        func text(_ range: ByteRange) -> String { String(decoding: batch.bytes[range.range], as: UTF8.self) }
        return batch.lines.map { line in
            let pairs = batch.metadata[Int(line.metadataStart)..<Int(line.metadataStart) + Int(line.metadataCount)]
            return Entry(
                line: text(line.bytes), labels: batch.streams[Int(line.stream)].labels.text,
                metadata: Dictionary(
                    pairs.map { (batch.metadataNames[Int($0.name)], text($0.value)) }, uniquingKeysWith: { $1 }),
                time: line.time.nanoseconds)
        }
    }

    static func labels(_ variables: [(String, String)]) -> SourceLabels {
        SourceLabels(
            fixed: LabelSet([Label("job", "syslog")]),
            variables: variables.map { name, variable in
                SourceLabels.Variable(
                    name: name, template: LabelTemplate([.variable(scope: "syslog", name: variable)]))
            })
    }

    let metrics = SelfMetrics()

    func assembler(
        _ variables: [(String, String)] = [], table: StreamTable = StreamTable(), metadata: Bool = true,
        useTimestamp: Bool = false, slots: Int = 1_024
    ) -> SyslogAssembler {
        let address = SyslogAddress.udp(host: "127.0.0.1", port: 514)
        return SyslogAssembler(
            SyslogAssembler.Settings(
                structuredMetadata: metadata, useTimestamp: useTimestamp, assumedOffsetSeconds: 0,
                batchBytes: 256 << 10),
            labels: Self.labels(variables), table: table, budget: SyslogSlotBudget(slots: slots),
            counters: SyslogCounters(metrics, source: "syslog:0"), endpoint: SyslogEndpoint(address))
    }

    static let now = Timestamp(nanoseconds: 1_718_452_800_000_000_000)

    func read(_ frames: [String], _ assembler: consuming SyslogAssembler) throws -> [Entry] {
        for frame in frames {
            let bytes = Array(frame.utf8)
            assembler.add(bytes.span, peer: SyslogPeer(), now: Self.now)
        }
        let taken = assembler.take()
        let batch = try #require(taken)
        return Self.entries(batch)
    }

    @Test("header fields become labels and structured metadata")
    func labelsAndMetadata() throws {
        let frame = #"<165>1 2003-10-11T22:14:15.003Z m.example su 42 ID47 [ex.a@32473 iut="3" s="a\"b\]"] hello"#
        let entries = try read(
            [frame],
            assembler([
                ("host", "hostname"), ("app", "app_name"), ("pid", "proc_id"), ("id", "msg_id"), ("level", "severity"),
                ("facility", "facility"), ("iut", "sd.ex.a@32473.iut"), ("s", "sd.ex_a_32473.s"), ("none", "sd.x.y"),
            ]))
        #expect(
            entries == [
                Entry(
                    line: "hello",
                    labels: #"{app="su", facility="local4", host="m.example", id="ID47", iut="3", job="syslog", "#
                        + #"level="notice", pid="42", s="a\"b]"}"#,
                    metadata: [
                        "syslog_hostname": "m.example", "syslog_app_name": "su", "syslog_proc_id": "42",
                        "syslog_msg_id": "ID47", "syslog_severity": "notice", "syslog_facility": "local4",
                        "sd_ex_a_32473_iut": "3", "sd_ex_a_32473_s": "a\"b]",
                    ], time: Self.now.nanoseconds)
            ])
    }

    @Test(
        "severities and facilities are Promtail's words",
        arguments: [
            (0, "emergency", "kern"), (9, "alert", "user"), (18, "critical", "mail"), (83, "error", "authpriv"),
            (52, "warning", "lpr"), (45, "notice", "syslog"), (78, "informational", "cron"), (191, "debug", "local7"),
        ])
    func words(priority: Int, severity: String, facility: String) throws {
        let entries = try read(["<\(priority)>1 - - - - - - x"], assembler())
        #expect(entries[0].metadata == ["syslog_severity": severity, "syslog_facility": facility])
    }

    @Test("without structured metadata a batch holds messages and nothing else")
    func plain() throws {
        var assembler = assembler(metadata: false)
        let frame = Array("<13>1 - h a - - - hello".utf8)
        assembler.add(frame.span, peer: SyslogPeer(), now: Self.now)
        let taken = assembler.take()
        let batch = try #require(taken)
        #expect(batch.byteCount == 5)
        #expect(Self.entries(batch).map(\.line) == ["hello"])
        #expect(batch.metadata.isEmpty)
    }

    @Test("the entry's time is that of arrival, or the sender's when asked for, and never twice the same")
    func times() throws {
        let frames = ["<13>1 2003-10-11T22:14:15.003Z h a - - - x", "<13>1 - h a - - - x"]
        let arrival = try read(frames, assembler())
        #expect(arrival.map(\.time) == [Self.now.nanoseconds, Self.now.nanoseconds + 1])
        let sent = try read(frames, assembler(useTimestamp: true))
        #expect(sent.map(\.time) == [1_065_910_455_003_000_000, Self.now.nanoseconds + 1])
    }

    @Test(
        "many streams through a small cache are still the right ones, in every batch", arguments: [0, 64, 128, 4_096])
    func smallCache(slots: Int) throws {
        var assembler = assembler([("host", "hostname"), ("app", "app_name")], slots: slots)
        for round in 0..<3 {
            for number in 0..<200 {
                let frame = Array("<13>1 - h\(number % 20) a\(number % 7) - - - \(round) \(number)".utf8)
                assembler.add(frame.span, peer: SyslogPeer(), now: Self.now)
            }
            let taken = assembler.take()
            let batch = try #require(taken)
            let entries = Self.entries(batch)
            for number in 0..<200 {
                #expect(entries[number].line == "\(round) \(number)")
                #expect(
                    entries[number].labels == #"{app="a\#(number % 7)", host="h\#(number % 20)", job="syslog"}"#)
            }
        }
    }

    @Test("fields do not run into each other in the cache's key")
    func keyBoundaries() throws {
        let entries = try read(
            ["<13>1 - ab c - - - 1", "<13>1 - a bc - - - 2", "<13>1 - abc - - - - 3"],
            assembler([("host", "hostname"), ("app", "app_name")]))
        #expect(Set(entries.map(\.labels)).count == 3)
    }

    @Test("a full table of streams sends lines to the overflow stream and counts them")
    func overflow() throws {
        let entries = try read(
            (0..<5).map { "<13>1 - h\($0) a - - - x" },
            assembler([("host", "hostname")], table: StreamTable(limit: 2)))
        #expect(
            entries.map(\.labels) == [
                #"{host="h0", job="syslog"}"#, #"{host="h1", job="syslog"}"#,
                #"{host="__overflow__", job="syslog"}"#, #"{host="__overflow__", job="syslog"}"#,
                #"{host="__overflow__", job="syslog"}"#,
            ])
        #expect(metrics.counter(.streamOverflow, "syslog:0").current == 3)
    }

    @Test("an entry has at most 128 pairs, a batch 256 names, and what was left out is counted")
    func metadataBounds() throws {
        let many = (0..<200).map { "p\($0)=\"v\"" }.joined(separator: " ")
        let others = (0..<100).map { line in
            "<13>1 - - - - - [id \((0..<10).map { "q\(line)_\($0)=\"v\"" }.joined(separator: " "))] x"
        }
        let entries = try read(["<13>1 - - - - - [id \(many)] x"] + others, assembler())
        #expect(entries[0].metadata.count == 128)
        // The names of four header fields are there as well, and these messages do not have them.
        #expect(Set(entries.flatMap(\.metadata.keys)).count == 252)
        #expect(metrics.counter(.linesMarked, "syslog:0", "metadata").current > 80)
        #expect(entries.allSatisfy { $0.line == "x" })
    }

    @Test("lines, bytes and marks are counted once the batch is taken")
    func counts() throws {
        var assembler = assembler()
        assembler.countBytes(30)
        let bytes = Array("no header".utf8)
        assembler.add(bytes.span, isCut: true, peer: SyslogPeer(), now: Self.now)
        assembler.add(bytes.span, isIncomplete: true, peer: SyslogPeer(), now: Self.now)
        #expect(metrics.counter(.linesRead, "syslog:0").current == 0)
        let first = assembler.take()
        let second = assembler.take()
        #expect(first != nil && second == nil)
        #expect(metrics.counter(.linesRead, "syslog:0").current == 2)
        #expect(metrics.counter(.bytesRead, "syslog:0").current == 30)
        #expect(metrics.counter(.linesMarked, "syslog:0", "header").current == 2)
        #expect(metrics.counter(.linesMarked, "syslog:0", "cut").current == 1)
        #expect(metrics.counter(.linesMarked, "syslog:0", "incomplete").current == 1)
    }

    @Test("a batch is full at 4,096 lines or at its bytes")
    func full() {
        var assembler = assembler(metadata: false)
        let short = Array("x".utf8)
        for _ in 0..<4_095 { assembler.add(short.span, peer: SyslogPeer(), now: Self.now) }
        let before = assembler.isFull
        assembler.add(short.span, peer: SyslogPeer(), now: Self.now)
        let after = assembler.isFull
        #expect([before, after] == [false, true])
        let lines = assembler.take()?.lines.count
        #expect(lines == 4_096)
        let long = [UInt8](repeating: 0x78, count: 64 << 10)
        for _ in 0..<4 { assembler.add(long.span, peer: SyslogPeer(), now: Self.now) }
        let byBytes = assembler.isFull
        #expect(byBytes)
    }

    @Test(
        "an address reads as it is written",
        arguments: [
            ("udp://0.0.0.0:5514", SyslogAddress.udp(host: "0.0.0.0", port: 5514)),
            ("tcp://[::1]:0", .tcp(host: "::1", port: 0)), ("tls://log.example", .tls(host: "log.example", port: 6514)),
            ("udp://[::]", .udp(host: "::", port: 514)),
            ("unix:///run/millrace.sock", .unix(path: "/run/millrace.sock")),
            ("tcp://h:65536", nil), ("tcp://h:", nil), ("tcp://", nil), ("unix://relative", nil), ("http://h:1", nil),
            ("::1:514", nil), ("tcp://::1:514", nil), ("tcp://h/x:1", nil), ("tcp://[::1", nil),
        ])
    func addresses(text: String, wanted: SyslogAddress?) {
        #expect(SyslogAddress(text) == wanted)
        if let wanted { #expect(SyslogAddress(wanted.description) == wanted) }
    }

    @Test("an unknown variable in a label is named")
    func unknownVariable() {
        let configuration = SyslogConfiguration(
            name: "syslog:0", listen: [.tls(host: "h", port: 1)],
            labels: Self.labels([("a", "hostnam"), ("b", "sd.x")]))
        #expect(configuration.problems.count == 3)
        #expect(configuration.problems[0].hasPrefix("label 'a': unknown variable '${syslog.hostnam}'"))
    }
}
