import Records

extension SyslogHeader {
    /// Reads `Mmm dd hh:mm:ss HOST TAG[pid]: MSG` (RFC 3164 §4.1) and what devices make of it; false when it is
    /// something else.
    ///
    /// Without a date, a PRI and a `TAG:` make a header too. `hasPriority` is false for a frame without PRI, where
    /// only a date at the very start counts.
    mutating func readRFC3164(_ bytes: Span<UInt8>, _ start: Int, _ clock: SyslogClock, hasPriority: Bool) -> Bool {
        var at = start
        if let stamp = SyslogTime.bsdOrISO(bytes, &at, clock) {
            time = stamp.time
            readOrigin(bytes, &at, isCisco: stamp.hasFraction && stamp.isBSD, clock)
        } else if hasPriority, readCiscoPrefix(bytes, &at, clock) {
            // The prefix has said all that there is.
        } else if hasPriority, isTagged(bytes, at) {
            // A local sender, or one behind a relay that took the header away.
        } else {
            return false
        }
        readTag(bytes, &at)
        setMessage(bytes, at)
        version = .rfc3164
        return true
    }

    /// Reads the hostname behind the date, if there is one, and leaves `at` at the tag.
    ///
    /// `date: %FAC…` (ASA) and `date TAG: …` (local format) have none; `date TZ: %FAC…` has a zone instead.
    private mutating func readOrigin(_ bytes: Span<UInt8>, _ at: inout Int, isCisco: Bool, _ clock: SyslogClock) {
        if skipColon(bytes, &at) { return }
        guard at < bytes.count, bytes[at] == UInt8(ascii: " ") else { return }
        if readZone(bytes, &at, isCisco: isCisco, clock) { return }
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        var end = at
        let token = syslogToken(bytes, &end)
        guard !token.isEmpty, end < bytes.count, token.count <= Self.maximumFieldBytes else { return }
        let last = bytes[token.upperBound - 1]
        for index in token where bytes[index] == UInt8(ascii: "[") { return }
        guard last != UInt8(ascii: ":"), bytes[token.lowerBound] != UInt8(ascii: "%") else { return }
        hostname = ByteRange(token)
        at = end + 1
        if at + 1 < bytes.count, bytes[at] == UInt8(ascii: ":"), bytes[at + 1] == UInt8(ascii: " ") { at += 2 }
    }

    /// `seq: host: *Mmm dd hh:mm:ss.mmm TZ: %FAC-SEV-MNEM: …`, where sequence, host, mark and zone may be absent.
    private mutating func readCiscoPrefix(_ bytes: Span<UInt8>, _ at: inout Int, _ clock: SyslogClock) -> Bool {
        var here = at
        var host = ByteRange(start: 0, count: 0)
        for _ in 0..<3 {
            if let time = ciscoTime(bytes, here, clock, hasHost: host.count > 0) {
                hostname = host.count > 0 ? host : hostname
                self.time = time.time
                at = time.end
                readOrigin(bytes, &at, isCisco: true, clock)
                return true
            }
            let start = here
            while here < bytes.count, bytes[here] != UInt8(ascii: " "), here - start <= Self.maximumFieldBytes {
                here += 1
            }
            guard here < bytes.count, here > start, bytes[here] == UInt8(ascii: " "),
                bytes[here - 1] == UInt8(ascii: ":")
            else { return false }
            let word = start..<here - 1
            var isNumber = true
            for index in word where decimalDigit(bytes[index]) == nil { isNumber = false }
            if !isNumber { host = ByteRange(word) }
            while here < bytes.count, bytes[here] == UInt8(ascii: " ") { here += 1 }
        }
        return false
    }

    /// A date with an optional `*` or `.` (clock not set, not synchronised) before it.
    ///
    /// After a host it must be followed by `:` or a zone, as Cisco writes it: else it is the date that the text of
    /// `TAG: date …` begins with.
    private func ciscoTime(
        _ bytes: Span<UInt8>, _ start: Int, _ clock: SyslogClock, hasHost: Bool
    ) -> (time: Timestamp, end: Int)? {
        var at = start
        if at < bytes.count, bytes[at] == UInt8(ascii: "*") || bytes[at] == UInt8(ascii: ".") { at += 1 }
        guard let stamp = SyslogTime.bsdOrISO(bytes, &at, clock), stamp.isBSD else { return nil }
        if hasHost {
            var end = at
            var probe = self
            guard skipColon(bytes, &end) || probe.readZone(bytes, &end, isCisco: true, clock) else { return nil }
        }
        return (stamp.time, at)
    }

    /// ` TZ:` behind a date: capital letters, and either Cisco's marks before or `%` behind. Moves the time by the zone.
    private mutating func readZone(
        _ bytes: Span<UInt8>, _ at: inout Int, isCisco: Bool, _ clock: SyslogClock
    ) -> Bool {
        var end = at + 1
        while end < bytes.count, end - at <= 5, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(bytes[end]) {
            end += 1
        }
        let word = at + 1..<end
        guard word.count >= 2, skipColon(bytes, &end) else { return false }
        guard isCisco || (end < bytes.count && bytes[end] == UInt8(ascii: "%")) else { return false }
        if let known = SyslogTime.zoneOffset(bytes, word), let local = time {
            time = Timestamp(nanoseconds: local.nanoseconds &+ (clock.offsetSeconds &- known) &* 1_000_000_000)
        }
        at = end
        return true
    }

    /// Reads `TAG:`, `TAG[pid]:` or Cisco's `%FAC-SEV-MNEM:`, and leaves `at` at the message.
    private mutating func readTag(_ bytes: Span<UInt8>, _ at: inout Int) {
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        var end = at
        guard let name = Self.tagName(bytes, &end) else { return }
        if bytes[name.lowerBound] == UInt8(ascii: "%") {
            // The mnemonic is part of what people search for, so it stays in the message as well.
            if name.count > 1, bytes[end] == UInt8(ascii: ":") { msgID = ByteRange(name.dropFirst()) }
            return
        }
        var process = 0..<0
        if bytes[end] == UInt8(ascii: "[") {
            guard let inside = Self.bracketed(bytes, &end) else { return }
            process = inside
            if end < bytes.count, bytes[end] == UInt8(ascii: ":") { end += 1 }
        } else {
            end += 1
            if end < bytes.count, bytes[end] == UInt8(ascii: "/") { return }
        }
        if end < bytes.count, bytes[end] == UInt8(ascii: " ") { end += 1 }
        appName = ByteRange(name)
        procID = ByteRange(process)
        at = end
    }

    /// Whether a frame without a date begins with `TAG: `, `TAG[12]: ` or `%FAC-SEV-MNEM: `; stricter than behind a date.
    private func isTagged(_ bytes: Span<UInt8>, _ start: Int) -> Bool {
        var at = start
        guard Self.tagName(bytes, &at) != nil else { return false }
        if bytes[at] == UInt8(ascii: "[") {
            guard let inside = Self.bracketed(bytes, &at) else { return false }
            for index in inside where decimalDigit(bytes[index]) == nil { return false }
        }
        return at + 1 < bytes.count && bytes[at] == UInt8(ascii: ":") && bytes[at + 1] == UInt8(ascii: " ")
    }

    /// A tag's name with `at` on the `:` or `[` behind it; nil when a space or the end comes first.
    private static func tagName(_ bytes: Span<UInt8>, _ at: inout Int) -> Range<Int>? {
        let start = at
        while at < bytes.count, at - start <= 128 {
            let byte = bytes[at]
            if byte == UInt8(ascii: ":") || byte == UInt8(ascii: "[") { return at > start ? start..<at : nil }
            if byte <= 0x20 { return nil }
            at += 1
        }
        return nil
    }

    /// What stands between `[` and `]`, without spaces, with `at` behind it.
    private static func bracketed(_ bytes: Span<UInt8>, _ at: inout Int) -> Range<Int>? {
        let start = at + 1
        var index = start
        while index < bytes.count, index - start <= 128, bytes[index] > 0x20 {
            if bytes[index] == UInt8(ascii: "]") {
                at = index + 1
                return start..<index
            }
            index += 1
        }
        return nil
    }

    /// A `:` that ends a word, and the spaces behind it.
    private func skipColon(_ bytes: Span<UInt8>, _ at: inout Int) -> Bool {
        guard at < bytes.count, bytes[at] == UInt8(ascii: ":"),
            at + 1 == bytes.count || bytes[at + 1] == UInt8(ascii: " ")
        else { return false }
        at += 1
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        return true
    }
}
