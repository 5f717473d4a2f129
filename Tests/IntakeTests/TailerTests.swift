import Glibc
import Intake
import Logging
import Records
import Synchronization
import Testing

@Suite("Tailing files")
struct TailerTests {
    private func numbered(_ range: Range<Int>) -> [String] { range.map { "line \($0)" } }
    private func text(_ range: Range<Int>) -> String { numbered(range).map { $0 + "\n" }.joined() }

    /// How changes are found: told by the kernel, or by looking.
    static let ways: [Swift.Duration?] = [nil, .milliseconds(10)]

    @Test("what is there is read, then what comes, in pieces", arguments: ways)
    func follows(poll: Swift.Duration?) async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        let writer = LogWriter(folder["x.log"])
        writer.write(text(0..<10))
        try await bench.tail([configuration(folder["x.log"], poll: poll)]) { tailer in
            #expect(await bench.receiver.texts(count: 10) == numbered(0..<10))
            writer.write("line 10\nli")
            #expect(await bench.receiver.texts(count: 11) == numbered(0..<11))
            writer.write("ne 11")
            writer.write("\r\n\nline 13\n")
            #expect(await bench.receiver.texts(count: 14) == numbered(0..<12) + ["", "line 13"])
            let status = tailer.status()
            #expect(status.map(\.place) == [folder["x.log"]] && status[0].lines == 14 && status[0].bytesBehind == 0)
        }
        let entries = bench.receiver.entries
        #expect(entries.allSatisfy { $0.labels == LabelSet([Label("job", "test")]) })
        #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.time < $1.time })
        #expect(bench.metrics.counter(.linesRead, "tail:0").current == 14)
        #expect(
            bench.metrics.counter(.bytesRead, "tail:0").current == UInt64(contents(of: folder["x.log"])?.count ?? 0))
    }

    @Test("with start: end only what comes is read, but all of files that appear later", arguments: ways)
    func startsAtEnd(poll: Swift.Duration?) async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        append(text(0..<5), to: folder["x.log"])
        try await bench.tail([configuration(folder["*.log"], start: .end, poll: poll)]) { tailer in
            await eventually { !tailer.status().isEmpty }
            append("new\n", to: folder["x.log"])
            #expect(await bench.receiver.texts(count: 1) == ["new"])
            append("first\n", to: folder["y.log"])
            #expect(await bench.receiver.texts(count: 2) == ["new", "first"])
        }
    }

    @Test("files and folders that appear are found, and their paths make labels")
    func appears() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        var pods = configuration(folder["pods/*/*/*.log"])
        pods.format = .cri
        pods.labels.variables = ["namespace", "pod", "container"].map {
            .init(name: $0, template: LabelTemplate([.variable(scope: "path", name: $0)]))
        }
        try await bench.tail([pods]) { tailer in
            await eventually { tailer.status().isEmpty }
            for name in ["pods", "pods/shop_cart_1", "pods/shop_cart_1/web"] { mkdir(folder[name], 0o755) }
            append(
                "2026-11-22T19:24:38Z stdout P he\n2026-11-22T19:24:38Z stdout F llo\n",
                to: folder["pods/shop_cart_1/web/0.log"])
            #expect(await bench.receiver.texts(count: 1) == ["hello"])
        }
        let labels = bench.receiver.entries.first?.labels
        #expect(labels?["namespace"] == "shop" && labels?["pod"] == "cart" && labels?["container"] == "web")
    }

    @Test("a file that two patterns, two sources and a link show is read once")
    func once() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        append(text(0..<3), to: folder["x.log"])
        symlink(folder["x.log"], folder["link.log"])
        link(folder["x.log"], folder["hard.log"])
        var second = configuration(folder["*.log"])
        second.name = "tail:1"
        try await bench.tail([configuration(folder["x.log"], folder["*.log"]), second]) { _ in
            #expect(await bench.receiver.texts(count: 3) == numbered(0..<3))
            append("line 3\n", to: folder["link.log"])
            #expect(await bench.receiver.texts(count: 4) == numbered(0..<4))
        }
        #expect(bench.receiver.texts == numbered(0..<4))
    }

    @Test("excluded and compressed files are left out")
    func excludes() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        for name in ["a.log", "b.log", "c.log.gz"] { append("\(name)\n", to: folder[name]) }
        var chosen = configuration(folder["*.log*"])
        chosen.exclude = [Glob("b.*")]
        try await bench.readOnce([chosen])
        #expect(bench.receiver.texts == ["a.log"])
    }

    @Test("a line that is too long is cut, marked, and what follows is read")
    func tooLong() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        let writer = LogWriter(folder["x.log"])
        writer.write("before\n")
        writer.write([UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20))
        writer.write("\nafter\n")
        try await bench.readOnce([configuration(folder["x.log"])])
        #expect(bench.receiver.entries.map(\.line.count) == [6, 256 * 1_024, 5])
        #expect(bench.counter(.linesMarked, "line_too_long") == 1)
    }

    @Test("bytes that are no text pass unchanged")
    func bytes() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        let line: [UInt8] = (0...255).filter { $0 != 0x0A }
        LogWriter(folder["x.log"]).write(line + [0x0A, 0, 0, 0x0A, 0xFF])
        try await bench.readOnce([configuration(folder["x.log"])])
        #expect(bench.receiver.entries.map(\.line) == [line, [0, 0], [0xFF]])
    }

    @Test("reading once takes a last line without a newline, and says what is not there")
    func readsOnce() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        append(text(0..<1_000) + "end", to: folder["x.log"])
        append("other\n", to: folder["y.log"])
        try await bench.readOnce([configuration(folder["x.log"], folder["y*"])])
        #expect(bench.receiver.texts.sorted() == (numbered(0..<1_000) + ["end", "other"]).sorted())
        await #expect(throws: TailError.noFile(pattern: folder["z*"])) {
            try await bench.readOnce([configuration(folder["x.log"], folder["z*"])])
        }
    }

    @Test("more files than may be open are read one after the other", arguments: [true, false])
    func manyFiles(once: Bool) async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        for number in 0..<40 { append("a\(number)\n", to: folder["\(number).log"]) }
        let expected = Set((0..<40).map { "a\($0)" })
        if once {
            try await bench.readOnce([configuration(folder["*.log"])], maximumOpenFiles: 4)
            #expect(bench.receiver.texts.count == 40 && Set(bench.receiver.texts) == expected)
            return
        }
        try await bench.tail([configuration(folder["*.log"])], maximumOpenFiles: 4) { tailer in
            #expect(Set(await bench.receiver.texts(count: 40)) == expected)
            #expect(bench.metrics.gauge(.filesOpen, "tail:0").current <= 4)
            for number in 0..<40 { append("b\(number)\n", to: folder["\(number).log"]) }
            #expect(Set(await bench.receiver.texts(count: 80)) == expected.union((0..<40).map { "b\($0)" }))
        }
        #expect(bench.receiver.texts.count == 80)
    }

    @Test("with start: end nothing is read of what was there, however many files there are")
    func manyFilesFromEnd() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        for number in 0..<12 { append("a\(number)\n", to: folder["\(number).log"]) }
        try await bench.tail([configuration(folder["*.log"], start: .end)], maximumOpenFiles: 3) { tailer in
            await eventually { tailer.status().filter { $0.problem == nil }.count == 12 }
            for number in 0..<12 { append("b\(number)\n", to: folder["\(number).log"]) }
            #expect(Set(await bench.receiver.texts(count: 12)) == Set((0..<12).map { "b\($0)" }))
        }
    }

    @Test("a path that cannot be read is reported once, and read when it can be")
    func unreadable() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        mkdir(folder["x.log"], 0o755)
        symlink("loop.log", folder["loop.log"])
        try await bench.tail([configuration(folder["x.log"], folder["loop.log"], folder["none.log"])]) { tailer in
            await eventually { tailer.status().count == 3 }
            let problems = Dictionary(uniqueKeysWithValues: tailer.status().map { ($0.place, $0.problem) })
            #expect(problems[folder["x.log"]] == "it is a folder")
            #expect(problems[folder["loop.log"]] == "too many levels of symbolic links")
            #expect(problems[folder["none.log"]] == "it is not there")
            append("there\n", to: folder["none.log"])
            #expect(await bench.receiver.texts(count: 1) == ["there"])
            rmdir(folder["x.log"])
            append("now a file\n", to: folder["x.log"])
            #expect(await bench.receiver.texts(count: 2) == ["there", "now a file"])
        }
        #expect(bench.log.texts(.warning).filter { $0.contains("x.log") }.count == 1)
        #expect(bench.counter(.fileErrors, "not_a_file") == 1)
        #expect(bench.counter(.fileErrors, "symlink_loop") == 1)
    }

    @Test("many lines written one by one make few batches")
    func coalesces() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        let writer = LogWriter(folder["x.log"])
        try await bench.tail([configuration(folder["x.log"])]) { tailer in
            await eventually { !tailer.status().isEmpty }
            let started = ContinuousClock.now
            for number in 0..<2_000 {
                writer.write("line \(number)\n")
                if number % 100 == 0 { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(await bench.receiver.texts(count: 2_000) == numbered(0..<2_000))
            let periods = Int((ContinuousClock.now - started) / .milliseconds(20)) + 5
            #expect(bench.receiver.batches <= periods)
        }
    }

    @Test("a full way to the workers holds reading back, and stopping ends it")
    func backpressure() async throws {
        let folder = TemporaryFolder()
        let bench = TailBench()
        append(text(0..<200_000), to: folder["x.log"])
        let queue = Handoff<LineBatch>(limitBytes: 600_000)
        let sink = BatchSink(
            send: { queue.send($0, bytes: $0.byteCount) }, offer: { queue.offer($0, bytes: $0.byteCount) },
            whenSpace: { queue.whenSpace($0) })
        let tailer = Tailer(
            [configuration(folder["x.log"])], streams: bench.streams, sink: sink, store: nil, metrics: bench.metrics,
            logger: bench.logger)
        let running = Task { try await tailer.run() }
        await eventually { queue.waitingBytes > 400_000 }
        #expect((tailer.status().first?.position ?? .max) <= 1_100_000)
        running.cancel()
        queue.close()
        try await running.value
    }

    @Test("standard input is read to its end")
    func standardInput() async throws {
        let bench = TailBench()
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let input = StandardInput(
            labels: SourceLabels(fixed: LabelSet([Label("job", "test")])), streams: bench.streams,
            sink: bench.receiver.sink, metrics: bench.metrics, logger: bench.logger, descriptor: ends[0])
        close(ends[0])
        async let running: Void = input.run()
        for number in 0..<3 {
            let bytes = Array("line \(number)\(number < 2 ? "\n" : "")".utf8)
            #expect(write(ends[1], bytes, bytes.count) == bytes.count)
            if number < 2 { #expect(await bench.receiver.texts(count: number + 1) == numbered(0..<number + 1)) }
        }
        close(ends[1])
        try await running
        #expect(bench.receiver.texts == numbered(0..<3))
        #expect(input.status().map(\.lines) == [3])
    }

    @Test("standard input stops when asked to")
    func standardInputStops() async throws {
        let bench = TailBench()
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let input = StandardInput(
            labels: SourceLabels(fixed: .empty), streams: bench.streams, sink: bench.receiver.sink,
            metrics: bench.metrics, logger: bench.logger, descriptor: ends[0])
        let bytes = Array("a\nunfinished".utf8)
        #expect(write(ends[1], bytes, bytes.count) == bytes.count)
        let running = Task { try await input.run() }
        #expect(await bench.receiver.texts(count: 1) == ["a"])
        running.cancel()
        try await running.value
        #expect(bench.receiver.texts == ["a", "unfinished"])
        close(ends[0])
        close(ends[1])
    }
}
