import Records

/// A layout of Go's `time` package, such as `02/Jan/2006:15:04:05 -0700`, for times of log lines: what a layout leaves
/// out is taken from the time at which the log is read. A time without a zone is UTC.
struct TimeLayout {
    private let layout: GoLayout
    private let hasDate: Bool
    private let hasYear: Bool

    /// nil when the layout has no element of a time at all.
    init?(_ text: String) {
        layout = GoLayout(Array(text.utf8))
        var found = (element: false, date: false, year: false)
        for piece in layout.pieces {
            switch piece.element {
            case .literal: break
            case .day, .underDay, .zeroDay, .underYearDay, .zeroYearDay: (found.element, found.date) = (true, true)
            case .longYear, .year: (found.element, found.year) = (true, true)
            case .longMonth, .month, .numericMonth, .zeroMonth, .longWeekday, .weekday, .hour, .hour12, .zeroHour12,
                .minute, .zeroMinute, .second, .zeroSecond, .upperPM, .lowerPM, .zoneName, .offset, .fraction:
                found.element = true
            }
        }
        guard found.element else { return nil }
        (hasDate, hasYear) = (found.date || found.year, found.year)
    }

    /// The time that the whole text says; nil where it does not fit, or is outside 1678–2261. A time without a date is
    /// of the day of `reference`; one without a year is of the year that puts it at most a day ahead of `reference`.
    func time(_ text: ByteView, reference: Timestamp) -> Timestamp? {
        guard let time = GoTimeParser.parse(text.array, layout, in: .utc) else { return nil }
        if hasYear { return Self.timestamp(time.seconds, time.nanoseconds) }
        let today = reference.nanoseconds.floored(by: 86_400_000_000_000)
        // Without a year it is one of the year 0, which has a 29 February.
        let date = time.civil
        guard hasDate else {
            return Self.timestamp(time.seconds + (today - date.days) * 86_400, time.nanoseconds)
        }
        let year = GoDate(days: today).year
        for year in [year + 1, year, year - 1] where date.day <= GoDate.days(inMonth: date.month, of: year) {
            let days = GoDate(year: year, month: date.month, day: date.day).days - date.days
            guard let result = Self.timestamp(time.seconds + days * 86_400, time.nanoseconds) else { continue }
            if result.nanoseconds - 86_400_000_000_000 <= reference.nanoseconds { return result }
        }
        return nil
    }

    static func timestamp(_ seconds: Int64, _ nanoseconds: Int) -> Timestamp? {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, case (let sum, false) = product.addingReportingOverflow(Int64(nanoseconds)) else { return nil }
        return Timestamp(nanoseconds: sum)
    }
}
