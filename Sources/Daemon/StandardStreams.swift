// Unsafe: `write(2)` from a buffer that lives for the call, with the count of that buffer.
import Glibc

/// Standard output, for results.
public enum StandardOutput {
    /// Writes all of it; false once nobody reads any more, which is no mistake of ours.
    @discardableResult
    public static func write(_ bytes: [UInt8]) -> Bool { writeAll(bytes, to: STDOUT_FILENO) }

    /// Writes all of it; false once nobody reads any more.
    @discardableResult
    public static func write(_ text: String) -> Bool { write(Array(text.utf8)) }
}

/// Standard error, for everything that is not a result.
public enum StandardError {
    /// Writes all of it in as few calls as the system allows, so that lines of different threads stay whole.
    public static func write(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }
}

/// Makes a closed pipe an error of `write` instead of the end of the process.
public func ignoreClosedPipes() {
    _ = signal(SIGPIPE, SIG_IGN)
}

private func writeAll(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
    var written = 0
    while written < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        }
        if count > 0 {
            written += count
        } else if count < 0, errno == EAGAIN {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = unsafe poll(&waiting, 1, 1_000)
        } else if count == 0 || errno != EINTR {
            return false
        }
    }
    return true
}
