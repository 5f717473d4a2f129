import Foundation
import Glibc
import Synchronization
import Testing

/// A folder of its own and the processes of one end-to-end test: real programs on loopback ports.
///
/// `withStage` ends every process and removes the folder, whatever the test did.
final class Stage: Sendable {
    let folder: String
    private let programs = Mutex<[RunningProgram]>([])

    fileprivate init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("e2e-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.resolvingSymlinksInPath().path
    }

    func path(_ name: String) -> String { folder + "/" + name }

    /// Writes a file of the folder, and the folders above it; the path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let url = URL(fileURLWithPath: path(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        return url.path
    }

    func read(_ name: String) -> String {
        FileManager.default.contents(atPath: path(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Writes one of `fixtures/e2e` with its `@PLACEHOLDERS@` filled in; the path.
    func fill(_ fixture: String, _ values: [String: String]) throws -> String {
        var text = try String(contentsOfFile: repository + "/fixtures/e2e/" + fixture, encoding: .utf8)
        for (name, value) in values { text = text.replacing("@\(name)@", with: value) }
        return try write(text, to: fixture)
    }

    /// Starts a program; its output goes to files of the folder named after it.
    func start(_ program: String, _ arguments: [String], in directory: String? = nil) throws -> RunningProgram {
        let count = programs.withLock { $0.count }
        let running = try RunningProgram(
            program, arguments, in: directory ?? folder,
            output: path("\(count)-\((program as NSString).lastPathComponent)"))
        programs.withLock { $0.append(running) }
        return running
    }

    /// Starts the program that was built beside the tests, and waits until it serves its endpoints.
    func startMillrace(
        _ arguments: [String], port: Int, in directory: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> RunningProgram {
        let running = try start(builtProgram(), arguments, in: directory)
        try await eventually("millrace serves port \(port)", within: 20, sourceLocation: sourceLocation) {
            if let status = running.status {
                throw ProgramEnded(program: "millrace", status: status, said: running.said)
            }
            return (try? await ask("http://127.0.0.1:\(port)/-/healthy"))?.status == 200
        }
        return running
    }

    fileprivate func close(after error: (any Error)? = nil) async {
        let programs = programs.withLock { $0 }
        for program in programs where program.status == nil { program.signal(SIGTERM) }
        for program in programs where await !program.end(within: 5) {
            Issue.record("\(program.name) did not end at SIGTERM")
        }
        if error != nil {
            for program in programs { print(program.name, "said:\n", program.said.suffix(2_000), separator: "") }
        }
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// Runs a test on a stage; afterwards every process is gone and so is the folder.
func withStage(_ body: (Stage) async throws -> Void) async throws {
    let stage = try Stage()
    do {
        try await body(stage)
    } catch {
        await stage.close(after: error)
        throw error
    }
    await stage.close()
}

/// A program that was started by a test.
final class RunningProgram: Sendable {
    // The class is not Sendable in Foundation's eyes; calls are serialised by the lock.
    private let process: Mutex<Process>
    private let output: String
    var name: String { (output as NSString).lastPathComponent }
    let identifier: Int32

    fileprivate init(_ program: String, _ arguments: [String], in directory: String, output: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.standardInput = FileHandle.nullDevice
        for name in [".out", ".err"] { try Data().write(to: URL(fileURLWithPath: output + name)) }
        process.standardOutput = FileHandle(forWritingAtPath: output + ".out")
        process.standardError = FileHandle(forWritingAtPath: output + ".err")
        // Threads of the pool block all signals, and a program that inherits that does not hear SIGTERM.
        var none = sigset_t()
        var blocked = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &blocked)
        defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }
        try process.run()
        identifier = process.processIdentifier
        self.output = output
        self.process = Mutex(process)
    }

    /// The exit code, or 128 and the signal as a shell says it; nil while it runs.
    var status: Int32? {
        process.withLock { process in
            guard !process.isRunning else { return nil }
            return (process.terminationReason == .exit ? 0 : 128) + process.terminationStatus
        }
    }

    /// What it wrote to standard output and to standard error so far.
    var printed: String { text(".out") }
    var said: String { text(".err") }

    private func text(_ suffix: String) -> String {
        FileManager.default.contents(atPath: output + suffix).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    func signal(_ signal: Int32) { if status == nil { kill(identifier, signal) } }

    /// The status it ends with; nil when it does not end in time.
    func ended(within seconds: Double) async -> Int32? {
        let deadline = ContinuousClock.now.advanced(by: .seconds(seconds))
        while status == nil, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
        return status
    }

    /// Waits for the end, and kills what does not end in time: then false.
    fileprivate func end(within seconds: Double) async -> Bool {
        guard await ended(within: seconds) == nil else { return true }
        signal(SIGKILL)
        _ = await ended(within: 5)
        return false
    }
}

/// A program that should be running is not.
struct ProgramEnded: Error, CustomStringConvertible {
    var program: String
    var status: Int32
    var said: String

    var description: String { "\(program) ended with \(status):\n\(said)" }
}

/// A program of another package that the test cannot do without.
struct MissingProgram: Error, CustomStringConvertible {
    var name: String

    var description: String { "\(name) is not installed; 'make setup-test' installs what the tests talk to" }
}

struct NotInTime: Error, CustomStringConvertible {
    var description: String
}

/// The path of a program of this system; fails with the way to install it where it is missing.
func peer(_ names: String...) throws -> String {
    for name in names {
        for folder in ["/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/bin/", "/sbin/"]
        where FileManager.default.isExecutableFile(atPath: folder + name) { return folder + name }
    }
    throw MissingProgram(name: names[0])
}

/// Asks again until the answer is yes; throws what was awaited when the deadline passes.
func eventually(
    _ what: String, within seconds: Double, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(seconds))
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("not within \(seconds) s: \(what)", sourceLocation: sourceLocation)
            throw NotInTime(description: "not within \(seconds) s: \(what)")
        }
        try await Task.sleep(for: .milliseconds(50))
    }
}

/// The folder of `Package.swift`.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

func builtProgram() throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("millrace").path
}

private let takenPorts = Mutex<Set<Int>>([])

/// A port that nobody has, below those that the system gives to clients; no two calls get the same.
func freePort() throws -> Int {
    for _ in 0..<1_000 {
        let port = Int.random(in: 18_000..<32_000)
        guard takenPorts.withLock({ $0.insert(port).inserted }) else { continue }
        let kinds = [SOCK_STREAM, SOCK_DGRAM]
        if kinds.allSatisfy({ canBind(port, kind: Int32($0.rawValue)) }) { return port }
    }
    throw NotInTime(description: "no free port")
}

private func canBind(_ port: Int, kind: Int32) -> Bool {
    let socket = socket(AF_INET, kind, 0)
    guard socket >= 0 else { return false }
    defer { close(socket) }
    var address = loopback(port)
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}

func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
