/// A hash of how a file begins, to tell it from another one that got its inode number or was written in its place.
struct Fingerprint: Hashable, Sendable {
    /// How many bytes were hashed; at most `maximumCount`.
    var count: Int
    var hash: UInt64

    /// A file that is longer is told by this much of it.
    static let maximumCount = 1_024

    static let none = Fingerprint(count: 0, hash: FNV64.start)

    init(count: Int, hash: UInt64) {
        self.count = count
        self.hash = hash
    }

    init(_ bytes: [UInt8]) {
        count = bytes.count
        hash = FNV64.hash(bytes)
    }

    /// Of the first bytes of a file, as far as it has them.
    init(of file: FileDescriptor, count: Int = Self.maximumCount) throws(SystemError) {
        self.init(try file.read(count, at: 0))
    }

    /// Whether the file begins with the bytes that were hashed.
    func matches(_ file: FileDescriptor) -> Bool {
        (try? Fingerprint(of: file, count: count)) == self
    }
}

/// The hash of Fowler, Noll and Vo, 64 bits, variant 1a: finds damage, not malice.
enum FNV64 {
    static let start: UInt64 = 0xCBF2_9CE4_8422_2325

    static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash = start
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }
}
