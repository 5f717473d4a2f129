import Records
import Synchronization

/// How far one file has come: read, counted by the rules, delivered. Shared by the thread that reads, the parties that
/// settle receipts, the checkpoint and the status page.
final class FilePosition: Sendable {
    /// What changes seldom.
    struct Description: Sendable {
        var path: String
        var fingerprint: Fingerprint
        var problem: String?
        /// The file is read to its end and closed; its record is kept until all of it is counted and delivered.
        var isFinished = false
    }

    let source: String
    let identity: FileIdentity
    let counted: Atomic<Int64>
    let delivered: Atomic<Int64>
    /// Up to where lines were handed on.
    let sent: Atomic<Int64>
    let read: Atomic<Int64>
    let size: Atomic<Int64>
    let lines = Atomic<UInt64>(0)
    let description: Mutex<Description>
    /// The copy of a file that was truncated: it has the lines that were on their way then.
    private let heir = Mutex<FilePosition?>(nil)

    /// `offset` is where reading begins; up to `counted` the lines have been counted before.
    init(
        source: String, identity: FileIdentity, path: String, fingerprint: Fingerprint, offset: Int64,
        counted: Int64? = nil, size: Int64
    ) {
        self.source = source
        self.identity = identity
        self.counted = Atomic(max(offset, counted ?? offset))
        delivered = Atomic(offset)
        sent = Atomic(offset)
        read = Atomic(offset)
        self.size = Atomic(size)
        description = Mutex(Description(path: path, fingerprint: fingerprint))
    }

    func settleCounted(upTo offset: Int64) {
        counted.max(offset, ordering: .acquiringAndReleasing)
        heir.withLock { $0 }?.counted.max(offset, ordering: .acquiringAndReleasing)
    }

    func settleDelivered(upTo offset: Int64) {
        delivered.max(offset, ordering: .acquiringAndReleasing)
        heir.withLock { $0 }?.delivered.max(offset, ordering: .acquiringAndReleasing)
    }

    /// Has what is settled of this file settled of its copy, too, of which nothing else is yet.
    func pass(to copy: FilePosition) {
        copy.counted.store(0, ordering: .releasing)
        copy.delivered.store(0, ordering: .releasing)
        heir.withLock { $0 = copy }
        copy.counted.max(counted.load(ordering: .acquiring), ordering: .acquiringAndReleasing)
        copy.delivered.max(delivered.load(ordering: .acquiring), ordering: .acquiringAndReleasing)
    }

    /// Nothing of the file is waiting for an answer any more, and no more will be read.
    var isSettled: Bool {
        let end = sent.load(ordering: .acquiring)
        return description.withLock { $0.isFinished } && counted.load(ordering: .acquiring) >= end
            && delivered.load(ordering: .acquiring) >= end
    }

    var status: SourceStatus {
        let (path, problem) = description.withLock { ($0.path, $0.problem) }
        let position = read.load(ordering: .relaxed)
        return SourceStatus(
            source: source, place: path, position: position,
            bytesBehind: max(0, size.load(ordering: .relaxed) - position), lines: lines.load(ordering: .relaxed),
            problem: problem)
    }

    func record(at now: Int64) -> PositionRecord {
        let (path, fingerprint) = description.withLock { ($0.path, $0.fingerprint) }
        return PositionRecord(
            path: path, identity: identity, size: size.load(ordering: .relaxed),
            counted: counted.load(ordering: .acquiring), delivered: delivered.load(ordering: .acquiring),
            fingerprint: fingerprint, seen: now)
    }
}

/// The positions of all files: what the checkpoint keeps of them.
final class PositionLedger: Sendable {
    private struct State {
        var current: [FileIdentity: FilePosition] = [:]
        /// From the last checkpoint, of files that have not been seen since.
        var restored: [FileIdentity: PositionRecord] = [:]
        /// Of files that are finished with, in the order in which they were: a restart must not take one for new.
        var finished: [PositionRecord] = []
        /// What the next checkpoint has to say; nil for what holds when it is written.
        var cut: [PositionRecord]?
    }
    private let state = Mutex(State())
    /// Goes up with every change that is worth writing down.
    let changes = Atomic<UInt64>(0)

    /// How long files that are not seen any more are remembered, in nanoseconds: a week.
    private static let memory: Int64 = 7 * 86_400 * 1_000_000_000
    /// How many of them.
    private static let maximumRestored = 10_000
    private static let maximumFinished = 1_000

    init(restoring bytes: [UInt8]?) {
        let records = bytes.map(PositionRecord.decode) ?? []
        state.withLock { state in
            for record in records.sorted(by: { $0.seen > $1.seen }).prefix(Self.maximumRestored) {
                state.restored[record.identity] = record
            }
        }
    }

    /// In one step the record of the file from before the restart goes, `restored`, and its position comes.
    func add(_ position: FilePosition, restored: FileIdentity? = nil) {
        state.withLock { state in
            if let old = state.current[position.identity] { old.description.withLock { $0.isFinished = true } }
            state.current[position.identity] = position
            state.restored[position.identity] = nil
            if let restored { state.restored[restored] = nil }
            state.finished.removeAll { $0.identity == position.identity }
        }
        changes.add(1, ordering: .relaxed)
    }

    /// The file will not be read any more.
    func finish(_ position: FilePosition) {
        position.description.withLock { $0.isFinished = true }
        changes.add(1, ordering: .relaxed)
    }

    var restored: [PositionRecord] { state.withLock { Array($0.restored.values) } }

    /// The record of a file is of no use any more; false when there was none.
    @discardableResult
    func forget(_ identity: FileIdentity) -> Bool {
        state.withLock { $0.restored.removeValue(forKey: identity) != nil }
    }

    /// The receipt of a batch of the file whose last line ends at `end`; where parts of lines wait for their ends,
    /// reading would have to begin again at `offset`, before it.
    func receipt(for position: FilePosition, upTo offset: Int64, end: Int64) -> Receipt {
        Receipt(
            onCounted: { [self] in
                position.settleCounted(upTo: end)
                changes.add(1, ordering: .relaxed)
            },
            onDelivered: { [self] in
                position.settleDelivered(upTo: offset)
                changes.add(1, ordering: .relaxed)
            })
    }

    var statuses: [SourceStatus] {
        state.withLock { Array($0.current.values) }.filter { !$0.description.withLock { $0.isFinished } }
            .map(\.status)
    }

    /// Up to where the next checkpoint says that files are settled, by inode.
    var covered: [UInt64: Int64] {
        state.withLock { state in
            let records = state.cut ?? state.current.values.map { $0.record(at: 0) } + state.restored.values
            return Dictionary(records.map { ($0.identity.inode, $0.settled) }, uniquingKeysWith: min)
        }
    }

    /// Has the next checkpoint say what holds now: called where nothing is being counted, so that the positions fit
    /// the series that are cut at the same point.
    func cut(at now: Int64) {
        state.withLock { $0.cut = Self.records(&$0, at: now) }
    }

    /// The section of the checkpoint; lets go of files that are finished with.
    func encoded(at now: Int64) -> [UInt8] {
        PositionRecord.encode(state.withLock { $0.cut ?? Self.records(&$0, at: now) })
    }

    private static func records(_ state: inout State, at now: Int64) -> [PositionRecord] {
        for (identity, position) in state.current where position.isSettled {
            state.current[identity] = nil
            var record = position.record(at: now)
            record.size = record.reached
            state.finished.append(record)
        }
        if state.finished.count > maximumFinished {
            state.finished.removeFirst(state.finished.count - maximumFinished)
        }
        state.restored = state.restored.filter { now - $0.value.seen < memory }
        return state.current.values.map { $0.record(at: now) } + state.restored.values + state.finished
    }
}

/// What the checkpoint keeps of one file.
///
/// One line each in the section `files`: path, device, inode, size, counted, delivered, bytes of the fingerprint, its
/// hash, and when the file was seen last, separated by tabs. In the path every byte that is no visible ASCII, and `%`,
/// is written as `%` and two hexadecimal digits.
struct PositionRecord: Hashable, Sendable {
    var path: String
    var identity: FileIdentity
    var size: Int64
    /// Up to where lines are counted.
    var counted: Int64
    /// Up to where lines are delivered.
    var delivered: Int64
    var fingerprint: Fingerprint
    /// In ns since the epoch.
    var seen: Int64

    /// Up to where every line is both counted and delivered: where reading goes on.
    var settled: Int64 { min(counted, delivered) }
    /// Up to where anything was done with it: the file had at least so many bytes.
    var reached: Int64 { max(counted, delivered) }

    static let section = "files"

    static func encode(_ records: [PositionRecord]) -> [UInt8] {
        var text = ""
        for record in records.sorted(by: { ($0.path, $0.identity.inode) < ($1.path, $1.identity.inode) }) {
            let numbers = [
                String(record.identity.device), String(record.identity.inode), String(record.size),
                String(record.counted), String(record.delivered), String(record.fingerprint.count),
                String(record.fingerprint.hash, radix: 16), String(record.seen),
            ]
            text += ([escaped(record.path)] + numbers).joined(separator: "\t") + "\n"
        }
        return Array(text.utf8)
    }

    /// The records of a section; lines that are not of this form are left out.
    static func decode(_ bytes: [UInt8]) -> [PositionRecord] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard words.count >= 9, let path = unescaped(words[0]), let device = UInt64(words[1]),
                let inode = UInt64(words[2]), let size = Int64(words[3]), let counted = Int64(words[4]),
                let delivered = Int64(words[5]), let count = Int(words[6]),
                let hash = UInt64(words[7], radix: 16), let seen = Int64(words[8]),
                size >= 0, counted >= 0, delivered >= 0, (0...Fingerprint.maximumCount).contains(count)
            else { return nil }
            return PositionRecord(
                path: path, identity: FileIdentity(device: device, inode: inode), size: size, counted: counted,
                delivered: delivered, fingerprint: Fingerprint(count: count, hash: hash), seen: seen)
        }
    }

    private static func escaped(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
        return text
    }

    private static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
