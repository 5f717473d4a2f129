public import Logging
import NIOPosix
import Records
import Synchronization

/// Where a destination keeps what it could not deliver, and how much of it.
public struct SpoolPlace: Hashable, Sendable {
    /// A folder of its own, made if need be.
    public var directory: String
    /// The most that the folder holds, in bytes; the oldest lines go first.
    public var bytes: Int
    /// Lines that have waited for longer are dropped.
    public var age: Duration

    public init(directory: String, bytes: Int = 1 << 30, age: Duration = .seconds(86_400)) {
        self.directory = directory
        self.bytes = bytes
        self.age = age
    }
}

extension SpoolPlace {
    /// Says which folders of spools hold lines for destinations that are not configured any more.
    public static func reportForgotten(in directory: String, except used: Set<String>, logger: Logger) {
        for name in (try? SpoolFolder.names(in: directory)) ?? [] where !used.contains(directory + "/" + name) {
            let names = (try? SpoolFolder.names(in: directory + "/" + name)) ?? []
            guard names.contains(where: { $0.hasSuffix(Spool.suffix) }) else { continue }
            logger.warning(
                "the spool holds lines for a destination that is not configured; they stay until the folder is removed",
                metadata: ["folder": "\(directory)/\(name)"])
        }
    }
}

extension LokiDestination {
    /// The name of the folder for this destination: its host and port, and a checksum of the path and the tenant, so that
    /// nobody gets the lines of another tenant. Never has a secret.
    public var folderName: String {
        let plain = label.utf8.map { isNameByte($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") ? $0 : 0x5F }
        let path = url.dropFirst(name.utf8.count).prefix { $0 != "?" }
        let digits = String(Zlib.crc32(Array("\(name)\n\(path)\n\(tenant ?? "")".utf8)), radix: 16)
        return String(decoding: plain, as: UTF8.self) + "-" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}

/// The spool of one destination with the thread that waits for the disk, so that no task does.
final class SpoolKeeper: Sendable {
    private let spool: Mutex<Spool>
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let isStarted = Atomic<Bool>(false)
    private let bytes: SelfGauge
    private let segments: SelfGauge
    private let oldest: SelfGauge
    private let damaged: SelfCounter
    /// What was counted of the damage.
    private let reported = Atomic<Int>(0)
    let lines: SelfCounter
    let tornBytes: Int
    /// In nanoseconds.
    let age: Int64

    /// Looks at what is in the folder. Blocks.
    init(_ place: SpoolPlace, label: String, metrics: SelfMetrics) throws(SpoolFailure) {
        age = Int64(clamping: Int128(place.age.components.seconds) * 1_000_000_000)
        let opened = try Spool(directory: place.directory, limitBytes: place.bytes, age: age)
        tornBytes = opened.tornBytes
        bytes = metrics.gauge(.spoolBytes, label)
        segments = metrics.gauge(.spoolSegments, label)
        oldest = metrics.gauge(.spoolOldest, label)
        damaged = metrics.counter(.spoolDamaged, label)
        lines = metrics.counter(.spoolLines, label)
        spool = Mutex(opened)
        spool.withLock { publish($0) }
    }

    /// Bytes and lines that wait.
    var waiting: (bytes: Int, lines: Int) {
        spool.withLock { spool in (spool.bytes, spool.segments.reduce(0) { $0 + $1.lines }) }
    }

    /// Calls from now on wait on a thread of their own.
    func start() {
        if !isStarted.exchange(true, ordering: .acquiringAndReleasing) { thread.start() }
    }

    func stop() async {
        try? await thread.shutdownGracefully()
    }

    /// Does something with the spool on its thread; the answer, and the lines that were lost by it.
    func perform<T: Sendable>(_ body: @escaping @Sendable (inout Spool) -> T) async -> (T, [Spool.Loss]) {
        let whole: @Sendable () -> (T, [Spool.Loss]) = { [self] in
            spool.withLock { spool in
                let answer = body(&spool)
                publish(spool)
                defer { spool.losses = [] }
                return (answer, spool.losses)
            }
        }
        // Without its thread, before the start or after the end, the caller waits itself.
        guard isStarted.load(ordering: .acquiring), let answer = try? await thread.runIfActive(whole) else {
            return whole()
        }
        return answer
    }

    private func publish(_ spool: Spool) {
        bytes.set(Double(spool.bytes))
        segments.set(Double(spool.segments.count))
        oldest.set(Double(spool.oldest ?? 0) / 1e9)
        let before = reported.exchange(spool.damaged, ordering: .relaxed)
        if spool.damaged > before { damaged.add(spool.damaged - before) }
    }
}
