import Diagnostics
import Engine
import LogQL
import Records
import Testing

/// Rules over lines, without files or clocks: what the tests of the engine are written with.
struct Mill: ~Copyable {
    var program: Program
    private let streams = StreamTable()
    private(set) var now: Int64 = 1_000_000_000_000

    init(_ rules: [RuleDefinition], seed: UInt64 = 42) throws {
        program = Program(try Self.plan(rules), seed: seed)
    }

    static func plan(_ rules: [RuleDefinition]) throws -> Plan {
        let (plan, problems) = Planner.plan(rules)
        return try #require(plan, "\(problems.map(\.diagnostic.message))")
    }

    /// Lines of one stream; each a second after the one before, from `at` on (in seconds).
    mutating func feed(_ lines: [String], labels: [String: String] = ["job": "x"], at seconds: Int64 = 1_000) {
        feed(lines.enumerated().map { ($1, (seconds + Int64($0)) * 1_000_000_000) }, labels: labels)
    }

    mutating func feed(
        _ lines: [(String, Int64)], labels: [String: String] = ["job": "x"], metadata: [String: String] = [:]
    ) {
        var builder = LineBatchBuilder(capacity: 1_024)
        let stream = streams.stream(for: LabelSet(labels.map { Label($0.key, $0.value) }))!
        let index = builder.index(of: stream)!
        for (line, time) in lines {
            let range = builder.append(Array(line.utf8))
            builder.addLine(range, time: Timestamp(nanoseconds: time), stream: index)
            for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
                let bytes = builder.append(Array(value.utf8))
                builder.addMetadata(name: builder.metadataName(name), value: bytes)
            }
            now = max(now, time)
        }
        program.ingest(builder.seal(), at: Timestamp(nanoseconds: now))
    }

    /// Series as `name{labels}` with their values; histograms as their counts and sum.
    mutating func series() -> [String: String] {
        let partial = program.collect(at: Timestamp(nanoseconds: now))
        return Self.text(program.plan.families([partial]))
    }

    mutating func evaluate(_ group: String = "g", at seconds: Int64) -> [String: String] {
        let instant = Timestamp(nanoseconds: seconds * 1_000_000_000)
        let windows = program.evaluate(group: group, at: instant)
        return Self.text(program.plan.evaluate(group: group, at: instant, [windows]).families)
    }

    mutating func counts(_ rule: Int = 0) -> RuleCounts {
        program.collect(at: Timestamp(nanoseconds: now)).counts[rule]
    }

    static func text(_ families: [MetricFamily]) -> [String: String] {
        var result: [String: String] = [:]
        for family in families {
            for series in family.series {
                let key = family.name + series.identity.labels.text
                precondition(result[key] == nil, "\(key) stands twice in the families")
                switch series.value {
                case .number(let value): result[key] = number(value)
                case .histogram(let histogram):
                    let counts = histogram.counts.map(String.init).joined(separator: " ")
                    result[key] = "\(counts) sum \(number(histogram.sum))"
                }
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? "\(value)"
    }
}

func rule(
    _ kind: RuleDefinition.Kind, _ name: String, _ expr: String, by: [String] = [], limit: Int = 10_000,
    initial: [LabelSet] = [], labels: LabelSet = .empty, interval: Int64 = 15, delay: Int64 = 0, group: String = "g",
    idle: Int64? = nil, exemplar: [RuleDefinition.ExemplarLabel] = []
) throws -> RuleDefinition {
    let parsed = parse(expr)
    let expression = try #require(parsed.expression, "\(parsed.diagnostics)")
    return RuleDefinition(
        name: name, group: group, kind: kind, expression: expression, by: by, labels: labels, initial: initial,
        limit: limit, idle: idle, exemplar: exemplar, interval: interval * 1_000_000_000,
        delay: delay * 1_000_000_000)
}
