import Foundation
import Testing

/// Wrong files, addresses and settings: exit code 1 and a message that says what, where and what instead.
@Suite struct BadInputFilesTests {
    @Test("every mistake of a rule file is shown at once, each with its line and a caret", arguments: ["check", "run"])
    func wrongRules(command: String) async throws {
        let folder = try ProgramFolder()
        let path = try folder.write(
            "bad.yaml",
            """
            groups:
              - name: g
                rules:
                  - counter: lines
                    expr: '{job="t"} |= '
                  - counter: a_total
                    expr: '{job="t"} | jsn'
                    bye: [a]
                  - histogram: h
                    expr: '{job="t"} | json'
                    buckets: [2, 1]
            """)
        let arguments =
            command == "check"
            ? ["check", path] : ["run", "--stdin", "--labels", "job=t", "--rules", path, "--once"]
        let ending = try await BuiltProgram.run(arguments)
        #expect(ending.code == 1)
        #expect(ending.output == "")
        for place in ["4:18", "5:29", "7:28", "8:9", "10:15", "11:22"] {
            #expect(ending.errors.contains("\(path):\(place): error: "), "no diagnostic at \(place)")
        }
        #expect(ending.errors.contains(" |                            ^^^ did you mean 'json'?\n"))
        #expect(ending.errors.contains(" |         ^^^ did you mean 'by'?\n"))
        #expect(ending.errors.components(separatedBy: ": error: ").count == 7)
    }

    @Test("unknown keys and secrets that are not there are shown with their places", arguments: ["check", "run"])
    func wrongConfiguration(command: String) async throws {
        let folder = try ProgramFolder()
        let path = try folder.write(
            "bad.yaml",
            """
            sorces: []
            sources:
              - tail: {paths: [x.log], lables: {job: t}, labels: {job: t}}
            loki: [{url: "http://${ENV:MILLRACE_TEST_MISSING}/x", tenant: "${file:/nonexistent}"}]
            """)
        let ending = try await BuiltProgram.run(command == "check" ? ["check", path] : ["run", "--config", path])
        #expect(ending.code == 1)
        #expect(ending.errors.contains("\(path):1:1: error: the configuration: unknown key 'sorces'"))
        #expect(ending.errors.contains(" | ^^^^^^ did you mean 'sources'?\n"))
        #expect(ending.errors.contains("\(path):3:28: error: tail: unknown key 'lables'"))
        #expect(
            ending.errors.contains(
                "\(path):4:22: error: the environment variable 'MILLRACE_TEST_MISSING' is not set"))
        #expect(ending.errors.contains("\(path):4:64: error: the secret file '/nonexistent': no such file"))
    }

    @Test("files that are not there or no text are named")
    func wrongFiles() async throws {
        let folder = try ProgramFolder()
        let noise = try folder.write("noise.yaml", [0xFF, 0xFE, 0x00])
        let cases = [
            (["check", "/nonexistent.yaml"], "/nonexistent.yaml: error: no such file"),
            (["run", "--config", "/nonexistent.yaml"], "/nonexistent.yaml: error: no such file"),
            (["check", noise], "\(noise): error: the file is not UTF-8 text"),
            (["check", folder.path], "\(folder.path)/rules.yaml: error: no such file"),
            (["check", "/dev/null"], "/dev/null: error: wanted a file"),
            (
                ["run", "--stdin", "--labels", "job=t", "--once", "--rules", "/nonexistent"],
                "/nonexistent: error: no such file"
            ),
            (["run", "--tail", "/nonexistent", "--labels", "job=t", "--once"], "no file matches '/nonexistent'"),
            (["run", "--stdin", "--loki", "nonsense"], "cannot use the push URL: wanted http:// or https://"),
        ]
        for (arguments, message) in cases {
            let ending = try await BuiltProgram.run(arguments)
            #expect(ending.code == 1, "\(arguments)")
            #expect(ending.errors.contains(message), "\(arguments): \(ending.errors)")
        }
    }

    @Test("a syslog address that is none is a wrong command line", arguments: ["foo://x", "udp://h:99999", "tls://:1"])
    func wrongSyslogAddress(address: String) async throws {
        let ending = try await BuiltProgram.run(["run", "--stdin", "--syslog", address])
        #expect(ending.code == 2)
        #expect(ending.errors.contains("--syslog wants udp://HOST:PORT") && ending.errors.contains(address))
    }

    @Test("the version is told")
    func version() async throws {
        let ending = try await BuiltProgram.run(["--version"])
        #expect(ending.code == 0)
        #expect(ending.output.contains("."))
    }

    @Test("a host that is not known is named", arguments: ["--listen", "--syslog"])
    func unknownHost(option: String) async throws {
        let address = (option == "--syslog" ? "tcp://" : "") + "nothing.invalid:5514"
        let ending = try await BuiltProgram.run(
            ["run", "--stdin", "--labels", "job=t", option, address]
                + (option == "--syslog" ? ["--listen", "127.0.0.1:0"] : []))
        #expect(ending.code == 1)
        #expect(ending.errors.contains("nothing.invalid:5514: the host is not known"), "\(ending.errors)")
    }

    @Test("an address that is in use ends the program with its name", arguments: ["--listen", "tcp", "udp"])
    func addressInUse(kind: String) async throws {
        let (taken, port) = try boundSocket(kind == "udp" ? SOCK_DGRAM : SOCK_STREAM)
        defer { close(taken) }
        if kind != "udp" { listen(taken, 1) }
        let address = "127.0.0.1:\(port)"
        let arguments =
            kind == "--listen"
            ? ["--listen", address, "--stdin"] : ["--listen", "127.0.0.1:0", "--syslog", "\(kind)://\(address)"]
        let ending = try await BuiltProgram.run(["run", "--labels", "job=t"] + arguments)
        #expect(ending.code == 1)
        #expect(ending.errors.contains("error cannot listen") && ending.errors.contains(address), "\(ending.errors)")
    }
}
