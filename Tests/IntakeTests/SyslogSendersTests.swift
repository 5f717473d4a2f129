import Glibc
import Intake
import Records
import Testing

/// Real senders against a real listener; each test is skipped where its program is not installed.
@Suite("Syslog senders", .serialized, .timeLimit(.minutes(2)))
struct SyslogSendersTests {
    static func isInstalled(_ path: String) -> Bool { access(path, X_OK) == 0 }

    static func configuration(_ address: SyslogAddress) -> SyslogConfiguration {
        let variables = ["hostname", "app_name", "severity", "facility"].map {
            SourceLabels.Variable(name: $0, template: LabelTemplate([.variable(scope: "syslog", name: $0)]))
        }
        return SyslogConfiguration(
            name: "syslog:0", listen: [address], labels: SourceLabels(fixed: .empty, variables: variables))
    }

    static func metadata(_ batch: LineBatch, _ line: Line) -> [String: String] {
        let pairs = batch.metadata[Int(line.metadataStart)..<Int(line.metadataStart) + Int(line.metadataCount)]
        return Dictionary(
            pairs.map { pair in
                (
                    batch.metadataNames[Int(pair.name)],
                    String(decoding: batch.bytes[pair.value.range], as: UTF8.self)
                )
            }, uniquingKeysWith: { $1 })
    }

    @Test(
        "logger is understood in every form it has",
        .enabled(if: isInstalled("/usr/bin/logger"), "logger is not installed"),
        arguments: [
            (true, ["-d", "--rfc3164"]), (true, ["-d", "--rfc5424"]), (true, ["-d", "--rfc5424=notime,nohost"]),
            (false, ["-T", "--rfc3164"]), (false, ["-T", "--rfc5424"]), (false, ["-T", "--rfc3164", "--octet-count"]),
            (false, ["-T", "--rfc5424", "--octet-count"]),
        ])
    func logger(isUDP: Bool, options: [String]) async throws {
        let address = isUDP ? SyslogAddress.udp(host: "127.0.0.1", port: 0) : .tcp(host: "127.0.0.1", port: 0)
        try await SyslogListening.with(Self.configuration(address)) { listening in
            let arguments =
                [
                    "logger", "--server", "127.0.0.1", "--port", "\(listening.port)", "-t", "mill", "--id=77", "-p",
                    "auth.err",
                ] + options + ["grist: for the mill"]
            let process = try #require(Program.start(arguments))
            #expect(try await Program.wait(process) == 0)
            try await listening.until("the line is there") { $0.lines.count == 1 }
            let batch = listening.received[0]
            let labels = batch.streams[0].labels
            #expect(listening.lines == ["grist: for the mill"])
            #expect(labels["app_name"] == "mill")
            #expect(labels["severity"] == "error")
            #expect(labels["facility"] == "auth")
            #expect((labels["hostname"] == nil) == options.contains { $0.contains("nohost") })
            #expect(Self.metadata(batch, batch.lines[0])["syslog_proc_id"] == "77")
            #expect(listening.counter(.linesMarked, "header") == 0)
        }
    }

    @Test(
        "logger's structured data becomes structured metadata",
        .enabled(if: isInstalled("/usr/bin/logger"), "logger is not installed"))
    func structuredData() async throws {
        let address = SyslogAddress.tcp(host: "127.0.0.1", port: 0)
        try await SyslogListening.with(Self.configuration(address)) { listening in
            let code = try await Program.run(
                "logger", "--server", "127.0.0.1", "--port", "\(listening.port)", "-T", "--rfc5424=notq", "--msgid",
                "GRIND", "--sd-id", "stone@32473", "--sd-param", #"size="3""#, "--sd-param", #"kind="French burr""#,
                "turning")
            #expect(code == 0)
            try await listening.until("the line is there") { $0.lines == ["turning"] }
            let metadata = Self.metadata(listening.received[0], listening.received[0].lines[0])
            #expect(metadata["sd_stone_32473_size"] == "3")
            #expect(metadata["sd_stone_32473_kind"] == "French burr")
            #expect(metadata["syslog_msg_id"] == "GRIND")
        }
    }

    @Test(
        "rsyslog forwards to us by UDP and by TCP, octet-counted and not",
        .enabled(if: isInstalled("/usr/sbin/rsyslogd"), "rsyslog is not installed"),
        arguments: [
            ("udp", "RSYSLOG_SyslogProtocol23Format", ""), ("udp", "RSYSLOG_TraditionalForwardFormat", ""),
            ("udp", "RSYSLOG_ForwardFormat", ""),
            ("tcp", "RSYSLOG_SyslogProtocol23Format", "TCP_Framing=\"octet-counted\""),
            ("tcp", "RSYSLOG_SyslogProtocol23Format", ""), ("tcp", "RSYSLOG_TraditionalForwardFormat", ""),
        ])
    func rsyslog(scheme: String, template: String, framing: String) async throws {
        let address = scheme == "udp" ? SyslogAddress.udp(host: "127.0.0.1", port: 0) : .tcp(host: "127.0.0.1", port: 0)
        try await SyslogListening.with(Self.configuration(address)) { listening in
            let folder = TemporaryFolder()
            let file = folder.path + "/rsyslog.conf"
            let text = """
                global(workDirectory="\(folder.path)")
                module(load="imuxsock" SysSock.Use="off")
                input(type="imuxsock" Socket="\(folder.path)/in.sock")
                action(type="omfwd" target="127.0.0.1" port="\(listening.port)" protocol="\(scheme)" \
                template="\(template)" \(framing))

                """
            try write(text, to: file)
            let daemon = try #require(
                Program.start(["/usr/sbin/rsyslogd", "-n", "-f", file, "-i", folder.path + "/pid"]))
            defer {
                kill(daemon, SIGKILL)
                waitpid(daemon, nil, 0)
            }
            try await listening.until("rsyslogd listens") { _ in access("\(folder.path)/in.sock", W_OK) == 0 }
            for number in 0..<20 {
                let code = try await Program.run(
                    "logger", "-u", "\(folder.path)/in.sock", "-t", "mill", "--id=7", "-p", "local3.warning",
                    "grist \(number)")
                #expect(code == 0)
            }
            try await listening.until("all lines are there") {
                $0.lines.filter { $0.hasPrefix("grist ") || $0.hasPrefix(" grist ") }.count == 20
            }
            let batch = try #require(
                listening.received.first { $0.streams.contains { $0.labels["app_name"] == "mill" } })
            let labels = try #require(batch.streams.first { $0.labels["app_name"] == "mill" }?.labels)
            #expect(labels["severity"] == "warning")
            #expect(labels["facility"] == "local3")
            #expect(labels["hostname"] != nil)
            #expect(listening.counter(.linesMarked, "header") == 0)
        }
    }

    private func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
    }
}
