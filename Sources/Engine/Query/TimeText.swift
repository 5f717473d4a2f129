public import Records

/// Times as people and logs write them (RFC 3339, section 5.6), in the Gregorian calendar.
public enum TimeText {
    /// The time that a text says; nil when it is no RFC 3339 time, or one outside 1678–2261.
    public static func rfc3339(_ text: String) -> Timestamp? {
        var copy = OwnedBuffer<UInt8>(capacity: 64 + LineBatch.padding)
        for byte in text.utf8.prefix(65) { copy.append(byte) }
        return rfc3339(copy.paddedView())
    }

    /// RFC 3339 in UTC with the digits of the second that it needs, `2026-11-22T19:20:21.5Z`.
    public static func format(_ time: Timestamp) -> String {
        let (days, rest) = floorDivision(time.nanoseconds, 86_400_000_000_000)
        let date = civilDate(daysSinceEpoch: Int(days))
        let seconds = Int(rest / 1_000_000_000)
        var text = "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))T"
        text += "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        let fraction = Int(rest % 1_000_000_000)
        if fraction > 0 {
            var digits = padded(fraction, 9)[...]
            while digits.last == "0" { digits.removeLast() }
            text += "." + digits
        }
        return text + "Z"
    }

    /// A space may stand for the `T`; digits of a second beyond the ninth are dropped; a leap second is the first
    /// one of the next minute.
    static func rfc3339(_ text: ByteView) -> Timestamp? {
        var reader = TimeCursor(text)
        var time = CivilTime()
        guard text.count >= 20, let year = reader.number(4), reader.take("-"), let month = reader.number(2),
            reader.take("-"), let day = reader.number(2), reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(2), reader.take(":"), let minute = reader.number(2), reader.take(":"),
            let second = reader.number(2), let fraction = reader.fraction(), let zone = reader.zone(), reader.isAtEnd
        else { return nil }
        time.year = year
        (time.month, time.day) = (month, day)
        (time.hour, time.minute, time.second, time.nanosecond) = (hour, minute, second, fraction)
        time.offset = zone
        return time.timestamp
    }

    /// The Gregorian date of a day counted from 1970-01-01, by cycles of 400 years that begin on 1 March.
    static func civilDate(daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        let (cycle, dayOfCycle) = floorDivision(Int64(daysSinceEpoch) + 719_468, 146_097)
        let day = Int(dayOfCycle)
        let yearOfCycle = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (
            yearOfCycle + Int(cycle) * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1
        )
    }

    private static func floorDivision(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value.magnitude)
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// A date and a time of day, as read.
struct CivilTime {
    var year: Int?
    var month: Int?
    var day: Int?
    var hour = 0
    var minute = 0
    var second = 0
    var nanosecond = 0
    /// Seconds east of Greenwich.
    var offset = 0

    /// nil where a number is out of its range, a part of the date is missing, or the time is outside 1678–2261.
    var timestamp: Timestamp? {
        guard let year, let month, let day, (1...12).contains(month),
            (1...Self.daysInMonth(month, year)).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        let seconds = Int64(days * 86_400 + hour * 3_600 + minute * 60 + second - offset)
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, case (let sum, false) = nanoseconds.addingReportingOverflow(Int64(nanosecond)) else {
            return nil
        }
        return Timestamp(nanoseconds: sum)
    }

    /// Counts in years that begin in March, so that the leap day comes last, and in cycles of 400 years.
    static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let cycle = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfCycle = shifted - cycle * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return cycle * 146_097 + yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear - 719_468
    }

    static func daysInMonth(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// A position among digits and separators; each step moves on only when it found what it looked for.
struct TimeCursor {
    private let text: ByteView
    private var position = 0

    init(_ text: ByteView) { self.text = text }

    var isAtEnd: Bool { position == text.count }

    func peek() -> UInt8 { position < text.count ? text[position] : 0 }

    private var isDigit: Bool { peek() &- UInt8(ascii: "0") < 10 }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: scalar), position < text.count else { return false }
        position += 1
        return true
    }

    /// Letters without regard to case.
    mutating func take(word: String) -> Bool {
        guard text.count - position >= word.utf8.count else { return false }
        var offset = position
        for byte in word.utf8 {
            guard text[offset] | 0x20 == byte | 0x20 else { return false }
            offset += 1
        }
        position = offset
        return true
    }

    mutating func skip(while holds: (UInt8) -> Bool) {
        while position < text.count, holds(text[position]) { position += 1 }
    }

    /// Exactly so many digits.
    mutating func number(_ digits: Int) -> Int? { number(digits, digits) }

    /// At least and at most so many digits.
    mutating func number(_ least: Int, _ most: Int) -> Int? {
        var value = 0
        var count = 0
        let start = position
        while count < most, isDigit {
            value = value * 10 + Int(peek() - UInt8(ascii: "0"))
            position += 1
            count += 1
        }
        if count < least { position = start }
        return count < least ? nil : value
    }

    /// Nanoseconds of `.digits` or `,digits`; 0 when there is none; nil for a dot without a digit.
    mutating func fraction() -> Int? {
        guard take(".") || take(",") else { return 0 }
        var nanoseconds = 0
        var unit = 100_000_000
        guard isDigit else { return nil }
        while isDigit {
            nanoseconds += Int(peek() - UInt8(ascii: "0")) * unit
            unit /= 10
            position += 1
        }
        return nanoseconds
    }

    /// Seconds east of Greenwich of `Z`, `±hh:mm`, `±hhmm` or `±hh`.
    mutating func zone() -> Int? {
        if take("Z") || take("z") { return 0 }
        let sign = take("+") ? 1 : -1
        guard sign == 1 || take("-"), let hours = number(2), hours < 24 else { return nil }
        if take(":") {
            guard let minutes = number(2), minutes < 60 else { return nil }
            return sign * (hours * 3_600 + minutes * 60)
        }
        guard let minutes = number(2) else { return sign * hours * 3_600 }
        return minutes < 60 ? sign * (hours * 3_600 + minutes * 60) : nil
    }

    /// A decimal number times a power of ten, exact; what is smaller than 1 after that is dropped.
    mutating func decimal(exponent: Int) -> Int64? {
        let negative = take("-")
        var value: Int64 = 0
        var left = exponent
        var digits = 0
        var isFraction = false
        while true {
            if !isFraction, take(".") {
                isFraction = true
            } else if isDigit {
                digits += 1
                let digit = Int64(peek() - UInt8(ascii: "0"))
                position += 1
                if isFraction {
                    guard left > 0 else { continue }
                    left -= 1
                }
                let (product, over) = value.multipliedReportingOverflow(by: 10)
                guard !over, case (let sum, false) = product.addingReportingOverflow(digit) else { return nil }
                value = sum
            } else {
                break
            }
        }
        guard digits > 0 else { return nil }
        for _ in 0..<left {
            guard case (let product, false) = value.multipliedReportingOverflow(by: 10) else { return nil }
            value = product
        }
        return negative ? -value : value
    }
}
