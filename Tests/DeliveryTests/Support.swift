import Foundation
import Records
import Synchronization

/// One line of a batch to be made.
struct Entry {
    var stream: Records.Stream
    var nanoseconds: Int64
    var line: [UInt8]
    var metadata: [(String, String)] = []
}

func batch(_ entries: [Entry], receipt: Receipt? = nil) -> LineBatch {
    var builder = LineBatchBuilder(capacity: 1_024)
    for entry in entries {
        let range = builder.append(entry.line)
        builder.addLine(
            range, time: Timestamp(nanoseconds: entry.nanoseconds), stream: builder.index(of: entry.stream)!)
        for (name, value) in entry.metadata {
            builder.addMetadata(name: builder.metadataName(name), value: builder.append(Array(value.utf8)))
        }
    }
    return builder.seal(receipt: receipt)
}

/// A batch of one stream with lines `text 0`, `text 1`, …, a nanosecond apart.
func batch(_ stream: Records.Stream, _ text: String, lines: Int = 1, receipt: Receipt? = nil) -> LineBatch {
    batch(
        (0..<lines).map { Entry(stream: stream, nanoseconds: Int64($0), line: Array("\(text) \($0)".utf8)) },
        receipt: receipt)
}

/// Receipts that note in which order, and how often, they were settled.
final class Receipts: Sendable {
    private let order = Mutex<[Int]>([])

    func make(_ number: Int) -> Receipt {
        let receipt = Receipt(onCounted: {}, onDelivered: { self.order.withLock { $0.append(number) } })
        receipt.settleCounted(destinations: 1)
        return receipt
    }

    var settled: [Int] { order.withLock { $0 } }
}

/// Whether the condition comes true within half a minute.
func eventually(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return condition()
}

/// Runs a program with the input, and gives its exit status and all that it printed.
func run(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> (status: Int32, output: [UInt8]) {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appendingPathComponent("input")
    let target = folder.appendingPathComponent("output")
    try Data(input).write(to: source)
    try Data().write(to: target)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: source)
    process.standardOutput = try FileHandle(forWritingTo: target)
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, Array(try Data(contentsOf: target)))
}

func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("delivery-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}
