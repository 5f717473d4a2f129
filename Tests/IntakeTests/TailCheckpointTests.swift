import Glibc
import Logging
import Records
import Testing

@testable import Intake

@Suite("Positions over a restart")
struct TailCheckpointTests {
    @Test("reading goes on where it ended")
    func resumes() async throws {
        let folder = TemporaryFolder()
        append("1\n2\n3", to: folder["x.log"])
        let first = TailBench()
        let store = first.store(folder["state"])
        try await first.tail([configuration(folder["x.log"])], store: store) { tailer in
            #expect(await first.receiver.texts(count: 2) == ["1", "2"])
            tailer.checkpoint()
        }
        append("4\n5\n", to: folder["x.log"])
        let second = TailBench()
        try await second.tail([configuration(folder["x.log"])], store: second.store(folder["state"])) { _ in
            #expect(await second.receiver.texts(count: 2) == ["34", "5"])
        }
        #expect(second.receiver.texts == ["34", "5"])
    }

    @Test("what was counted but not delivered is read again", arguments: [Receiver.Settling.countingOnly, .nothing])
    func unsettled(settling: Receiver.Settling) async throws {
        let folder = TemporaryFolder()
        append("1\n2\n", to: folder["x.log"])
        let first = TailBench()
        try await first.tail([configuration(folder["x.log"])], store: first.store(folder["state"])) { tailer in
            _ = await first.receiver.texts(count: 2)
            first.receiver.settle(settling)
            append("3\n", to: folder["x.log"])
            _ = await first.receiver.texts(count: 3)
            tailer.checkpoint()
        }
        let second = TailBench()
        try await second.readOnce([configuration(folder["x.log"])], store: second.store(folder["state"]))
        #expect(second.receiver.texts == ["3"])
    }

    @Test("what was counted but not delivered is delivered, and not counted again")
    func deliveredOnly() async throws {
        let folder = TemporaryFolder()
        append("1\n2\n", to: folder["x.log"])
        let first = TailBench()
        try await first.tail([configuration(folder["x.log"])], store: first.store(folder["state"])) { _ in
            _ = await first.receiver.texts(count: 2)
            first.receiver.settle(.countingOnly)
            append("3\n4\n", to: folder["x.log"])
            _ = await first.receiver.texts(count: 4)
        }
        append("5\n", to: folder["x.log"])
        let second = TailBench()
        try await second.readOnce([configuration(folder["x.log"])], store: second.store(folder["state"]))
        #expect(second.receiver.texts == ["3", "4", "5"])
        #expect(second.receiver.toCount == ["5"])
    }

    @Test("a line in parts that had no end is counted when it ends, and lines between its parts are not again")
    func partsOverARestart() async throws {
        func cri(_ stream: String, _ tag: String, _ text: String) -> String {
            "2024-01-01T00:00:00.000000001Z \(stream) \(tag) \(text)\n"
        }
        let folder = TemporaryFolder()
        var configuration = configuration(folder["x.log"])
        configuration.format = .cri
        append(cri("stdout", "P", "be") + cri("stderr", "F", "one") + cri("stderr", "F", "two"), to: folder["x.log"])
        let first = TailBench()
        try await first.tail([configuration], store: first.store(folder["state"])) { _ in
            #expect(await first.receiver.texts(count: 2) == ["one", "two"])
        }
        append(cri("stderr", "F", "three") + cri("stdout", "F", "gun"), to: folder["x.log"])
        let second = TailBench()
        try await second.readOnce([configuration], store: second.store(folder["state"]))
        #expect(second.receiver.toCount == ["three", "begun"])
    }

    @Test("the copy of a truncated file has what was on its way when the file was truncated")
    func truncatedWithACopy() async throws {
        let folder = TemporaryFolder()
        append("1\n2\n", to: folder["x.log"])
        let first = TailBench()
        try await first.tail([configuration(folder["x.log"])], store: first.store(folder["state"])) { _ in
            _ = await first.receiver.texts(count: 2)
            first.receiver.settle(.nothing)
            append("3\n", to: folder["x.log"])
            _ = await first.receiver.texts(count: 3)
            append("1\n2\n3\n4\n", to: folder["x.log.1"])
            truncate(folder["x.log"], 0)
            append("5\n", to: folder["x.log"])
            _ = await first.receiver.texts(count: 5)
        }
        let second = TailBench()
        try await second.readOnce([configuration(folder["x.log"])], store: second.store(folder["state"]))
        #expect(second.receiver.toCount.sorted() == ["3", "4", "5"])
    }

    @Test("positions are written down without being asked, and a tailer that is killed repeats little")
    func periodic() async throws {
        let folder = TemporaryFolder()
        append("1\n", to: folder["x.log"])
        let bench = TailBench()
        try await bench.tail([configuration(folder["x.log"])], store: bench.store(folder["state"])) { _ in
            _ = await bench.receiver.texts(count: 1)
            await eventually { contents(of: folder["state/checkpoint"]) != nil }
            let written = try Checkpoint(decoding: contents(of: folder["state/checkpoint"]) ?? [])
            let records = PositionRecord.decode(written.sections[PositionRecord.section] ?? [])
            #expect(records.map(\.path) == [folder["x.log"]])
        }
    }

    @Test("a file that was rotated while we were down is finished first, those between it and the new one too")
    func rotatedWhileDown() async throws {
        for pattern in ["x.log", "x.log*"] {
            let folder = TemporaryFolder()
            append("a1\na2\n", to: folder["x.log"])
            append("old\n", to: folder["x.log-old.1"])
            let first = TailBench()
            try await first.readOnce([configuration(folder["x.log"])], store: first.store(folder["state"]))
            append("a3\n", to: folder["x.log"])
            rename(folder["x.log"], folder["x.log.1"])
            append("b1\n", to: folder["x.log"])
            rename(folder["x.log.1"], folder["x.log.2"])
            rename(folder["x.log"], folder["x.log.1"])
            append("c1\n", to: folder["x.log"])
            let second = TailBench()
            var next = configuration(folder[pattern])
            next.exclude = [Glob("*old*")]
            try await second.tail([next], store: second.store(folder["state"])) { _ in
                let texts = await second.receiver.texts(count: 3)
                #expect(pattern == "x.log" ? texts == ["a3", "b1", "c1"] : Set(texts) == ["a3", "b1", "c1"])
            }
            #expect(second.receiver.entries.count == 3)
        }
    }

    @Test("a file that was rotated away for good is counted as lost")
    func lost() async throws {
        let folder = TemporaryFolder()
        append("1\n", to: folder["x.log"])
        let first = TailBench()
        try await first.tail([configuration(folder["x.log"])], store: first.store(folder["state"])) { tailer in
            _ = await first.receiver.texts(count: 1)
            first.receiver.settle(.nothing)
            append("22\n", to: folder["x.log"])
            _ = await first.receiver.texts(count: 2)
            tailer.checkpoint()
        }
        // Made before the old one is gone, or it would get the same inode number.
        append("new\n", to: folder["new"])
        rename(folder["new"], folder["x.log"])
        let second = TailBench()
        try await second.readOnce([configuration(folder["x.log"])], store: second.store(folder["state"]))
        #expect(second.receiver.texts == ["new"])
        #expect(second.counter(.bytesLost, "rotated_away") == 3)
    }

    @Test("a file that was rewritten or shortened while we were down is read from its beginning")
    func rewritten() async throws {
        for (text, reason) in [("other\ntext\n", "replaced"), ("1\n", "truncated")] {
            let folder = TemporaryFolder()
            append("1\n2\n", to: folder["x.log"])
            let first = TailBench()
            try await first.readOnce([configuration(folder["x.log"])], store: first.store(folder["state"]))
            LogWriter(folder["x.log"], truncating: true).write(text)
            let second = TailBench()
            try await second.readOnce([configuration(folder["x.log"])], store: second.store(folder["state"]))
            #expect(second.receiver.texts == text.split(separator: "\n").map(String.init))
            #expect(second.counter(.fileErrors, reason) == 1)
        }
    }

    @Test("a damaged checkpoint gives way to the one before, two of them to 'start'")
    func damaged() async throws {
        let folder = TemporaryFolder()
        append("1\n", to: folder["x.log"])
        for line in ["2\n", "3\n"] {
            let bench = TailBench()
            try await bench.readOnce([configuration(folder["x.log"])], store: bench.store(folder["state"]))
            append(line, to: folder["x.log"])
        }
        #expect(contents(of: folder["state/checkpoint.1"]) != nil)
        LogWriter(folder["state/checkpoint"]).write("x")
        let second = TailBench()
        let store = second.store(folder["state"])
        #expect(second.log.texts(.error).count == 1 && second.log.texts(.warning).count == 1)
        try await second.readOnce([configuration(folder["x.log"])], store: store)
        #expect(second.receiver.texts == ["2", "3"])

        LogWriter(folder["state/checkpoint"], truncating: true).write("nonsense")
        LogWriter(folder["state/checkpoint.1"], truncating: true).write("")
        let third = TailBench()
        try await third.readOnce([configuration(folder["x.log"])], store: third.store(folder["state"]))
        #expect(third.receiver.texts == ["1", "2", "3"])
        #expect(third.log.texts(.error).count == 3)
    }

    @Test("a checkpoint keeps sections that nobody knows, and no damage goes unnoticed")
    func format() throws {
        var checkpoint = Checkpoint()
        checkpoint.sections = ["files": Array("a\nb".utf8), "series": [0, 10, 255], "empty": []]
        let bytes = checkpoint.encoded()
        #expect(try Checkpoint(decoding: bytes) == checkpoint)
        #expect(try Checkpoint(decoding: Checkpoint().encoded()) == Checkpoint())
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x11
            #expect(throws: Checkpoint.Damage.self) { try Checkpoint(decoding: damaged) }
            #expect(throws: Checkpoint.Damage.self) { try Checkpoint(decoding: Array(bytes[..<index])) }
        }
        let folder = TemporaryFolder()
        let bench = TailBench()
        mkdir(folder["state"], 0o755)
        LogWriter(folder["state/checkpoint"]).write(bytes)
        let store = bench.store(folder["state"])
        store.provide("files") { Array("new".utf8) }
        #expect(store.write())
        #expect(bench.store(folder["state"]).section("series") == [0, 10, 255])
        #expect(bench.store(folder["state"]).section("files") == Array("new".utf8))
    }

    @Test("records of positions keep any path")
    func records() {
        let records = ["/a b/%\t\n\"é😀", "/x"].map {
            PositionRecord(
                path: $0, identity: FileIdentity(device: .max, inode: 7), size: 1, counted: 2, delivered: .max,
                fingerprint: Fingerprint([1, 2]), seen: 5)
        }
        #expect(Set(PositionRecord.decode(PositionRecord.encode(records))) == Set(records))
        #expect(PositionRecord.decode(Array("garbage\n\n/x\t1\t2\n/x\t-1\t2\t3\t4\t5\t6\t7\t8\n".utf8)).isEmpty)
    }

    @Test("a disk that is full, or no folder, is reported once; reading goes on, and writing when it can")
    func unwritable() async throws {
        let folder = TemporaryFolder()
        append("1\n", to: folder["x.log"])
        // A file where the folder should be: unlike permissions, this stops the superuser as well.
        append("", to: folder["state"])
        let bench = TailBench()
        let store = bench.store(folder["state"])
        try await bench.tail([configuration(folder["x.log"])], store: store) { tailer in
            #expect(await bench.receiver.texts(count: 1) == ["1"])
            for _ in 0..<3 { tailer.checkpoint() }
            #expect(bench.metrics.counter(.checkpoints, "failed").current >= 3)
            #expect(bench.log.texts(.error).count <= 2 && !bench.log.texts(.error).isEmpty)
            #expect(store.problem != nil)
            unlink(folder["state"])
            tailer.checkpoint()
            #expect(store.problem == nil && contents(of: folder["state/checkpoint"]) != nil)
        }
    }

    static let mayMount: Bool = {
        let folder = TemporaryFolder()
        guard mount("none", folder.path, "tmpfs", 0, "size=4k") == 0 else { return false }
        umount(folder.path)
        return true
    }()

    @Test("a full disk leaves the last good checkpoint", .enabled(if: mayMount, "mounting a small disk is not allowed"))
    func full() async throws {
        let folder = TemporaryFolder()
        #expect(mount("none", folder.path, "tmpfs", 0, "size=64k") == 0)
        defer { umount(folder.path) }
        let bench = TailBench()
        let store = bench.store(folder["state"])
        store.provide("series") { [1] }
        #expect(store.write())
        store.provide("series") { [UInt8](repeating: 2, count: 100_000) }
        #expect(!store.write() && !store.write())
        #expect(bench.log.texts(.error).count == 1 && bench.log.texts(.error)[0].contains("no space left"))
        #expect(bench.store(folder["state"]).section("series") == [1])
        store.provide("series") { [3] }
        #expect(store.write())
        #expect(bench.store(folder["state"]).section("series") == [3])
    }
}
