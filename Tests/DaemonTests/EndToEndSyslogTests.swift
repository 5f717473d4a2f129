import Foundation
import Testing

@Suite struct EndToEndSyslogTests {
    private static let rules = """
        groups:
          - name: syslog
            rules:
              - counter: messages_total
                help: Messages.
                expr: '{job="syslog"}'
                by: [via, app, level]
              - counter: whole_messages_total
                help: Messages that came as they were sent.
                expr: '{job="syslog"} |~ "^ ?order [0-9]+ of café \\"done\\"$"'
                by: [via]
              - counter: orders_total
                help: Messages with the structured data of an order.
                expr: '{job="syslog"} | syslog_msg_id="ORDER" | sd_order_32473_kind!=""'
                by: [via, sd_order_32473_kind, syslog_facility]
        """

    private func config(_ stage: Stage, port: Int, listen: [(via: String, address: String)]) throws -> String {
        try stage.write(Self.rules, to: "rules.yaml")
        let sources = listen.map { via, address in
            """
              - syslog:
                  listen: ["\(address)"]
                  labels: {job: syslog, via: \(via), app: "${syslog.app_name}", level: "${syslog.severity}"}
            """
        }
        return try stage.write(
            """
            sources:
            \(sources.joined(separator: "\n"))
            rules: ["\(stage.path("rules.yaml"))"]
            metrics: {listen: "127.0.0.1:\(port)"}
            """, to: "millrace.yaml")
    }

    /// Numbered messages for `logger --file`, which sends one for each line.
    private func messages(_ count: Int, _ stage: Stage) throws -> String {
        try stage.write((0..<count).map { "order \($0) of café \"done\"\n" }.joined(), to: "messages-\(count)")
    }

    private func log(_ stage: Stage, _ arguments: [String]) async throws {
        let logger = try stage.start(try peer("logger"), ["--server", "127.0.0.1"] + arguments)
        #expect(await logger.ended(within: 20) == 0)
        #expect(logger.said == "")
    }

    @Test("what rsyslog forwards over UDP and TCP is counted in full", .timeLimit(.minutes(2)))
    func relay() async throws {
        let rsyslogd = try peer("rsyslogd")
        try await withStage { stage in
            let port = try freePort()
            let (udp, octets, lines, bsd, input) = try (freePort(), freePort(), freePort(), freePort(), freePort())
            let config = try config(
                stage, port: port,
                listen: [
                    ("udp", "udp://127.0.0.1:\(udp)"), ("octets", "tcp://127.0.0.1:\(octets)"),
                    ("lines", "tcp://127.0.0.1:\(lines)"), ("bsd", "udp://127.0.0.1:\(bsd)"),
                ])
            _ = try await stage.startMillrace(["run", "--config", config], port: port)
            let relay = try stage.start(
                rsyslogd,
                [
                    "-n", "-i", stage.path("rsyslog.pid"), "-f",
                    try stage.fill(
                        "rsyslog.conf",
                        [
                            "WORK": stage.folder, "INPUT_PORT": "\(input)", "UDP_PORT": "\(udp)",
                            "TCP_OCTET_PORT": "\(octets)", "TCP_LINE_PORT": "\(lines)", "BSD_UDP_PORT": "\(bsd)",
                        ]),
                ])
            try await eventually("rsyslogd listens", within: 10) {
                try String(contentsOfFile: "/proc/net/udp", encoding: .utf8)
                    .contains(":" + String(input, radix: 16, uppercase: true) + " ")
            }
            let order = ["--rfc5424", "--msgid", "ORDER", "--sd-id", "order@32473", "--sd-param"]
            let common = ["--udp", "--port", "\(input)", "--tag"]
            try await log(
                stage,
                common + ["shop", "--priority", "local3.err"] + order + [
                    #"kind="new""#, "--file", messages(150, stage),
                ])
            try await log(
                stage,
                common + ["till", "--priority", "auth.notice"] + order
                    + [#"kind="old\]""#, "--file", messages(50, stage)])
            try await log(
                stage, common + ["desk", "--priority", "mail.info", "--rfc3164", "--file", messages(60, stage)])
            try await eventually("all messages are counted", within: 20) {
                try await scrape(port).sum("messages_total") == 1_040
            }
            let counted = try await scrape(port)
            let ways = ["udp", "octets", "lines", "bsd"]
            var expected: [String: Double] = [:]
            for way in ways {
                // rsyslog puts no colon behind the name when it makes RFC 3164 from RFC 5424: then it is plain text.
                expected[way == "bsd" ? "bsd||error" : "\(way)|shop|error"] = 150
                expected[way == "bsd" ? "bsd||notice" : "\(way)|till|notice"] = 50
                expected["\(way)|desk|informational"] = 60
            }
            #expect(counted.sums("messages_total", by: ["via", "app", "level"]) == expected)
            #expect(
                counted.sums("whole_messages_total", by: ["via"])
                    == ["udp": 260, "octets": 260, "lines": 260, "bsd": 60])
            // RFC 3164 has no room for structured data.
            var orders: [String: Double] = [:]
            for way in ways.dropLast() {
                orders["\(way)|new|local3"] = 150
                orders["\(way)|old]|auth"] = 50
            }
            #expect(
                counted.sums("orders_total", by: ["via", "sd_order_32473_kind", "syslog_facility"]) == orders)
            #expect(relay.said == "")
        }
    }

    @Test("what logger sends in either format, by datagram, line and octet count, is counted", .timeLimit(.minutes(2)))
    func direct() async throws {
        _ = try peer("logger")
        try await withStage { stage in
            let port = try freePort()
            let (udp, tcp) = try (freePort(), freePort())
            let config = try config(
                stage, port: port,
                listen: [("udp", "udp://127.0.0.1:\(udp)"), ("tcp", "tcp://127.0.0.1:\(tcp)")])
            _ = try await stage.startMillrace(["run", "--config", config], port: port)
            let tag = ["--tag", "shop", "--priority", "daemon.warning"]
            let datagram = ["--udp", "--port", "\(udp)"] + tag
            let stream = ["--tcp", "--port", "\(tcp)"] + tag
            try await log(stage, datagram + ["--rfc3164", "--file", messages(40, stage)])
            try await log(stage, datagram + ["--rfc5424", "--file", messages(60, stage)])
            try await log(stage, stream + ["--rfc3164", "--file", messages(70, stage)])
            try await log(stage, stream + ["--rfc5424", "--file", messages(80, stage)])
            try await log(stage, stream + ["--octet-count", "--rfc5424", "--file", messages(90, stage)])
            try await log(stage, stream + ["--octet-count", "--rfc3164", "--file", messages(30, stage)])
            try await eventually("all messages are counted", within: 20) {
                try await scrape(port).sum("messages_total") == 370
            }
            let counted = try await scrape(port)
            #expect(
                counted.sums("messages_total", by: ["via", "app", "level"])
                    == ["udp|shop|warning": 100, "tcp|shop|warning": 270])
            #expect(counted.sums("whole_messages_total", by: ["via"]) == ["udp": 100, "tcp": 270])
            #expect(counted.sum("millrace_lines_dropped_total") ?? 0 == 0)
        }
    }
}
