import CLinux
import Glibc

// Unsafe here: the kernel writes events as structures of varying length into a buffer. Every header and name is checked
// against the count that `read` returned before it is loaded, by a load that needs no alignment.

/// The kernel's word about changes to files and folders (inotify(7)).
final class Inotify {
    /// What happened to something that is watched.
    struct Event {
        var watch: Int32
        var kind: Kind
        /// The name within the folder; empty when the event is about what is watched itself.
        var name: String
    }
    struct Kind: OptionSet {
        let rawValue: UInt32

        static let modified = Kind(rawValue: UInt32(IN_MODIFY))
        static let attributes = Kind(rawValue: UInt32(IN_ATTRIB))
        static let selfMoved = Kind(rawValue: UInt32(IN_MOVE_SELF))
        static let selfDeleted = Kind(rawValue: UInt32(IN_DELETE_SELF))
        static let appeared: Kind = [Kind(rawValue: UInt32(IN_CREATE)), Kind(rawValue: UInt32(IN_MOVED_TO))]
        static let vanished: Kind = [Kind(rawValue: UInt32(IN_DELETE)), Kind(rawValue: UInt32(IN_MOVED_FROM))]
        /// Events were lost: everything may have changed.
        static let overflow = Kind(rawValue: UInt32(IN_Q_OVERFLOW))
        /// The watch is gone.
        static let ignored = Kind(rawValue: UInt32(IN_IGNORED))

        /// What there is to know about a file that is read.
        static let file: Kind = [.modified, .attributes, .selfMoved, .selfDeleted]
        /// What there is to know about a folder in which files may appear.
        static let folder: Kind = [.appeared, .vanished, .selfMoved, .selfDeleted]
    }

    let descriptor: FileDescriptor

    init() throws(SystemError) {
        let number = inotify_init1(Int32(O_CLOEXEC | O_NONBLOCK))
        guard number >= 0 else { throw .last }
        descriptor = FileDescriptor(owning: number)
    }

    /// Watches what the path shows now; the same number again for what is watched already.
    func watch(_ path: String, for kind: Kind) throws(SystemError) -> Int32 {
        let watch = unsafe inotify_add_watch(descriptor.number, path, kind.rawValue)
        guard watch >= 0 else { throw .last }
        return watch
    }

    func unwatch(_ watch: Int32) {
        inotify_rm_watch(descriptor.number, watch)
    }

    /// All events that wait; never blocks.
    func events() -> [Event] {
        var events: [Event] = []
        // A queue holds 16,384 events by default; more come with the next call.
        while events.count < 16_384, let bytes = try? descriptor.read(64 * 1_024, at: nil), !bytes.isEmpty {
            Self.parse(bytes, into: &events)
        }
        return events
    }

    private static func parse(_ bytes: [UInt8], into events: inout [Event]) {
        let header = MemoryLayout<inotify_event>.size
        unsafe bytes.withUnsafeBytes { buffer in
            var position = 0
            while position + header <= buffer.count {
                let event = unsafe buffer.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
                let end = position + header + Int(event.len)
                guard end <= buffer.count else { return }
                let name = unsafe buffer[position + header..<end].prefix { $0 != 0 }
                unsafe events.append(
                    Event(
                        watch: event.wd, kind: Kind(rawValue: event.mask), name: String(decoding: name, as: UTF8.self)))
                position = end
            }
        }
    }
}

/// Wakes a thread that waits in `poll` from any other thread.
final class Waker: Sendable {
    let descriptor: FileDescriptor

    init() throws(SystemError) {
        let number = eventfd(0, Int32(O_CLOEXEC | O_NONBLOCK))
        guard number >= 0 else { throw .last }
        descriptor = FileDescriptor(owning: number)
    }

    /// The next wait, or the one under way, ends at once.
    func wake() {
        // Fails only when the counter is full, and then the descriptor is readable anyway.
        try? descriptor.write([1, 0, 0, 0, 0, 0, 0, 0])
    }

    /// Waits until woken, until one of the descriptors can be read, or for so many nanoseconds (nil: for ever).
    func wait(with others: [FileDescriptor] = [], nanoseconds: Int64?) {
        let all = [descriptor] + others
        var polled = all.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
        let milliseconds = nanoseconds.map { Int32(clamping: max(0, $0 + 999_999) / 1_000_000) } ?? -1
        _ = unsafe poll(&polled, nfds_t(polled.count), milliseconds)
        _ = try? descriptor.read(8, at: nil)
    }
}
