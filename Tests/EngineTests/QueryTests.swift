import Engine
import LogQL
import Records
import Testing

@Suite("Queries")
struct QueryTests {
    private func failure(_ text: String, _ times: QueryTimes, lines: Int, _ limits: QueryLimits) throws -> String? {
        let expression = try #require(parse(text).expression)
        var query = try Query(expression, times, limits: limits)
        for batch in AskedLines.batches((0..<lines).map { Array("n=\($0)".utf8) }) { query.ingest(batch) }
        do throws(QueryFailure) {
            _ = try query.finish()
            return nil
        } catch {
            return error.message
        }
    }

    private var minute: QueryTimes {
        .range(
            start: Timestamp(nanoseconds: AskedLines.start),
            end: Timestamp(nanoseconds: AskedLines.start + 1_000 * AskedLines.second), step: AskedLines.second)
    }

    @Test("a query with more series than the limit fails, whatever it aggregates")
    func series() throws {
        var limits = QueryLimits()
        limits.series = 50
        let query = #"count_over_time({job="x"} | logfmt [1h])"#
        #expect(try failure(query, minute, lines: 50, limits) == nil)
        #expect(try failure(query, minute, lines: 51, limits)?.contains("more than 50 series") == true)
        #expect(try failure(#"{job="x"} | logfmt"#, AskedLines.hour(), lines: 51, limits)?.contains("50") == true)
    }

    @Test("the memory of panes bounds the series, so that fewer steps let through more")
    func memory() throws {
        var limits = QueryLimits()
        limits.memoryBytes = 1 << 20
        let query = #"count_over_time({job="x"} | logfmt [1s])"#
        #expect(try failure(query, minute, lines: 90, limits)?.contains("with a longer step") == true)
        let instant = QueryTimes.instant(Timestamp(nanoseconds: AskedLines.start + AskedLines.second))
        #expect(try failure(query, instant, lines: 90, limits) == nil)
    }

    @Test("entries are counted as taken, and as unmatched where no selector takes their stream")
    func entries() throws {
        let expression = try #require(parse(#"{pod="p2"}"#).expression)
        var query = try Query(expression, AskedLines.hour())
        for batch in AskedLines.batches((0..<10).map { _ in Array("a".utf8) }) { query.ingest(batch) }
        #expect(query.entries == (10, 5))
    }
}
