import Records

/// Writes a message's header fields and structured data as structured metadata of its entry.
///
/// Names: `syslog_` and the name that label templates use (`syslog_hostname`, `syslog_app_name`, `syslog_proc_id`,
/// `syslog_msg_id`, `syslog_severity`, `syslog_facility`), and `sd_<id>_<param>` with `_` for what a label name cannot
/// have: Promtail's names without `__` and `message_`. Names are made once and remembered, within a bound.
struct SyslogMetadata: ~Copyable {
    /// Pairs of one entry; Loki takes 128 by default.
    static let maximumPairs = 128
    /// Different names in one batch; they come from the sender, and a batch looks them up one by one.
    static let maximumNames = 256

    private struct Known {
        var id: [UInt8] = []
        var parameter: [UInt8] = []
        var name = ""
        var batch: UInt32 = 0
        var index: UInt32 = 0
    }

    private static let fieldNames = [
        "syslog_hostname", "syslog_app_name", "syslog_proc_id", "syslog_msg_id", "syslog_severity", "syslog_facility",
    ]
    private var batch: UInt32 = 0
    /// By field; indices of names in the batch, made at its first line.
    private var fields: [UInt32] = []
    /// Where the words stand in the batch: severities, then facilities; empty until first used.
    private var words: [ByteRange] = []
    private var nameCount = 0
    private let seed = UInt64.random(in: .min ... .max)
    private var known: [Known] = []
    private var scratch: [UInt8] = []

    /// Adds the pairs to the entry added last, whose frame stands at `base` in the batch; false when some were left out.
    mutating func add(
        _ header: SyslogHeader, _ frame: Span<UInt8>, base: Int, batch: UInt32, to builder: inout LineBatchBuilder
    ) -> Bool {
        if batch != self.batch { begin(batch, &builder) }
        var pairs = 2
        pairs += addField(0, header.hostname, base, &builder)
        pairs += addField(1, header.appName, base, &builder)
        pairs += addField(2, header.procID, base, &builder)
        pairs += addField(3, header.msgID, base, &builder)
        addWord(4, header.severity, &builder)
        addWord(5, header.facility, &builder)
        guard header.structuredData.count > 0 else { return true }
        var reader = StructuredDataReader(header.structuredData)
        var complete = true
        while let parameter = reader.next(frame) {
            guard pairs < Self.maximumPairs else { return false }
            guard let name = name(of: parameter, frame, &builder) else {
                complete = false
                continue
            }
            var value = ByteRange(start: base + parameter.value.lowerBound, count: parameter.value.count)
            if parameter.hasEscapes {
                scratch.removeAll(keepingCapacity: true)
                parameter.appendUnescaped(frame, to: &scratch)
                value = builder.append(scratch.span)
            }
            builder.addMetadata(name: name, value: value)
            pairs += 1
        }
        return complete
    }

    private mutating func begin(_ batch: UInt32, _ builder: inout LineBatchBuilder) {
        self.batch = batch
        fields.removeAll(keepingCapacity: true)
        for name in Self.fieldNames { fields.append(builder.metadataName(name)) }
        nameCount = fields.count
        words = Array(
            repeating: ByteRange(start: 0, count: 0),
            count: SyslogWords.severities.count + SyslogWords.facilities.count)
    }

    private func addField(_ field: Int, _ range: ByteRange, _ base: Int, _ builder: inout LineBatchBuilder) -> Int {
        guard range.count > 0 else { return 0 }
        let value = ByteRange(start: base + Int(range.start), count: Int(range.count))
        builder.addMetadata(name: fields[field], value: value)
        return 1
    }

    private mutating func addWord(_ field: Int, _ value: Int, _ builder: inout LineBatchBuilder) {
        let slot = field == 4 ? value : SyslogWords.severities.count + value
        if words[slot].count == 0 {
            let word = field == 4 ? SyslogWords.severities[value] : SyslogWords.facilities[value]
            words[slot] = builder.append(word.utf8)
        }
        builder.addMetadata(name: fields[field], value: words[slot])
    }

    /// The index of a parameter's name in the batch; nil when the batch has too many names already.
    private mutating func name(
        of parameter: StructuredDataReader.Parameter, _ frame: Span<UInt8>, _ builder: inout LineBatchBuilder
    ) -> UInt32? {
        if known.isEmpty { known = Array(repeating: Known(), count: Self.maximumNames) }
        let slot = slot(frame, parameter)
        let isKnown =
            sameBytes(known[slot].id, frame, parameter.id)
            && sameBytes(known[slot].parameter, frame, parameter.name)
        if isKnown, known[slot].batch == batch { return known[slot].index }
        guard nameCount < Self.maximumNames else { return nil }
        if !isKnown { known[slot] = Self.learn(frame, parameter) }
        let index = builder.metadataName(known[slot].name)
        nameCount = max(nameCount, Int(index) + 1)
        known[slot].batch = batch
        known[slot].index = index
        return index
    }

    private func slot(_ frame: Span<UInt8>, _ parameter: StructuredDataReader.Parameter) -> Int {
        let id = seededHash(frame.extracting(parameter.id), seed: seed)
        let both = seededHash(frame.extracting(parameter.name), seed: id)
        return Int(truncatingIfNeeded: both) & (Self.maximumNames - 1)
    }

    private static func learn(_ frame: Span<UInt8>, _ parameter: StructuredDataReader.Parameter) -> Known {
        var known = Known()
        appendBytes(of: frame, parameter.id, to: &known.id)
        appendBytes(of: frame, parameter.name, to: &known.parameter)
        let name =
            Array("sd_".utf8) + known.id.map(SyslogField.sanitised) + [UInt8(ascii: "_")]
            + known.parameter.map(SyslogField.sanitised)
        known.name = text(of: name.span, 0..<name.count)
        return known
    }
}
