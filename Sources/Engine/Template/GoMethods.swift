/// Methods of Go's times, durations, months and weekdays that templates can call.
enum GoMethods {
    /// What a method takes; nil where the value has no such method.
    static func parameters(of method: String, on receiver: TemplateValue) -> TemplateParameters? {
        switch receiver {
        case .time:
            switch method {
            case "Unix", "UnixMilli", "UnixMicro", "UnixNano", "Year", "Month", "Day", "Hour", "Minute", "Second",
                "Nanosecond", "Weekday", "YearDay", "String", "UTC", "Local", "IsZero", "IsDST":
                return TemplateParameters(fixed: [])
            case "Format": return TemplateParameters(fixed: [.string])
            case "Add", "Truncate", "Round": return TemplateParameters(fixed: [.duration])
            case "AddDate": return TemplateParameters(fixed: [.int, .int, .int])
            case "Sub", "Before", "After", "Equal", "Compare": return TemplateParameters(fixed: [.time])
            default: return nil
            }
        case .integer(_, .duration):
            switch method {
            case "Hours", "Minutes", "Seconds", "Milliseconds", "Microseconds", "Nanoseconds", "String", "Abs":
                return TemplateParameters(fixed: [])
            case "Round", "Truncate": return TemplateParameters(fixed: [.duration])
            default: return nil
            }
        case .integer(_, .month), .integer(_, .weekday): return method == "String" ? TemplateParameters(fixed: []) : nil
        default: return nil
        }
    }

    static func call(
        _ method: String, on receiver: TemplateValue, _ values: [TemplateValue], _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        switch receiver {
        case .time(let time): return try call(method, time, values, &run)
        case .integer(let value, .duration) where method != "String": return call(method, value, values)
        default:
            run.scratch.truncate(to: 0)
            try GoPrinter.append(receiver, to: &run.scratch)
            return try run.takeText()
        }
    }

    private static func call(
        _ method: String, _ time: GoTime, _ values: [TemplateValue], _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        func other() -> GoTime {
            if case .time(let other) = values[0] { return other }
            return time
        }
        switch method {
        case "Unix": return .integer(time.seconds, .int64)
        case "UnixMilli": return .integer(time.milliseconds, .int64)
        case "UnixMicro": return .integer(time.microseconds, .int64)
        case "UnixNano": return .integer(time.totalNanoseconds, .int64)
        case "Year": return .int(time.civil.year)
        case "Month": return .integer(Int64(time.civil.month), .month)
        case "Day": return .int(time.civil.day)
        case "Hour": return .int(time.hour)
        case "Minute": return .int(time.minute)
        case "Second": return .int(time.second)
        case "Nanosecond": return .int(time.nanoseconds)
        case "Weekday": return .integer(Int64(time.weekday), .weekday)
        case "YearDay": return .int(time.civil.dayOfYear)
        case "UTC", "Local":
            return .time(GoTime(seconds: time.seconds, nanoseconds: time.nanoseconds))
        case "IsZero": return .bool(time.seconds == GoTime.zeroSeconds && time.nanoseconds == 0)
        case "IsDST": return .bool(time.shift.isSummer)
        case "Format":
            let layout = run.times.layout(values[0].bytes)
            run.scratch.truncate(to: 0)
            time.append(layout: layout, to: &run.scratch)
            return try run.takeText()
        case "Add": return .time(time.adding(nanoseconds: values[0].integer))
        case "Truncate", "Round": return .time(rounded(time, values[0].integer, up: method == "Round"))
        case "AddDate": return .time(added(time, values.map(\.integer)))
        case "Sub": return .integer(difference(time, other()), .duration)
        case "Before": return .bool(time.precedes(other()))
        case "After": return .bool(other().precedes(time))
        case "Equal": return .bool(!time.precedes(other()) && !other().precedes(time))
        case "Compare": return .int(time.precedes(other()) ? -1 : other().precedes(time) ? 1 : 0)
        default:
            run.scratch.truncate(to: 0)
            time.append(layout: GoTime.stringLayout, to: &run.scratch)
            return try run.takeText()
        }
    }

    private static func call(_ method: String, _ value: Int64, _ values: [TemplateValue]) -> TemplateValue {
        func parts(_ unit: Int64) -> TemplateValue {
            .float(Double(value / unit) + Double(value % unit) / Double(unit))
        }
        switch method {
        case "Hours": return parts(3_600_000_000_000)
        case "Minutes": return parts(60_000_000_000)
        case "Seconds": return parts(1_000_000_000)
        case "Milliseconds": return .integer(value / 1_000_000, .int64)
        case "Microseconds": return .integer(value / 1_000, .int64)
        case "Nanoseconds": return .integer(value, .int64)
        case "Abs": return .integer(value < 0 ? (value == .min ? .max : -value) : value, .duration)
        default:
            let unit = values[0].integer
            guard unit > 0 else { return .integer(value, .duration) }
            let rest = value % unit
            var result = value - rest
            if method == "Round", rest.magnitude >= unit.magnitude - rest.magnitude {
                result = result.addingReportingOverflow(rest < 0 ? -unit : unit).partialValue
            }
            return .integer(result, .duration)
        }
    }

    private static func difference(_ left: GoTime, _ right: GoTime) -> Int64 {
        let (seconds, overflow) = left.seconds.subtractingReportingOverflow(right.seconds)
        let (nanoseconds, tooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carries) = nanoseconds.addingReportingOverflow(Int64(left.nanoseconds - right.nanoseconds))
        if overflow || tooLong || carries { return left.precedes(right) ? .min : .max }
        return sum
    }

    /// To a multiple of `unit` since the year 1.
    private static func rounded(_ time: GoTime, _ unit: Int64, up: Bool) -> GoTime {
        guard unit > 0 else { return time }
        let (high, low) = time.seconds.subtractingReportingOverflow(GoTime.zeroSeconds).partialValue
            .multipliedFullWidth(by: 1_000_000_000)
        let (total, carries) = low.addingReportingOverflow(UInt64(time.nanoseconds))
        let top = high + (carries ? 1 : 0)
        guard top >= 0, top < unit else { return time }
        let rest = Int64(UInt64(unit).dividingFullWidth((UInt64(top), total)).remainder)
        return time.adding(nanoseconds: up && rest >= unit - rest ? unit - rest : -rest)
    }

    private static func added(_ time: GoTime, _ parts: [Int64]) -> GoTime {
        let date = time.civil
        let bound: Int64 = 1_000_000
        let (years, months, days) = (
            min(max(parts[0], -bound), bound), min(max(parts[1], -bound), bound), min(max(parts[2], -bound), bound)
        )
        let month = Int64(date.month - 1) + months
        let year = Int64(date.year) + years + month.floored(by: 12)
        let first = GoDate(year: Int(year), month: Int(month - month.floored(by: 12) * 12) + 1, day: 1)
        let wall = (first.days + Int64(date.day - 1) + days) * 86_400 + Int64(time.secondOfDay)
        return GoTime(seconds: time.zone.seconds(ofWall: wall), nanoseconds: time.nanoseconds, zone: time.zone)
    }

    // MARK: names

    static func appendName(
        _ value: Int64, _ type: TemplateValue.IntegerType, to out: inout OwnedBuffer<UInt8>
    ) {
        switch type {
        case .month:
            out.append(
                text: (1...12).contains(value) ? GoDate.months[Int(value) - 1] : "%!Month(\(UInt64(bitPattern: value)))"
            )
        case .weekday:
            out.append(
                text: (0...6).contains(value) ? GoDate.weekdays[Int(value)] : "%!Weekday(\(UInt64(bitPattern: value)))")
        case .duration: out.append(text: duration(value))
        case .int, .int64, .uint8: out.append(text: String(value))
        }
    }

    /// `1h2m3.5s`.
    private static func duration(_ value: Int64) -> String {
        let total = value.magnitude
        let sign = value < 0 ? "-" : ""
        func fraction(_ number: UInt64, _ digits: Int) -> String {
            var text = String(number)
            text = String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
            while text.hasSuffix("0") { text.removeLast() }
            return text.isEmpty ? "" : "." + text
        }
        if total == 0 { return "0s" }
        if total < 1_000 { return "\(sign)\(total)ns" }
        if total < 1_000_000 { return "\(sign)\(total / 1_000)\(fraction(total % 1_000, 3))µs" }
        if total < 1_000_000_000 { return "\(sign)\(total / 1_000_000)\(fraction(total % 1_000_000, 6))ms" }
        let seconds = total / 1_000_000_000
        var text = "\(seconds % 60)\(fraction(total % 1_000_000_000, 9))s"
        if seconds >= 60 { text = "\(seconds / 60 % 60)m" + text }
        if seconds >= 3_600 { text = "\(seconds / 3_600)h" + text }
        return sign + text
    }
}

extension TemplateValue.IntegerType {
    /// Whether Go prints it by a name.
    var isNamed: Bool {
        switch self {
        case .month, .weekday, .duration: true
        case .int, .int64, .uint8: false
        }
    }
}
