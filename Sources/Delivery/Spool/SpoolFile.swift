import Glibc

// Unsafe here: the system calls take pointers. Buffers are lent for the call by the array that owns them, with the
// count that it has; the descriptor is closed once, when the last owner lets go.

/// Why a file of the spool could not be used: what was tried, and an `errno`.
struct SpoolFailure: Error, Equatable, CustomStringConvertible {
    let action: String
    let code: Int32

    /// The failure of the call that was just made on this thread.
    static func last(_ action: String) -> SpoolFailure { SpoolFailure(action: action, code: errno) }

    /// A word for self-metrics, from a small set.
    var reason: String {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: "no_space"
        case EACCES, EPERM, EROFS: "permission_denied"
        case ENOENT, ENOTDIR: "not_found"
        case EMFILE, ENFILE: "too_many_open"
        default: "io"
        }
    }

    var description: String {
        guard let text = unsafe strerror(code) else { return "\(action): error \(code)" }
        return unsafe "\(action): \(String(cString: text).lowercased())"
    }
}

/// An open file of the spool, closed when nobody holds it any more.
final class SpoolFile: Sendable {
    private let number: Int32

    /// Opens what is there.
    init(opening path: String) throws(SpoolFailure) {
        number = unsafe open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { throw .last("cannot open '\(path)'") }
    }

    /// Makes a file that only we may read; one that is there is used as it is when `isNew` is false.
    init(creating path: String, isNew: Bool) throws(SpoolFailure) {
        number = unsafe open(path, O_RDWR | O_CREAT | (isNew ? O_EXCL : 0) | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw .last("cannot make '\(path)'") }
    }

    deinit {
        if number >= 0 { close(number) }
    }

    func size() throws(SpoolFailure) -> Int {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw .last("cannot look at a segment") }
        return Int(status.st_size)
    }

    /// At most `count` bytes from `offset`; fewer at the end of the file.
    func read(_ count: Int, at offset: Int) throws(SpoolFailure) -> [UInt8] {
        var failure: SpoolFailure?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = 0
            while initialized < count, let base = buffer.baseAddress {
                let got = unsafe pread(number, base + initialized, count - initialized, off_t(offset + initialized))
                if got > 0 {
                    initialized += got
                } else if got == 0 {
                    return
                } else if errno != EINTR {
                    failure = .last("cannot read the spool")
                    return
                }
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes all of the bytes at `offset`.
    func write(_ bytes: [UInt8], at offset: Int) throws(SpoolFailure) {
        var failure: SpoolFailure?
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var done = 0
            while done < buffer.count, let base = buffer.baseAddress {
                let written = unsafe pwrite(number, base + done, buffer.count - done, off_t(offset + done))
                if written > 0 {
                    done += written
                } else if written == 0 || errno != EINTR {
                    failure = written == 0 ? SpoolFailure(action: "cannot write", code: EIO) : .last("cannot write")
                    return
                }
            }
        }
        if let failure { throw failure }
    }

    func truncate(to size: Int) throws(SpoolFailure) {
        guard ftruncate(number, off_t(size)) == 0 else { throw .last("cannot cut a segment") }
    }

    /// Waits until the bytes are on the disk.
    func synchronize() throws(SpoolFailure) {
        guard fdatasync(number) == 0 else { throw .last("cannot synchronize") }
    }
}

/// Folders of the spool.
enum SpoolFolder {
    /// Makes the folder and those above it, only for us.
    static func make(_ path: String) throws(SpoolFailure) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for name in path.split(separator: "/") {
            prefix += (prefix.isEmpty || prefix.hasSuffix("/") ? "" : "/") + name
            guard unsafe mkdir(prefix, 0o700) == 0 || errno == EEXIST else { throw .last("cannot make '\(prefix)'") }
        }
    }

    /// The names in the folder, sorted; nil when it cannot be read.
    static func names(in path: String) throws(SpoolFailure) -> [String] {
        guard let folder = unsafe opendir(path) else { throw .last("cannot list '\(path)'") }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func remove(_ path: String) throws(SpoolFailure) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .last("cannot remove '\(path)'") }
    }

    /// Waits until names that were made or removed are on the disk.
    static func synchronize(_ path: String) throws(SpoolFailure) {
        let number = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw .last("cannot open '\(path)'") }
        defer { close(number) }
        guard fsync(number) == 0 else { throw .last("cannot synchronize '\(path)'") }
    }

    /// Wall clock, ns since the epoch.
    static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
