/// One request body as it waits on the disk.
///
/// A segment begins with `magic`, whose last letter is the version of the format. Then come records, each with a head of
/// 40 bytes and the body. All numbers are little-endian: 4 bytes mark, 4 length of the body, 8 sequence number, 8 time
/// of writing (ns since the epoch), 4 lines, 4 encoding, 4 CRC-32 of the body, 4 CRC-32 of the head before it.
struct SpoolRecord: Equatable {
    struct Head: Equatable {
        var count: Int
        var sequence: UInt64
        var time: Int64
        var lines: Int
        var encoding: PushEncoding
        var checksum: UInt32

        /// Bytes of head and body.
        var total: Int { SpoolRecord.headBytes + count }
    }

    static let magic = Array("MRSPOOL1".utf8)
    static let headBytes = 40
    /// No body is longer; a length beyond is damage.
    static let maximumBody = 256 << 20
    private static let mark: UInt32 = 0x6365_524D  // "MRec"

    let head: Head
    let body: [UInt8]

    init(_ body: PushBody, sequence: UInt64, time: Int64) {
        head = Head(
            count: body.bytes.count, sequence: sequence, time: time, lines: body.lines, encoding: body.encoding,
            checksum: Zlib.crc32(body.bytes))
        self.body = body.bytes
    }

    init(head: Head, body: [UInt8]) {
        self.head = head
        self.body = body
    }

    /// Whether the body is the one that was written.
    var isSound: Bool { body.count == head.count && Zlib.crc32(body) == head.checksum }

    var pushBody: PushBody { PushBody(bytes: body, encoding: head.encoding, lines: head.lines) }

    func append(to bytes: inout [UInt8]) {
        let start = bytes.count
        Self.add(Self.mark, to: &bytes)
        Self.add(UInt32(head.count), to: &bytes)
        Self.add(head.sequence, to: &bytes)
        Self.add(UInt64(bitPattern: head.time), to: &bytes)
        Self.add(UInt32(clamping: head.lines), to: &bytes)
        Self.add(head.encoding == .jsonGzip ? UInt32(1) : 0, to: &bytes)
        Self.add(head.checksum, to: &bytes)
        Self.add(Zlib.crc32(Array(bytes[start...])), to: &bytes)
        bytes.append(contentsOf: body)
    }

    /// The head that begins at an index; nil where there is none that can be believed.
    static func head(in bytes: [UInt8], at index: Int = 0) -> Head? {
        guard bytes.count - index >= headBytes, number(bytes, index, 4) == UInt64(mark),
            number(bytes, index + 36, 4) == UInt64(Zlib.crc32(Array(bytes[index..<index + 36])))
        else { return nil }
        let count = Int(number(bytes, index + 4, 4))
        guard count <= maximumBody else { return nil }
        let encoding: PushEncoding
        switch number(bytes, index + 28, 4) {
        case 0: encoding = .protobufSnappy
        case 1: encoding = .jsonGzip
        default: return nil  // of a version that we do not know
        }
        return Head(
            count: count, sequence: number(bytes, index + 8, 8),
            time: Int64(bitPattern: number(bytes, index + 16, 8)), lines: Int(number(bytes, index + 24, 4)),
            encoding: encoding, checksum: UInt32(number(bytes, index + 32, 4)))
    }

    static func add(_ number: some FixedWidthInteger & UnsignedInteger, to bytes: inout [UInt8]) {
        var rest = UInt64(number)
        for _ in 0..<number.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    static func number(_ bytes: [UInt8], _ index: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[index + $1]) << UInt64(8 * $1) }
    }
}
