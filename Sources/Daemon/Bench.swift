import Delivery
import Engine
import Glibc
public import Records
import Rules

/// What `millrace bench` was asked for.
public struct BenchOptions: Sendable {
    /// nil: made lines of an ingress.
    public var file: String?
    public var labels: [Label]
    public var rules: [String]
    /// Lines at most.
    public var lines: Int
    /// Measure stages of pipelines on made lines, not the rules.
    public var stages: Bool

    public init(file: String?, labels: [Label], rules: [String], lines: Int, stages: Bool = false) {
        self.stages = stages
        self.file = file
        self.labels = labels
        self.rules = rules
        self.lines = lines
    }
}

/// Measures what a line costs in each stage after reading, and prints a table.
public func runBench(_ options: BenchOptions) -> Outcome {
    if options.stages { return benchStages(lines: options.lines) }
    let rules = RulePlan(paths: options.rules, relativeTo: ".")
    StandardError.write(rules.report)
    guard let plan = rules.plan else { return .wrongInput }
    let streams = StreamTable()
    guard let stream = streams.stream(for: LabelSet(options.labels)) else { return .bug }
    let batches: [LineBatch]
    do {
        batches = try BenchLines.batches(of: stream, options)
    } catch {
        StandardError.write("millrace: \(error)\n")
        return .wrongInput
    }
    let lines = batches.reduce(0) { $0 + $1.lines.count }
    let bytes = batches.reduce(0) { $0 + $1.byteCount }
    guard lines > 0 else {
        StandardError.write("millrace: there are no lines to measure\n")
        return .wrongInput
    }
    var program = Program(plan, seed: 1)
    program.refusesAhead = false
    var encoder = PushEncoder()
    var rows: [(stage: String, nanoseconds: Double)] = []
    rows.append(
        (
            "rules, \(plan.rules.count) of them",
            BenchLines.median(lines) {
                for batch in batches { program.ingest(batch, at: SystemClock.now()) }
            }
        ))
    for (stage, encoding) in [
        ("push: protobuf and snappy", PushEncoding.protobufSnappy), ("push: JSON and gzip", .jsonGzip),
    ] {
        rows.append(
            (
                stage,
                BenchLines.median(lines) {
                    for start in stride(from: 0, to: batches.count, by: 4) {
                        _ = encoder.encode(Array(batches[start..<min(start + 4, batches.count)]), as: encoding)
                    }
                }
            ))
    }
    var table = "\(lines) lines, \(bytes / lines) bytes each; CPU time, median of 5\n"
    for (stage, nanoseconds) in rows {
        let rate = Double(bytes) / Double(lines) / nanoseconds
        table += "\(stage.padded(to: 28)) \(BenchLines.decimals(nanoseconds, 0).padded(to: 8, left: true)) ns/line"
        table += "  \(BenchLines.decimals(rate, 2)) GB/s\n"
    }
    if let cost = BenchCheckpoint() {
        table += "a checkpoint of 10,000 series: \(BenchLines.decimals(cost.snapshot, 2)) ms in the worker, "
        table += "\(BenchLines.decimals(cost.restore, 2)) ms to restore, \(cost.bytes / 1_000) kB; "
        table += "once a second that is \(BenchLines.decimals(cost.snapshot / 10, 3)) % of a core\n"
    }
    StandardOutput.write(table)
    return .done
}

/// Measures every stage on lines of its kind, and prints a table.
private func benchStages(lines: Int) -> Outcome {
    var batches: [BenchStages.Lines: [LineBatch]] = [:]
    let streams = StreamTable()
    guard let stream = streams.stream(for: LabelSet([Label("job", "bench")])) else { return .bug }
    var table = "\(lines) made lines; CPU time, median of 5, less that of the pipeline before the stage\n"
    var before: [String: Double] = [:]
    for stage in BenchStages.stages {
        let kind = stage.lines
        if batches[kind] == nil { batches[kind] = BenchLines.batches(of: stream, made: kind, count: lines) }
        let input = batches[kind] ?? []
        let bytes = Double(input.reduce(0) { $0 + $1.byteCount }) / Double(lines)
        guard let cost = BenchLines.cost(of: stage.after, input, lines) else {
            StandardError.write("millrace: the stage '\(stage.name)' does not run\n")
            return .bug
        }
        let key = "\(kind) \(stage.before)"
        if before[key] == nil { before[key] = BenchLines.cost(of: stage.before, input, lines) ?? 0 }
        let own = max(0, cost - (before[key] ?? 0))
        let name = "\(stage.name) (\(kind.rawValue))"
        table += "\(name.padded(to: 36)) \(BenchLines.decimals(own, 0).padded(to: 6, left: true)) ns/line"
        if own >= 1 { table += "  \(BenchLines.decimals(bytes / own, 2).padded(to: 6, left: true)) bytes/ns" }
        table += "\n"
    }
    StandardOutput.write(table)
    return .done
}

/// The lines that are measured, and how.
private enum BenchLines {
    struct Unreadable: Error, CustomStringConvertible {
        var description: String
    }

    /// Batches of 256 KiB, as the tailer makes them.
    static func batches(of stream: Records.Stream, _ options: BenchOptions) throws -> [LineBatch] {
        var batches: [LineBatch] = []
        var builder = LineBatchBuilder(capacity: 256 << 10)
        var count = 0
        func seal() {
            var full = LineBatchBuilder(capacity: 256 << 10)
            swap(&full, &builder)
            batches.append(full.seal())
        }
        func add(_ line: some Collection<UInt8>) {
            guard count < options.lines, let index = builder.index(of: stream) else { return }
            let range = builder.append(line)
            builder.addLine(range, time: Timestamp(nanoseconds: 1_000_000_000 + Int64(count)), stream: index)
            count += 1
            if builder.bytes.count >= 256 << 10 { seal() }
        }
        if let file = options.file {
            guard let opened = unsafe fopen(file, "r") else {
                throw Unreadable(description: "cannot read '\(file)': \(unsafe String(cString: strerror(errno)))")
            }
            defer { unsafe fclose(opened) }
            var line: UnsafeMutablePointer<CChar>?
            var capacity = 0
            defer { unsafe free(line) }
            while count < options.lines {
                let length = unsafe getline(&line, &capacity, opened)
                guard length > 0, let start = unsafe line else { break }
                let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
                unsafe add(bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...])
            }
        } else {
            var made = DemoIngressLines(seed: 1)
            for number in 0..<options.lines {
                add(made.next(at: Timestamp(nanoseconds: Int64(number) * 1_000_000), outage: false).utf8)
            }
        }
        seal()
        return batches
    }

    /// Batches of made lines.
    static func batches(of stream: Records.Stream, made kind: BenchStages.Lines, count: Int) -> [LineBatch] {
        var batches: [LineBatch] = []
        var builder = LineBatchBuilder(capacity: 256 << 10)
        for (number, line) in BenchStages.made(kind, count: count).enumerated() {
            guard let index = builder.index(of: stream) else { continue }
            builder.addLine(
                builder.append(line.utf8), time: Timestamp(nanoseconds: 1_000_000_000 + Int64(number)), stream: index)
            if builder.bytes.count >= 256 << 10 {
                var full = LineBatchBuilder(capacity: 256 << 10)
                swap(&full, &builder)
                batches.append(full.seal())
            }
        }
        batches.append(builder.seal())
        return batches
    }

    /// CPU nanoseconds per line of a `record` rule; nil where there is none.
    static func cost(of query: String, _ batches: [LineBatch], _ lines: Int) -> Double? {
        guard var program = BenchStages.program(query) else { return nil }
        return median(lines) {
            for batch in batches { program.ingest(batch, at: Timestamp(nanoseconds: 2_000_000_000)) }
        }
    }

    /// CPU nanoseconds per line: the median of five, after one that warms up.
    static func median(_ lines: Int, _ body: () -> Void) -> Double {
        body()
        var times: [Double] = []
        for _ in 0..<5 {
            let start = clock()
            body()
            times.append(Double(clock() - start) * 1_000 / Double(lines))
        }
        return times.sorted()[2]
    }

    static func decimals(_ value: Double, _ count: Int) -> String {
        var scale = 1.0
        for _ in 0..<count { scale *= 10 }
        let whole = Int((value * scale).rounded())
        guard count > 0 else { return "\(whole)" }
        let fraction = String(whole % Int(scale))
        return "\(whole / Int(scale))." + String(repeating: "0", count: count - fraction.count) + fraction
    }
}

extension String {
    fileprivate func padded(to width: Int, left: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max(0, width - count))
        return left ? blanks + self : self + blanks
    }
}
