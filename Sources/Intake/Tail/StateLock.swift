import Glibc

// Unsafe here: `open` takes the path as a C string, which lives for the call.

/// The state folder belongs to another process.
public struct StateInUse: Error, CustomStringConvertible {
    public let description: String
}

/// Keeps the state folder to one process: two would overwrite each other's checkpoint.
///
/// A lock of the kernel on the file `lock` in the folder: it goes with the process, however that ends. In the file is the
/// number of the process, for people.
public final class StateLock: Sendable {
    private let file: FileDescriptor?

    /// Throws when another process has the folder. A folder that cannot be written is no error here: writing the
    /// checkpoint will say so.
    public init(directory: String) throws(StateInUse) {
        do throws(SystemError) { try Directory.make(directory) } catch {
            file = nil
            return
        }
        let number = unsafe open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else {
            file = nil
            return
        }
        let file = FileDescriptor(owning: number)
        guard flock(number, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            let owner = (try? file.read(16, at: 0)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            let digits = owner.prefix { $0.isASCII && $0.isNumber }
            throw StateInUse(
                description: "the state folder '\(directory)' is in use by another process"
                    + (digits.isEmpty ? "" : " (\(digits))"))
        }
        _ = ftruncate(number, 0)
        do throws(SystemError) { try file.write(Array("\(getpid())\n".utf8)) } catch {}
        self.file = file
    }
}
