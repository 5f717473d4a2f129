public import Records
import Synchronization

/// One line that was pushed to us.
public struct PushedLine: Hashable, Sendable {
    public let time: Timestamp
    /// `{a="b", c="d"}`.
    public let labels: String
    public let line: String
}

/// What the embedded receiver has taken in since the start.
public struct PushCounts: Hashable, Sendable {
    /// Requests answered with 204.
    public var requests: UInt64 = 0
    /// Requests refused, wholly or in part.
    public var refused: UInt64 = 0
    public var lines: UInt64 = 0
    /// Bytes of lines.
    public var bytes: UInt64 = 0
}

/// The memory of the embedded receiver, which answers pushes as Loki does and keeps the newest lines.
///
/// Bodies, labels and duplicates are checked as Loki 3.4 checks them; its limits (age, sizes, rates) are not applied.
public final class PushStore: Sendable {
    private struct Memory {
        var kept: [PushedLine] = []
        /// Index of the oldest line in `kept`; what is before it is gone.
        var head = 0
        var keptBytes = 0
        var counts = PushCounts()
    }
    private let memory = Mutex(Memory())
    private let maximumLines: Int
    private let maximumBytes: Int
    private let maximumBodyBytes: Int

    /// Keeps at most this many lines and bytes (of lines and label texts); a decompressed body may have
    /// `maximumBodyBytes`.
    public init(
        maximumLines: Int = 1_000, maximumBytes: Int = 1 << 20, maximumBodyBytes: Int = PushRequest.maximumBytes
    ) {
        self.maximumLines = maximumLines
        self.maximumBytes = maximumBytes
        self.maximumBodyBytes = maximumBodyBytes
    }

    /// Takes one request's body, and answers with a status and a text as Loki would: 204 and nothing when all is well.
    public func accept(body: [UInt8], contentType: String?, contentEncoding: String?) -> (status: Int, message: String)
    {
        let request: PushRequest
        do throws(PushError) {
            request = try PushRequest.decode(
                body: body, contentType: contentType, contentEncoding: contentEncoding, maximumBytes: maximumBodyBytes)
        } catch {
            memory.withLock { $0.counts.refused += 1 }
            return (error.status, error.message)
        }
        var fault: PushError?
        memory.withLock { memory in
            for stream in request.streams {
                if let wrong = stream.fault {
                    fault = fault ?? wrong
                    continue
                }
                let labels = stream.labelText
                for entry in stream.entries { keep(PushedLine(entry, labels), in: &memory) }
            }
            if fault == nil { memory.counts.requests += 1 } else { memory.counts.refused += 1 }
        }
        return fault.map { ($0.status, $0.message) } ?? (204, "")
    }

    /// The lines that came last, the newest first; at most `limit`.
    public func newest(_ limit: Int) -> [PushedLine] {
        memory.withLock { $0.kept[$0.head...].suffix(max(0, limit)).reversed() }
    }

    public var counts: PushCounts { memory.withLock { $0.counts } }

    private func keep(_ line: PushedLine, in memory: inout Memory) {
        memory.counts.lines += 1
        memory.counts.bytes += UInt64(line.line.utf8.count)
        memory.kept.append(line)
        memory.keptBytes += line.size
        while memory.kept.count - memory.head > maximumLines || memory.keptBytes > maximumBytes,
            memory.head < memory.kept.count
        {
            memory.keptBytes -= memory.kept[memory.head].size
            memory.head += 1
        }
        if memory.head > maximumLines || memory.head * 2 > memory.kept.count + 64 {
            memory.kept.removeFirst(memory.head)
            memory.head = 0
        }
    }
}

extension PushedLine {
    fileprivate init(_ entry: PushedEntry, _ labels: String) {
        self.init(time: entry.time, labels: labels, line: entry.line)
    }

    fileprivate var size: Int { line.utf8.count + labels.utf8.count }
}
