import Glibc
import Records

/// The clocks of the system, read at the edges of the service only.
enum SystemClock {
    private static let start = ContinuousClock.now

    static func now() -> Timestamp { .now }

    /// Nanoseconds since some moment of this process; never goes back.
    static func monotonicNanoseconds() -> Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// User and system CPU time of this process, in seconds.
    static func cpuSeconds() -> Double { Double(clock()) / 1e6 }
}
