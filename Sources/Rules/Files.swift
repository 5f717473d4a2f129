import Diagnostics
import Glibc
import YAML

/// Why a file could not be used.
public enum FileProblem: Error, Hashable, Sendable {
    case missing
    case denied
    case folder
    /// A pipe, a socket or a device.
    case notRegular
    case tooLarge(limit: Int)
    case system(Int32)

    /// What a person reads.
    public var message: String {
        switch self {
        case .missing: "no such file"
        case .denied: "not allowed to read it"
        case .folder: "wanted a file, found a folder"
        case .notRegular: "wanted a file, found a pipe, socket or device"
        case .tooLarge(let limit): "the file is too large, at most \(limit) bytes"
        case .system(let code): "cannot be read: \(systemMessage(code))"
        }
    }
}

// The only file of this module with unsafe code: system calls. What makes it sound: every buffer that the kernel
// writes to is an array whose count is passed along, and every string that libc returns is copied before it is freed.

/// All bytes of a regular file; refuses more than `limit`. Never waits on a pipe.
func readFile(_ path: String, limit: Int) throws(FileProblem) -> [UInt8] {
    guard !path.utf8.contains(0) else { throw .missing }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
        switch errno {
        case ENOENT, ENOTDIR: throw .missing
        case EACCES, EPERM: throw .denied
        default: throw .system(errno)
        }
    }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .system(errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw .folder
    default: throw .notRegular
    }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count == 0 { return result }
        guard count > 0 else {
            if errno == EINTR { continue }
            throw .system(errno)
        }
        result += buffer[..<count]
        if result.count > limit { throw .tooLarge(limit: limit) }
    }
}

func isFolder(_ path: String) -> Bool {
    var status = stat()
    return unsafe !path.utf8.contains(0) && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The paths that a shell pattern matches, sorted.
func paths(matching pattern: String) -> [String] {
    guard !pattern.utf8.contains(0) else { return [] }
    var found = unsafe glob_t()
    defer { unsafe globfree(&found) }
    guard unsafe glob(pattern, GLOB_BRACE, nil, &found) == 0 else { return [] }
    return unsafe (0..<Int(found.gl_pathc)).compactMap { index in
        unsafe found.gl_pathv[index].map { unsafe String(cString: $0) }
    }
}

/// The path without symbolic links and dots; the path itself where it does not exist.
func resolved(_ path: String) -> String {
    guard !path.utf8.contains(0), let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
}

/// The value of an environment variable of this process.
public func environmentVariable(_ name: String) -> String? {
    guard !name.utf8.contains(0), let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}

private func systemMessage(_ code: Int32) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text).lowercased()
}

/// `path` as seen from `folder`; absolute paths stay.
func path(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") || folder.isEmpty || folder == "." ? path : folder + "/" + path
}

/// Reads a text file; what is not UTF-8 or cannot be read comes as one diagnostic.
func readText(_ path: String) -> (source: SourceText, problem: Diagnostic?) {
    do {
        let bytes = try readFile(path, limit: Document.maximumBytes)
        if let text = String(validating: bytes, as: UTF8.self) { return (SourceText(name: path, text: text), nil) }
        let repaired = Array(String(decoding: bytes, as: UTF8.self).utf8)
        let offset = zip(bytes, repaired).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
        let line = 1 + bytes[..<offset].count { $0 == UInt8(ascii: "\n") }
        let message = "the file is not UTF-8 text: byte \(offset), on line \(line), is not part of a character"
        return (SourceText(name: path, text: ""), Diagnostic(.error, message, at: 0..<0))
    } catch {
        return (SourceText(name: path, text: ""), Diagnostic(.error, error.message, at: 0..<0))
    }
}

/// Diagnostics as a person reads them; those about a whole file without a line of it.
func render(_ source: SourceText, _ diagnostics: [Diagnostic]) -> String {
    guard source.text.utf8.allSatisfy({ $0 <= 0x20 }) else { return source.render(diagnostics) }
    return diagnostics.map { diagnostic in
        "\(source.name): \(diagnostic.severity.rawValue): \(diagnostic.message)\n"
            + (diagnostic.hint.map { " \($0)\n" } ?? "")
    }.joined()
}
