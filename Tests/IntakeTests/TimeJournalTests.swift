import Glibc
import Logging
import Records
import Testing

@testable import Intake

@Suite("Times over a crash")
struct TimeJournalTests {
    /// Lines that the last process has sent and no checkpoint covers get their times again.
    @Test("lines that are read again have the times that they had, whatever was written since")
    func sameTimes() async throws {
        let folder = TemporaryFolder()
        let path = folder["x.log"]
        let first = TailBench()
        var total = 0
        append("settled\n", to: path)
        try await first.tail([configuration(path)], store: first.store(folder["state"])) { tailer in
            _ = await first.receiver.texts(count: 1)
            tailer.checkpoint()
            first.receiver.settle(.nothing)
            for round in 0..<20 {
                var text = ""
                for line in 0..<(round % 5 == 4 ? 10_000 : 50) {
                    text += "\(round) \(line) " + String(repeating: "x", count: line % 90) + "\r\n"
                }
                // Over the limit for a line, and over what is read at once.
                if round == 7 { text += String(repeating: "long", count: 75_000) + "\n" }
                append(text, to: path)
                total += text.utf8.count { $0 == UInt8(ascii: "\n") }
                _ = await first.receiver.texts(count: total + 1)
            }
        }
        let before = first.receiver.entries
        #expect(before.count == total + 1)
        append("new\nand unfinished", to: path)
        for _ in 0..<2 {
            let again = TailBench(settling: .nothing)
            try await again.tail([configuration(path)], store: again.store(folder["state"])) { _ in
                _ = await again.receiver.texts(count: total + 1)
            }
            let entries = again.receiver.entries
            #expect(entries.count == total + 1 && entries.last?.text == "new")
            let changed = zip(entries, before.dropFirst()).filter { $0.0 != $0.1 }.map(\.0.text.utf8.count)
            #expect(changed.isEmpty)
        }
    }

    @Test("other lines in their place get new times")
    func replaced() async throws {
        let folder = TemporaryFolder()
        let path = folder["x.log"]
        append("one\ntwo\n", to: path)
        let first = TailBench(settling: .nothing)
        try await first.tail([configuration(path)], store: first.store(folder["state"])) { _ in
            _ = await first.receiver.texts(count: 2)
        }
        LogWriter(path, truncating: true).write("ONE\nTWO\n")
        let second = TailBench(settling: .nothing)
        try await second.tail([configuration(path)], store: second.store(folder["state"])) { _ in
            _ = await second.receiver.texts(count: 2)
        }
        #expect(second.receiver.texts == ["ONE", "TWO"])
        #expect(Set(first.receiver.entries.map(\.time)).isDisjoint(with: second.receiver.entries.map(\.time)))
    }

    @Test("what a checkpoint covers is forgotten, and the file stays small")
    func forgotten() throws {
        let folder = TemporaryFolder()
        #expect(mkdir(folder["state"], 0o700) == 0)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let journal = TimeJournal(directory: folder["state"], logger: logger)
        let file = FileIdentity(device: 1, inode: 2)
        let bytes = Array("line\n".utf8)
        for number in 0..<20_000 {
            let start = Int64(number) * 5
            journal.note(file, start, start + 5, time: Int64(number), bytes: bytes)
            if number % 1_000 == 0 { journal.checkpoint(covering: [2: start], lastSucceeded: true) }
        }
        #expect((contents(of: folder["state/times"])?.count ?? .max) < 48 * 8_000)
        // A checkpoint that was not written covers nothing.
        journal.checkpoint(covering: [2: 100_000], lastSucceeded: true)
        journal.checkpoint(covering: [2: 100_000], lastSucceeded: false)
        let again = TimeJournal(directory: folder["state"], logger: logger)
        #expect(again.entry(of: file, from: 99_990)?.time == 19_998)
        #expect(again.entry(of: file, from: 99_992)?.time == 19_999)
        #expect(again.entry(of: FileIdentity(device: 1, inode: 3), from: 0) == nil)
        again.checkpoint(covering: [2: 100_000], lastSucceeded: true)
        again.checkpoint(covering: [2: 100_000], lastSucceeded: true)
        #expect(again.entry(of: file, from: 0) == nil)
    }

    @Test("damage costs the records that are damaged")
    func damaged() throws {
        let folder = TemporaryFolder()
        #expect(mkdir(folder["state"], 0o700) == 0)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let file = FileIdentity(device: 1, inode: 2)
        let journal = TimeJournal(directory: folder["state"], logger: logger)
        for number in 0..<3 {
            journal.note(file, Int64(number), Int64(number) + 1, time: 100 + Int64(number), bytes: [10])
        }
        var whole = try #require(contents(of: folder["state/times"]))
        #expect(whole.count == 3 * 48)
        whole[60] ^= 1
        LogWriter(folder["state/times"], truncating: true).write(whole.dropLast(1) + [])
        let again = TimeJournal(directory: folder["state"], logger: logger)
        #expect(again.entry(of: file, from: 0)?.time == 100)
        #expect(again.entry(of: file, from: 1) == nil)
    }
}
