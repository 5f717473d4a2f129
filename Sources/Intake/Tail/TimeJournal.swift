import Logging
import Synchronization

/// Which times lines were given that carry none, for as long as they may have to be read again.
///
/// Lines that were sent, but are not covered by the checkpoint when the process is killed, are read again and get the same
/// times, so that Loki drops the copies. The file `times` in the state folder has a record of 48 bytes for each batch,
/// little-endian: inode, first byte, end, time of the first line (the others follow a nanosecond apart each), a hash of
/// how the batch begins and ends, and a hash of the record. It is written before the batch is handed on, and forced to
/// the disk with the next checkpoint: a killed process loses nothing of it, a power cut the last moment.
final class TimeJournal: Sendable {
    struct Entry: Equatable {
        var inode: UInt64
        /// Where in the file the first line begins, and the last one ends.
        var start: Int64
        var end: Int64
        /// Of the first line, in ns since the epoch.
        var time: Int64
        /// Tells whether the lines are still the same.
        var check: UInt64
    }
    private struct State {
        /// By inode: entries that no checkpoint covers, in the order of the file.
        var live: [UInt64: [Entry]] = [:]
        var liveCount = 0
        /// Inodes whose lines may have been read before the start.
        var replayed: Set<UInt64> = []
        var file: FileDescriptor?
        /// Records in the file, those included that are of no use any more.
        var written = 0
        var isDirty = false
        var hasFailed = false
        /// Up to where each file was delivered when the positions were taken for the last checkpoint.
        var taken: [UInt64: Int64]?
    }

    private static let recordBytes = 48
    private static let checkedBytes = 64
    /// Fewer records are not worth the work of writing the file anew.
    private static let worthRewriting = 4_096
    private let path: String
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads what the last process wrote, as far as it is whole.
    init(directory: String, logger: Logger) {
        path = directory + "/times"
        self.logger = logger
        var loaded = State()
        if let file = try? FileDescriptor(reading: path), let size = try? file.status().size,
            let bytes = try? file.read(Int(min(size, 256 << 20)), at: 0)
        {
            for start in stride(from: 0, through: bytes.count - Self.recordBytes, by: Self.recordBytes) {
                if let entry = Self.decode(bytes[start..<start + Self.recordBytes]) { Self.add(entry, to: &loaded) }
            }
            loaded.replayed = Set(loaded.live.keys)
        }
        state = Mutex(loaded)
        state.withLock { rewrite(&$0) }
    }

    /// The batch that was read from here before, or the next one behind it; nil when there is none.
    func entry(of identity: FileIdentity, from offset: Int64) -> Entry? {
        state.withLock { state in
            guard state.replayed.contains(identity.inode), let entries = state.live[identity.inode],
                let last = entries.last, last.start >= offset
            else { return nil }
            return entries.first { $0.start >= offset }
        }
    }

    /// Writes down what time a batch was given; before it is handed on.
    func note(_ identity: FileIdentity, _ start: Int64, _ end: Int64, time: Int64, bytes: [UInt8]) {
        let entry = Entry(inode: identity.inode, start: start, end: end, time: time, check: Self.check(bytes))
        state.withLock { state in
            Self.add(entry, to: &state)
            do throws(SystemError) {
                if state.file == nil { state.file = try FileDescriptor(appending: path) }
                try state.file?.write(Self.encode(entry))
                state.written += 1
                state.isDirty = true
                state.hasFailed = false
            } catch {
                state.file = nil
                if !state.hasFailed {
                    logger.warning(
                        "cannot write '\(path)': \(error); lines that are sent again after a crash would get new times")
                }
                state.hasFailed = true
            }
        }
    }

    /// A checkpoint is about to be written, with files delivered up to here; the one before is on the disk unless it
    /// failed. Lets go of what that one covers, and forces the rest to the disk.
    func checkpoint(covering delivered: [UInt64: Int64], lastSucceeded: Bool) {
        let file = state.withLock { state -> FileDescriptor? in
            if lastSucceeded, let taken = state.taken { forget(coveredBy: taken, &state) }
            state.taken = delivered
            if state.written > Self.worthRewriting, state.liveCount * 2 < state.written { rewrite(&state) }
            defer { state.isDirty = false }
            return state.isDirty ? state.file : nil
        }
        try? file?.synchronize()
    }

    /// Drops what is delivered, and what belongs to files that are no longer of interest.
    private func forget(coveredBy delivered: [UInt64: Int64], _ state: inout State) {
        for (inode, entries) in state.live {
            let rest = delivered[inode].map { end in entries.filter { $0.end > end } } ?? []
            state.liveCount -= entries.count - rest.count
            state.live[inode] = rest.isEmpty ? nil : rest
            if rest.isEmpty { state.replayed.remove(inode) }
        }
    }

    private func rewrite(_ state: inout State) {
        do throws(SystemError) {
            let file = try FileDescriptor(creating: path + ".new")
            for entries in state.live.values { try file.write(entries.flatMap(Self.encode)) }
            try Directory.rename(path + ".new", to: path)
            state.file = try FileDescriptor(appending: path)
            state.written = state.liveCount
            state.isDirty = true
        } catch {
            state.file = nil
        }
    }

    private static func add(_ entry: Entry, to state: inout State) {
        var entries = state.live[entry.inode] ?? []
        state.liveCount -= entries.count
        // Read again from an earlier place: what was said of this part before holds no more.
        while let last = entries.last, last.end > entry.start { entries.removeLast() }
        entries.append(entry)
        state.liveCount += entries.count
        state.live[entry.inode] = entries
    }

    /// A hash of the first and the last bytes, which is enough to tell other lines in their place.
    static func check(_ bytes: [UInt8]) -> UInt64 {
        FNV64.hash(Array(bytes.prefix(checkedBytes)) + bytes.suffix(checkedBytes))
    }

    private static func encode(_ entry: Entry) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(recordBytes)
        let numbers =
            [entry.inode] + [entry.start, entry.end, entry.time].map { UInt64(bitPattern: $0) } + [entry.check]
        for number in numbers { append(number, to: &bytes) }
        append(FNV64.hash(bytes), to: &bytes)
        return bytes
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) -> Entry? {
        func number(_ index: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[bytes.startIndex + 8 * index + $1]) << UInt64(8 * $1) }
        }
        guard bytes.count == recordBytes, FNV64.hash(bytes.dropLast(8)) == number(5) else { return nil }
        let entry = Entry(
            inode: number(0), start: Int64(bitPattern: number(1)), end: Int64(bitPattern: number(2)),
            time: Int64(bitPattern: number(3)), check: number(4))
        return entry.start >= 0 && entry.end > entry.start ? entry : nil
    }
}
