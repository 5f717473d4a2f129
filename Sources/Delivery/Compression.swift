import CSnappy
import CZlib

// The only file of this module that calls C. Sound because each call gets the pointer and the length of one array,
// borrowed for the call, and no call writes more than the length that it was given.

/// Why bytes could not be decompressed.
enum CompressionFailure: Error {
    case corrupt
    /// The gzip header is missing or wrong.
    case header
    /// The input ends before the compressed data does.
    case truncated
    /// The encoding is none that is known.
    case unsupported
    /// The result would be larger than allowed.
    case tooLarge
}

/// Snappy's block format, without framing.
enum Snappy {
    static func compress(_ input: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: snappy_max_compressed_length(input.count)) { output, count in
            count = output.count
            let status = unsafe input.withUnsafeBytes { source in
                unsafe output.withMemoryRebound(to: CChar.self) { target in
                    unsafe snappy_compress(
                        source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count, target.baseAddress,
                        &count)
                }
            }
            precondition(status == SNAPPY_OK, "snappy refuses to compress into a buffer of the size it asked for")
        }
    }

    /// Refuses a result over `maximumBytes` before it allocates.
    static func decompress(_ input: [UInt8], maximumBytes: Int) throws(CompressionFailure) -> [UInt8] {
        var size = 0
        let known = unsafe input.withUnsafeBytes { source in
            unsafe snappy_uncompressed_length(
                source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count, &size)
        }
        guard !input.isEmpty, known == SNAPPY_OK else { throw .corrupt }
        // Snappy expands by 64/3 at most (a copy of 64 bytes takes 3), so a larger claim is a lie.
        guard size <= input.count * 22 else { throw .corrupt }
        guard size <= maximumBytes else { throw .tooLarge }
        guard size > 0 else { return [] }
        var status = SNAPPY_OK
        let output = unsafe [UInt8](unsafeUninitializedCapacity: size) { output, count in
            var written = size
            status = unsafe input.withUnsafeBytes { source in
                unsafe output.withMemoryRebound(to: CChar.self) { target in
                    unsafe snappy_uncompress(
                        source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count, target.baseAddress,
                        &written)
                }
            }
            count = status == SNAPPY_OK ? written : 0
        }
        guard status == SNAPPY_OK else { throw .corrupt }
        return output
    }
}

/// gzip (RFC 1952) and raw deflate (RFC 1951).
enum Zlib {
    /// The checksum of gzip and PNG (ISO 3309).
    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        unsafe bytes.withUnsafeBufferPointer { unsafe UInt32(CZlib.crc32(0, $0.baseAddress, uInt($0.count))) }
    }

    /// `level` is 1 to 9; 4 is the best for log lines per second spent.
    static func gzip(_ input: [UInt8], level: Int32 = 4) -> [UInt8] {
        var stream = unsafe z_stream()
        let ready = unsafe millrace_deflateInit2(&stream, level, 15 + 16)
        precondition(ready == Z_OK, "zlib has no memory, or another version than it was built with")
        defer { unsafe deflateEnd(&stream) }
        let bound = unsafe Int(deflateBound(&stream, UInt(input.count)))
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            var input = input  // zlib's input pointer is not const
            let status = unsafe input.withUnsafeMutableBufferPointer { source in
                unsafe stream.next_in = source.baseAddress
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = output.baseAddress
                unsafe stream.avail_out = UInt32(output.count)
                return unsafe deflate(&stream, Z_FINISH)
            }
            precondition(status == Z_STREAM_END, "zlib refuses to compress into a buffer of the size it asked for")
            count = unsafe Int(stream.total_out)
        }
    }

    static func gunzip(_ input: [UInt8], maximumBytes: Int) throws(CompressionFailure) -> [UInt8] {
        guard input.count >= 2, input[0] == 0x1F, input[1] == 0x8B else { throw input.isEmpty ? .truncated : .header }
        return try inflate(input, windowBits: 15 + 16, maximumBytes: maximumBytes)
    }

    static func inflateRaw(_ input: [UInt8], maximumBytes: Int) throws(CompressionFailure) -> [UInt8] {
        try inflate(input, windowBits: -15, maximumBytes: maximumBytes)
    }

    private static func inflate(
        _ input: [UInt8], windowBits: Int32, maximumBytes: Int
    ) throws(CompressionFailure) -> [UInt8] {
        var stream = unsafe z_stream()
        guard unsafe millrace_inflateInit2(&stream, windowBits) == Z_OK else { throw .corrupt }
        defer { unsafe inflateEnd(&stream) }
        var input = input
        var result: [UInt8] = []
        var consumed = 0
        while true {
            guard result.count <= maximumBytes else { throw .tooLarge }
            var status = Z_OK
            let step = min(256 << 10, maximumBytes + 1 - result.count)
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: step) { output, count in
                unsafe input.withUnsafeMutableBufferPointer { source in
                    let rest = unsafe UnsafeMutableBufferPointer(rebasing: source[consumed...])
                    unsafe stream.next_in = rest.baseAddress
                    unsafe stream.avail_in = UInt32(clamping: rest.count)
                    unsafe stream.next_out = output.baseAddress
                    unsafe stream.avail_out = UInt32(step)
                    status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                    unsafe consumed += min(rest.count, Int(UInt32.max)) - Int(stream.avail_in)
                    count = unsafe step - Int(stream.avail_out)
                }
            }
            result.append(contentsOf: piece)
            switch status {
            case Z_STREAM_END:
                guard result.count <= maximumBytes else { throw .tooLarge }
                return result
            case Z_OK where !piece.isEmpty || consumed < input.count: continue
            case Z_OK, Z_BUF_ERROR: throw .truncated
            default: throw .corrupt  // zlib's other codes all say that the data is wrong
            }
        }
    }
}
