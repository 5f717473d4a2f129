import CLinux
import Glibc

// Unsafe here: the system calls take pointers. Buffers are lent for the call by the array that owns them, with the
// count that it has; the descriptor is closed once, when the last owner lets go.

/// Why a system call failed.
public struct SystemError: Error, Hashable, Sendable {
    /// An `errno`.
    public let code: Int32

    public init(code: Int32) {
        self.code = code
    }

    /// The error of the call that just failed on this thread.
    static var last: SystemError { SystemError(code: errno) }

    /// A word for self-metrics, from a small set.
    var reason: String {
        switch code {
        case EACCES, EPERM: "permission_denied"
        case ENOENT, ENOTDIR: "not_found"
        case EMFILE, ENFILE: "too_many_open"
        case ELOOP: "symlink_loop"
        case ENOSPC, EDQUOT: "no_space"
        default: "io"
        }
    }
}

extension SystemError: CustomStringConvertible {
    public var description: String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        let message = unsafe String(cString: text)
        return message.prefix(1).lowercased() + message.dropFirst()
    }
}

/// Which file it is, whatever its name.
struct FileIdentity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
}

/// What the system knows about a file.
struct FileStatus {
    enum Kind {
        case regular
        case directory
        case link
        case other
    }

    var identity: FileIdentity
    var kind: Kind
    var size: Int64
    /// How many names the file has; 0 when it is deleted and only open.
    var links: Int
    /// When its bytes changed last, in ns since the epoch.
    var modified: Int64

    /// Follows symbolic links unless told otherwise.
    init(path: String, followingLinks: Bool = true) throws(SystemError) {
        var status = stat()
        let code = unsafe followingLinks ? stat(path, &status) : lstat(path, &status)
        guard code == 0 else { throw .last }
        self.init(status)
    }

    init(descriptor: Int32) throws(SystemError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .last }
        self.init(status)
    }

    private init(_ status: stat) {
        identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        size = Int64(status.st_size)
        links = Int(status.st_nlink)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}

/// An open file, closed when nobody holds it any more.
final class FileDescriptor: Sendable {
    let number: Int32

    /// Takes over a descriptor that is open.
    init(owning number: Int32) {
        self.number = number
    }

    /// Opens a file to read it; never waits, not even for a FIFO.
    init(reading path: String) throws(SystemError) {
        number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { throw .last }
    }

    /// Makes a file, or empties it, that only we may read.
    init(creating path: String) throws(SystemError) {
        number = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw .last }
    }

    /// Opens a file to write behind its end; makes it, so that only we may read it.
    init(appending path: String) throws(SystemError) {
        number = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw .last }
    }

    deinit {
        if number >= 0 { close(number) }
    }

    func status() throws(SystemError) -> FileStatus {
        try FileStatus(descriptor: number)
    }

    /// Reads at most `count` bytes into a new array behind `prefix`; nothing is added at the end of the file.
    ///
    /// From `offset`, or from where the descriptor stands when that is nil (a pipe). The array has room for
    /// `extraCapacity` bytes more.
    func read(_ count: Int, at offset: Int64?, after prefix: [UInt8] = [], extraCapacity: Int = 0)
        throws(SystemError) -> [UInt8]
    {
        let known = prefix.count
        let capacity = known + count + extraCapacity
        var failure: SystemError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            unsafe prefix.withUnsafeBufferPointer { prefix in
                if let source = prefix.baseAddress { unsafe base.initialize(from: source, count: known) }
            }
            initialized = known
            repeat {
                let got =
                    if let offset { unsafe pread(number, base + known, count, off_t(offset)) } else {
                        unsafe Glibc.read(number, base + known, count)
                    }
                guard got < 0 else {
                    initialized = known + got
                    return
                }
            } while errno == EINTR
            failure = .last
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes all of the bytes where the descriptor stands.
    func write(_ bytes: [UInt8]) throws(SystemError) {
        var done = 0
        var failure: SystemError?
        unsafe bytes.withUnsafeBufferPointer { buffer in
            while done < buffer.count, let base = buffer.baseAddress {
                let written = unsafe Glibc.write(number, base + done, buffer.count - done)
                if written > 0 {
                    done += written
                } else if written == 0 || errno != EINTR {
                    failure = written == 0 ? SystemError(code: EIO) : .last
                    return
                }
            }
        }
        if let failure { throw failure }
    }

    /// Waits until the bytes are on the disk.
    func synchronize() throws(SystemError) {
        guard fsync(number) == 0 else { throw .last }
    }

    /// A path by which the system reaches the open file, even when it has no name any more.
    var systemPath: String { "/proc/self/fd/\(number)" }

    /// The name that the file has now; nil when it is deleted or cannot be told.
    var currentPath: String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe target.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe readlink(systemPath, $0, buffer.count) } ?? -1
        }
        guard count > 0 else { return nil }
        let path = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.hasSuffix(" (deleted)") ? nil : path
    }
}
