import Foundation
import Glibc
import NIOCore
import Synchronization
import Testing

/// A program that is killed at any moment and started again must come to the same numbers as one that never was.
@Suite("Crashes") struct CrashTests {
    private static let rules = """
        groups:
          - name: g
            rules:
              - counter: lines_total
                expr: '{job="x"} | logfmt'
                by: [kind]
              - counter: numbers_total
                expr: '{job="x"} | logfmt | unwrap n'
              - histogram: sizes
                expr: '{job="x"} | logfmt | unwrap n'
                buckets: [100, 1000, 10000]

        """

    /// Appends numbered lines on a thread of its own, and rotates the file now and then.
    private final class Writer: Sendable {
        private let folder: ProgramFolder
        private let isStopped = Atomic<Bool>(false)
        private let isOver = Atomic<Bool>(false)
        private let count = Atomic<Int>(0)
        private let rotates = Atomic<Bool>(false)

        init(_ folder: ProgramFolder, seed: UInt64) {
            self.folder = folder
            Thread { [self] in
                write(seed)
                isOver.store(true, ordering: .releasing)
            }.start()
        }

        private func write(_ seed: UInt64) {
            var random = CrashNumbers(state: seed)
            let path = folder.path + "/x.log"
            var file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            var next = 0
            var generation = 0
            while !isStopped.load(ordering: .acquiring) {
                var text = ""
                for _ in 0..<Int.random(in: 1...40, using: &random) {
                    next += 1
                    text += "kind=k\(next % 3) n=\(next)\n"
                }
                // A line may be written in two steps.
                let bytes = Array(text.utf8)
                let cut = Int.random(in: 0...bytes.count, using: &random)
                for part in [bytes[..<cut], bytes[cut...]] {
                    _ = part.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                }
                count.store(next, ordering: .releasing)
                usleep(UInt32.random(in: 200...4_000, using: &random))
                if rotates.load(ordering: .relaxed), Int.random(in: 0..<250, using: &random) == 0 {
                    for number in stride(from: generation, to: 0, by: -1) {
                        rename("\(path).\(number)", "\(path).\(number + 1)")
                    }
                    rename(path, path + ".1")
                    generation += 1
                    close(file)
                    file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
                }
            }
            close(file)
        }

        func rotate() { rotates.store(true, ordering: .relaxed) }

        func halt() { isStopped.store(true, ordering: .releasing) }

        /// How many lines were written, when no more will be.
        func finish() async throws -> Int {
            isStopped.store(true, ordering: .releasing)
            try await eventually("the writer to end") { isOver.load(ordering: .acquiring) }
            return count.load(ordering: .acquiring)
        }
    }

    /// Reads `/metrics` all the time, whatever process serves it, and takes down every counter that went down.
    private final class Poller: Sendable {
        private let base = Mutex("")
        private let falls = Mutex<[String]>([])
        private let reads = Atomic<Int>(0)
        private let isStopped = Atomic<Bool>(false)

        func watch(_ address: String) { base.withLock { $0 = address } }

        func run() async {
            var last: [String: Double] = [:]
            while !isStopped.load(ordering: .acquiring), !Task.isCancelled {
                let address = base.withLock { $0 }
                if !address.isEmpty, let answer = try? await ask(address + "/metrics", within: .milliseconds(300)),
                    answer.status == 200
                {
                    reads.add(1, ordering: .relaxed)
                    for line in answer.body.split(separator: "\n") where Self.isOfRules(line) {
                        guard let blank = line.lastIndex(of: " "),
                            let value = Double(line[line.index(after: blank)...])
                        else { continue }
                        let name = String(line[..<blank])
                        if let before = last[name], value < before {
                            falls.withLock { $0.append("\(name) fell from \(before) to \(value)") }
                        }
                        last[name] = value
                    }
                }
                try? await Task.sleep(for: .milliseconds(15))
            }
        }

        private static func isOfRules(_ line: Substring) -> Bool {
            ["lines_total", "numbers_total", "sizes_", "millrace_rule_lines", "millrace_lines_evaluated"]
                .contains { line.hasPrefix($0) }
        }

        var readCount: Int { reads.load(ordering: .relaxed) }

        func stop() -> (falls: [String], reads: Int) {
            isStopped.store(true, ordering: .releasing)
            return (falls.withLock { $0 }, reads.load(ordering: .relaxed))
        }
    }

    @Test(
        "killed again and again while lines come, every counter is exact and none ever falls",
        arguments: [(false, 1, 1), (true, 2, 2), (true, 3, 1)])
    func killed(rotates: Bool, seed: UInt64, workers: Int) async throws {
        var random = CrashNumbers(state: seed &* 977)
        let folder = try ProgramFolder()
        let rules = try folder.write("rules.yaml", Self.rules)
        let writer = Writer(folder, seed: seed)
        defer { writer.halt() }
        let poller = Poller()
        async let polling: Void = poller.run()
        let arguments = [
            "--tail", folder.path + "/x.log", "--labels", "job=x", "--rules", rules, "--state", folder.path + "/state",
        ]
        for round in 0..<12 {
            let program = try await ServedProgram(
                arguments + ["--workers", "\(round % 2 == 0 ? workers : 1)"], in: folder)
            poller.watch(program.base)
            if round == 0, rotates {
                // What was rotated away before anybody looked at it would never be read.
                try await program.metrics { !$0.isEmpty }
                writer.rotate()
            }
            let before = poller.readCount
            if round % 3 == 1 { try await eventually("somebody to read") { poller.readCount > before } }
            if round == 6 {
                try await Task.sleep(for: .milliseconds(100))
                _ = try await program.stop()
            } else {
                // Now and then before the first checkpoint, mostly behind several.
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...2_200, using: &random)))
                try await program.murder()
            }
        }
        let last = try await ServedProgram(arguments, in: folder)
        poller.watch(last.base)
        let count = try await writer.finish()
        let numbers = try await last.metrics { $0["numbers_total"] == Double(count * (count + 1) / 2) }
        let (falls, reads) = poller.stop()
        await polling
        #expect(falls.isEmpty)
        #expect(reads > 3)
        for kind in 0..<3 {
            #expect(numbers["lines_total{kind=\"k\(kind)\"}"] == Double((1...count).count { $0 % 3 == kind }))
        }
        #expect(numbers["sizes_count"] == Double(count))
        #expect(numbers["sizes_bucket{le=\"100\"}"] == Double(min(100, count)))
        #expect(numbers["millrace_rule_lines_matched_total{group=\"g\",rule=\"numbers_total\"}"] == Double(count))
        #expect(numbers["millrace_lines_evaluated_total"] == Double(count))
        _ = try await last.stop()
    }

    @Test("after a reload and a crash unchanged rules go on, and so do those that the reload brought")
    func reloaded() async throws {
        let folder = try ProgramFolder()
        let rules = try folder.write("rules.yaml", Self.rules)
        try folder.write("x.log", "n=1 kind=k0\nn=2 kind=k1\n")
        let arguments = [
            "--tail", folder.path + "/x.log", "--labels", "job=x", "--rules", rules, "--state", folder.path + "/state",
        ]
        let program = try await ServedProgram(arguments, in: folder)
        try await program.metrics { $0["numbers_total"] == 3 }
        try folder.write(
            "rules.yaml",
            Self.rules.replacing(
                "      - histogram", with: "      - counter: new_total\n        expr: '{job=\"x\"}'\n      - histogram"
            )
            .replacing("[100, 1000, 10000]", with: "[5]"))
        #expect(try await ask(program.base + "/-/reload", method: "POST").status == 200)
        try folder.append("x.log", "n=3 kind=k0\n")
        try await program.metrics { $0["numbers_total"] == 6 && $0["new_total"] == 1 && $0["sizes_count"] == 1 }
        try await eventually("a checkpoint with the new rule") {
            Self.checkpoint(in: folder, has: 6) && Self.checkpoint(in: folder, has: "new_total")
                && Self.checkpoint(in: folder, has: "buckets: [5.0]")
        }
        try await program.murder()
        try folder.append("x.log", "n=4 kind=k0\n")
        let next = try await ServedProgram(arguments, in: folder)
        let numbers = try await next.metrics { $0["numbers_total"] == 10 }
        #expect(numbers["new_total"] == 2)
        #expect(numbers["sizes_count"] == 2)
        #expect(numbers["lines_total{kind=\"k0\"}"] == 3)
        _ = try await next.stop()
    }

    @Test("what syslog brought is still counted after a stop, and after a crash behind a checkpoint")
    func syslog() async throws {
        let folder = try ProgramFolder()
        let rules = try folder.write(
            "rules.yaml", "groups: [{name: g, rules: [{counter: n_total, expr: '{job=\"x\"}'}]}]\n")
        let arguments = [
            "--syslog", "udp://127.0.0.1:0", "--labels", "job=x", "--rules", rules, "--state", folder.path + "/state",
        ]
        for round in 0..<3 {
            let program = try await ServedProgram(arguments, in: folder)
            let port = try await program.syslogPort("udp")
            sendOverUDP([Array("<13>1 - h a - - - one".utf8), Array("<13>1 - h a - - - two".utf8)], to: port)
            let wanted = Double(2 * round + 2)
            try await program.metrics { $0["n_total"] == wanted }
            if round == 1 {
                try await eventually("a checkpoint") { Self.checkpoint(in: folder, has: wanted) }
                try await program.murder()
            } else {
                _ = try await program.stop()
            }
        }
    }

    /// Whether a text is in the newest checkpoint.
    private static func checkpoint(in folder: ProgramFolder, has text: String) -> Bool {
        checkpoint(in: folder, has: Data(text.utf8))
    }

    /// Whether a number of a series is in the newest checkpoint.
    private static func checkpoint(in folder: ProgramFolder, has number: Double) -> Bool {
        checkpoint(in: folder, has: withUnsafeBytes(of: number.bitPattern.littleEndian) { Data($0) })
    }

    private static func checkpoint(in folder: ProgramFolder, has part: Data) -> Bool {
        FileManager.default.contents(atPath: folder.path + "/state/checkpoint")?.range(of: part) != nil
    }

    @Test("two processes do not use one state folder")
    func lock() async throws {
        let folder = try ProgramFolder()
        let arguments = [
            "--tail", try folder.write("x.log", ""), "--labels", "job=x", "--state", folder.path + "/state",
        ]
        let first = try await ServedProgram(arguments, in: folder)
        let second = try await BuiltProgram.run(["run", "--listen", "127.0.0.1:0"] + arguments)
        #expect(second.code == 1)
        #expect(second.errors.contains("the state folder '\(folder.path)/state' is in use by another process ("))
        try await first.murder()
        let third = try await ServedProgram(arguments, in: folder)
        _ = try await third.stop()
    }

    @Test("of two checkpoints that are damaged in part the series and the positions come from the same one")
    func damaged() async throws {
        let folder = try ProgramFolder()
        let rules = try folder.write("rules.yaml", Self.rules)
        try folder.write("x.log", "n=1 kind=k0\n")
        let arguments = [
            "--tail", folder.path + "/x.log", "--labels", "job=x", "--rules", rules, "--state", folder.path + "/state",
        ]
        var program = try await ServedProgram(arguments, in: folder)
        try await program.metrics { $0["numbers_total"] == 1 }
        _ = try await program.stop()
        program = try await ServedProgram(arguments, in: folder)
        try folder.append("x.log", "n=2 kind=k0\n")
        try await program.metrics { $0["numbers_total"] == 3 }
        _ = try await program.stop()
        let path = folder.path + "/state/checkpoint"
        var bytes = try #require(FileManager.default.contents(atPath: path))
        bytes[bytes.count / 2] ^= 0x55
        try folder.write("state/checkpoint", bytes)
        program = try await ServedProgram(arguments, in: folder)
        try await program.metrics { $0["numbers_total"] == 3 }
        #expect(try program.said().contains("its checksum is wrong"))
        _ = try await program.stop()
        try folder.write("state/checkpoint", "x")
        try folder.write("state/checkpoint.1", "x")
        program = try await ServedProgram(arguments, in: folder)
        try await program.metrics { $0["numbers_total"] == 3 }
        #expect(try program.said().contains("no usable checkpoint"))
        _ = try await program.stop()
    }
}

/// Numbers that look random and are the same for the same seed.
private struct CrashNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
