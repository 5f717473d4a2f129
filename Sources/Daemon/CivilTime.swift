import CLinux
import Records

extension Timestamp {
    /// The system's time of day.
    static var now: Timestamp { Timestamp(nanoseconds: millrace_realtime_nanoseconds()) }

    /// RFC 3339 in UTC with milliseconds, `2026-11-22T19:20:21.123Z`.
    var rfc3339: String {
        let (days, rest) = floorDivision(nanoseconds, 86_400_000_000_000)
        let date = civilDate(daysSinceEpoch: days)
        let milliseconds = rest / 1_000_000
        let seconds = milliseconds / 1_000
        let clock =
            "\(two(seconds / 3_600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(three(milliseconds % 1_000))"
        return "\(date.year)-\(two(date.month))-\(two(date.day))T\(clock)Z"
    }

    /// Only the clock of `rfc3339`, `19:20:21.123`.
    var clock: String { String(rfc3339.drop { $0 != "T" }.dropFirst().dropLast()) }
}

/// The Gregorian date of a day counted from 1970-01-01, by eras of 400 years that begin on 1 March.
private func civilDate(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = floorDivision(daysSinceEpoch + 719_468, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
}

private func floorDivision(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}

private func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
private func three(_ value: Int64) -> String { value < 100 ? "0\(two(value))" : "\(value)" }
