// Unsafe here: a number's own bytes are appended to an array, for as long as the number lives.

/// Puts together the bytes of a snapshot: numbers in little endian, texts and lists behind their lengths.
struct StateWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    mutating func add(_ number: UInt32) {
        unsafe withUnsafeBytes(of: number.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func add(_ number: UInt64) {
        unsafe withUnsafeBytes(of: number.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func add(_ number: Int64) { add(UInt64(bitPattern: number)) }

    mutating func add(_ number: Double) { add(number.bitPattern) }

    mutating func add(_ byte: UInt8) { bytes.append(byte) }

    mutating func add(_ text: String) {
        add(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// The elements as they stand in memory, without their number.
    mutating func add(_ buffer: borrowing OwnedBuffer<UInt8>) { buffer.write(to: &bytes) }

    /// The elements as they stand in memory, without their number: little endian on every machine that we run on.
    mutating func add(_ buffer: borrowing OwnedBuffer<Double>) { buffer.write(to: &bytes) }

    /// Leaves room for the length of what comes next; `endSection` fills it in.
    mutating func beginSection() -> Int {
        add(UInt64(0))
        return bytes.count
    }

    mutating func endSection(_ start: Int) {
        let count = UInt64(bytes.count - start)
        for byte in 0..<8 { bytes[start - 8 + byte] = UInt8(truncatingIfNeeded: count >> UInt64(8 * byte)) }
    }
}

/// The bytes of a snapshot are not what a snapshot is made of.
struct StateDamage: Error {
    var text: String
}

/// Reads what `StateWriter` wrote; of hostile bytes it throws, and never takes more memory than they have.
struct StateReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8]) {
        self.init(bytes, 0..<bytes.count)
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position == end }

    mutating func byte() throws(StateDamage) -> UInt8 {
        try take(1)
        return bytes[position - 1]
    }

    mutating func word() throws(StateDamage) -> UInt32 {
        try take(4)
        return (0..<4).reduce(0) { $0 | UInt32(bytes[position - 4 + $1]) << UInt32(8 * $1) }
    }

    mutating func unsigned() throws(StateDamage) -> UInt64 {
        try take(8)
        var number: UInt64 = 0
        for byte in 0..<8 { number |= UInt64(bytes[position - 8 + byte]) << UInt64(8 * byte) }
        return number
    }

    /// A number that counts something: small enough that sums of a few thousand of them fit an `Int`.
    mutating func count() throws(StateDamage) -> UInt64 {
        let number = try unsigned()
        guard number <= 1 << 50 else { throw StateDamage(text: "a count of \(number)") }
        return number
    }

    mutating func signed() throws(StateDamage) -> Int64 { Int64(bitPattern: try unsigned()) }

    mutating func double() throws(StateDamage) -> Double { Double(bitPattern: try unsigned()) }

    mutating func text() throws(StateDamage) -> String {
        let count = Int(try word())
        try take(count)
        guard let text = String(validating: bytes[position - count..<position], as: UTF8.self) else {
            throw StateDamage(text: "a text that is not UTF-8")
        }
        return text
    }

    /// How many elements follow, each of at least so many bytes.
    mutating func elements(ofBytes size: Int) throws(StateDamage) -> Int {
        let count = Int(try word())
        guard count <= (end - position) / size else { throw StateDamage(text: "a list of \(count) does not end") }
        return count
    }

    mutating func array(_ count: Int) throws(StateDamage) -> [UInt8] {
        try take(count)
        return Array(bytes[position - count..<position])
    }

    mutating func signed(_ count: Int) throws(StateDamage) -> [Int64] {
        guard count <= (end - position) / 8 else { throw StateDamage(text: "a list of \(count) does not end") }
        var numbers: [Int64] = []
        numbers.reserveCapacity(count)
        for _ in 0..<count { numbers.append(try signed()) }
        return numbers
    }

    mutating func doubles(_ count: Int) throws(StateDamage) -> [Double] {
        guard count <= (end - position) / 8 else { throw StateDamage(text: "a list of \(count) does not end") }
        var numbers: [Double] = []
        numbers.reserveCapacity(count)
        for _ in 0..<count { numbers.append(try double()) }
        return numbers
    }

    /// A reader of what stands between `beginSection` and `endSection`; this one goes on behind it.
    mutating func section() throws(StateDamage) -> StateReader {
        let size = try unsigned()
        guard size <= UInt64(end - position) else { throw StateDamage(text: "a section of \(size) bytes does not end") }
        let start = position
        position += Int(size)
        return StateReader(bytes, start..<position)
    }

    private mutating func take(_ count: Int) throws(StateDamage) {
        guard count <= end - position else { throw StateDamage(text: "it ends too early") }
        position += count
    }
}
