public import Records

/// Reads times such as `2026-11-22T19:24:38.123456789+01:00` (RFC 3339, section 5.6) from bytes.
public enum RFC3339 {
    /// The time that the bytes say, all of them; nil when they are anything else, or a time outside 1678–2261.
    ///
    /// A space may stand for the `T`. Digits of a second beyond the ninth are dropped. A leap second is the first one
    /// of the next minute.
    public static func timestamp(_ bytes: Span<UInt8>) -> Timestamp? {
        timestamp(in: bytes, bytes.indices)
    }

    /// The time that a part of the bytes says; nil when it is anything else, or a time outside 1678–2261.
    public static func timestamp(in bytes: Span<UInt8>, _ range: Range<Int>) -> Timestamp? {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count, range.count >= 20 else { return nil }
        var reader = DigitReader(position: range.lowerBound, end: range.upperBound)
        guard let year = reader.number(4, bytes), reader.take("-", bytes), let month = reader.number(2, bytes),
            reader.take("-", bytes), let day = reader.number(2, bytes),
            reader.take("T", bytes) || reader.take("t", bytes) || reader.take(" ", bytes),
            let hour = reader.number(2, bytes), reader.take(":", bytes), let minute = reader.number(2, bytes),
            reader.take(":", bytes), let second = reader.number(2, bytes),
            let fraction = reader.fraction(bytes), let zone = reader.zone(bytes), reader.position == range.upperBound,
            hour < 24, minute < 60, second <= 60, (1...12).contains(month),
            (1...daysInMonth(month, year)).contains(day)
        else { return nil }
        let days = daysSinceEpoch(year: year, month: month, day: day)
        let seconds = Int64(days * 86_400 + hour * 3_600 + minute * 60 + second - zone)
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, case let (sum, false) = nanoseconds.addingReportingOverflow(Int64(fraction)) else {
            return nil
        }
        return Timestamp(nanoseconds: sum)
    }

    /// Days from 1970-01-01 to a day of the Gregorian calendar; `month` from 1, `day` from 1.
    ///
    /// Counts in years that begin in March, so that the leap day comes last, and in cycles of 400 years.
    public static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let cycle = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfCycle = shifted - cycle * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
        return cycle * 146_097 + dayOfCycle - 719_468
    }

    /// How many days a month has; `month` from 1.
    public static func daysInMonth(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// A position among digits and separators; each step moves on only when it found what it looked for.
private struct DigitReader {
    var position: Int
    let end: Int

    mutating func take(_ scalar: Unicode.Scalar, _ bytes: Span<UInt8>) -> Bool {
        guard position < end, bytes[position] == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    mutating func number(_ digits: Int, _ bytes: Span<UInt8>) -> Int? {
        guard position + digits <= end else { return nil }
        var value = 0
        for index in position..<position + digits {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        position += digits
        return value
    }

    /// Nanoseconds of `.digits`; 0 when there is none; nil for a dot without a digit.
    mutating func fraction(_ bytes: Span<UInt8>) -> Int? {
        guard take(".", bytes) else { return 0 }
        var nanoseconds = 0
        var unit = 100_000_000
        let first = position
        while position < end {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            nanoseconds += Int(digit) * unit
            unit /= 10
            position += 1
        }
        return position > first ? nanoseconds : nil
    }

    /// Seconds east of Greenwich of `Z` or `±hh:mm`.
    mutating func zone(_ bytes: Span<UInt8>) -> Int? {
        if take("Z", bytes) || take("z", bytes) { return 0 }
        let sign = take("+", bytes) ? 1 : -1
        guard sign == 1 || take("-", bytes), let hours = number(2, bytes), take(":", bytes),
            let minutes = number(2, bytes), hours < 24, minutes < 60
        else { return nil }
        return sign * (hours * 3_600 + minutes * 60)
    }
}
