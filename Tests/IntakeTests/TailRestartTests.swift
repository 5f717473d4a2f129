import Glibc
import Intake
import Records
import Testing

@Suite("Restarts while a writer goes on")
struct TailRestartTests {
    /// Appends numbered lines and rotates, as a program and logrotate would.
    private struct RotatingWriter {
        let folder: TemporaryFolder
        var log: LogWriter
        var next = 0
        var generations = 0

        init(_ folder: TemporaryFolder) {
            self.folder = folder
            log = LogWriter(folder["x.log"])
            write(1)
        }

        mutating func write(_ count: Int) {
            log.write((next..<next + count).map { "line \($0)\n" }.joined())
            next += count
        }

        mutating func rotate() {
            for generation in stride(from: generations, to: 0, by: -1) {
                rename(folder["x.log.\(generation)"], folder["x.log.\(generation + 1)"])
            }
            rename(folder["x.log"], folder["x.log.1"])
            generations += 1
            log = LogWriter(folder["x.log"])
        }
    }

    @Test("stopped and started again at any moment, every line arrives once and in order", arguments: 0..<20)
    func model(seed: Int) async throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let folder = TemporaryFolder()
        var writer = RotatingWriter(folder)
        let pattern = seed % 2 == 0 ? "x.log" : "x.log*"
        var arrived: [Int] = []
        for round in 0..<8 {
            let bench = TailBench()
            try await bench.tail([configuration(folder[pattern])], store: bench.store(folder["state"])) { tailer in
                await eventually { !tailer.status().isEmpty }
                for _ in 0..<Int.random(in: 0...10, using: &numbers) {
                    writer.write(Int.random(in: 1...50, using: &numbers))
                    if Int.random(in: 0..<4, using: &numbers) == 0 { writer.rotate() }
                    if Bool.random(using: &numbers) { try await Task.sleep(for: .milliseconds(1)) }
                }
                if round == 7 { _ = await bench.receiver.texts(count: writer.next - arrived.count) }
            }
            // As the service does: when all has settled, the positions are written for the last time.
            arrived += bench.receiver.texts.compactMap { Int($0.dropFirst(5)) }
            for _ in 0..<Int.random(in: 0...3, using: &numbers) {
                writer.write(Int.random(in: 1...20, using: &numbers))
                writer.rotate()
            }
        }
        let wrong = zip(arrived, 0...).first { $0 != $1 }
        #expect(wrong == nil, "in place of line \(wrong?.1 ?? 0) of \(writer.next) came \(wrong?.0 ?? 0)")
    }
}
