public import Logging
public import Records
import Synchronization

/// The state folder: keeps the last checkpoint in the file `checkpoint`, and the one before in `checkpoint.1`.
///
/// Written to a temporary file first, then renamed, with both file and folder forced to the disk: after a crash there is
/// the old one or the new one, never half of one. When writing fails, an error is logged once for each change of the
/// reason and all goes on; the next write tries again.
public final class CheckpointStore: Sendable {
    private struct Contents {
        /// What gives the bytes of a section at each write.
        var providers: [String: @Sendable () -> [UInt8]] = [:]
        var failure: String?
        /// The file `checkpoint` can be read, and is worth to be kept as the one before.
        var isCurrentGood: Bool
    }
    let directory: String
    private let logger: Logger
    private let written: SelfCounter
    private let failed: SelfCounter
    private let restored: Checkpoint
    private let contents: Mutex<Contents>
    /// Held while the files are changed, so that two writes do not mix.
    private let writing = Mutex<Void>(())

    /// Makes the folder if need be and reads the checkpoint in it.
    ///
    /// One that is damaged is reported, and the one before is used; with none that can be read there are no sections.
    public init(directory: String, metrics: SelfMetrics, logger: Logger) {
        self.directory = directory.count > 1 && directory.hasSuffix("/") ? String(directory.dropLast()) : directory
        self.logger = logger
        written = metrics.counter(.checkpoints, "written")
        failed = metrics.counter(.checkpoints, "failed")
        var failure: String?
        do throws(SystemError) { try Directory.make(self.directory) } catch {
            failure = "cannot make the state folder '\(directory)': \(error)"
            logger.error("\(failure ?? ""); nothing will be remembered over a restart")
        }
        let (checkpoint, isCurrent) = Self.load(self.directory, logger)
        restored = checkpoint
        contents = Mutex(Contents(failure: failure, isCurrentGood: isCurrent))
    }

    /// A checkpoint was found at start, and can be used.
    public var hasCheckpoint: Bool { !restored.sections.isEmpty }

    /// A section of the checkpoint as it was found at start; nil when there was none.
    public func section(_ name: String) -> [UInt8]? { restored.sections[name] }

    /// Has a section written from now on; `encode` is called from the thread that writes.
    ///
    /// The name has no spaces or newlines. Sections that nobody provides are carried over as they were found.
    public func provide(_ name: String, _ encode: @escaping @Sendable () -> [UInt8]) {
        precondition(!name.contains { $0 == " " || $0 == "\n" }, "'\(name)' cannot be the name of a section")
        contents.withLock { $0.providers[name] = encode }
    }

    /// Writes all sections; false, logged and counted, when that failed. Blocks until they are on the disk.
    @discardableResult
    public func write() -> Bool {
        let failure: String? = writing.withLock { _ in
            var checkpoint = restored
            for (name, encode) in contents.withLock({ $0.providers }) { checkpoint.sections[name] = encode() }
            do throws(SystemError) {
                try store(checkpoint.encoded())
                return nil
            } catch {
                return "cannot write the checkpoint in '\(directory)': \(error)"
            }
        }
        report(failure)
        return failure == nil
    }

    /// Why the last write failed; nil when it did not.
    public var problem: String? { contents.withLock { $0.failure } }

    private func report(_ failure: String?) {
        (failure == nil ? written : failed).add()
        let before = contents.withLock { contents in
            defer { contents.failure = failure }
            return contents.failure
        }
        if let failure, failure != before {
            logger.error("\(failure); what is read goes on to be counted, but a restart would repeat it")
        } else if failure == nil, before != nil {
            logger.notice("the checkpoint in '\(directory)' can be written again")
        }
    }

    private func store(_ bytes: [UInt8]) throws(SystemError) {
        try Directory.make(directory)
        let temporary = directory + "/checkpoint.new"
        let file = try FileDescriptor(creating: temporary)
        try file.write(bytes)
        try file.synchronize()
        if contents.withLock({ $0.isCurrentGood }) {
            do throws(SystemError) {
                try Directory.rename(directory + "/checkpoint", to: directory + "/checkpoint.1")
            } catch {
                guard error.reason == "not_found" else { throw error }
            }
        }
        try Directory.rename(temporary, to: directory + "/checkpoint")
        contents.withLock { $0.isCurrentGood = true }
        try Directory.synchronize(directory)
    }

    /// The checkpoint to go on from, and whether it is the current one.
    private static func load(_ directory: String, _ logger: Logger) -> (Checkpoint, isCurrent: Bool) {
        var damaged = false
        for name in ["checkpoint", "checkpoint.1"] {
            let path = directory + "/" + name
            do {
                let file = try FileDescriptor(reading: path)
                let size = try file.status().size
                let checkpoint = try Checkpoint(decoding: file.read(Int(min(size, 1 << 32)), at: 0))
                if damaged { logger.warning("using the checkpoint before it, '\(path)'; some lines are read again") }
                return (checkpoint, name == "checkpoint")
            } catch let error as SystemError where error.reason == "not_found" {
                continue
            } catch {
                damaged = true
                logger.error("the checkpoint '\(path)' cannot be used: \(describe(error))")
            }
        }
        if damaged { logger.error("no usable checkpoint in '\(directory)'; files are read from where 'start' says") }
        return (Checkpoint(), false)
    }

    // `any`: what `do` without a type throws, of two kinds here.
    private static func describe(_ error: any Error) -> String {
        guard let damage = error as? Checkpoint.Damage else { return "\(error)" }
        return switch damage {
        case .notACheckpoint: "it does not begin as a checkpoint does"
        case .unknownVersion: "another version of the program wrote it"
        case .wrongChecksum: "its checksum is wrong"
        case .malformedSection: "one of its sections is not complete"
        }
    }
}
