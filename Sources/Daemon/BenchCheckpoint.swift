import Engine
import Glibc
import LogQL
import Records

/// What a checkpoint costs the worker: the snapshot of a rule with 10,000 series, each of two labels.
struct BenchCheckpoint {
    /// CPU milliseconds, the median of nine.
    let snapshot: Double
    let restore: Double
    let bytes: Int

    /// nil when the rule cannot be compiled, which would be a bug.
    init?() {
        guard let expression = parse(#"{job="bench"} | logfmt"#).expression,
            let plan = Planner.plan([
                RuleDefinition(
                    name: "series_total", group: "bench", kind: .counter, expression: expression, by: ["host", "path"])
            ]).plan,
            let stream = StreamTable().stream(for: LabelSet([Label("job", "bench")]))
        else { return nil }
        var program = Program(plan, seed: 1)
        var builder = LineBatchBuilder(capacity: 1 << 20)
        guard let index = builder.index(of: stream) else { return nil }
        for number in 0..<10_000 {
            let line = "host=host-\(number % 100).example.com path=/api/v1/resources/\(number / 100)"
            builder.addLine(builder.append(line.utf8), time: Timestamp(nanoseconds: Int64(number)), stream: index)
        }
        program.ingest(builder.seal(), at: Timestamp(nanoseconds: 1))
        var times: [Double] = []
        var saved: [UInt8] = []
        for _ in 0..<9 {
            let start = clock()
            saved = program.snapshot()
            times.append(Double(clock() - start) / 1_000)
        }
        snapshot = times.sorted()[4]
        bytes = saved.count
        times = []
        for seed in 0..<9 {
            var other = Program(plan, seed: UInt64(seed))
            let start = clock()
            guard other.restore(saved).restored == 1 else { return nil }
            times.append(Double(clock() - start) / 1_000)
        }
        restore = times.sorted()[4]
    }
}
