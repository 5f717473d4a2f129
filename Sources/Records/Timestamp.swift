/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted, as Loki keeps it.
public struct Timestamp: BitwiseCopyable, Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Seconds since the epoch, as Prometheus writes times.
    public var seconds: Double { Double(nanoseconds) / 1e9 }

    public static let distantPast = Timestamp(nanoseconds: .min)
    public static let distantFuture = Timestamp(nanoseconds: .max)
}
