import Engine
import Records
import Testing

@testable import LogQL

/// An entry as the reference sees it; `order` is the order in which entries were pushed.
struct ReferenceEntry {
    var time: Int64
    var order: Int
    var stream: String
    var group: String
    var value: Double

    var line: String { #"{"u":"\#(group)","v":"\#(value)"}"# }
}

/// A range aggregation computed straight from its definition over every entry there is.
struct ReferenceWindow {
    var operation: RangeAggregation.Operation
    var parameter: Double?
    var range: Int64
    var offset: Int64
    var grouping: Grouping?

    var isUnwrapped: Bool {
        switch operation {
        case .rate, .countOverTime, .bytesRate, .bytesOverTime, .absentOverTime: false
        case .rateCounter, .sumOverTime, .avgOverTime, .minOverTime, .maxOverTime, .stddevOverTime, .stdvarOverTime,
            .quantileOverTime, .firstOverTime, .lastOverTime:
            true
        }
    }

    var expression: String {
        let parameter = parameter.map { "\($0), " } ?? ""
        let pipeline = isUnwrapped ? "| json | unwrap v" : "| json u"
        let offset = offset == 0 ? "" : " offset \(offset)ns"
        let grouping = grouping.map { " " + $0.description } ?? ""
        let query = #"{job="x"} \#(pipeline) [\#(range / 1_000_000)ms]\#(offset)"#
        return "\(operation.rawValue)(\(parameter)\(query))\(grouping)"
    }

    func labels(of entry: ReferenceEntry) -> LabelSet {
        let all = [Label("job", "x"), Label("s", entry.stream), Label("u", entry.group)]
        guard let grouping else { return LabelSet(all) }
        return LabelSet(all.filter { grouping.labels.contains($0.name) != grouping.without })
    }

    func values(at instant: Int64, _ entries: [ReferenceEntry]) -> [LabelSet: Double] {
        let end = instant - offset
        let inside = entries.filter { $0.time > end - range && $0.time <= end }
        if operation == .absentOverTime { return inside.isEmpty ? [LabelSet([Label("job", "x")]): 1] : [:] }
        return Dictionary(grouping: inside, by: labels(of:)).mapValues { group in
            value(group.sorted { ($0.time, $0.order) < ($1.time, $1.order) })
        }
    }

    private func value(_ entries: [ReferenceEntry]) -> Double {
        let values = entries.map(\.value)
        let count = Double(values.count)
        let seconds = Double(range) / 1e9
        let sum = values.reduce(0, +)
        let bytes = Double(entries.reduce(0) { $0 + $1.line.utf8.count })
        let mean = sum / count
        let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / count
        switch operation {
        case .rate: return count / seconds
        case .countOverTime: return count
        case .bytesRate: return bytes / seconds
        case .bytesOverTime: return bytes
        case .sumOverTime: return sum
        case .avgOverTime: return mean
        case .minOverTime: return values.min()!
        case .maxOverTime: return values.max()!
        case .stdvarOverTime: return variance
        case .stddevOverTime: return variance.squareRoot()
        case .firstOverTime: return values[0]
        case .lastOverTime: return values[values.count - 1]
        case .quantileOverTime: return Self.quantile(parameter!, values)
        case .rateCounter: return rateCounter(entries)
        case .absentOverTime: return 1
        }
    }

    static func quantile(_ q: Double, _ values: [Double]) -> Double {
        if q > 1 { return .infinity }
        let sorted = values.sorted()
        let rank = q * Double(sorted.count - 1)
        let lower = Int(rank)
        let weight = rank - Double(lower)
        return sorted[lower] * (1 - weight) + sorted[min(lower + 1, sorted.count - 1)] * weight
    }

    private func rateCounter(_ entries: [ReferenceEntry]) -> Double {
        guard entries.count > 1 else { return 0 }
        let last = entries.count - 1
        var increase = entries[last].value - entries[0].value
        for index in 1...last where entries[index].value < entries[index - 1].value {
            increase += entries[index - 1].value
        }
        let interval = Double(entries[last].time - entries[0].time) / 1000
        var rest = Double(range / 1_000_000) / 1000
        if increase > 0, entries[0].value >= 0 { rest = min(rest, interval * entries[0].value / increase) }
        if rest >= 1.1 * interval / Double(last) { rest = interval / Double(last) / 2 }
        return increase * ((interval + rest) / interval) / (Double(range) / 1e9)
    }

    static func random(_ random: inout SplitMix, step: Int64) -> ReferenceWindow {
        let operation = RangeAggregation.Operation.allCases.randomElement(using: &random)!
        var window = ReferenceWindow(operation: operation, range: 0, offset: 0)
        switch Int.random(in: 0...3, using: &random) {
        case 0: window.range = step * Int64.random(in: 1...5, using: &random)
        case 1: window.range = Int64.random(in: 1...max(1, step / 1_000_000), using: &random) * 1_000_000
        default: window.range = Int64.random(in: 1...6 * step / 1_000_000, using: &random) * 1_000_000
        }
        // Ranges are written in milliseconds.
        window.range = window.range / 1_000_000 * 1_000_000
        switch Int.random(in: 0...3, using: &random) {
        case 0: window.offset = 0
        case 1: window.offset = step
        case 2: window.offset = Int64.random(in: -2 * step...2 * step, using: &random)
        default: window.offset = Int64.random(in: -3000...3000, using: &random)
        }
        switch operation {
        case .avgOverTime, .minOverTime, .maxOverTime, .stddevOverTime, .stdvarOverTime, .quantileOverTime,
            .firstOverTime, .lastOverTime:
            window.grouping = [
                nil, Grouping(without: false, labels: []), Grouping(without: false, labels: ["u"]),
                Grouping(without: true, labels: ["u"]), Grouping(without: false, labels: ["s", "u"]),
            ].randomElement(using: &random)!
        case .rate, .rateCounter, .countOverTime, .bytesRate, .bytesOverTime, .sumOverTime, .absentOverTime: break
        }
        if operation == .quantileOverTime {
            window.parameter = [0, 0.25, 0.5, 0.9, 1, 1.5].randomElement(using: &random)!
        }
        return window
    }
}

/// One worker: a program that takes entries of some streams.
struct WindowWorker: ~Copyable {
    var program: Program
    private let streams = StreamTable()

    init(_ plan: Plan) {
        program = Program(plan, seed: 7)
        program.refusesAhead = false
    }

    mutating func feed(_ entries: [ReferenceEntry], at now: Int64) {
        var builder = LineBatchBuilder(capacity: 1_024)
        for entry in entries {
            let stream = streams.stream(for: LabelSet([Label("job", "x"), Label("s", entry.stream)]))!
            let index = builder.index(of: stream)!
            builder.addLine(
                builder.append(Array(entry.line.utf8)), time: Timestamp(nanoseconds: entry.time), stream: index)
        }
        program.ingest(builder.seal(), at: Timestamp(nanoseconds: now))
    }

    mutating func windows(at instant: Int64) -> WindowPartial {
        program.evaluate(group: "g", at: Timestamp(nanoseconds: instant))
    }
}

extension Plan {
    /// A rule's series at an instant by their labels.
    func series(_ rule: Int, _ partials: [WindowPartial]) throws -> [LabelSet: Double] {
        switch try evaluate(rule: rule, partials) {
        case .scalar(let value): return [LabelSet.empty: value]
        case .vector(let elements):
            return Dictionary(elements.map { ($0.labels, $0.value) }) { _, _ in .nan }
        }
    }
}

/// Equal to the last digits that a different order of additions may change.
func isClose(_ a: Double, _ b: Double) -> Bool {
    if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
    return a == b || abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1)
}
