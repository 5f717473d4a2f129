import Glibc

/// Loki's functions on times.
enum TimeFunctions {
    static func apply(
        _ function: TemplateFunction, _ values: [TemplateValue], _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        switch function {
        case .now: return .time(now())
        case .date:
            let time = time(values[1])
            let layout = run.times.layout(values[0].bytes)
            run.scratch.truncate(to: 0)
            time.append(layout: layout, to: &run.scratch)
            return try run.takeText()
        case .toDate: return .time(parsed(values[0].bytes, values[1].bytes, .utc, &run))
        case .toDateInZone:
            let zone = run.times.zone(values[1].bytes)
            return .time(parsed(values[0].bytes, values[2].bytes, zone, &run))
        case .unixEpoch: return try number(time(values[0]).seconds, &run)
        case .unixEpochMillis: return try number(time(values[0]).milliseconds, &run)
        case .unixEpochNanos: return try number(time(values[0]).totalNanoseconds, &run)
        case .unixToTime: return .time(try fromUnix(values[0].bytes))
        default: return .nothing
        }
    }

    private static func now() -> GoTime {
        var clock = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &clock)
        return GoTime(seconds: Int64(clock.tv_sec), nanoseconds: clock.tv_nsec)
    }

    /// What `date` takes for a time: seconds since 1970, too; of anything else the present.
    private static func time(_ value: TemplateValue) -> GoTime {
        switch value {
        case .time(let time): GoTime(seconds: time.seconds, nanoseconds: time.nanoseconds)
        case .integer(let seconds, .int), .integer(let seconds, .int64): GoTime(seconds: seconds)
        default: now()
        }
    }

    private static func parsed(
        _ layout: ByteView, _ text: ByteView, _ zone: GoZone, _ run: inout TemplateRun
    ) -> GoTime {
        GoTimeParser.parse(text.array, run.times.layout(layout), in: zone) ?? GoTime(seconds: GoTime.zeroSeconds)
    }

    private static func number(_ number: Int64, _ run: inout TemplateRun) throws(TemplateFailure) -> TemplateValue {
        run.scratch.truncate(to: 0)
        run.scratch.append(text: String(number))
        return try run.takeText()
    }

    private static func fromUnix(_ text: ByteView) throws(TemplateFailure) -> GoTime {
        var reason = "%!w(<nil>)"
        let number = GoLiteral.decimal(text.array[...])
        if number == nil { reason = GoLiteral.integerFailure(text) }
        switch (text.count, number) {
        case (5, let days?): return GoTime(seconds: days * 86_400)
        case (10, let seconds?): return GoTime(seconds: seconds)
        case (13, let milliseconds?): return GoTime(nanoseconds: milliseconds &* 1_000_000)
        case (16, let microseconds?): return GoTime(nanoseconds: microseconds &* 1_000)
        case (19, let nanoseconds?): return GoTime(nanoseconds: nanoseconds)
        default: throw TemplateFailure(message: "unable to parse time '\(text.string)': \(reason)")
        }
    }
}

/// Layouts and zones that were met: as many as are worth keeping, since lines may name them.
struct TemplateTimes {
    private static let capacity = 64
    private var layouts: [[UInt8]: GoLayout] = [:]
    private var zones: [[UInt8]: GoZone] = [:]

    mutating func layout(_ text: ByteView) -> GoLayout {
        let key = text.array
        if let known = layouts[key] { return known }
        let layout = GoLayout(key)
        guard key.count <= 256 else { return layout }
        if layouts.count == Self.capacity { layouts = [:] }
        layouts[key] = layout
        return layout
    }

    /// UTC where there is no zone of that name.
    mutating func zone(_ name: ByteView) -> GoZone {
        let key = name.array
        if let known = zones[key] { return known }
        let zone = GoZone.named(name.string) ?? .utc
        guard key.count <= 256 else { return zone }
        if zones.count == Self.capacity { zones = [:] }
        zones[key] = zone
        return zone
    }
}
