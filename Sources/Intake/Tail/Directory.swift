import CLinux
import Glibc

// Unsafe here: `readdir` returns a pointer into memory of the directory stream, good until its next call; the name is
// copied before that.

/// The folders of the file system, as far as finding files needs them.
enum Directory {
    /// The names in a folder without `.` and `..`, sorted; names that are not UTF-8 are left out and counted.
    static func names(at path: String) throws(SystemError) -> (names: [String], unreadable: Int) {
        guard let stream = unsafe opendir(path) else { throw .last }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        var unreadable = 0
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name else {
                unreadable += 1
                continue
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return (names.sorted(), unreadable)
    }

    /// Makes a folder, and those above it, unless it is there.
    static func make(_ path: String) throws(SystemError) {
        if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else { throw .last }
        try make(String(path[..<slash]))
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .last }
    }

    /// Gives a file another name in one step, in place of what had that name.
    static func rename(_ old: String, to new: String) throws(SystemError) {
        guard unsafe Glibc.rename(old, new) == 0 else { throw .last }
    }

    /// Waits until the names in a folder are on the disk.
    static func synchronize(_ path: String) throws(SystemError) {
        try FileDescriptor(reading: path).synchronize()
    }
}
