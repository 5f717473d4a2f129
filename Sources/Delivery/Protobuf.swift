/// Protobuf's wire format, as much as the push messages need: varints and length-delimited fields.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A field that holds a number.
    mutating func field(_ number: UInt8, _ value: UInt64) {
        bytes.append(number << 3)
        varint(value)
    }

    /// The start of a field that holds `count` bytes, which follow.
    mutating func field(_ number: UInt8, count: Int) {
        bytes.append(number << 3 | 2)
        varint(UInt64(count))
    }

    mutating func append(_ content: [UInt8]) {
        bytes.append(contentsOf: content)
    }

    mutating func append(_ content: ArraySlice<UInt8>) {
        bytes.append(contentsOf: content)
    }

    mutating func append(_ content: String) {
        bytes.append(contentsOf: content.utf8)
    }

    /// Bytes that a varint takes: 1 to 10.
    static func size(_ value: UInt64) -> Int {
        (63 - (value | 1).leadingZeroBitCount) / 7 + 1
    }

    /// Bytes that a length-delimited field with a number up to 15 takes, tag and length included.
    static func fieldSize(count: Int) -> Int {
        1 + size(UInt64(count)) + count
    }
}

/// Reads one message's fields in their order. The bytes are hostile: every length is checked.
struct ProtobufReader {
    enum Value {
        case number(UInt64)
        case bytes(Range<Int>)
        /// A fixed-size field or a group's end, which no push message uses.
        case other
    }
    enum Failure: Error {
        /// The message ends within a field.
        case truncated
        /// A tag or varint that no writer makes.
        case malformed
    }

    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    /// `range` must lie within `bytes`.
    init(_ bytes: [UInt8], in range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field; nil at the message's end.
    mutating func next() throws(Failure) -> (number: UInt64, value: Value)? {
        guard position < end else { return nil }
        let tag = try varint()
        let number = tag >> 3
        guard number > 0 else { throw .malformed }
        switch tag & 7 {
        case 0: return (number, .number(try varint()))
        case 1:
            try skip(8)
            return (number, .other)
        case 2:
            let count = try varint()
            guard count <= UInt64(end - position) else { throw .truncated }
            let range = position..<position + Int(count)
            position = range.upperBound
            return (number, .bytes(range))
        case 5:
            try skip(4)
            return (number, .other)
        default: throw .malformed  // groups (3, 4) and the unassigned wire types 6 and 7
        }
    }

    private mutating func skip(_ count: Int) throws(Failure) {
        guard count <= end - position else { throw .truncated }
        position += count
    }

    private mutating func varint() throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { throw .malformed }
        }
        throw .truncated
    }
}
