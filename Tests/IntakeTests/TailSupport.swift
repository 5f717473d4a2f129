import Glibc
import Intake
import Logging
import Records
import Synchronization
import Testing

/// A folder that is gone when the test is over.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/millrace-tail-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit { remove(path) }

    private func remove(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard name != ".", name != ".." else { continue }
                let child = path + "/" + name
                if unlink(child) != 0 { remove(child) }
            }
            closedir(folder)
        }
        rmdir(path)
    }

    subscript(name: String) -> String { path + "/" + name }
}

/// Writes to a file as a program that logs does: opened once, for appending.
final class LogWriter {
    let descriptor: Int32

    init(_ path: String, truncating: Bool = false) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | (truncating ? O_TRUNC : 0), 0o644)
        precondition(descriptor >= 0, "cannot open '\(path)'")
    }

    deinit { close(descriptor) }

    func write(_ text: String) { write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress!, $0.count) }
            precondition(count > 0, "cannot write")
            done += count
        }
    }
}

func append(_ text: String, to path: String) { LogWriter(path).write(text) }

func contents(of path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { all += buffer[..<count] }
    return all
}

struct Entry: Equatable {
    var line: [UInt8]
    var labels: LabelSet
    var time: Timestamp

    var text: String { String(decoding: line, as: UTF8.self) }
}

/// Takes what sources send, as workers and destinations would.
final class Receiver: Sendable {
    /// What happens to the receipts of batches.
    enum Settling {
        case everything
        /// Counted, but never delivered.
        case countingOnly
        case nothing
    }
    private struct State {
        var entries: [Entry] = []
        var batches = 0
        /// Of batches that the rules would count.
        var toCount: [String] = []
    }
    private let state = Mutex(State())
    private let settling: Mutex<Settling>

    init(settling: Settling = .everything) {
        self.settling = Mutex(settling)
    }

    var sink: BatchSink {
        BatchSink(send: { self.take($0) }, offer: { self.take($0) }, whenSpace: { $0() })
    }

    func settle(_ settling: Settling) { self.settling.withLock { $0 = settling } }

    private func take(_ batch: LineBatch) -> Bool {
        let entries = batch.lines.map {
            Entry(
                line: Array(batch.bytes[$0.bytes.range]), labels: batch.streams[Int($0.stream)].labels, time: $0.time)
        }
        state.withLock {
            $0.entries += entries
            $0.batches += 1
            if !batch.isCounted { $0.toCount += entries.map(\.text) }
        }
        switch settling.withLock({ $0 }) {
        case .everything: batch.receipt?.settleCounted(destinations: 0)
        case .countingOnly: batch.receipt?.settleCounted(destinations: 1)
        case .nothing: break
        }
        return true
    }

    var entries: [Entry] { state.withLock { $0.entries } }
    var texts: [String] { entries.map(\.text) }
    var toCount: [String] { state.withLock { $0.toCount } }
    var batches: Int { state.withLock { $0.batches } }

    /// Waits until so many entries have come, at most 20 seconds.
    func texts(count: Int) async -> [String] {
        await eventually { self.state.withLock { $0.entries.count } >= count }
        return texts
    }
}

/// Asks again and again until it is so; false after 20 seconds.
@discardableResult
func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return true
}

/// Everything a tailer needs, and keeps the messages that it logs.
struct TailBench {
    let metrics = SelfMetrics()
    let streams = StreamTable()
    let receiver: Receiver
    let log = LogLines()

    init(settling: Receiver.Settling = .everything) {
        receiver = Receiver(settling: settling)
    }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .debug
        return logger
    }

    func store(_ folder: String) -> CheckpointStore {
        CheckpointStore(directory: folder, metrics: metrics, logger: logger)
    }

    func tailer(
        _ configurations: [TailConfiguration], store: CheckpointStore? = nil, maximumOpenFiles: Int = 1_024,
        checkpointInterval: Swift.Duration = .milliseconds(100)
    ) -> Tailer {
        Tailer(
            configurations, streams: streams, sink: receiver.sink, store: store, metrics: metrics, logger: logger,
            maximumOpenFiles: maximumOpenFiles, checkpointInterval: checkpointInterval)
    }

    /// Runs a tailer while `body` runs, then stops it and has it write its positions.
    func tail(
        _ configurations: [TailConfiguration], store: CheckpointStore? = nil, maximumOpenFiles: Int = 1_024,
        _ body: (Tailer) async throws -> Void
    ) async throws {
        let tailer = tailer(configurations, store: store, maximumOpenFiles: maximumOpenFiles)
        let running = Task { try await tailer.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body(tailer)) } catch { result = .failure(error) }
        running.cancel()
        try await running.value
        tailer.checkpoint()
        try result.get()
    }

    /// Reads files to their ends.
    func readOnce(_ configurations: [TailConfiguration], store: CheckpointStore? = nil, maximumOpenFiles: Int = 1_024)
        async throws
    {
        let once = configurations.map {
            var configuration = $0
            configuration.followsForever = false
            return configuration
        }
        let tailer = tailer(
            once, store: store, maximumOpenFiles: maximumOpenFiles, checkpointInterval: .seconds(60))
        try await tailer.run()
        tailer.checkpoint()
    }

    func counter(_ metric: SelfMetric, _ reason: String, source: String = "tail:0") -> Int {
        Int(metrics.counter(metric, source, reason).current)
    }
}

/// What was logged.
struct LogLines: LogHandler {
    private final class Storage: Sendable {
        let lines = Mutex<[(level: Logger.Level, text: String)]>([])
    }
    private let storage = Storage()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        storage.lines.withLock { $0.append((event.level, "\(event.message)")) }
    }

    func texts(_ level: Logger.Level) -> [String] {
        storage.lines.withLock { $0.filter { $0.level == level }.map(\.text) }
    }
}

func configuration(_ paths: String..., start: TailConfiguration.Start = .beginning, poll: Swift.Duration? = nil)
    -> TailConfiguration
{
    TailConfiguration(
        name: "tail:0", paths: paths, labels: SourceLabels(fixed: LabelSet([Label("job", "test")])), start: start,
        pollInterval: poll)
}

/// Numbers in a fixed, seemingly random order (SplitMix64), so that a failure can be repeated.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
