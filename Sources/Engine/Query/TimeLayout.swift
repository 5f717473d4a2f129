import Records

/// A layout of Go's `time` package, such as `02/Jan/2006:15:04:05 -0700`: the reference time written as the times are.
struct TimeLayout {
    private enum Part: Equatable {
        case text(UInt8)
        case year, shortYear
        case month(digits: Int), monthName, longMonthName
        /// `_2` allows a blank for the first digit.
        case day(digits: Int, blank: Bool)
        case dayOfYear
        case weekday, longWeekday
        case hour, hour12(digits: Int), minute(digits: Int), second(digits: Int)
        case fraction
        case halfDay
        case zone, zoneName
    }

    private var parts: [Part] = []
    /// False for layouts with only a time of day.
    private(set) var hasDate = false
    private(set) var hasYear = false

    /// Longer beginnings first.
    private static let elements: [(String, Part)] = [
        ("January", .longMonthName), ("Jan", .monthName), ("Monday", .longWeekday), ("Mon", .weekday),
        ("MST", .zoneName), ("2006", .year), ("__2", .dayOfYear), ("002", .dayOfYear),
        ("Z07:00", .zone), ("Z0700", .zone), ("Z07", .zone), ("-07:00", .zone), ("-0700", .zone), ("-07", .zone),
        ("01", .month(digits: 2)), ("02", .day(digits: 2, blank: false)), ("03", .hour12(digits: 2)),
        ("04", .minute(digits: 2)), ("05", .second(digits: 2)), ("06", .shortYear), ("15", .hour),
        ("_2", .day(digits: 1, blank: true)), ("PM", .halfDay), ("pm", .halfDay), ("1", .month(digits: 1)),
        ("2", .day(digits: 1, blank: false)), ("3", .hour12(digits: 1)), ("4", .minute(digits: 1)),
        ("5", .second(digits: 1)),
    ]

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// nil when the layout has no element of a time at all.
    init?(_ layout: String) {
        let bytes = Array(layout.utf8)
        var offset = 0
        var hasElement = false
        while offset < bytes.count {
            if bytes[offset] == UInt8(ascii: ".") || bytes[offset] == UInt8(ascii: ","),
                let digits = Self.fractionDigits(bytes, offset + 1)
            {
                parts.append(.fraction)
                offset += 1 + digits
            } else if let (text, part) = Self.elements.first(where: { bytes[offset...].starts(with: $0.0.utf8) }) {
                parts.append(part)
                hasElement = true
                offset += text.utf8.count
            } else {
                parts.append(.text(bytes[offset]))
                offset += 1
            }
        }
        guard hasElement else { return nil }
        hasYear = parts.contains(.year) || parts.contains(.shortYear)
        hasDate = parts.contains { part in
            switch part {
            case .day, .dayOfYear: true
            case .text, .year, .shortYear, .month, .monthName, .longMonthName, .weekday, .longWeekday, .hour, .hour12,
                .minute, .second, .fraction, .halfDay, .zone, .zoneName:
                false
            }
        }
    }

    /// How many zeros or nines follow, where no other digit does.
    private static func fractionDigits(_ bytes: [UInt8], _ start: Int) -> Int? {
        guard start < bytes.count, bytes[start] == UInt8(ascii: "0") || bytes[start] == UInt8(ascii: "9") else {
            return nil
        }
        var end = start
        while end < bytes.count, bytes[end] == bytes[start] { end += 1 }
        return end < bytes.count && bytes[end] &- UInt8(ascii: "0") < 10 ? nil : end - start
    }

    /// The time that the whole text says. What the layout leaves out is taken from `reference`: a year so that the
    /// time is at most a day ahead of it, or its date.
    func time(_ text: ByteView, reference: Timestamp) -> Timestamp? {
        var cursor = TimeCursor(text)
        var time = CivilTime()
        var afternoon: Bool?
        var dayOfYear: Int?
        for part in parts {
            switch part {
            case .text(let byte):
                guard cursor.take(Unicode.Scalar(byte)) else { return nil }
            case .year:
                guard let year = cursor.number(4) else { return nil }
                time.year = year
            case .shortYear:
                guard let year = cursor.number(2) else { return nil }
                time.year = year >= 69 ? 1900 + year : 2000 + year
            case .month(let digits):
                guard let month = cursor.number(digits, 2) else { return nil }
                time.month = month
            case .monthName, .longMonthName:
                guard let month = Self.index(in: Self.months, short: part == .monthName, &cursor) else { return nil }
                time.month = month + 1
            case .day(let digits, let blank):
                if blank { _ = cursor.take(" ") }
                guard let day = cursor.number(digits, 2) else { return nil }
                time.day = day
            case .dayOfYear:
                cursor.skip { $0 == 0x20 }
                dayOfYear = cursor.number(1, 3)
                guard dayOfYear != nil else { return nil }
            case .weekday, .longWeekday:
                guard Self.index(in: Self.weekdays, short: part == .weekday, &cursor) != nil else { return nil }
            case .hour:
                guard let hour = cursor.number(1, 2) else { return nil }
                time.hour = hour
            case .hour12(let digits):
                guard let hour = cursor.number(digits, 2), hour <= 12 else { return nil }
                time.hour = hour
            case .minute(let digits):
                guard let minute = cursor.number(digits, 2) else { return nil }
                time.minute = minute
            case .second(let digits):
                guard let second = cursor.number(digits, 2) else { return nil }
                time.second = second
                // As in Go, a fraction may follow the seconds although the layout has none.
                if !parts.contains(.fraction), cursor.peek() == UInt8(ascii: ".") || cursor.peek() == UInt8(ascii: ",")
                {
                    guard let fraction = cursor.fraction() else { return nil }
                    time.nanosecond = fraction
                }
            case .fraction:
                guard let fraction = cursor.fraction() else { return nil }
                time.nanosecond = fraction
            case .halfDay:
                if cursor.take(word: "PM") {
                    afternoon = true
                } else if cursor.take(word: "AM") {
                    afternoon = false
                } else {
                    return nil
                }
            case .zone:
                guard let zone = cursor.zone() else { return nil }
                time.offset = zone
            case .zoneName: cursor.skip { ($0 | 0x20) &- UInt8(ascii: "a") < 26 }
            }
        }
        guard cursor.isAtEnd else { return nil }
        if let afternoon { time.hour = time.hour % 12 + (afternoon ? 12 : 0) }
        return complete(time, dayOfYear, reference)
    }

    private func complete(_ time: CivilTime, _ dayOfYear: Int?, _ reference: Timestamp) -> Timestamp? {
        let day = Int(
            (reference.nanoseconds - (reference.nanoseconds < 0 ? 86_399_999_999_999 : 0)) / 86_400_000_000_000)
        let today = TimeText.civilDate(daysSinceEpoch: day)
        var time = time
        guard hasDate else {
            time.year = today.year
            (time.month, time.day) = (today.month, today.day)
            return time.timestamp
        }
        for year in hasYear ? [time.year] : [today.year + 1, today.year, today.year - 1] {
            time.year = year
            if let dayOfYear, let year {
                let date = TimeText.civilDate(
                    daysSinceEpoch: CivilTime.daysSinceEpoch(year: year, month: 1, day: 1) + dayOfYear - 1)
                (time.month, time.day) = (date.month, date.day)
            }
            guard let result = time.timestamp else { continue }
            if hasYear || result.nanoseconds - 86_400_000_000_000 <= reference.nanoseconds { return result }
        }
        return nil
    }

    private static func index(in names: [String], short: Bool, _ cursor: inout TimeCursor) -> Int? {
        names.firstIndex { cursor.take(word: short ? String($0.prefix(3)) : $0) }
    }
}
