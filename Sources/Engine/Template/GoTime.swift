/// A moment and the zone it is shown in: Go's `time.Time`.
struct GoTime: Equatable {
    /// Since 1970.
    var seconds: Int64
    /// 0 to 999,999,999.
    var nanoseconds: Int
    var zone: GoZone

    static let stringLayout = GoLayout(Array("2006-01-02 15:04:05.999999999 -0700 MST".utf8))
    /// The first of January of the year 1, Go's zero.
    static let zeroSeconds: Int64 = -62_135_596_800

    init(seconds: Int64, nanoseconds: Int = 0, zone: GoZone = .utc) {
        (self.seconds, self.nanoseconds, self.zone) = (seconds, nanoseconds, zone)
    }

    init(nanoseconds: Int64) {
        let rest = Int(nanoseconds % 1_000_000_000)
        let seconds = nanoseconds / 1_000_000_000
        self.init(seconds: rest < 0 ? seconds - 1 : seconds, nanoseconds: rest < 0 ? rest + 1_000_000_000 : rest)
    }

    static func == (left: GoTime, right: GoTime) -> Bool {
        left.seconds == right.seconds && left.nanoseconds == right.nanoseconds && left.zone === right.zone
    }

    func precedes(_ other: GoTime) -> Bool {
        seconds < other.seconds || seconds == other.seconds && nanoseconds < other.nanoseconds
    }

    /// The zone's abbreviation and offset at this moment.
    var shift: GoZone.Shift { zone.shift(at: seconds) }

    /// Seconds of the clock on the wall, as if that were UTC.
    var local: Int64 { seconds &+ Int64(shift.offset) }

    var civil: GoDate { GoDate(days: local.floored(by: 86_400)) }
    var secondOfDay: Int { Int(local &- local.floored(by: 86_400) &* 86_400) }
    var hour: Int { secondOfDay / 3_600 }
    var minute: Int { secondOfDay / 60 % 60 }
    var second: Int { secondOfDay % 60 }
    /// 0 is Sunday.
    var weekday: Int {
        let days = local.floored(by: 86_400)
        return Int(((days % 7) + 11) % 7)
    }

    var milliseconds: Int64 { seconds &* 1_000 &+ Int64(nanoseconds / 1_000_000) }
    var microseconds: Int64 { seconds &* 1_000_000 &+ Int64(nanoseconds / 1_000) }
    var totalNanoseconds: Int64 { seconds &* 1_000_000_000 &+ Int64(nanoseconds) }

    /// A moment later, or earlier, by this.
    func adding(nanoseconds added: Int64) -> GoTime {
        var result = self
        result.seconds &+= added / 1_000_000_000
        result.nanoseconds += Int(added % 1_000_000_000)
        if result.nanoseconds >= 1_000_000_000 {
            result.nanoseconds -= 1_000_000_000
            result.seconds &+= 1
        } else if result.nanoseconds < 0 {
            result.nanoseconds += 1_000_000_000
            result.seconds &-= 1
        }
        return result
    }
}

extension Int64 {
    /// The quotient, rounded down.
    func floored(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

/// A day of the Gregorian calendar.
struct GoDate {
    var year: Int
    /// 1 to 12.
    var month: Int
    var day: Int

    init(year: Int, month: Int, day: Int) { (self.year, self.month, self.day) = (year, month, day) }

    /// Days since 1970.
    init(days: Int64) {
        // Years begin in March, so that the leap day is the last.
        let shifted = days + 719_468
        let era = shifted.floored(by: 146_097)
        let dayOfEra = Int(shifted - era * 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970.
    var days: Int64 {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = shiftedYear.floored(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    var dayOfYear: Int { Int(days - GoDate(year: year, month: 1, day: 1).days) + 1 }

    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
}
