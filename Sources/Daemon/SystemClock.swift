import Glibc
import Records

/// The clocks of the system, read at the edges of the service only.
enum SystemClock {
    static func now() -> Timestamp { Timestamp(nanoseconds: read(CLOCK_REALTIME)) }
    static func monotonicNanoseconds() -> Int64 { read(CLOCK_MONOTONIC) }
    /// User and system CPU time of this process.
    static func cpuNanoseconds() -> Int64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
