/// Reads times by a layout, as Go's `time.ParseInLocation` does.
struct GoTimeParser {
    private var value: ArraySlice<UInt8>
    private var year = 0
    private var month = -1
    private var day = -1
    private var yearDay = -1
    private var (hour, minute, second, nanoseconds) = (0, 0, 0, 0)
    private var isPM: Bool?
    private var isUTC = false
    private var offset: Int?
    private var zoneName: [UInt8] = []

    /// The moment that `text` gives; nil when it does not fit the layout. `zone` is where no zone is named.
    static func parse(_ text: [UInt8], _ layout: GoLayout, in zone: GoZone) -> GoTime? {
        var parser = GoTimeParser(value: text[...])
        for (index, piece) in layout.pieces.enumerated() {
            let next = index + 1 < layout.pieces.count ? layout.pieces[index + 1].element : .literal
            guard parser.read(piece, next) else { return nil }
        }
        guard parser.value.isEmpty, parser.settle() else { return nil }
        return parser.time(zone)
    }

    private init(value: ArraySlice<UInt8>) { self.value = value }

    private func at(_ index: Int) -> UInt8? {
        value.startIndex + index < value.endIndex ? value[value.startIndex + index] : nil
    }

    private func digit(_ index: Int) -> Int? {
        guard let byte = at(index), byte &- 0x30 < 10 else { return nil }
        return Int(byte - 0x30)
    }

    private mutating func skip(_ count: Int) { value = value.dropFirst(count) }

    private mutating func skip(_ text: [UInt8]) -> Bool {
        var rest = text[...]
        while let byte = rest.first {
            if byte == 0x20 {
                if let first = value.first, first != 0x20 { return false }
                rest = rest.drop { $0 == 0x20 }
                value = value.drop { $0 == 0x20 }
            } else {
                guard value.first == byte else { return false }
                rest = rest.dropFirst()
                skip(1)
            }
        }
        return true
    }

    private mutating func number(two: Bool) -> Int? {
        guard let first = digit(0) else { return nil }
        guard let second = digit(1) else {
            if two { return nil }
            skip(1)
            return first
        }
        skip(2)
        return first * 10 + second
    }

    private mutating func number(in range: ClosedRange<Int>, two: Bool = false) -> Int? {
        guard let number = number(two: two), range.contains(number) else { return nil }
        return number
    }

    private mutating func name(of names: [String], short: Bool) -> Int? {
        for (index, name) in names.enumerated() {
            let wanted = Array((short ? String(name.prefix(3)) : name).utf8)
            let found = value.prefix(wanted.count)
            if found.count == wanted.count, zip(found, wanted).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) {
                skip(wanted.count)
                return index
            }
        }
        return nil
    }

    private static func set(_ field: inout Int, _ value: Int?) -> Bool {
        guard let value else { return false }
        field = value
        return true
    }

    private mutating func read(_ piece: GoLayout.Piece, _ next: GoLayout.Element) -> Bool {
        switch piece.element {
        case .literal: return skip(piece.text)
        case .longMonth, .month:
            return Self.set(&month, name(of: GoDate.months, short: piece.element == .month).map { $0 + 1 })
        case .numericMonth, .zeroMonth:
            return Self.set(&month, number(in: 1...12, two: piece.element == .zeroMonth))
        case .longWeekday, .weekday: return name(of: GoDate.weekdays, short: piece.element == .weekday) != nil
        case .day, .underDay, .zeroDay:
            if piece.element == .underDay, value.first == 0x20 { skip(1) }
            return Self.set(&day, number(two: piece.element == .zeroDay))
        case .underYearDay, .zeroYearDay: return readYearDay(padded: piece.element == .underYearDay)
        case .hour: return Self.set(&hour, number(in: 0...23))
        case .hour12, .zeroHour12: return Self.set(&hour, number(in: 0...12, two: piece.element == .zeroHour12))
        case .minute, .zeroMinute: return Self.set(&minute, number(in: 0...59, two: piece.element == .zeroMinute))
        case .second, .zeroSecond:
            guard Self.set(&second, number(in: 0...59, two: piece.element == .zeroSecond)) else { return false }
            if case .fraction = next { return true }
            // A fraction may stand where the layout has none.
            return isPoint(at(0)) && digit(1) != nil ? readFraction(nil) : true
        case .longYear:
            guard let digits = readDigits(4) else { return false }
            year = digits
            return true
        case .year:
            guard let digits = readDigits(2) else { return false }
            year = digits + (digits >= 69 ? 1_900 : 2_000)
            return true
        case .upperPM, .lowerPM: return readHalf(upper: piece.element == .upperPM)
        case .zoneName: return readZoneName()
        case .offset(let isISO, let form): return readOffset(isISO, form)
        case .fraction(let digits, let trimmed, _):
            if trimmed { return isPoint(at(0)) && digit(1) != nil ? readFraction(nil) : true }
            return readFraction(digits)
        }
    }

    private func isPoint(_ byte: UInt8?) -> Bool { byte == 0x2E || byte == 0x2C }

    private mutating func readDigits(_ count: Int) -> Int? {
        var number = 0
        for index in 0..<count {
            guard let digit = digit(index) else { return nil }
            number = number * 10 + digit
        }
        skip(count)
        return number
    }

    /// Digits behind a point: so many, or all there are.
    private mutating func readFraction(_ wanted: Int?) -> Bool {
        guard isPoint(at(0)) else { return false }
        var count = 0
        while digit(count + 1) != nil, count != wanted { count += 1 }
        if let wanted, count < wanted { return false }
        var number = 0
        for index in 0..<9 { number = number * 10 + (index < count ? digit(index + 1) ?? 0 : 0) }
        nanoseconds = number
        skip(count + 1)
        return true
    }

    private mutating func readYearDay(padded: Bool) -> Bool {
        for _ in 0..<2 where padded && value.first == 0x20 { skip(1) }
        var count = 0
        var number = 0
        while count < 3, let digit = digit(count) {
            number = number * 10 + digit
            count += 1
        }
        guard count > 0, padded || count == 3 else { return false }
        skip(count)
        yearDay = number
        return true
    }

    private mutating func readHalf(upper: Bool) -> Bool {
        let word = String(decoding: value.prefix(2), as: UTF8.self)
        switch word {
        case upper ? "PM" : "pm": isPM = true
        case upper ? "AM" : "am": isPM = false
        default: return false
        }
        skip(2)
        return true
    }

    // MARK: zones

    private mutating func readOffset(_ isISO: Bool, _ form: GoLayout.OffsetForm) -> Bool {
        let takesZ = form == .minutes || form == .hours || form == .colonMinutes
        if isISO, takesZ, value.first == UInt8(ascii: "Z") {
            skip(1)
            isUTC = true
            return true
        }
        guard let sign = value.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return false }
        skip(1)
        guard let hours = number(in: 0...24, two: true) else { return false }
        var total = hours * 3_600
        let colon = form == .colonMinutes || form == .colonSeconds
        for unit in form == .hours ? [] : form == .seconds || form == .colonSeconds ? [60, 1] : [60] {
            if colon {
                guard value.first == UInt8(ascii: ":") else { return false }
                skip(1)
            }
            guard let part = number(in: 0...60, two: true) else { return false }
            total += part * unit
        }
        offset = sign == UInt8(ascii: "-") ? -total : total
        return true
    }

    private mutating func readZoneName() -> Bool {
        if value.starts(with: "UTC".utf8) {
            isUTC = true
            skip(3)
            return true
        }
        guard let length = zoneNameLength() else { return false }
        zoneName = Array(value.prefix(length))
        skip(length)
        return true
    }

    private func zoneNameLength() -> Int? {
        guard value.count >= 3 else { return nil }
        if value.starts(with: "ChST".utf8) || value.starts(with: "MeST".utf8) { return 4 }
        if value.starts(with: "GMT".utf8) { return 3 + signedLength(value.dropFirst(3)) }
        if value.first == UInt8(ascii: "+") || value.first == UInt8(ascii: "-") {
            let length = signedLength(value)
            return length > 0 ? length : nil
        }
        let letters = value.prefix(6).prefix { $0 &- 0x41 < 26 }.count
        switch letters {
        case 3: return 3
        case 4: return at(3) == UInt8(ascii: "T") || value.starts(with: "WITA".utf8) ? 4 : nil
        case 5: return at(4) == UInt8(ascii: "T") ? 5 : nil
        default: return nil
        }
    }

    private func signedLength(_ text: ArraySlice<UInt8>) -> Int {
        guard let sign = text.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return 0 }
        let digits = text.dropFirst().prefix { $0 &- 0x30 < 10 }
        guard !digits.isEmpty, let hours = Int(String(decoding: digits, as: UTF8.self)), hours <= 23 else { return 0 }
        return digits.count + 1
    }

    // MARK: the result

    /// Checks the day and brings the parts into order.
    private mutating func settle() -> Bool {
        if isPM == true, hour < 12 { hour += 12 } else if isPM == false, hour == 12 { hour = 0 }
        if yearDay >= 0 {
            guard yearDay >= 1, yearDay <= (GoDate.isLeap(year) ? 366 : 365) else { return false }
            let date = GoDate(days: GoDate(year: year, month: 1, day: 1).days + Int64(yearDay - 1))
            guard month < 0 || month == date.month, day < 0 || day == date.day else { return false }
            (month, day) = (date.month, date.day)
        }
        if month < 0 { month = 1 }
        if day < 0 { day = 1 }
        return day >= 1 && day <= GoDate.days(inMonth: month, of: year)
    }

    private func time(_ zone: GoZone) -> GoTime {
        let days = GoDate(year: year, month: month, day: day).days
        let wall = days * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
        func at(_ seconds: Int64, _ zone: GoZone) -> GoTime {
            GoTime(seconds: seconds, nanoseconds: nanoseconds, zone: zone)
        }
        if isUTC { return at(wall, .utc) }
        let name = String(decoding: zoneName, as: UTF8.self)
        if let offset {
            let seconds = wall - Int64(offset)
            let shift = zone.shift(at: seconds)
            if shift.offset == offset, name.isEmpty || shift.name == name { return at(seconds, zone) }
            return at(seconds, GoZone(name: name, offset: offset))
        }
        if !name.isEmpty {
            if let offset = zone.offset(named: name, at: wall) { return at(wall - Int64(offset), zone) }
            var hours = 0
            if zoneName.count > 3, name.hasPrefix("GMT") { hours = Int(name.dropFirst(3)) ?? 0 }
            return at(wall, GoZone(name: name, offset: hours * 3_600))
        }
        return at(zone.seconds(ofWall: wall), zone)
    }
}
