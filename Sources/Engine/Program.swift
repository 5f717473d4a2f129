public import Records

/// A plan at work in one worker: takes batches of lines, holds the series. START HERE to read the engine.
///
/// One owner, one thread. `ingest` is the hot loop: per line no allocation, no reference count, no lock, no `String`
/// in the steady state. Clocks are arguments, so the same lines at the same times give the same series.
public struct Program: ~Copyable {
    public let plan: Plan
    var names: NameTable
    let constants = ByteStore()
    var record: Record
    var code = OwnedBuffer<Instruction>()
    var marks = OwnedBuffer<Record.Mark>()
    var stages: StageRuntime
    var leaves = OwnedBuffer<Leaf>()
    var rules = OwnedBuffer<RuleCounts>()
    var extracted = FieldBuffer()
    /// By the stream's id; made when the first line of a stream comes.
    var streams: [StreamState?] = []
    /// The metadata names of the batch at hand as fields; nil where no rule looks.
    var metadataFields: [FieldID?] = []
    /// The newest entry's time, in ns.
    var newestEntry = Int64.min
    var linesEvaluated: UInt64 = 0
    var linesUnmatched: UInt64 = 0
    /// Matches that were given up at the match or stack limit.
    var regexLimits: UInt64 = 0
    /// The stream whose labels are the record's base; -1 before the first.
    var currentStream = -1
    /// By field: the field of `name_extracted`.
    var twins: [Twin] = []
    let errorField: FieldID?
    let detailsField: FieldID?
    /// Somebody looks at `__error_details__`.
    let keepsDetails: Bool
    /// The memory of templates; taken out while one runs.
    var templateRun: TemplateRun? = TemplateRun()
    /// What a log query has given; empty for rules.
    var entries: EntryLog
    /// The first line of a query that cannot be used.
    var queryFailure: QueryFailure?
    /// The compiled regexes of each root's selector, by matcher.
    var selectors: [[Int: SelectorRegex]] = []
    /// Our clock at the batch at hand, in ns.
    var now: Int64 = 0
    /// False where entries may lie ahead of our clock, as in files that are read once.
    public var refusesAhead = true
    var pulse: StreamPulse

    /// `seed` makes hashes unpredictable: a random number per process.
    public init(_ plan: Plan, seed: UInt64) {
        self.plan = plan
        pulse = StreamPulse(plan)
        names = NameTable(seed: seed)
        for name in plan.names { _ = names.id(forName: name) }
        errorField = plan.names.contains("__error__") ? names.id(forName: "__error__") : nil
        detailsField = plan.names.contains("__error_details__") ? names.id(forName: "__error_details__") : nil
        keepsDetails = detailsField != nil
        entries = EntryLog(seriesLimit: plan.rules.first?.limit ?? 0)
        let nothing = constants.keep("".utf8)
        record = Record(fieldCount: names.count, nothing: nothing, seed: seed)
        for instruction in plan.code { code.append(instruction) }
        stages = StageRuntime(plan.stages, names: &names, constants: constants, seed: seed)
        marks.append(repeating: record.mark, count: plan.markCount)
        for leaf in plan.leaves {
            leaves.append(
                Leaf(leaf, rule: plan.rules[leaf.rule], options: plan.options, names: &names, seed: seed))
        }
        rules.append(repeating: RuleCounts(), count: plan.rules.count)
        record.grow(to: names.count)
        selectors = plan.roots.map { SelectorRegex.all(of: $0.selector) }
        stages.labelFilters.keepsDetails = keepsDetails
        addInitialSeries()
    }

    /// Takes a batch: every line goes through the rules of its stream. `now` is our clock, for the age of series.
    public mutating func ingest(_ batch: LineBatch, at now: Timestamp) {
        self.now = now.nanoseconds
        mapMetadata(batch)
        let lines = batch.lines
        unsafe batch.bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            let all = unsafe ByteView(base: base, count: batch.byteCount)
            var index = 0
            while index < lines.count {
                let stream = lines[index].stream
                var end = index + 1
                while end < lines.count, lines[end].stream == stream { end += 1 }
                ingest(lines, index..<end, of: batch.streams[Int(stream)], in: batch, all)
                index = end
            }
        }
        record.rewindAll()
    }

    /// Shares the time that the last batch took among the rules that saw its lines: an estimate, since rules that
    /// begin alike share work.
    public mutating func charge(nanoseconds: Int64) {
        var lines: UInt64 = 0
        for rule in 0..<rules.count { lines &+= rules[rule].seen &- rules[rule].charged }
        guard lines > 0 else { return }
        for rule in 0..<rules.count {
            let share = Double(rules[rule].seen &- rules[rule].charged) / Double(lines)
            rules[rule].nanoseconds += Double(nanoseconds) * share
            rules[rule].charged = rules[rule].seen
        }
    }

    /// A run of lines of one stream.
    private mutating func ingest(
        _ lines: borrowing [Line], _ run: Range<Int>, of stream: Stream, in batch: LineBatch, _ all: ByteView
    ) {
        linesEvaluated &+= UInt64(run.count)
        guard let selected = select(stream) else {
            linesUnmatched &+= UInt64(run.count)
            return
        }
        for root in selected.roots {
            for rule in plan.roots[root].rules { rules[rule].seen &+= UInt64(run.count) }
        }
        if pulse.isWanted { notePulse(lines, run, roots: selected.roots) }
        for index in run {
            let line = lines[index]
            record.begin(all[line.bytes.range], time: line.time)
            if line.time.nanoseconds > newestEntry { newestEntry = line.time.nanoseconds }
            if line.metadataCount > 0 { addMetadata(of: line, in: batch, all) }
            marks[0] = record.mark
            for code in selected.code { walk(from: code.lowerBound, to: code.upperBound) }
        }
    }

    /// The walk over the prefix tree: an instruction that the line passes is followed by its children, one that it
    /// does not pass by what stands behind its last child.
    private mutating func walk(from start: Int, to end: Int) {
        var index = start
        if code[start].rewinds < 0 { record.rewind(to: marks[0]) }
        while index < end {
            let instruction = code[index]
            if instruction.rewinds >= 0 { record.rewind(to: marks[Int(instruction.rewinds)]) }
            if perform(instruction.operation, hint: Int(instruction.hint)) {
                if instruction.marks >= 0 { marks[Int(instruction.marks)] = record.mark }
                index += 1
            } else {
                index = Int(instruction.end)
            }
        }
    }

    @inline(__always)
    private mutating func perform(_ operation: Instruction.Operation, hint: Int) -> Bool {
        switch operation {
        case .lineFilter(let stage): passesLineFilter(Int(stage))
        case .labelFilter(let stage): passesLabelFilter(Int(stage))
        case .json(let stage): parseJSON(Int(stage), hint: hint)
        case .jsonPaths(let stage): parseJSONPaths(Int(stage))
        case .logfmt(let stage): parseLogfmt(Int(stage), hint: hint)
        case .regexp(let stage): parseRegexp(Int(stage), hint: hint)
        case .pattern(let stage): parsePattern(Int(stage), hint: hint)
        case .labelFormat(let stage): formatLabels(Int(stage))
        case .drop(let stage): drop(Int(stage))
        case .keep(let stage): keep(Int(stage))
        case .unwrap(let stage): unwrap(Int(stage))
        case .unpack(let stage): unpack(Int(stage), hint: hint)
        case .decolorize: decolorize()
        case .lineFormat(let stage): formatLine(Int(stage))
        case .leaf(let leaf): update(Int(leaf))
        case .entries: emit()
        }
    }
}

/// What became of the lines of a rule's streams in one worker.
public struct RuleCounts: BitwiseCopyable, Sendable {
    /// Lines of the rule's streams, once for each range aggregation of a `record` rule.
    public var seen: UInt64 = 0
    /// Time spent on those lines, in ns, estimated.
    public var nanoseconds = 0.0
    /// How many of `seen` have been charged for.
    var charged: UInt64 = 0
    /// Lines that updated a series.
    public var matched: UInt64 = 0
    private var failures = InlineArray<12, UInt64>(repeating: 0)

    public init() {}

    mutating func fail(_ reason: LineFailure) {
        failures[Int(reason.rawValue)] &+= 1
    }

    mutating func setFailed(_ reason: LineFailure, _ count: UInt64) {
        failures[Int(reason.rawValue)] = count
    }

    /// Lines that could not be used for this reason.
    public func failed(_ reason: LineFailure) -> UInt64 { failures[Int(reason.rawValue)] }

    /// Lines that a stage of the pipeline rejected.
    public var filtered: UInt64 { seen &- min(seen, matched &+ failed) }

    public var failed: UInt64 { LineFailure.allCases.reduce(0) { $0 &+ failed($1) } }

    /// Adds what another worker counted.
    public mutating func add(_ other: RuleCounts) {
        seen &+= other.seen
        matched &+= other.matched
        nanoseconds += other.nanoseconds
        for reason in LineFailure.allCases { failures[Int(reason.rawValue)] &+= other.failed(reason) }
    }
}
