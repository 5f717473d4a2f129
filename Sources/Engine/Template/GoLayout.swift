/// A layout of Go's `time` package, cut into its elements.
struct GoLayout {
    enum Element: Equatable {
        case literal
        case longMonth, month, numericMonth, zeroMonth
        case longWeekday, weekday
        case day, underDay, zeroDay, underYearDay, zeroYearDay
        case hour, hour12, zeroHour12, minute, zeroMinute, second, zeroSecond
        case longYear, year
        case upperPM, lowerPM
        case zoneName
        /// A numeric offset: `Z07:00` when `isISO`.
        case offset(isISO: Bool, form: OffsetForm)
        /// Digits behind a point or comma; `trimmed`: nines, zeros at the end are left out.
        case fraction(digits: Int, trimmed: Bool, comma: Bool)
    }

    enum OffsetForm { case hours, minutes, colonMinutes, seconds, colonSeconds }

    struct Piece {
        var element: Element
        /// Of a literal.
        var text: [UInt8] = []
    }

    let pieces: [Piece]

    init(_ layout: [UInt8]) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var rest = layout[...]
        while let byte = rest.first {
            if let (element, length) = Self.element(rest) {
                // The underscore of `_2006` is text.
                if element == .longYear, byte == UInt8(ascii: "_") { literal.append(byte) }
                if !literal.isEmpty { pieces.append(Piece(element: .literal, text: literal)) }
                literal = []
                pieces.append(Piece(element: element))
                rest = rest.dropFirst(length)
            } else {
                literal.append(byte)
                rest = rest.dropFirst()
            }
        }
        if !literal.isEmpty { pieces.append(Piece(element: .literal, text: literal)) }
        self.pieces = pieces
    }

    /// The element at the beginning of `text` and its length.
    private static func element(_ text: ArraySlice<UInt8>) -> (Element, Int)? {
        func starts(_ prefix: String) -> Bool { text.starts(with: prefix.utf8) }
        func at(_ index: Int) -> UInt8 {
            text.startIndex + index < text.endIndex ? text[text.startIndex + index] : 0
        }
        func lowerFollows(_ index: Int) -> Bool { at(index) &- 0x61 < 26 }
        switch text.first! {
        case UInt8(ascii: "J"):
            if starts("January") { return (.longMonth, 7) }
            if starts("Jan"), !lowerFollows(3) { return (.month, 3) }
        case UInt8(ascii: "M"):
            if starts("Monday") { return (.longWeekday, 6) }
            if starts("Mon"), !lowerFollows(3) { return (.weekday, 3) }
            if starts("MST") { return (.zoneName, 3) }
        case UInt8(ascii: "0"):
            switch at(1) {
            case UInt8(ascii: "1"): return (.zeroMonth, 2)
            case UInt8(ascii: "2"): return (.zeroDay, 2)
            case UInt8(ascii: "3"): return (.zeroHour12, 2)
            case UInt8(ascii: "4"): return (.zeroMinute, 2)
            case UInt8(ascii: "5"): return (.zeroSecond, 2)
            case UInt8(ascii: "6"): return (.year, 2)
            default: if starts("002") { return (.zeroYearDay, 3) }
            }
        case UInt8(ascii: "1"): return at(1) == UInt8(ascii: "5") ? (.hour, 2) : (.numericMonth, 1)
        case UInt8(ascii: "2"): return starts("2006") ? (.longYear, 4) : (.day, 1)
        case UInt8(ascii: "_"):
            if starts("_2006") { return (.longYear, 5) }
            if starts("_2") { return (.underDay, 2) }
            if starts("__2") { return (.underYearDay, 3) }
        case UInt8(ascii: "3"): return (.hour12, 1)
        case UInt8(ascii: "4"): return (.minute, 1)
        case UInt8(ascii: "5"): return (.second, 1)
        case UInt8(ascii: "P"): if at(1) == UInt8(ascii: "M") { return (.upperPM, 2) }
        case UInt8(ascii: "p"): if at(1) == UInt8(ascii: "m") { return (.lowerPM, 2) }
        case UInt8(ascii: "-"): return offset(text.dropFirst(), isISO: false)
        case UInt8(ascii: "Z"): return offset(text.dropFirst(), isISO: true)
        case UInt8(ascii: "."), UInt8(ascii: ","):
            let digit = at(1)
            guard digit == UInt8(ascii: "0") || digit == UInt8(ascii: "9") else { return nil }
            var count = 1
            while at(count) == digit { count += 1 }
            guard at(count) &- 0x30 >= 10 else { return nil }
            let comma = text.first == UInt8(ascii: ",")
            return (.fraction(digits: count - 1, trimmed: digit == UInt8(ascii: "9"), comma: comma), count)
        default: break
        }
        return nil
    }

    private static func offset(_ text: ArraySlice<UInt8>, isISO: Bool) -> (Element, Int)? {
        let forms: [(String, OffsetForm)] = [
            ("070000", .seconds), ("07:00:00", .colonSeconds), ("0700", .minutes), ("07:00", .colonMinutes),
            ("07", .hours),
        ]
        for (form, element) in forms where text.starts(with: form.utf8) {
            return (.offset(isISO: isISO, form: element), form.utf8.count + 1)
        }
        return nil
    }
}

extension GoTime {
    /// This moment in a layout.
    func append(layout: GoLayout, to out: inout OwnedBuffer<UInt8>) {
        let (name, offset) = (shift.name, shift.offset)
        let date = civil
        for piece in layout.pieces {
            switch piece.element {
            case .literal: for byte in piece.text { out.append(byte) }
            case .longMonth: out.append(text: GoDate.months[date.month - 1])
            case .month: out.append(text: String(GoDate.months[date.month - 1].prefix(3)))
            case .numericMonth: Self.append(date.month, 0, &out)
            case .zeroMonth: Self.append(date.month, 2, &out)
            case .longWeekday: out.append(text: GoDate.weekdays[weekday])
            case .weekday: out.append(text: String(GoDate.weekdays[weekday].prefix(3)))
            case .day: Self.append(date.day, 0, &out)
            case .underDay:
                if date.day < 10 { out.append(byte: 0x20) }
                Self.append(date.day, 0, &out)
            case .zeroDay: Self.append(date.day, 2, &out)
            case .underYearDay:
                for limit in [100, 10] where date.dayOfYear < limit { out.append(byte: 0x20) }
                Self.append(date.dayOfYear, 0, &out)
            case .zeroYearDay: Self.append(date.dayOfYear, 3, &out)
            case .hour: Self.append(hour, 2, &out)
            case .hour12: Self.append((hour + 11) % 12 + 1, 0, &out)
            case .zeroHour12: Self.append((hour + 11) % 12 + 1, 2, &out)
            case .minute: Self.append(minute, 0, &out)
            case .zeroMinute: Self.append(minute, 2, &out)
            case .second: Self.append(second, 0, &out)
            case .zeroSecond: Self.append(second, 2, &out)
            case .longYear: Self.append(date.year, 4, &out)
            case .year: Self.append(max(0, date.year) % 100, 2, &out)
            case .upperPM: out.append(text: hour >= 12 ? "PM" : "AM")
            case .lowerPM: out.append(text: hour >= 12 ? "pm" : "am")
            case .zoneName:
                if name.isEmpty {
                    Self.append(offset: offset, .minutes, &out)
                } else {
                    out.append(text: name)
                }
            case .offset(let isISO, let form):
                if isISO, offset == 0 { out.append(UInt8(ascii: "Z")) } else { Self.append(offset: offset, form, &out) }
            case .fraction(let digits, let trimmed, let comma): append(digits, trimmed, comma, &out)
            }
        }
    }

    private static func append(_ number: Int, _ width: Int, _ out: inout OwnedBuffer<UInt8>) {
        if number < 0 { out.append(UInt8(ascii: "-")) }
        let digits = Array(String(abs(number)).utf8)
        out.append(repeating: 0x30, count: max(0, width - digits.count))
        for digit in digits { out.append(digit) }
    }

    private static func append(offset: Int, _ form: GoLayout.OffsetForm, _ out: inout OwnedBuffer<UInt8>) {
        out.append(offset / 60 < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        let distance = abs(offset)
        append(distance / 3_600, 2, &out)
        if form == .hours { return }
        let hasColon = form == .colonMinutes || form == .colonSeconds
        if hasColon { out.append(UInt8(ascii: ":")) }
        append(distance / 60 % 60, 2, &out)
        guard form == .seconds || form == .colonSeconds else { return }
        if hasColon { out.append(UInt8(ascii: ":")) }
        append(distance % 60, 2, &out)
    }

    private func append(_ count: Int, _ trimmed: Bool, _ comma: Bool, _ out: inout OwnedBuffer<UInt8>) {
        var digits = Array(String(nanoseconds).utf8)
        digits = [UInt8](repeating: 0x30, count: max(0, 9 - digits.count)) + digits
        digits = Array(digits.prefix(count))
        if trimmed {
            while digits.last == 0x30 { digits.removeLast() }
            if digits.isEmpty { return }
        }
        out.append(comma ? UInt8(ascii: ",") : UInt8(ascii: "."))
        for digit in digits { out.append(digit) }
    }
}
