import Records

/// Dates in syslog headers: RFC 3339 and its relatives, and those of RFC 3164 with the year left out.
enum SyslogTime {
    /// A date, and what its form says about the sender.
    struct Stamp: BitwiseCopyable {
        var time: Timestamp
        /// It names the month: `Oct 11 22:14:15`.
        var isBSD: Bool
        var hasFraction: Bool
    }

    /// `2003-10-11T22:14:15.003Z`, with `at` moved behind it; nil when it is something else.
    ///
    /// One to nine digits of fraction; the zone may be absent (`clock.offsetSeconds` then), or without its colon.
    static func iso(
        _ bytes: Span<UInt8>, _ at: inout Int, _ clock: SyslogClock, spaceAllowed: Bool
    ) -> Timestamp? {
        var here = at
        guard let year = number(bytes, &here, 4...4), skip(bytes, &here, "-"),
            let month = number(bytes, &here, 2...2), skip(bytes, &here, "-"),
            let day = number(bytes, &here, 2...2), here < bytes.count
        else { return nil }
        switch bytes[here] {
        case UInt8(ascii: "T"), UInt8(ascii: "t"): break
        case UInt8(ascii: " ") where spaceAllowed: break
        default: return nil
        }
        here += 1
        guard let clockTime = timeOfDay(bytes, &here),
            let days = daysSinceEpoch(year: year, month: month, day: day)
        else { return nil }
        let offset = zone(bytes, &here) ?? clock.offsetSeconds
        at = here
        return timestamp(days: days, clockTime, offset: offset)
    }

    /// A date of either kind at `at`: `Oct 11 22:14:15`, `Oct  1 2018 22:14:15`, `2018 Oct 11 22:14:15`,
    /// `Oct 11 22:14:15 2018`, or RFC 3339 with `T` or a space.
    static func bsdOrISO(_ bytes: Span<UInt8>, _ at: inout Int, _ clock: SyslogClock) -> Stamp? {
        guard at + 14 <= bytes.count else { return nil }
        if decimalDigit(bytes[at]) != nil, bytes[at + 4] == UInt8(ascii: "-") {
            return iso(bytes, &at, clock, spaceAllowed: true).map { Stamp(time: $0, isBSD: false, hasFraction: false) }
        }
        var here = at
        var year: Int?
        if decimalDigit(bytes[here]) != nil {
            guard let leading = fullYear(bytes, &here), skip(bytes, &here, " ") else { return nil }
            year = leading
        }
        guard let month = monthNumber(bytes, here) else { return nil }
        here += 3
        guard skip(bytes, &here, " ") else { return nil }
        _ = skip(bytes, &here, " ")
        guard let day = number(bytes, &here, 1...2), skip(bytes, &here, " ") else { return nil }
        if year == nil, let middle = fullYear(bytes, &here) {
            guard skip(bytes, &here, " ") else { return nil }
            year = middle
        }
        guard let clockTime = timeOfDay(bytes, &here) else { return nil }
        var behind = here
        if year == nil, skip(bytes, &behind, " "), let last = fullYear(bytes, &behind), ends(bytes, behind) {
            year = last
            here = behind
        }
        let days: Int64?
        if let year {
            days = daysSinceEpoch(year: year, month: month, day: day)
        } else {
            days = nearestDays(month: month, day: day, clockTime, clock)
        }
        guard let days else { return nil }
        at = here
        return Stamp(
            time: timestamp(days: days, clockTime, offset: clock.offsetSeconds), isBSD: true,
            hasFraction: clockTime.hasFraction)
    }

    /// Seconds east of UTC of the zones that devices write and that mean one thing; nil for others.
    static func zoneOffset(_ bytes: Span<UInt8>, _ word: Range<Int>) -> Int64? {
        let letters = word.reduce(into: UInt64(0)) { $0 = $0 << 8 | UInt64(bytes[$1]) }
        return zoneHours.first { $0.name == letters }.map { Int64($0.hours) * 3_600 }
    }

    // Packed letters, so that a look-up makes no String. CST and IST name several zones: North America's CST is meant.
    private static let zoneHours: [(name: UInt64, hours: Int)] = [
        ("UTC", 0), ("GMT", 0), ("WET", 0), ("WEST", 1), ("BST", 1), ("CET", 1), ("CEST", 2), ("EET", 2), ("EEST", 3),
        ("MSK", 3), ("EST", -5), ("EDT", -4), ("CST", -6), ("CDT", -5), ("MST", -7), ("MDT", -6), ("PST", -8),
        ("PDT", -7), ("JST", 9), ("KST", 9), ("AEST", 10), ("AEDT", 11),
    ].map { name, hours in (name.utf8.reduce(0) { $0 << 8 | UInt64($1) }, hours) }

    private struct ClockTime: BitwiseCopyable {
        var seconds: Int64
        var nanoseconds: Int64
        var hasFraction: Bool
    }

    /// `hh:mm:ss` with an optional fraction of one to nine digits (more are read and left out).
    private static func timeOfDay(_ bytes: Span<UInt8>, _ at: inout Int) -> ClockTime? {
        guard let hours = number(bytes, &at, 1...2), hours < 24, skip(bytes, &at, ":"),
            let minutes = number(bytes, &at, 2...2), minutes < 60, skip(bytes, &at, ":"),
            let seconds = number(bytes, &at, 2...2), seconds <= 60
        else { return nil }
        var time = ClockTime(
            seconds: Int64(hours * 3_600 + minutes * 60 + seconds), nanoseconds: 0, hasFraction: false)
        guard at + 1 < bytes.count, bytes[at] == UInt8(ascii: ".") || bytes[at] == UInt8(ascii: ","),
            decimalDigit(bytes[at + 1]) != nil
        else { return time }
        at += 1
        var unit: Int64 = 100_000_000
        while at < bytes.count, let digit = decimalDigit(bytes[at]) {
            time.nanoseconds += Int64(digit) * unit
            unit /= 10
            at += 1
        }
        time.hasFraction = true
        return time
    }

    /// `Z`, `+02:00` or `+0200`.
    private static func zone(_ bytes: Span<UInt8>, _ at: inout Int) -> Int64? {
        guard at < bytes.count else { return nil }
        switch bytes[at] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"):
            at += 1
            return 0
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            var here = at + 1
            guard let hours = number(bytes, &here, 2...2), hours < 24 else { return nil }
            _ = skip(bytes, &here, ":")
            guard let minutes = number(bytes, &here, 2...2), minutes < 60 else { return nil }
            let seconds = Int64(hours * 3_600 + minutes * 60)
            defer { at = here }
            return bytes[at] == UInt8(ascii: "-") ? -seconds : seconds
        default: return nil
        }
    }

    /// Digits, as many as there are up to the upper bound; nil when there are fewer than the lower bound.
    private static func number(_ bytes: Span<UInt8>, _ at: inout Int, _ digits: ClosedRange<Int>) -> Int? {
        var value = 0
        var index = at
        while index < bytes.count, index - at < digits.upperBound, let digit = decimalDigit(bytes[index]) {
            value = value * 10 + digit
            index += 1
        }
        guard index - at >= digits.lowerBound else { return nil }
        at = index
        return value
    }

    private static func fullYear(_ bytes: Span<UInt8>, _ at: inout Int) -> Int? {
        var here = at
        guard let year = number(bytes, &here, 4...4), (1970...2199).contains(year) else { return nil }
        at = here
        return year
    }

    private static func ends(_ bytes: Span<UInt8>, _ at: Int) -> Bool {
        at == bytes.count || bytes[at] == UInt8(ascii: " ") || bytes[at] == UInt8(ascii: ":")
    }

    private static func skip(_ bytes: Span<UInt8>, _ at: inout Int, _ character: Unicode.Scalar) -> Bool {
        guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    /// 1 to 12 for `Jan` to `Dec`, whatever the case.
    private static func monthNumber(_ bytes: Span<UInt8>, _ at: Int) -> Int? {
        guard at + 3 <= bytes.count else { return nil }
        let letters = UInt32(bytes[at] | 0x20) << 16 | UInt32(bytes[at + 1] | 0x20) << 8 | UInt32(bytes[at + 2] | 0x20)
        switch letters {
        case 0x6A_61_6E: return 1
        case 0x66_65_62: return 2
        case 0x6D_61_72: return 3
        case 0x61_70_72: return 4
        case 0x6D_61_79: return 5
        case 0x6A_75_6E: return 6
        case 0x6A_75_6C: return 7
        case 0x61_75_67: return 8
        case 0x73_65_70: return 9
        case 0x6F_63_74: return 10
        case 0x6E_6F_76: return 11
        case 0x64_65_63: return 12
        default: return nil
        }
    }

    private static func timestamp(days: Int64, _ time: ClockTime, offset: Int64) -> Timestamp {
        Timestamp(nanoseconds: (days * 86_400 + time.seconds - offset) * 1_000_000_000 + time.nanoseconds)
    }

    /// The day in the year that puts the time nearest to now; nil when the day exists in none of three years.
    private static func nearestDays(month: Int, day: Int, _ time: ClockTime, _ clock: SyslogClock) -> Int64? {
        let now = clock.now.nanoseconds / 1_000_000_000
        let thisYear = year(ofDay: now / 86_400)
        var best: (days: Int64, distance: Int64)?
        for year in thisYear - 1...thisYear + 1 {
            guard let days = daysSinceEpoch(year: year, month: month, day: day) else { continue }
            let distance = abs(days * 86_400 + time.seconds - clock.offsetSeconds - now)
            if distance < best?.distance ?? .max { best = (days, distance) }
        }
        return best?.days
    }

    /// Days from 1970-01-01; nil for a day that does not exist, and for years that nanoseconds in 64 bits cannot hold.
    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int64? {
        guard (1900...2260).contains(year), (1...12).contains(month), day >= 1, day <= daysOf(month, year) else {
            return nil
        }
        // The year begins in March here, so that the leap day is the last one.
        let shifted = Int64(month <= 2 ? year - 1 : year)
        let monthFromMarch = Int64((month + 9) % 12)
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + Int64(day) - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    private static func daysOf(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func year(ofDay day: Int64) -> Int {
        var year = Int(min(max(1970 + day / 366, 1971), 2259))
        while let next = daysSinceEpoch(year: year + 1, month: 1, day: 1), next <= day { year += 1 }
        return year
    }
}
