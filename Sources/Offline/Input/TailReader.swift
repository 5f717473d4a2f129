import Engine
import Records

/// Lines of a text file as entries of one stream, with the times that the lines say.
final class TailReader {
    private var lines: LineInput
    private let stream: Records.Stream
    private var clock: LineClock?
    /// The time of lines before the first time that can be read, and of all lines where there is no clock.
    private let fallback: Timestamp
    private var last: Timestamp?
    private var line: [UInt8] = []
    /// Lines that took the time of the line before.
    private(set) var untimed = 0
    private(set) var newest: Timestamp?
    private(set) var oldest: Timestamp?

    init(
        _ path: String, labels: LabelSet, streams: StreamTable, clock form: LineClock.Form?, fallback: Timestamp,
        reference: Timestamp
    ) throws(InputProblem) {
        lines = try LineInput(path)
        let name = path == "-" ? "stdin" : path
        let all = labels["filename"] == nil ? labels.merging(LabelSet([Label("filename", name)])) : labels
        guard let stream = streams.stream(for: all) else {
            throw InputProblem(name, "more than \(streams.limit) streams")
        }
        self.stream = stream
        self.fallback = fallback
        if let form {
            do throws(LineClock.Problem) {
                clock = try LineClock(form, reference: reference)
            } catch {
                throw InputProblem(name, error.message)
            }
        }
    }

    /// Bytes taken from the file, and how many there are; nil where that is not known.
    var progress: (done: Int, of: Int?) { (lines.input.consumed, lines.input.size) }
    var cutLines: Int { lines.cutLines }
    /// Lines read so far.
    var count: Int { lines.number }

    /// The next batch, of about 256 KiB or 4,096 lines; nil at the end.
    func next() throws(InputProblem) -> LineBatch? {
        var builder = LineBatchBuilder(capacity: 256 << 10)
        guard let index = builder.index(of: stream) else { return nil }
        var early: [ByteRange] = []
        while builder.bytes.count < 256 << 10, builder.lines.count + early.count < 4_096 {
            line.removeAll(keepingCapacity: true)
            guard try lines.next(into: &line) else { break }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            let range = builder.append(line)
            guard clock != nil else {
                builder.addLine(range, time: fallback, stream: index)
                continue
            }
            // A copy of the reference, since the clock and the line belong to one object.
            let text = line
            if let time = clock?.time(of: text.span) {
                // Lines in front of the first time are as old as that.
                for range in early { builder.addLine(range, time: time, stream: index) }
                early = []
                last = time
                newest = max(newest ?? time, time)
                oldest = min(oldest ?? time, time)
                builder.addLine(range, time: time, stream: index)
                continue
            }
            untimed += 1
            if let last {
                builder.addLine(range, time: last, stream: index)
            } else {
                early.append(range)
            }
        }
        for range in early { builder.addLine(range, time: fallback, stream: index) }
        return builder.lines.isEmpty ? nil : builder.seal()
    }
}
