import Glibc
import Intake
import Records
import Testing

@Suite("Tailing files that rotate")
struct TailRotationTests {
    @Test(
        "a file that is renamed while it is written is read to its end, then the new one", arguments: TailerTests.ways)
    func renamed(poll: Swift.Duration?) async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        let old = LogWriter(folder["x.log"])
        old.write("a1\n")
        try await bench.tail([configuration(folder["x.log"], poll: poll)]) { _ in
            #expect(await bench.receiver.texts(count: 1) == ["a1"])
            old.write("a2\n")
            rename(folder["x.log"], folder["x.log.1"])
            old.write("a3\n")
            let new = LogWriter(folder["x.log"])
            new.write("b1\n")
            #expect(await bench.receiver.texts(count: 4) == ["a1", "a2", "a3", "b1"])
            old.write("a4, by a writer that was slow to notice\n")
            #expect(await bench.receiver.texts(count: 5).last?.prefix(2) == "a4")
            new.write("b2\n")
            #expect(await bench.receiver.texts(count: 6).last == "b2")
        }
        #expect(bench.receiver.entries.count == 6)
    }

    @Test("a rotated file that still matches is not read again", arguments: TailerTests.ways)
    func rotatedMatches(poll: Swift.Duration?) async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        var expected: [String] = []
        append("0\n", to: folder["x.log"])
        try await bench.tail([configuration(folder["x.log*"], poll: poll)]) { _ in
            for number in 1..<6 {
                expected.append("\(number - 1)")
                #expect(await bench.receiver.texts(count: number) == expected)
                for generation in stride(from: number, to: 0, by: -1) {
                    rename(folder["x.log.\(generation)"], folder["x.log.\(generation + 1)"])
                }
                rename(folder["x.log"], folder["x.log.1"])
                append("\(number)\n", to: folder["x.log"])
            }
            #expect(await bench.receiver.texts(count: 6) == expected + ["5"])
        }
        #expect(bench.receiver.texts == expected + ["5"])
    }

    @Test("the last line of a rotated file needs no newline, and comes before the new file")
    func lastLine() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        append("a\nunfinished", to: folder["x.log"])
        try await bench.tail([configuration(folder["x.log"])]) { _ in
            #expect(await bench.receiver.texts(count: 1) == ["a"])
            rename(folder["x.log"], folder["x.log.1"])
            append("b\n", to: folder["x.log"])
            #expect(await bench.receiver.texts(count: 3) == ["a", "unfinished", "b"])
        }
    }

    @Test("a line whose end comes is never cut in two")
    func unfinishedWaits() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        let writer = LogWriter(folder["x.log"])
        writer.write("begin")
        try await bench.tail([configuration(folder["x.log"], poll: .milliseconds(5))]) { tailer in
            await eventually { tailer.status().first?.position == 5 }
            try await Task.sleep(for: .milliseconds(1_500))
            writer.write(" and end\n")
            #expect(await bench.receiver.texts(count: 1) == ["begin and end"])
        }
    }

    @Test("a file that is truncated begins again", arguments: TailerTests.ways)
    func truncated(poll: Swift.Duration?) async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        let writer = LogWriter(folder["x.log"])
        writer.write("a long first line\nsecond\n")
        try await bench.tail([configuration(folder["x.log"], poll: poll)]) { _ in
            #expect(await bench.receiver.texts(count: 2).count == 2)
            ftruncate(writer.descriptor, 0)
            writer.write("new\n")
            #expect(await bench.receiver.texts(count: 3) == ["a long first line", "second", "new"])
            writer.write("more\n")
            #expect(await bench.receiver.texts(count: 4).last == "more")
        }
        #expect(bench.counter(.fileErrors, "truncated") == 1)
    }

    @Test(
        "a log that is copied and truncated is read once, also what was written last", arguments: ["x.log", "x.log*"])
    func copiedAndTruncated(pattern: String) async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        let writer = LogWriter(folder["x.log"])
        try await bench.tail([configuration(folder[pattern], poll: .milliseconds(100))]) { _ in
            var expected: [String] = []
            for round in 0..<4 {
                let texts = (0..<100).map { "round \(round), line \($0)" }
                writer.write(texts.map { $0 + "\n" }.joined() + "half")
                expected += texts
                #expect(await bench.receiver.texts(count: expected.count) == expected)
                writer.write(" and half\nlate \(round)\n")
                expected += ["half and half", "late \(round)"]
                rename(folder["x.log.1"], folder["x.log.2"])
                LogWriter(folder["x.log.1"]).write(contents(of: folder["x.log"]) ?? [])
                ftruncate(writer.descriptor, 0)
                #expect(await bench.receiver.texts(count: expected.count) == expected)
            }
        }
        #expect(bench.receiver.entries.count == 408)
    }

    @Test("a file that is deleted and made again is read from its beginning", arguments: TailerTests.ways)
    func deleted(poll: Swift.Duration?) async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        append("a\n", to: folder["x.log"])
        try await bench.tail([configuration(folder["x.log"], poll: poll)]) { tailer in
            #expect(await bench.receiver.texts(count: 1) == ["a"])
            unlink(folder["x.log"])
            append("b\nunfinished", to: folder["x.log"])
            #expect(await bench.receiver.texts(count: 2) == ["a", "b"])
            unlink(folder["x.log"])
            #expect(await bench.receiver.texts(count: 3) == ["a", "b", "unfinished"])
            await eventually { tailer.status().allSatisfy { $0.position == nil } }
            append("c\n", to: folder["x.log"])
            #expect(await bench.receiver.texts(count: 4).last == "c")
        }
        #expect(bench.metrics.gauge(.filesOpen, "tail:0").current == 0)
    }

    @Test("a link that is turned to another file is followed")
    func links() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        append("one\n", to: folder["1.data"])
        append("two\n", to: folder["2.data"])
        symlink(folder["1.data"], folder["current.log"])
        try await bench.tail([configuration(folder["*.log"])]) { _ in
            #expect(await bench.receiver.texts(count: 1) == ["one"])
            append("one more\n", to: folder["1.data"])
            symlink(folder["2.data"], folder["new"])
            rename(folder["new"], folder["current.log"])
            #expect(await bench.receiver.texts(count: 3) == ["one", "one more", "two"])
            append("two more\n", to: folder["2.data"])
            #expect(await bench.receiver.texts(count: 4).last == "two more")
        }
    }

    @Test("a CRI line whose parts are in two files is joined")
    func partsOverRotation() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        var cri = configuration(folder["0.log"])
        cri.format = .cri
        append("2026-11-22T19:24:38Z stdout F first\n2026-11-22T19:24:38Z stdout P be", to: folder["0.log"])
        append("gin \n", to: folder["0.log"])
        try await bench.tail([cri]) { _ in
            #expect(await bench.receiver.texts(count: 1) == ["first"])
            rename(folder["0.log"], folder["0.log.20261122-192438"])
            append("2026-11-22T19:24:39Z stdout F end\n", to: folder["0.log"])
            #expect(await bench.receiver.texts(count: 2) == ["first", "begin end"])
        }
    }

    /// A writer that appends and rotates by chance; every line must arrive once and in order.
    @Test("whatever a writer does short of truncation, every line arrives once and in order", arguments: 0..<12)
    func model(seed: Int) async throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let folder = TemporaryFolder()
        let bench = TailBench()
        let poll: Swift.Duration? = seed % 3 == 2 ? .milliseconds(5) : nil
        let pattern = seed % 2 == 0 ? folder["x.log"] : folder["x.log*"]
        var writer = LogWriter(folder["x.log"])
        var next = 0
        var generations = 0
        try await bench.tail([configuration(pattern, poll: poll)]) { tailer in
            await eventually { !tailer.status().isEmpty }
            for _ in 0..<120 {
                switch Int.random(in: 0..<10, using: &numbers) {
                case 0..<5:
                    var text = ""
                    for _ in 0..<Int.random(in: 1...200, using: &numbers) {
                        text +=
                            "line \(next) \(String(repeating: "x", count: Int.random(in: 0...300, using: &numbers)))\n"
                        next += 1
                    }
                    writer.write(text)
                case 5, 6:
                    writer.write("line \(next)")
                    if Bool.random(using: &numbers) { try await Task.sleep(for: .milliseconds(3)) }
                    writer.write(" end\n")
                    next += 1
                case 7:
                    for generation in stride(from: generations, to: 0, by: -1) {
                        rename(folder["x.log.\(generation)"], folder["x.log.\(generation + 1)"])
                    }
                    rename(folder["x.log"], folder["x.log.1"])
                    generations += 1
                    if Bool.random(using: &numbers) {
                        writer.write("line \(next) late\n")
                        next += 1
                    }
                    writer = LogWriter(folder["x.log"])
                default: try await Task.sleep(for: .milliseconds(Int.random(in: 0...8, using: &numbers)))
                }
            }
            let texts = await bench.receiver.texts(count: next)
            let arrived = texts.map { Int($0.split(separator: " ")[1]) ?? -1 }
            let wrong = zip(arrived, 0...).first { $0 != $1 }
            #expect(wrong == nil, "in place of line \(wrong?.1 ?? 0) of \(next) came \(wrong?.0 ?? 0)")
        }
        #expect(bench.receiver.entries.count == next)
        #expect(generations > 0 && next > 1_000)
    }
}
