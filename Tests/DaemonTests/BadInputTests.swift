import Foundation
import Testing

private let rules = """
    groups:
      - name: g
        rules:
          - counter: lines_total
            help: Lines.
            expr: '{job="t"}'
          - counter: good_total
            help: Good lines.
            expr: '{job="t"} |= "good"'
          - counter: json_total
            help: JSON lines.
            expr: '{job="t"} | json'
            by: [v]
            limit: 100
          - counter: slow_total
            help: Lines for a regular expression that takes for ever.
            expr: '{job="t"} |~ "^(a+)+$"'
    """

/// What comes in may be anything: it is counted, and the good line after it as well.
@Suite struct BadInputTests {
    /// Starts the service on `in.log`.
    private func service(_ lines: [UInt8], _ more: [String] = []) async throws -> ServedProgram {
        let folder = try ProgramFolder()
        try folder.write("rules.yaml", rules)
        try folder.write("in.log", lines)
        return try await ServedProgram(
            ["--tail", "in.log", "--labels", "job=t", "--rules", "rules.yaml"] + more, in: folder)
    }

    private func failedName(_ rule: String, _ reason: String) -> String {
        #"millrace_rule_lines_failed_total{group="g",reason="\#(reason)",rule="\#(rule)"}"#
    }

    @Test("broken JSON, a line of 10 MiB, NUL bytes, bytes that are no UTF-8 and empty lines are counted")
    func hostileLines() async throws {
        var lines = Array("{\"v\": broken\n".utf8)
        lines += [UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20) + Array("\n".utf8)
        lines += Array("{\"v\":\"a\0b\"}\n\0\0\0\n".utf8)
        lines += Array("{\"v\":\"".utf8) + [0xFF, 0xFE, 0xC3] + Array("\"}\n\n".utf8)
        lines += Array("{\"v\":\"good\"}\n".utf8)
        let service = try await service(lines)
        let metrics = try await service.metrics { $0["good_total"] == 1 }
        #expect(metrics["lines_total"] == 7)
        #expect(metrics["json_total{v=\"good\"}"] == 1)
        #expect(metrics[#"millrace_lines_marked_total{reason="line_too_long",source="tail:0"}"#] == 1)
        #expect(metrics[#"millrace_lines_read_total{source="tail:0"}"#] == 7)
        #expect(metrics[failedName("json_total", "JSONParserErr")] == 4)
        let exposition = try await ask(service.base + "/metrics").body
        if hasPromtool { #expect(try promtoolComplaint(about: exposition) == nil) }
        #expect(String(validating: Array(exposition.utf8), as: UTF8.self) != nil)
        #expect(try await service.stop().code == 0)
    }

    @Test("a regular expression that would take for ever is given up and counted, and all else goes on")
    func slowRegex() async throws {
        let slow = String(repeating: "a", count: 40) + "!\n"
        let service = try await service(Array((String(repeating: slow, count: 5) + "good\n").utf8))
        let metrics = try await service.metrics { $0["good_total"] == 1 }
        #expect(metrics["millrace_regex_limit_total"] == 5)
        let start = ContinuousClock.now
        #expect(try await ask(service.base + "/-/healthy").status == 200)
        #expect(ContinuousClock.now - start < .seconds(1))
        #expect(try await service.stop().code == 0)
    }

    @Test("a folder, a link to nothing, a link to itself and a file that goes away are told, and the others are read")
    func unreadableFiles() async throws {
        let folder = try ProgramFolder()
        try folder.write("rules.yaml", rules)
        try folder.write("a.log", "good\n")
        try folder.write("gone.log", "good\n")
        try FileManager.default.createDirectory(atPath: folder.path + "/folder.log", withIntermediateDirectories: false)
        for (name, target) in [("nothing.log", "/nonexistent"), ("self.log", "self.log")] {
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/" + name, withDestinationPath: target)
        }
        let service = try await ServedProgram(
            ["--tail", "*.log", "folder.log", "--labels", "job=t", "--rules", "rules.yaml"], in: folder)
        try await service.metrics { $0["good_total"] == 2 }
        try FileManager.default.removeItem(atPath: folder.path + "/gone.log")
        try folder.append("a.log", "good\n")
        let metrics = try await service.metrics { $0["good_total"] == 3 }
        let failures = metrics.filter { $0.key.hasPrefix("millrace_file_errors_total") }
        #expect(failures[#"millrace_file_errors_total{reason="dangling_link",source="tail:0"}"#] == 1, "\(failures)")
        #expect(failures.values.reduce(0, +) >= 2, "\(failures)")
        let said = try service.said()
        #expect(said.contains("nothing.log': it is a link to nothing"))
        #expect(said.contains("self.log'"))
        #expect(try await service.stop().code == 0)
    }

    @Test("a file that this user may not read is told and counted", .enabled(if: geteuid() != 0))
    func forbiddenFile() async throws {
        let service = try await service(Array("good\n".utf8), ["--tail", "no.log"])
        try service.folder.write("no.log", "good\n")
        chmod(service.folder.path + "/no.log", 0)
        try await service.metrics { metrics in
            metrics.contains { $0.key.hasPrefix("millrace_file_errors_total") && $0.value > 0 }
        }
        #expect(try await service.stop().code == 0)
    }

    @Test("a state folder that cannot be written is told and counted, and the service goes on")
    func badState() async throws {
        let service = try await service(Array("good\n".utf8), ["--state", "/dev/null/x"])
        let failed = #"millrace_checkpoints_total{outcome="failed"}"#
        try await service.metrics { $0[failed] ?? 0 > 0 && $0["good_total"] == 1 }
        try service.folder.append("in.log", "good\n")
        try await service.metrics { $0["good_total"] == 2 }
        #expect(try service.said().contains("cannot make the state folder '/dev/null/x': not a directory"))
        #expect(try await service.stop().code == 0)
    }

    @Test(
        "a full disk under the state folder is told and counted, and the service goes on", .enabled(if: geteuid() == 0))
    func fullDisk() async throws {
        let service = try ProgramFolder()
        let disk = service.path + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
        // Without the right to mount, as in most containers, there is no disk to fill.
        guard mount("none", disk, "tmpfs", 0, "size=16k") == 0 else { return }
        defer { umount2(disk, Int32(MNT_DETACH)) }
        try service.write("rules.yaml", rules)
        try service.write("in.log", "good\n")
        _ = try? Data(count: 64 << 10).write(to: URL(fileURLWithPath: disk + "/filler"))
        let filler = open(disk + "/filler2", O_WRONLY | O_CREAT, 0o600)
        while write(filler, [UInt8](repeating: 0, count: 4_096), 4_096) > 0 {}
        close(filler)
        let program = try await ServedProgram(
            ["--tail", "in.log", "--labels", "job=t", "--rules", "rules.yaml", "--state", disk], in: service)
        let failed = #"millrace_checkpoints_total{outcome="failed"}"#
        try await program.metrics { $0[failed] ?? 0 > 0 && $0["good_total"] == 1 }
        #expect(try program.said().contains("cannot write the checkpoint in '\(disk)'"))
        #expect(try await program.stop().code == 0)
    }

    @Test("20,000 values of a label give 100 series and one for the rest")
    func labelExplosion() async throws {
        let lines = (0..<20_000).map { "{\"v\":\"\($0)\"}\n" }.joined() + "good\n"
        let service = try await service(Array(lines.utf8))
        let metrics = try await service.metrics { $0["good_total"] == 1 }
        #expect(metrics[#"json_total{v="__overflow__"}"#] == 19_900)
        #expect(metrics.keys.count { $0.hasPrefix("json_total") } == 101)
        #expect(metrics[#"millrace_rule_series_overflow_total{group="g",rule="json_total"}"#] == 19_900)
        #expect(metrics["process_resident_memory_bytes"] ?? .infinity < 200e6)
        #expect(try await service.stop().code == 0)
    }

    @Test("killed and started again with its state, it reads on and loses no line")
    func murder() async throws {
        let folder = try ProgramFolder()
        try folder.write("rules.yaml", rules)
        try folder.write("in.log", String(repeating: "good\n", count: 1_000))
        let arguments = ["--tail", "in.log", "--labels", "job=t", "--rules", "rules.yaml", "--state", "state"]
        let first = try await ServedProgram(arguments, in: folder)
        try await first.metrics {
            $0["good_total"] == 1_000 && $0[#"millrace_checkpoints_total{outcome="written"}"#] ?? 0 > 0
        }
        try await first.murder()
        try folder.append("in.log", String(repeating: "good\n", count: 10))
        let second = try await ServedProgram(arguments, in: folder)
        let source = #"millrace_lines_read_total{source="tail:0"}"#
        let metrics = try await second.metrics { $0[source] ?? 0 >= 10 && $0["good_total"] ?? 0 >= 10 }
        // At least once: what the last checkpoint had not seen may come again, what it had does not.
        #expect((10...1_010).contains(metrics[source] ?? 0))
        try await second.murder()
        // A damaged checkpoint is no reason not to start.
        try folder.write("state/checkpoint", [0xFF, 0, 1, 2])
        let third = try await ServedProgram(arguments, in: folder)
        try await third.metrics { $0["good_total"] ?? 0 >= 0 && $0[source] != nil }
        #expect(try third.said().contains("cannot be used"))
        #expect(try await third.stop().code == 0)
    }

    // MARK: Syslog

    @Test("garbage, huge counts, a frame of 1 MiB and random datagrams over syslog are counted, and nothing dies")
    func hostileSyslog() async throws {
        let folder = try ProgramFolder()
        try folder.write("rules.yaml", rules)
        let service = try await ServedProgram(
            [
                "--syslog", "tcp://127.0.0.1:0", "--syslog", "udp://127.0.0.1:0", "--labels", "job=t", "--rules",
                "rules.yaml",
            ], in: folder)
        let port = try await service.syslogPort("tcp")
        var random = SystemRandomNumberGenerator()
        func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: 0...255, using: &random) } }
        let hostile: [[UInt8]] = [
            noise(5_000), Array("999999999999 <13>x".utf8), Array("99999999999999999999999999 x".utf8),
            Array("4000000000 ".utf8) + noise(100_000), Array("0 0 0 <".utf8), [],
            Array("1048608 <13>1 - h a - - - ".utf8) + [UInt8](repeating: UInt8(ascii: "z"), count: 1 << 20),
        ]
        for bytes in hostile { try sendOverTCP(bytes, to: port) }
        try sendOverTCP(Array("<13>1 - h a - - - good\n".utf8), to: port)
        let datagrams = (0..<200).map { _ in noise(.random(in: 0...1_400)) }
        sendOverUDP(datagrams + [Array("<13>1 - h a - - - good".utf8)], to: try await service.syslogPort("udp"))
        let metrics = try await service.metrics { $0["good_total"] == 2 }
        #expect(metrics[#"millrace_lines_marked_total{reason="header",source="syslog:0"}"#] ?? 0 >= 100)
        #expect(metrics[#"millrace_lines_marked_total{reason="cut",source="syslog:0"}"#] ?? 0 >= 1)
        #expect(metrics["lines_total"] == metrics[#"millrace_lines_read_total{source="syslog:0"}"#])
        #expect(metrics["process_resident_memory_bytes"] ?? .infinity < 200e6)
        let exposition = try await ask(service.base + "/metrics").body
        if hasPromtool { #expect(try promtoolComplaint(about: exposition) == nil) }
        #expect(try await service.stop().code == 0)
    }

    @Test("20,000 host names over syslog make no more streams than the limit")
    func hostExplosion() async throws {
        let folder = try ProgramFolder()
        try folder.write("rules.yaml", rules)
        try folder.write(
            "millrace.yaml",
            """
            limits: {streams: 100}
            sources:
              - syslog: {listen: ["tcp://127.0.0.1:0"], labels: {job: t, host: "${syslog.hostname}"}}
            rules: [rules.yaml]
            """)
        let service = try await ServedProgram(["--config", "millrace.yaml"], in: folder)
        let messages = (0..<20_000).map { "<13>1 - host\($0) a - - - line\n" }.joined()
        try sendOverTCP(
            Array((messages + "<13>1 - host0 a - - - good\n").utf8), to: try await service.syslogPort("tcp"))
        let overflow = #"millrace_stream_overflow_total{source="syslog:0"}"#
        let metrics = try await service.metrics { $0[#"millrace_lines_read_total{source="syslog:0"}"#] == 20_001 }
        #expect(metrics[overflow] == 19_900)
        #expect(metrics["millrace_streams"] ?? .infinity <= 101)
        #expect(metrics["good_total"] == 1)
        #expect(try await service.stop().code == 0)
    }
}
