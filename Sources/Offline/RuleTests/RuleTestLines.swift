import Diagnostics
import Engine
import Records

/// The entries of a test in order of time.
struct RuleTestLines {
    struct Entry {
        var time: Timestamp
        var stream: Records.Stream
        var line: [UInt8]
        var metadata: [Label]
    }

    private(set) var entries: [Entry] = []

    /// Reads the files that the test names from `folder`.
    init(_ test: RuleTest, folder: String) throws(InputProblem) {
        let streams = StreamTable(limit: 100_000)
        for input in test.inputs {
            guard let stream = streams.stream(for: input.labels) else { continue }
            var lines = input.lines
            if let file = input.file {
                let path = file.path.hasPrefix("/") ? file.path : folder + "/" + file.path
                var reader = try LineInput(path)
                var line: [UInt8] = []
                while try reader.next(into: &line) {
                    lines.append(RuleTest.Input.Line(text: line, time: nil, metadata: []))
                    line = []
                }
            }
            try add(lines, of: input, stream, reference: test.start)
        }
        // A stable order: equal times stay as they were written.
        let order = entries.indices.sorted {
            entries[$0].time == entries[$1].time ? $0 < $1 : entries[$0].time < entries[$1].time
        }
        entries = order.map { entries[$0] }
    }

    private mutating func add(
        _ lines: [RuleTest.Input.Line], of input: RuleTest.Input, _ stream: Records.Stream, reference: Timestamp
    ) throws(InputProblem) {
        var clock: LineClock?
        if let form = input.clock {
            do throws(LineClock.Problem) {
                clock = try LineClock(form, reference: reference)
            } catch {
                throw InputProblem("timestamp", error.message)
            }
        }
        var next = input.start
        for line in lines {
            let text = line.text
            var time = line.time ?? next
            if line.time == nil, let said = clock?.time(of: text.span) { time = said }
            // With a clock, a line without a time has that of the line before.
            next = clock == nil ? Timestamp(nanoseconds: time.nanoseconds &+ input.step) : time
            entries.append(Entry(time: time, stream: stream, line: text, metadata: line.metadata))
        }
    }

    /// Entries as batches; a batch spans at most a second, so that the age of series is known that well.
    func batches(_ range: Range<Int>) -> [LineBatch] {
        var batches: [LineBatch] = []
        var index = range.lowerBound
        while index < range.upperBound {
            var builder = LineBatchBuilder(capacity: 4_096)
            let first = entries[index].time.nanoseconds
            while index < range.upperBound, builder.lines.count < 1_000,
                entries[index].time.nanoseconds - first < 1_000_000_000,
                let stream = builder.index(of: entries[index].stream)
            {
                let entry = entries[index]
                let range = builder.append(entry.line)
                builder.addLine(range, time: entry.time, stream: stream)
                for label in entry.metadata {
                    let value = builder.append(label.value.utf8)
                    builder.addMetadata(name: builder.metadataName(label.name), value: value)
                }
                index += 1
            }
            batches.append(builder.seal())
        }
        return batches
    }
}
