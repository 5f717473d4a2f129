/// Request bodies on the disk that wait for one destination: segments of records, oldest first, bounded in bytes and age.
///
/// A record stays until it is acknowledged; what does not fit any more is dropped from the oldest end, a segment at a
/// time. Calls block on the disk, and are made by one thread at a time.
struct Spool {
    /// Lines that are gone, and why.
    struct Loss: Equatable {
        enum Reason: String {
            case full = "spool_full"
            case age = "spool_age"
            case damaged = "spool_damaged"
        }
        var reason: Reason
        var lines: Int
    }
    struct Segment {
        /// The number of its first record.
        let first: UInt64
        let path: String
        /// Its size on the disk.
        var bytes: Int
        var last: UInt64
        /// Not acknowledged yet.
        var lines = 0
        /// When the first record was written that is not acknowledged, and when the last one.
        var oldest: Int64 = 0
        var newest: Int64 = 0
        /// Where the first record begins that is not acknowledged.
        var position = SpoolRecord.magic.count
    }

    static let suffix = ".spool"
    let directory: String
    let limitBytes: Int
    /// In nanoseconds.
    let age: Int64
    let segmentBytes: Int
    private(set) var segments: [Segment] = []
    private(set) var nextSequence: UInt64 = 1
    /// What happened since somebody asked last.
    var losses: [Loss] = []
    /// Records, or stretches of bytes that are none, which could not be read.
    private(set) var damaged = 0
    /// Bytes that a crash left behind an unfinished write.
    private(set) var tornBytes = 0
    /// The last segment, when it is one of ours.
    private var writing: SpoolFile?
    private var reading: (first: UInt64, file: SpoolFile)?
    private var acknowledgements: SpoolFile?
    private var acknowledged: UInt64 = 0
    /// The record that was given out last, and its lines: it is in somebody's hands, and not lost with its segment.
    private var inHand: (sequence: UInt64, lines: Int)?

    var bytes: Int { segments.reduce(0) { $0 + $1.bytes } }
    /// When the oldest record was written that is not acknowledged; nil when there is none.
    var oldest: Int64? { segments.first?.oldest }
    var isEmpty: Bool { segments.isEmpty }

    /// Opens the folder, which is made if need be, and looks at what is in it.
    init(directory: String, limitBytes: Int, age: Int64) throws(SpoolFailure) {
        self.directory = directory
        self.limitBytes = limitBytes
        self.age = age
        segmentBytes = min(16 << 20, max(64 << 10, limitBytes / 8))
        try SpoolFolder.make(directory)
        acknowledged = try openAcknowledgements()
        nextSequence = acknowledged + 1
        let names = try SpoolFolder.names(in: directory).filter { $0.hasSuffix(Self.suffix) }
        for (index, name) in names.enumerated() {
            guard let first = UInt64(name.dropLast(Self.suffix.count)) else { continue }
            let path = directory + "/" + name
            let segment = try scan(path, first, isLast: index == names.count - 1)
            if let segment {
                segments.append(segment)
                nextSequence = max(nextSequence, segment.last + 1)
            } else {
                try SpoolFolder.remove(path)
            }
        }
    }

    /// The number of the last record that was acknowledged; 0 when that is not known.
    private mutating func openAcknowledgements() throws(SpoolFailure) -> UInt64 {
        let file = try SpoolFile(creating: directory + "/acknowledged", isNew: false)
        acknowledgements = file
        let bytes = try file.read(12, at: 0)
        guard bytes.count == 12, SpoolRecord.number(bytes, 8, 4) == UInt64(Zlib.crc32(Array(bytes[..<8]))) else {
            return 0
        }
        return SpoolRecord.number(bytes, 0, 8)
    }

    /// What a segment holds; nil when nothing of it is wanted. What a crash left of the last record is cut off.
    private mutating func scan(_ path: String, _ first: UInt64, isLast: Bool) throws(SpoolFailure) -> Segment? {
        let file = try SpoolFile(opening: path)
        var segment = Segment(first: first, path: path, bytes: try file.size(), last: first)
        var found = false
        var end = SpoolRecord.magic.count
        var lastHead: (head: SpoolRecord.Head, at: Int)?
        while end < segment.bytes {
            guard let head = SpoolRecord.head(in: try file.read(SpoolRecord.headBytes, at: end)),
                end + head.total <= segment.bytes
            else {
                guard let next = try Self.nextHead(in: file, after: end, size: segment.bytes) else { break }
                end = next
                continue
            }
            segment.last = max(segment.last, head.sequence)
            if head.sequence > acknowledged {
                if !found {
                    segment.position = end
                    segment.oldest = head.time
                }
                found = true
                segment.lines += head.lines
                segment.newest = max(segment.newest, head.time)
                lastHead = (head, end)
            }
            end += head.total
        }
        if isLast {
            if let last = lastHead, last.at + last.head.total == end,
                !SpoolRecord(
                    head: last.head, body: try file.read(last.head.count, at: last.at + SpoolRecord.headBytes)
                ).isSound
            {
                end = last.at
                segment.lines -= last.head.lines
                found = end > segment.position
            }
            if end < segment.bytes {
                tornBytes += segment.bytes - end
                try file.truncate(to: end)
                segment.bytes = end
            }
        }
        nextSequence = max(nextSequence, segment.last + 1)
        return found ? segment : nil
    }

    /// Where the next head is that can be believed; nil when there is none.
    private static func nextHead(in file: SpoolFile, after start: Int, size: Int) throws(SpoolFailure) -> Int? {
        let bytes = try file.read(size - start, at: start)
        var index = 1
        while index + SpoolRecord.headBytes <= bytes.count {
            if bytes[index] == UInt8(ascii: "M"), let head = SpoolRecord.head(in: bytes, at: index),
                index + head.total <= bytes.count
            {
                return start + index
            }
            index += 1
        }
        return nil
    }

    /// Adds the bodies in their order, and returns when they are on the disk; the number of the first one.
    ///
    /// When it fails none of them is there.
    mutating func append(_ bodies: [PushBody], at now: Int64) throws(SpoolFailure) -> UInt64 {
        expire(at: now)
        var rest = bodies[...]
        var need = rest.reduce(0) { $0 + Self.size(of: $1) }
        while let body = rest.first, need > limitBytes {
            losses.append(Loss(reason: .full, lines: body.lines))
            nextSequence += 1
            need -= Self.size(of: body)
            rest = rest.dropFirst()
        }
        while !segments.isEmpty, bytes + need > limitBytes { dropFirst(.full) }
        let before = (segments: segments, next: nextSequence)
        do throws(SpoolFailure) {
            for body in rest { try append(body, at: now) }
            try writing?.synchronize()
            if segments.count > before.segments.count { try SpoolFolder.synchronize(directory) }
            return before.next
        } catch {
            undo(to: before.segments, before.next)
            throw error
        }
    }

    /// The most that a body takes, the beginning of a segment included.
    private static func size(of body: PushBody) -> Int {
        SpoolRecord.magic.count + SpoolRecord.headBytes + body.bytes.count
    }

    private mutating func append(_ body: PushBody, at now: Int64) throws(SpoolFailure) {
        let record = SpoolRecord(body, sequence: nextSequence, time: now)
        if writing == nil || segments.isEmpty || segments[segments.count - 1].bytes >= segmentBytes {
            try writing?.synchronize()
            try beginSegment(at: now)
        }
        let index = segments.count - 1
        var bytes: [UInt8] = []
        bytes.reserveCapacity(record.head.total)
        record.append(to: &bytes)
        try writing?.write(bytes, at: segments[index].bytes)
        segments[index].bytes += bytes.count
        segments[index].lines += body.lines
        segments[index].last = nextSequence
        segments[index].newest = now
        nextSequence += 1
    }

    private mutating func beginSegment(at now: Int64) throws(SpoolFailure) {
        let digits = String(nextSequence)
        let name = String(repeating: "0", count: 20 - digits.count) + digits + Self.suffix
        let path = directory + "/" + name
        try SpoolFolder.make(directory)
        // What a failed attempt left under this number was never a record.
        try SpoolFolder.remove(path)
        let file = try SpoolFile(creating: path, isNew: true)
        writing = file
        segments.append(
            Segment(
                first: nextSequence, path: path, bytes: SpoolRecord.magic.count, last: nextSequence, oldest: now,
                newest: now))
        try file.write(SpoolRecord.magic, at: 0)
    }

    /// Takes back what an attempt to append has left.
    private mutating func undo(to before: [Segment], _ next: UInt64) {
        writing = nil
        for segment in segments.dropFirst(before.count) { try? SpoolFolder.remove(segment.path) }
        // Should this fail, the records behind the end are sent twice after a restart, with the same times.
        if let last = before.last, let file = try? SpoolFile(opening: last.path) { try? file.truncate(to: last.bytes) }
        segments = before
        nextSequence = next
    }

    /// Drops segments of which nothing is young enough.
    mutating func expire(at now: Int64) {
        while let first = segments.first, now - first.newest > age { dropFirst(.age) }
    }

    private mutating func dropFirst(_ reason: Loss.Reason) {
        let segment = segments.removeFirst()
        var lines = segment.lines
        if let inHand, (segment.first...segment.last).contains(inHand.sequence) { lines -= inHand.lines }
        if lines > 0 { losses.append(Loss(reason: reason, lines: lines)) }
        if segments.isEmpty { writing = nil }
        reading = nil
        try? SpoolFolder.remove(segment.path)
    }

    /// The oldest record that is not acknowledged, again and again until it is; nil when there is none.
    ///
    /// A segment that cannot be read is given up as damaged, unless it is only that there are too many open files.
    mutating func next(at now: Int64) throws(SpoolFailure) -> SpoolRecord? {
        expire(at: now)
        while !segments.isEmpty {
            do throws(SpoolFailure) { return try firstRecord(at: now) } catch {
                if error.reason == "too_many_open" { throw error }
                damaged += 1
                finishFirst()
            }
        }
        return nil
    }

    private mutating func firstRecord(at now: Int64) throws(SpoolFailure) -> SpoolRecord? {
        while !segments.isEmpty {
            let file = try readingFile()
            let segment = segments[0]
            guard segment.position < segment.bytes else {
                finishFirst()
                continue
            }
            guard let head = SpoolRecord.head(in: try file.read(SpoolRecord.headBytes, at: segment.position)),
                segment.position + head.total <= segment.bytes
            else {
                damaged += 1
                if let next = try Self.nextHead(in: file, after: segment.position, size: segment.bytes) {
                    segments[0].position = next
                } else {
                    finishFirst()
                }
                continue
            }
            segments[0].oldest = head.time
            if now - head.time > age {
                skip(head, .age)
                continue
            }
            let body = try file.read(head.count, at: segment.position + SpoolRecord.headBytes)
            let record = SpoolRecord(head: head, body: body)
            guard record.isSound else {
                damaged += 1
                skip(head, .damaged)
                continue
            }
            inHand = (head.sequence, head.lines)
            return record
        }
        return nil
    }

    /// The record is in somebody's hands, as if it had been given out by `next`.
    mutating func hold(_ sequence: UInt64, lines: Int) {
        inHand = (sequence, lines)
    }

    private mutating func readingFile() throws(SpoolFailure) -> SpoolFile {
        if let reading, reading.first == segments[0].first { return reading.file }
        let file = try SpoolFile(opening: segments[0].path)
        reading = (segments[0].first, file)
        return file
    }

    private mutating func skip(_ head: SpoolRecord.Head, _ reason: Loss.Reason) {
        losses.append(Loss(reason: reason, lines: head.lines))
        pass(head)
    }

    private mutating func pass(_ head: SpoolRecord.Head) {
        segments[0].position += head.total
        segments[0].lines -= head.lines
        if segments[0].position >= segments[0].bytes { finishFirst() }
    }

    /// All of the first segment is done with. What is missing of its lines could not be found any more.
    private mutating func finishFirst() {
        let segment = segments.removeFirst()
        if segment.lines > 0 { losses.append(Loss(reason: .damaged, lines: segment.lines)) }
        if segments.isEmpty { writing = nil }
        reading = nil
        try? SpoolFolder.remove(segment.path)
    }

    /// The records up to this number are done with. Does not wait for the disk: what a power cut forgets is sent again.
    mutating func acknowledge(upTo sequence: UInt64) throws(SpoolFailure) {
        if let hand = inHand, hand.sequence <= sequence { inHand = nil }
        acknowledged = max(acknowledged, sequence)
        var bytes: [UInt8] = []
        SpoolRecord.add(acknowledged, to: &bytes)
        SpoolRecord.add(Zlib.crc32(bytes), to: &bytes)
        try acknowledgements?.write(bytes, at: 0)
        while let first = segments.first, first.first <= sequence {
            let file = try readingFile()
            guard first.position < first.bytes,
                let head = SpoolRecord.head(in: try file.read(SpoolRecord.headBytes, at: first.position)),
                head.sequence <= sequence
            else { return }
            pass(head)
        }
    }

    /// Nobody holds the record any more that was given out last: it is lost when it is on the disk no more.
    mutating func release() {
        guard let hand = inHand else { return }
        inHand = nil
        if (segments.first?.first ?? .max) > hand.sequence {
            losses.append(Loss(reason: .full, lines: hand.lines))
        }
    }
}
