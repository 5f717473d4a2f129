import Records
import Synchronization

/// Finds the stream of a message without making a string: a bounded cache by the bytes of the fields that the label
/// templates use.
///
/// Two slots for each key; a newcomer replaces one of them. Nothing is lost by that but time: the table of streams is
/// asked again. It starts small, and doubles while newcomers keep coming and the source's budget has slots left.
struct SyslogStreams: ~Copyable {
    /// Where a message goes in the batch at hand.
    struct Place: BitwiseCopyable {
        var index: UInt16
        /// The table of streams was full.
        var overflowed: Bool
    }

    private struct Slot: BitwiseCopyable {
        var hash: UInt64 = 0
        var isUsed = false
        var overflowed = false
        /// The batch in which `index` holds.
        var batch: UInt32 = 0
        var index: UInt16 = 0
    }

    /// A longer key is looked up in the table each time, so that the cache's size is known.
    private static let maximumKeyBytes = 512
    private static let maximumValueBytes = 1_024
    private static let slotCounts = 64...4_096

    private let labels: SourceLabels
    private let table: StreamTable
    private let fields: [SyslogField]
    private let names: [String]
    private let seed = UInt64.random(in: .min ... .max)
    private let budget: SyslogSlotBudget
    /// Slots taken from the budget.
    private var taken = 0
    private var newcomers = 0
    private var slots: [Slot] = []
    private var keys: [[UInt8]] = []
    private var streams: [Records.Stream?] = []
    private var key: [UInt8] = []
    private var newest = false

    /// Memory is taken when the first message comes, and slots given back with the value.
    init(labels: SourceLabels, table: StreamTable, budget: SyslogSlotBudget) {
        self.labels = labels
        self.table = table
        self.budget = budget
        var known: [(field: SyslogField, name: String)] = []
        for variable in labels.variables {
            for case .variable("syslog", let name) in variable.template.parts {
                guard let field = SyslogField(name: name), !known.contains(where: { $0.name == name }) else { continue }
                known.append((field, name))
            }
        }
        fields = known.map(\.field)
        names = known.map(\.name)
    }

    deinit { budget.giveBack(taken) }

    /// The message's stream in the batch that `builder` collects, the `batch`th; nil when the batch has no room for it.
    mutating func place(
        _ header: SyslogHeader, _ frame: Span<UInt8>, _ peer: SyslogPeer, batch: UInt32,
        in builder: inout LineBatchBuilder
    ) -> Place? {
        if slots.isEmpty { grow(to: fields.isEmpty ? 2 : Self.slotCounts.lowerBound) }
        makeKey(header, frame, peer)
        let hash = seededHash(key.span, seed: seed)
        let first = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        for way in 0..<2 {
            let slot = first ^ way
            guard slots[slot].isUsed, slots[slot].hash == hash, keys[slot] == key else { continue }
            if slots[slot].batch == batch {
                return Place(index: slots[slot].index, overflowed: slots[slot].overflowed)
            }
            guard let stream = streams[slot], let index = builder.index(of: stream) else { return nil }
            slots[slot].batch = batch
            slots[slot].index = index
            return Place(index: index, overflowed: slots[slot].overflowed)
        }
        return learn(header, frame, peer, hash: hash, slot: first, batch: batch, in: &builder)
    }

    /// Starts over with so many slots if the budget allows; else goes on with what there is, at least two.
    private mutating func grow(to wanted: Int) {
        newcomers = 0
        let isAllowed = budget.take(wanted - taken)
        if isAllowed { taken = wanted }
        guard isAllowed || slots.isEmpty else { return }
        let count = isAllowed ? wanted : 2
        slots = Array(repeating: Slot(), count: count)
        keys = Array(repeating: [], count: count)
        streams = Array(repeating: nil, count: count)
    }

    private mutating func learn(
        _ header: SyslogHeader, _ frame: Span<UInt8>, _ peer: SyslogPeer, hash: UInt64, slot: Int, batch: UInt32,
        in builder: inout LineBatchBuilder
    ) -> Place? {
        let values = fields.map { Self.text($0, header, frame, peer) }
        let (stream, overflowed) = labels.stream(in: table) { scope, name in
            guard scope == "syslog", let index = names.firstIndex(of: name) else { return nil }
            return values[index]
        }
        guard let index = builder.index(of: stream) else { return nil }
        newcomers += 1
        if newcomers > slots.count, Self.slotCounts.contains(slots.count * 2) {
            grow(to: slots.count * 2)
        } else if key.count <= Self.maximumKeyBytes {
            newest.toggle()
            let slot = slots[slot].isUsed && newest ? slot ^ 1 : slot
            slots[slot] = Slot(hash: hash, isUsed: true, overflowed: overflowed, batch: batch, index: index)
            keys[slot] = key
            streams[slot] = stream
        }
        return Place(index: index, overflowed: overflowed)
    }

    /// Writes the fields' bytes to `key`, each with its length before it.
    private mutating func makeKey(_ header: SyslogHeader, _ frame: Span<UInt8>, _ peer: SyslogPeer) {
        key.removeAll(keepingCapacity: true)
        for field in fields.indices {
            switch fields[field] {
            case .hostname: appendKey(frame, header.hostname.range)
            case .appName: appendKey(frame, header.appName.range)
            case .procID: appendKey(frame, header.procID.range)
            case .msgID: appendKey(frame, header.msgID.range)
            case .severity: key.append(UInt8(header.severity))
            case .facility: key.append(UInt8(header.facility))
            case .connectionIP:
                key.append(UInt8(peer.count))
                appendWord(peer.address.0)
                appendWord(peer.address.1)
            case .structured(let id, let name):
                let value = Self.find(id: id, name: name, header, frame)?.value ?? 0..<0
                appendKey(frame, value.prefix(Self.maximumValueBytes))
            }
        }
    }

    private mutating func appendKey(_ frame: Span<UInt8>, _ range: Range<Int>) {
        key.append(UInt8(truncatingIfNeeded: range.count))
        key.append(UInt8(truncatingIfNeeded: range.count >> 8))
        appendBytes(of: frame, range, to: &key)
    }

    private mutating func appendWord(_ word: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { key.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    /// The field as text; nil when the message does not have it.
    private static func text(
        _ field: SyslogField, _ header: SyslogHeader, _ frame: Span<UInt8>, _ peer: SyslogPeer
    ) -> String? {
        switch field {
        case .hostname: Intake.text(of: frame, header.hostname.range)
        case .appName: Intake.text(of: frame, header.appName.range)
        case .procID: Intake.text(of: frame, header.procID.range)
        case .msgID: Intake.text(of: frame, header.msgID.range)
        case .severity: SyslogWords.severities[header.severity]
        case .facility: SyslogWords.facilities[header.facility]
        case .connectionIP: peer.text
        case .structured(let id, let name):
            find(id: id, name: name, header, frame).map { parameter in
                var value: [UInt8] = []
                parameter.appendUnescaped(frame, to: &value, atMost: maximumValueBytes)
                return Intake.text(of: value.span, 0..<value.count)
            }
        }
    }

    private static func find(
        id: [UInt8], name: [UInt8], _ header: SyslogHeader, _ frame: Span<UInt8>
    ) -> StructuredDataReader.Parameter? {
        var reader = StructuredDataReader(header.structuredData)
        while let parameter = reader.next(frame) {
            if matches(frame, parameter.id, id.span), matches(frame, parameter.name, name.span) { return parameter }
        }
        return nil
    }

    private static func matches(_ frame: Span<UInt8>, _ range: Range<Int>, _ wanted: Span<UInt8>) -> Bool {
        guard range.count == wanted.count else { return false }
        for index in range where SyslogField.sanitised(frame[index]) != wanted[index - range.lowerBound] {
            return false
        }
        return true
    }
}

/// How many streams all connections of one source may remember together.
final class SyslogSlotBudget: Sendable {
    private let left: Atomic<Int>

    init(slots: Int) {
        left = Atomic(slots)
    }

    /// Takes this many, or none and says false.
    func take(_ count: Int) -> Bool {
        if left.subtract(count, ordering: .relaxed).newValue >= 0 { return true }
        giveBack(count)
        return false
    }

    func giveBack(_ count: Int) { left.add(count, ordering: .relaxed) }
}

extension StructuredDataReader.Parameter {
    /// Appends the value with `\"`, `\\` and `\]` resolved; any other backslash stays, as RFC 5424 §6.3.3 says.
    func appendUnescaped(_ frame: Span<UInt8>, to array: inout [UInt8], atMost limit: Int = .max) {
        var at = value.lowerBound
        let end = value.lowerBound + min(value.count, limit)
        while at < end {
            var byte = frame[at]
            if byte == UInt8(ascii: "\\"), at + 1 < end {
                let next = frame[at + 1]
                if next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") || next == UInt8(ascii: "]") {
                    byte = next
                    at += 1
                }
            }
            array.append(byte)
            at += 1
        }
    }
}
