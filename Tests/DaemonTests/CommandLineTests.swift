import ArgumentParser
import Daemon
import Foundation
import Records
import Testing

@testable import millrace

@Suite struct CommandLineTests {
    /// Runs the program that was built beside the tests.
    private func run(_ arguments: [String], outputTo output: Any? = nil) async throws -> (code: Int32, errors: String) {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tests).deletingLastPathComponent()
            .appendingPathComponent("millrace")
        process.arguments = arguments
        let errors = Pipe()
        process.standardOutput = output ?? FileHandle.nullDevice
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text: String = await withCheckedContinuation { done in
            Thread.detachNewThread {
                let bytes = errors.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                done.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
        return (process.terminationStatus, text)
    }

    @Test(
        "a wrong command line is exit code 2 and says what is wrong",
        arguments: [
            (["run"], "nothing to read"),
            (["run", "--config", "a", "--tail", "b"], "--tail does not go with --config"),
            (["run", "--stdin", "--labels", "1a=b"], "--labels wants name=value"),
            (["run", "--stdin", "--tenant", "a"], "--tenant needs --loki"),
            (["run", "--syslog", "udp://:1", "--once"], "--once needs input that ends"),
            (["run", "--stdin", "--listen", "nonsense"], "nonsense"),
            (["run", "--stdin", "--workers", "0"], "--workers"),
            (["run", "--stdin", "--bogus"], "--bogus"), (["bogus"], "bogus"),
            (["demo", "--duration", "5"], "wanted a time"),
            (["check"], "Missing expected argument"),
        ])
    func usage(arguments: [String], message: String) async throws {
        let (code, errors) = try await run(arguments)
        #expect(code == 2)
        #expect(errors.contains(message))
    }

    @Test("every command explains itself with an example", arguments: [[], ["run"], ["check"], ["demo"]])
    func help(command: [String]) async throws {
        #expect(try await run(command + ["--help"]).code == 0)
        let text =
            switch command.first {
            case "run": Millrace.helpMessage(for: RunCommand.self, columns: 80)
            case "check": Millrace.helpMessage(for: CheckCommand.self, columns: 80)
            case "demo": Millrace.helpMessage(for: DemoCommand.self, columns: 80)
            default: Millrace.helpMessage(columns: 80)
            }
        #expect(text.contains("EXAMPLE"))
        #expect(text.contains("  millrace " + (command.first ?? "run")))
    }

    @Test("a closed standard output is no crash")
    func closedOutput() async throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        #expect(try await run(["--help"], outputTo: pipe).code == 0)
    }

    @Test("the options of run arrive as they were given")
    func options() throws {
        let command = try #require(
            try Millrace.parseAsRoot([
                "run", "--tail", "a.log", "b/*.log", "--labels", "job=web,env=", "--labels", "x=1=2", "--rules", "r1",
                "r2",
                "--listen", ":9464", "--loki", "http://a/push", "--loki", "http://b/push", "--tenant", "t", "--format",
                "cri", "--once", "--output", "json", "--workers", "3", "--log-format", "json", "--log-level", "debug",
                "--state", "/var/lib/millrace",
            ]) as? RunCommand)
        let options = command.options
        #expect(options.tail == ["a.log", "b/*.log"])
        #expect(options.labels.map(\.name) == ["job", "env", "x"])
        #expect(options.labels.map(\.value) == ["web", "", "1=2"])
        #expect(options.rules == ["r1", "r2"])
        #expect(options.listen?.description == "0.0.0.0:9464")
        #expect(options.loki == ["http://a/push", "http://b/push"])
        #expect(options.tenant == "t")
        #expect(options.format == .cri)
        #expect(options.once)
        #expect(options.output == .json)
        #expect(options.workers == 3)
        #expect(options.logForm == .json)
        #expect(options.logLevel == .debug)
        #expect(options.state == "/var/lib/millrace")
    }

    @Test(
        "durations are whole numbers with units",
        arguments: [
            ("90s", .seconds(90)), ("5m", .seconds(300)), ("1h30m", .seconds(5_400)), ("250ms", .milliseconds(250)),
            ("", nil), ("5", nil), ("s", nil), ("-5s", nil), ("5d", nil), ("99999999999s", nil),
        ] as [(String, Duration?)])
    func durations(text: String, duration: Duration?) {
        #expect(Duration(commandLine: text) == duration)
    }
}
