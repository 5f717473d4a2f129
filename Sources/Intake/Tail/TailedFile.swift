import Records
import Synchronization

/// One file that is read, whatever its name is at the moment. Belongs to the thread that reads.
final class TailedFile {
    let identity: FileIdentity
    /// An index into the configurations.
    let source: Int
    /// The paths that show it; the last ones that did when none does any more.
    var paths: [String]
    /// nil while it rests because too many files are open, and when it is done.
    var descriptor: FileDescriptor?
    /// The next byte to read.
    var offset: Int64
    /// Up to here the lines were counted before the restart; they are only delivered.
    var countedBefore: Int64 = 0
    /// At the last look.
    var size: Int64
    /// When its bytes changed last, as of the last look, in ns since the epoch.
    var modified: Int64 = 0
    var reader: EntryReader
    var position: FilePosition
    var rotation: RotationState
    /// Must be read to its end first.
    var predecessor: TailedFile?
    /// There may be something to read.
    var isReady = true
    /// Read to its end for good.
    var isDone = false
    /// The last attempt to read failed.
    var hasFailed = false
    /// The kernel's number for changes to the file; nil when it must be looked at instead.
    var watch: Int32?
    /// When it grew last; monotonic, in nanoseconds.
    var lastGrowth: Int64

    init(
        identity: FileIdentity, source: Int, path: String, descriptor: FileDescriptor, offset: Int64, size: Int64,
        reader: EntryReader, position: FilePosition, now: Int64
    ) {
        self.identity = identity
        self.source = source
        self.paths = [path]
        self.descriptor = descriptor
        self.offset = offset
        self.size = size
        self.reader = reader
        self.position = position
        rotation = RotationState(at: now)
        lastGrowth = now
    }

    /// Everything there was at the last look is read.
    var isAtEnd: Bool { !isReady && offset >= size }

    /// Nothing of it is to come before what follows it: all is read, and its last line is complete.
    var isExhausted: Bool {
        isDone || hasFailed || (isAtEnd && !reader.hasUnfinished)
    }

    /// Whether the file must wait for another one; once not, never again for that one.
    func isBlocked() -> Bool {
        guard let before = predecessor else { return false }
        guard before.isExhausted, !before.isBlocked() else { return true }
        if offset == 0 { reader.continueParts(of: &before.reader) }
        predecessor = nil
        return false
    }

    /// Renews what is known of how the file begins, while it is too short to be told by that for ever.
    func renewFingerprint() {
        guard let descriptor, let fingerprint = try? Fingerprint(of: descriptor) else { return }
        position.description.withLock { $0.fingerprint = fingerprint }
    }
}

extension EntryReader {
    /// Takes over the lines whose first parts were the last thing in the file before.
    mutating func continueParts(of before: inout EntryReader) {
        for index in parts.indices where !before.parts[index].isEmpty {
            parts[index] = before.parts[index]
            parts[index].continueInNextFile()
            before.parts[index] = PartialLine()
        }
    }
}
