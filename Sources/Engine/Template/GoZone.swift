import Glibc

// Unsafe here: `read` fills a buffer of known size.

/// A time zone: fixed, or read from the system's zone files.
final class GoZone: Sendable {
    struct Shift: Sendable {
        var name: String
        var offset: Int
        var isSummer = false
    }

    static let utc = GoZone(name: "UTC", offset: 0)

    private let shifts: [Shift]
    /// When which shift begins, in seconds since 1970.
    private let transitions: [(at: Int64, shift: Int)]
    /// What holds behind the last transition.
    private let rule: GoZoneRule?

    init(name: String, offset: Int) {
        shifts = [Shift(name: name, offset: offset)]
        transitions = []
        rule = nil
    }

    private init(shifts: [Shift], transitions: [(at: Int64, shift: Int)], rule: GoZoneRule?) {
        (self.shifts, self.transitions, self.rule) = (shifts, transitions, rule)
    }

    func shift(at seconds: Int64) -> Shift {
        guard let first = transitions.first else { return shifts[0] }
        if seconds < first.at {
            return shifts.first { !$0.isSummer } ?? shifts[0]
        }
        var (low, high) = (0, transitions.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if transitions[middle].at <= seconds { low = middle } else { high = middle }
        }
        if low == transitions.count - 1, let rule {
            return rule.shift(at: seconds)
        }
        return shifts[transitions[low].shift]
    }

    /// The moment at which clocks show `wall`, found as Go finds it: in a gap or an overlap by the shift before it.
    func seconds(ofWall wall: Int64) -> Int64 {
        let first = wall - Int64(shift(at: wall).offset)
        let offset = shift(at: first).offset
        let second = wall - Int64(offset)
        if second == first { return first }
        return shift(at: second).offset == offset ? second : first
    }

    /// The offset of an abbreviation: preferably one in use when clocks show `wall`.
    func offset(named name: String, at wall: Int64) -> Int? {
        for shift in shifts where shift.name == name {
            let found = self.shift(at: wall - Int64(shift.offset))
            if found.name == name { return found.offset }
        }
        return shifts.first { $0.name == name }?.offset
    }

    // MARK: files

    private static let folders = [
        "/usr/share/zoneinfo/", "/usr/share/lib/zoneinfo/", "/usr/lib/locale/TZ/", "/etc/zoneinfo/",
    ]
    private static let maximumFileBytes = 256 << 10

    /// The zone with an IANA name; nil when the system has none.
    static func named(_ name: String) -> GoZone? {
        if name.isEmpty || name == "UTC" || name == "Local" { return utc }
        guard name.utf8.count <= 100, !name.hasPrefix("/"), !name.contains("\\"), !name.utf8.contains(0),
            !name.split(separator: "/").contains("..")
        else { return nil }
        for folder in folders {
            if let bytes = contents(folder + name), let zone = GoZone(file: bytes) { return zone }
        }
        return nil
    }

    private static func contents(_ path: String) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { _ = close(file) }
        var bytes = [UInt8](repeating: 0, count: maximumFileBytes)
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            let got = unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress! + count, room) }
            guard got > 0 else { break }
            count += got
        }
        return Array(bytes.prefix(count))
    }

    /// A file in the format of RFC 8536; nil when it is none.
    private convenience init?(file bytes: [UInt8]) {
        guard let header = GoZoneHeader(bytes[...]) else { return nil }
        guard header.version >= UInt8(ascii: "2") else {
            self.init(header, bytes.dropFirst(44), wide: false, footer: [])
            return
        }
        let rest = bytes.dropFirst(44 + header.length(wide: false))
        guard let second = GoZoneHeader(rest) else { return nil }
        let footer = rest.dropFirst(44 + second.length(wide: true)).dropFirst().prefix { $0 != 0x0A }
        self.init(second, rest.dropFirst(44), wide: true, footer: Array(footer))
    }

    private convenience init?(_ header: GoZoneHeader, _ bytes: ArraySlice<UInt8>, wide: Bool, footer: [UInt8]) {
        guard bytes.count >= header.length(wide: wide), header.types > 0 else { return nil }
        var rest = bytes
        func take(_ count: Int) -> ArraySlice<UInt8> {
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        func integer(_ bytes: ArraySlice<UInt8>) -> Int64 {
            let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return bytes.count == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
        }
        let times = (0..<header.transitions).map { _ in integer(take(wide ? 8 : 4)) }
        let numbers = (0..<header.transitions).map { _ in Int(take(1).first ?? 0) }
        let types = (0..<header.types).map { _ in (Int(integer(take(4))), take(1).first == 1, Int(take(1).first ?? 0)) }
        let names = Array(take(header.nameBytes))
        guard numbers.allSatisfy({ $0 < types.count }) else { return nil }
        let shifts = types.map { offset, isSummer, start in
            let name = names.dropFirst(start).prefix { $0 != 0 }
            return Shift(name: String(decoding: name, as: UTF8.self), offset: offset, isSummer: isSummer)
        }
        self.init(
            shifts: shifts, transitions: zip(times, numbers).map { (at: $0, shift: $1) }, rule: GoZoneRule(footer))
    }
}

/// The counts at the beginning of a zone file's part.
private struct GoZoneHeader {
    let version: UInt8
    let transitions: Int
    let types: Int
    let nameBytes: Int
    private let leaps: Int
    private let standards: Int
    private let universals: Int

    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= 44, bytes.starts(with: "TZif".utf8) else { return nil }
        let start = bytes.startIndex
        version = bytes[start + 4]
        let counts = (0..<6).map { index in
            bytes[(start + 20 + index * 4)..<(start + 24 + index * 4)].reduce(0) { $0 << 8 | Int($1) }
        }
        guard counts.allSatisfy({ $0 <= 65_536 }) else { return nil }
        (universals, standards, leaps) = (counts[0], counts[1], counts[2])
        (transitions, types, nameBytes) = (counts[3], counts[4], counts[5])
    }

    func length(wide: Bool) -> Int {
        let width = wide ? 8 : 4
        return transitions * (width + 1) + types * 6 + nameBytes + leaps * (width + 4) + standards + universals
    }
}

/// The rule at the end of a zone file, such as `CET-1CEST,M3.5.0,M10.5.0/3`: POSIX's `TZ`.
struct GoZoneRule: Sendable {
    private struct Change: Sendable {
        var month: Int
        var week: Int
        var weekday: Int
        var second: Int
    }

    private var standard: GoZone.Shift
    private var summer: GoZone.Shift?
    private var start = Change(month: 0, week: 0, weekday: 0, second: 0)
    private var end = Change(month: 0, week: 0, weekday: 0, second: 0)

    /// Nil for rules with days of the year, which no zone of today has.
    init?(_ text: [UInt8]) {
        var rest = text[...]
        guard let name = Self.name(&rest), let offset = Self.offset(&rest) else { return nil }
        standard = GoZone.Shift(name: name, offset: -offset)
        if rest.isEmpty { return }
        guard let summerName = Self.name(&rest) else { return nil }
        var summerOffset = standard.offset + 3_600
        if rest.first != UInt8(ascii: ",") {
            guard let offset = Self.offset(&rest) else { return nil }
            summerOffset = -offset
        }
        summer = GoZone.Shift(name: summerName, offset: summerOffset, isSummer: true)
        guard let start = Self.change(&rest), let end = Self.change(&rest), rest.isEmpty else { return nil }
        (self.start, self.end) = (start, end)
    }

    func shift(at seconds: Int64) -> GoZone.Shift {
        guard let summer else { return standard }
        let year = GoDate(days: (seconds + Int64(standard.offset)).floored(by: 86_400)).year
        let from = moment(start, year) - Int64(standard.offset)
        let to = moment(end, year) - Int64(summer.offset)
        let isSummer = from < to ? seconds >= from && seconds < to : seconds >= from || seconds < to
        return isSummer ? summer : standard
    }

    private func moment(_ change: Change, _ year: Int) -> Int64 {
        let first = GoDate(year: year, month: change.month, day: 1).days
        let weekday = Int((first + 4) % 7 + 7) % 7
        var day = (change.weekday - weekday + 7) % 7 + (change.week - 1) * 7
        let length = GoDate.days(inMonth: change.month, of: year)
        while day >= length { day -= 7 }
        return (first + Int64(day)) * 86_400 + Int64(change.second)
    }

    private static func name(_ rest: inout ArraySlice<UInt8>) -> String? {
        let name: ArraySlice<UInt8>
        if rest.first == UInt8(ascii: "<") {
            name = rest.dropFirst().prefix { $0 != UInt8(ascii: ">") }
            rest = rest.dropFirst(name.count + 2)
        } else {
            name = rest.prefix { ($0 | 0x20) &- 0x61 < 26 }
            rest = rest.dropFirst(name.count)
        }
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> Int? {
        let digits = rest.prefix(4).prefix { $0 &- 0x30 < 10 }
        rest = rest.dropFirst(digits.count)
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int? {
        let negative = rest.first == UInt8(ascii: "-")
        if negative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        guard var total = number(&rest).map({ $0 * 3_600 }) else { return nil }
        for unit in [60, 1] where rest.first == UInt8(ascii: ":") {
            rest = rest.dropFirst()
            guard let part = number(&rest) else { return nil }
            total += part * unit
        }
        return negative ? -total : total
    }

    private static func change(_ rest: inout ArraySlice<UInt8>) -> Change? {
        guard rest.starts(with: ",M".utf8) else { return nil }
        rest = rest.dropFirst(2)
        guard let month = number(&rest), rest.popFirst() == UInt8(ascii: "."), let week = number(&rest),
            rest.popFirst() == UInt8(ascii: "."), let weekday = number(&rest),
            (1...12).contains(month), (1...5).contains(week), (0...6).contains(weekday)
        else { return nil }
        var second = 7_200
        if rest.first == UInt8(ascii: "/") {
            rest = rest.dropFirst()
            guard let offset = offset(&rest) else { return nil }
            second = offset
        }
        return Change(month: month, week: week, weekday: weekday, second: second)
    }
}
