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
            (["check"], "Missing expected argument"), (["test"], "Missing expected argument"),
            (["explain"], "Missing expected argument"), (["test", "a", "--output", "xml"], "xml"),
            (["query", "{a=\"b\"}"], "nothing to read"), (["query", "1", "--tail", "-", "--corpus", "-"], "only once"),
            (["query", "1", "--corpus", "x", "--time", "noon"], "wanted nanoseconds since 1970 or a time in RFC 3339"),
            (["query", "1", "--corpus", "x", "--time", "1", "--step", "1s"], "--time does not go with"),
            (["query", "1", "--corpus", "x", "--labels", "a=b"], "are for --tail"),
            (["query", "1", "--tail", "x", "--timestamp", "format=unix"], "wanted either field=NAME or regex"),
            (["query", "1", "--tail", "x", "--limit", "0"], "--limit wants a number above 0"),
            (["query", "--bogus", "1", "--tail", "x"], "Unknown option '--bogus'"),
            (["query", "1", "2", "--corpus", "x"], "wanted one query, found 2: 1 and 2"),
        ])
    func usage(arguments: [String], message: String) async throws {
        let (code, errors) = try await run(arguments)
        #expect(code == 2)
        #expect(errors.contains(message))
    }

    @Test("a wrong step is a wrong query, as for Loki")
    func step() async throws {
        let (code, errors) = try await run(["query", "1", "--tail", "x", "--step", "soon"])
        #expect(code == 1)
        #expect(errors.contains("--step wants seconds or a duration"))
    }

    @Test(
        "a query may begin with a sign, and may stand behind the terminator",
        arguments: [["-2 ^ 2", "--tail", "/dev/null"], ["--tail", "/dev/null", "--", "-2 ^ 2"]])
    func sign(arguments: [String]) async throws {
        let (code, errors) = try await run(["query"] + arguments)
        #expect(code == 0, "\(errors)")
    }

    @Test(
        "every command explains itself with an example",
        arguments: [[], ["run"], ["check"], ["test"], ["query"], ["explain"], ["demo"]])
    func help(command: [String]) async throws {
        #expect(try await run(command + ["--help"]).code == 0)
        let text =
            switch command.first {
            case "run": Millrace.helpMessage(for: RunCommand.self, columns: 80)
            case "check": Millrace.helpMessage(for: CheckCommand.self, columns: 80)
            case "test": Millrace.helpMessage(for: TestCommand.self, columns: 80)
            case "query": Millrace.helpMessage(for: QueryCommand.self, columns: 80)
            case "explain": Millrace.helpMessage(for: ExplainCommand.self, columns: 80)
            case "demo": Millrace.helpMessage(for: DemoCommand.self, columns: 80)
            default: Millrace.helpMessage(columns: 80)
            }
        #expect(text.contains("EXAMPLE"))
        #expect(text.contains("  millrace " + (command.first ?? "run")))
    }

    @Test("a query is answered on standard output, and warnings stand on standard error")
    func query() async throws {
        let folder = PackTests.root + "/rules/nginx-combined"
        let ending = try await BuiltProgram.run([
            "query", #"count_over_time({job="nginx"} |= "DELETE" [1h])"#, "--tail", folder + "/sample.log",
            "--labels", "job=nginx,filename=f", "--timestamp",
            #"regex=\[(?P<time>[^\]]+)\],format=02/Jan/2006:15:04:05 -0700"#, "--output", "loki",
        ])
        #expect(ending.code == 0)
        #expect(ending.output.hasPrefix(#"{"resultType":"vector","result":[{"metric":{"filename":"f","job":"nginx"},"#))
        #expect(ending.output.hasSuffix(#","3"]}]}"# + "\n"))
        #expect(ending.errors.contains("lines have no time that can be read"))
        let wrong = try await BuiltProgram.run(["query", #"{job="a"} | jsn"#, "--tail", folder + "/sample.log"])
        #expect(wrong.code == 1)
        #expect(wrong.output == "")
        #expect(wrong.errors.contains("<query>:1:13: error: unknown stage 'jsn'"))
    }

    @Test("a query reads standard input")
    func queryInput() async throws {
        let ending = try await BuiltProgram.run(
            ["query", #"{job="a"} |= "Accepted" != "Failed""#, "--tail", "-", "--labels", "job=a", "--limit", "2"],
            input: PackTests.root + "/rules/sshd/sample.log")
        #expect(ending.code == 0)
        #expect(ending.output.split(separator: "\n").count == 2)
        #expect(ending.output.contains(#"{filename="stdin", job="a"} Jan 15"#))
    }

    @Test("the packs' tests pass, and a failing test is exit code 1")
    func tests() async throws {
        let packs = PackTests.packs.map { PackTests.root + "/rules/" + $0 }
        let ending = try await BuiltProgram.run(["test"] + packs)
        #expect(ending.code == 0)
        #expect(ending.output.split(separator: "\n").count { $0.hasSuffix("tests passed") } == 4)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let test = "rules: [\(packs[3])]\ntests: [{name: no, expect: [{series: 'sshd_invalid_users_total 1'}]}]\n"
        try test.write(to: file, atomically: true, encoding: .utf8)
        let failing = try await BuiltProgram.run(["test", file.path])
        #expect(failing.code == 1)
        #expect(failing.output.contains("- sshd_invalid_users_total 1"))
        #expect(failing.output.contains("1 of 1 test failed"))
    }

    @Test("explain shows the plan of rules and of a query")
    func explain() async throws {
        let rules = try await BuiltProgram.run(["explain", PackTests.root + "/rules/sshd"])
        #expect(rules.code == 0)
        #expect(rules.output.contains("→ counter sshd_logins_total"))
        let query = try await BuiltProgram.run(["explain", #"rate({a="b"} | json [1m])"#])
        #expect(query.code == 0)
        #expect(query.output.contains("reads every key"))
        #expect(try await BuiltProgram.run(["explain", "{"]).code == 1)
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
