import Diagnostics
import Engine
import LogQL
import Records

/// A query asked over lines that are given, by the public interface alone.
enum AskedLines {
    static let second: Int64 = 1_000_000_000
    static let start: Int64 = 1_795_168_800 * second

    /// A log query's hour, with a limit.
    static func hour(limit: Int = 100, direction: QueryDirection = .forward) -> QueryTimes {
        .log(
            start: Timestamp(nanoseconds: start), end: Timestamp(nanoseconds: start + 3_600 * second),
            direction: direction, limit: limit)
    }

    /// The lines, ten seconds apart, in two streams, each third with metadata; `cut` of them in a batch of their own.
    static func batches(_ lines: [[UInt8]], cut: Int = 0, pod: String = "p1") -> [LineBatch] {
        let table = StreamTable()
        let streams = [pod, "p2"].compactMap { pod in
            table.stream(for: LabelSet([Label("job", "x"), Label("pod", pod), Label("src", "tick")]))
        }
        return [lines[..<cut], lines[cut...]].filter { !$0.isEmpty }.map { part in
            var builder = LineBatchBuilder(capacity: 1_024)
            for number in part.indices {
                guard let index = builder.index(of: streams[number % 2]) else { continue }
                let range = builder.append(part[number])
                builder.addLine(
                    range, time: Timestamp(nanoseconds: start + Int64(number) * 10 * second), stream: index)
                guard number % 3 == 0 else { continue }
                let value = builder.append(part[number].prefix(12))
                builder.addMetadata(name: builder.metadataName("trace"), value: value)
            }
            return builder.seal()
        }
    }

    enum Answer {
        case result(QueryResult)
        /// In words; never empty.
        case failed(String)
    }

    static func answer(_ expression: Expression, _ times: QueryTimes, _ batches: [LineBatch]) -> Answer {
        var limits = QueryLimits()
        limits.series = 1_000
        limits.memoryBytes = 1 << 26
        do throws(Query.Refusal) {
            var query = try Query(expression, times, limits: limits)
            for batch in batches { query.ingest(batch) }
            do throws(QueryFailure) {
                return .result(try query.finish())
            } catch {
                return .failed("failed: \(error.message)")
            }
        } catch {
            return .failed("refused: \(error.diagnostics.map(\.message).joined(separator: "; "))")
        }
    }

    /// The answer to a text; log queries are asked over an hour, metric queries at `instant`.
    static func answer(
        _ text: String, _ lines: [[UInt8]], at instant: Int64 = start + 60 * second, pod: String = "p1"
    ) -> Answer {
        let parsed = parse(text)
        guard let expression = parsed.expression else {
            return .failed("parsed: \(parsed.diagnostics.first?.message ?? "")")
        }
        let times: QueryTimes =
            if case .log = expression { hour() } else { .instant(Timestamp(nanoseconds: instant)) }
        return answer(expression, times, batches(lines, pod: pod))
    }
}
