import Foundation
import Synchronization

/// What a test waited for did not come.
struct Overdue: Error, CustomStringConvertible {
    var description: String
}

/// A folder of its own for one test, removed with the last reference.
final class ProgramFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/millrace-program-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
        return path + "/" + name
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try write(name, text.utf8) }

    func append(_ name: String, _ text: String) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path + "/" + name))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }
}

/// The program as it was built beside the tests.
enum BuiltProgram {
    struct Ending {
        var code: Int32
        var output: String
        var errors: String
    }

    static func process(_ arguments: [String]) throws -> Process {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tests).deletingLastPathComponent()
            .appendingPathComponent("millrace")
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// Runs the program to its end, with a file as its standard input; ended by force after 30 seconds.
    static func run(_ arguments: [String], input: String? = nil) async throws -> Ending {
        let folder = try ProgramFolder()
        let process = try process(arguments)
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("out", "")))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("err", "")))
        if let input { process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: input)) }
        try process.run()
        let code = try await end(of: process, within: .seconds(30))
        return Ending(
            code: code, output: try text(of: folder.path + "/out"), errors: try text(of: folder.path + "/err"))
    }

    /// The exit code of the process; kills it and throws when the time is up.
    static func end(of process: Process, within limit: Duration) async throws -> Int32 {
        do {
            try await eventually("the program to end", within: limit) { !process.isRunning }
        } catch {
            kill(process.processIdentifier, SIGKILL)
            throw error
        }
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }

    static func text(of path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }
}

/// Asks again until the answer is yes.
func eventually(
    _ what: String, within limit: Duration = .seconds(15), _ isSo: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !isSo() {
        guard ContinuousClock.now < end else { throw Overdue(description: "waited \(limit) for \(what)") }
        try await Task.sleep(for: .milliseconds(25))
    }
}

/// A running service with its endpoints at a port of the system's choosing.
final class ServedProgram {
    let folder: ProgramFolder
    private let process: Process
    private let log: String
    private(set) var base = ""

    /// `arguments` follow `run --listen 127.0.0.1:0`.
    init(_ arguments: [String], in folder: ProgramFolder) async throws {
        self.folder = folder
        log = try folder.write("log-\(UInt64.random(in: 0...UInt64.max))", "")
        process = try BuiltProgram.process(["run", "--listen", "127.0.0.1:0"] + arguments)
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        try process.run()
        do {
            try await eventually("the endpoints") {
                base =
                    try matches(of: "address=http://127.0.0.1:", in: said()).first.map { "http://127.0.0.1:" + $0 }
                    ?? ""
                guard process.isRunning else { throw Overdue(description: "it ended: \(try said())") }
                return !base.isEmpty
            }
        } catch {
            kill(process.processIdentifier, SIGKILL)
            throw error
        }
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    var isRunning: Bool { process.isRunning }

    /// What it wrote to standard error.
    func said() throws -> String { try BuiltProgram.text(of: log) }

    /// The port that a syslog listener of `scheme` got from the system.
    func syslogPort(_ scheme: String) async throws -> UInt16 {
        var port: UInt16?
        try await eventually("a \(scheme) listener") {
            port = try matches(of: "listening on \(scheme)://127.0.0.1:", in: said()).first.flatMap { UInt16($0) }
            return port != nil
        }
        return port ?? 0
    }

    /// The numbers of `/metrics`, by what stands before them on their lines.
    func metrics() async throws -> [String: Double] {
        var table: [String: Double] = [:]
        for line in try await ask(base + "/metrics").body.split(separator: "\n") where !line.hasPrefix("#") {
            guard let blank = line.lastIndex(of: " ") else { continue }
            table[String(line[..<blank])] = Double(line[line.index(after: blank)...])
        }
        return table
    }

    /// Waits until `/metrics` says what is wanted, and returns all of it.
    @discardableResult
    func metrics(
        within limit: Duration = .seconds(15), until isSo: ([String: Double]) -> Bool
    ) async throws -> [String: Double] {
        var last: [String: Double] = [:]
        do {
            try await eventually("numbers", within: limit) {
                last = try await metrics()
                return isSo(last)
            }
        } catch is Overdue {
            let shown = last.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            throw Overdue(description: "waited \(limit); got \(shown.joined(separator: ", ")); \(try said())")
        }
        return last
    }

    /// Stops it with SIGTERM; the exit code and how long it took.
    @discardableResult
    func stop(within limit: Duration = .seconds(20)) async throws -> (code: Int32, took: Duration) {
        let start = ContinuousClock.now
        process.terminate()
        let code = try await BuiltProgram.end(of: process, within: limit)
        return (code, ContinuousClock.now - start)
    }

    /// Ends it with SIGKILL.
    func murder() async throws {
        kill(process.processIdentifier, SIGKILL)
        _ = try await BuiltProgram.end(of: process, within: .seconds(5))
    }
}

/// The digits behind each `prefix` in a text.
private func matches(of prefix: String, in text: String) -> [String] {
    text.components(separatedBy: prefix).dropFirst().map { String($0.prefix { $0.isNumber }) }
}

/// Whether `promtool` can read an exposition; what it says when it cannot. Its style advice (code 3) is not asked for.
func promtoolComplaint(about exposition: String) throws -> String? {
    let folder = try ProgramFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["promtool", "check", "metrics"]
    process.standardInput = try FileHandle(
        forReadingFrom: URL(fileURLWithPath: folder.write("metrics", exposition)))
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("said", "")))
    try process.run()
    process.waitUntilExit()
    guard ![0, 3].contains(process.terminationStatus) else { return nil }
    return try BuiltProgram.text(of: folder.path + "/said")
}

let hasPromtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].contains {
    FileManager.default.isExecutableFile(atPath: $0)
}
