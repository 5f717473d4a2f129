import CLinux
import Glibc

// Unsafe here: `clock_gettime` writes through a pointer to a local variable.

/// The system's clocks, in nanoseconds.
enum SystemTime {
    /// Since the epoch; may be set back.
    static func now() -> Int64 { read(CLOCK_REALTIME) }

    /// Since some point in the past; never goes back.
    static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension Swift.Duration {
    /// Whole nanoseconds; the largest number for a duration beyond 292 years.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : scaled + attoseconds / 1_000_000_000
    }
}
