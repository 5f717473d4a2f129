import CZlib
import Glibc

// The only file of this module with unsafe code: system calls and zlib. Sound because each call gets the start and the
// count of one array that is borrowed for the call, and writes no more than that count.

/// Why an input could not be read; lower case, no full stop.
public struct InputProblem: Error, Sendable, CustomStringConvertible {
    /// The path, or `standard input`.
    public var name: String
    public var message: String
    /// Where in the input, 1-based; nil where it is about all of it.
    public var line: Int?

    public init(_ name: String, _ message: String, line: Int? = nil) {
        self.name = name
        self.message = message
        self.line = line
    }

    /// `name:line: error: message`
    public var description: String { "\(name):\(line.map { "\($0):" } ?? "") error: \(message)" }
}

/// The bytes of a file or of standard input, piece by piece; gzip is undone where the bytes begin like gzip.
///
/// Memory: two pieces. Several gzip members after each other are one input, as for `zcat`.
final class ByteInput {
    static let pieceBytes = 256 << 10

    let name: String
    /// Bytes on disk; nil where that is not known before the end.
    let size: Int?
    /// True where the input can be read a second time.
    let isRegular: Bool
    /// Bytes taken from the input so far.
    private(set) var consumed = 0
    private let descriptor: CInt
    private var piece: [UInt8] = []
    private var pieceOffset = 0
    private var isAtEnd = false
    private var isGzip = false
    private var inflater = Inflater()

    /// `-` is standard input.
    init(_ path: String) throws(InputProblem) {
        if path == "-" {
            name = "standard input"
            descriptor = STDIN_FILENO
        } else {
            name = path
            guard !path.utf8.contains(0) else { throw InputProblem("a path", "there is a NUL in it") }
            descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw InputProblem(path, "cannot be opened: \(Self.systemMessage())") }
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw InputProblem(path, "cannot be read: \(Self.systemMessage())")
        }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw InputProblem(path, "wanted a file, found a folder") }
        isRegular = status.st_mode & S_IFMT == S_IFREG && path != "-"
        size = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
        piece = try readPiece()
        isGzip = piece.count >= 2 && piece[0] == 0x1F && piece[1] == 0x8B
    }

    deinit {
        if descriptor > STDERR_FILENO { close(descriptor) }
    }

    /// The next bytes; empty at the end.
    func next() throws(InputProblem) -> [UInt8] {
        guard isGzip else {
            if pieceOffset == 0, !piece.isEmpty {
                pieceOffset = piece.count
                let first = piece
                piece = []
                return first
            }
            return try readPiece()
        }
        while true {
            if pieceOffset == piece.count {
                if !isAtEnd {
                    piece = try readPiece()
                    pieceOffset = 0
                }
                if piece.isEmpty || pieceOffset == piece.count {
                    guard inflater.isBetweenMembers else {
                        throw InputProblem(name, "the file ends before the compressed data does")
                    }
                    return []
                }
            }
            // What stands behind the last member and is none itself is padding, as for `zcat`.
            if inflater.isBetweenMembers, inflater.members > 0, piece[pieceOffset] != 0x1F {
                pieceOffset = piece.count
                isAtEnd = true
                return []
            }
            guard let bytes = inflater.inflate(piece, &pieceOffset, most: Self.pieceBytes) else {
                throw InputProblem(name, "the compressed data is damaged")
            }
            if !bytes.isEmpty { return bytes }
        }
    }

    private func readPiece() throws(InputProblem) -> [UInt8] {
        guard !isAtEnd else { return [] }
        var failure: CInt = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, count in
            while true {
                let result = unsafe read(descriptor, buffer.baseAddress, buffer.count)
                if result < 0, errno == EINTR { continue }
                if result < 0 { failure = errno }
                count = max(0, result)
                return
            }
        }
        if failure != 0 { throw InputProblem(name, "cannot be read: \(Self.systemMessage(failure))") }
        consumed += bytes.count
        isAtEnd = bytes.isEmpty
        return bytes
    }

    private static func systemMessage(_ code: CInt = errno) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text).lowercased()
    }
}

/// zlib's state for gzip (RFC 1952).
@safe private struct Inflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    private(set) var isBetweenMembers = true
    private(set) var members = 0
    private let isReady: Bool

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        isReady = unsafe millrace_inflateInit2(stream, 15 + 16) == Z_OK
    }

    deinit {
        if isReady { unsafe inflateEnd(stream) }
        unsafe stream.deallocate()
    }

    /// Bytes that come of `input` from `offset` on, at most so many; moves `offset`. nil where the data is damaged.
    mutating func inflate(_ input: [UInt8], _ offset: inout Int, most: Int) -> [UInt8]? {
        guard isReady else { return nil }
        if isBetweenMembers {
            guard unsafe inflateReset(stream) == Z_OK else { return nil }
            isBetweenMembers = false
        }
        var input = input  // zlib's input pointer is not const
        var status = Z_OK
        let start = offset
        let output = unsafe [UInt8](unsafeUninitializedCapacity: most) { output, count in
            unsafe input.withUnsafeMutableBufferPointer { source in
                unsafe stream.pointee.next_in = source.baseAddress! + start
                unsafe stream.pointee.avail_in = UInt32(source.count - start)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(output.count)
                status = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
                offset = unsafe source.count - Int(stream.pointee.avail_in)
                count = unsafe output.count - Int(stream.pointee.avail_out)
            }
        }
        switch status {
        case Z_STREAM_END:
            isBetweenMembers = true
            members += 1
        case Z_OK, Z_BUF_ERROR: break
        default: return nil  // zlib's other codes all say that the data is wrong
        }
        return output
    }
}

/// Where the next newline stands, from `start` on.
func newline(in bytes: [UInt8], from start: Int) -> Int? {
    unsafe bytes.withUnsafeBytes { buffer -> Int? in
        guard start < buffer.count, let base = buffer.baseAddress,
            let found = unsafe memchr(base + start, 0x0A, buffer.count - start)
        else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }
}

/// True where standard error is a terminal, so that progress may be shown.
func standardErrorIsTerminal() -> Bool { isatty(STDERR_FILENO) == 1 }

/// The system's time of day in ns since 1970.
func systemNanoseconds() -> Int64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// True where the path names a folder.
func isFolder(_ path: String) -> Bool {
    var status = stat()
    return unsafe !path.utf8.contains(0) && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
