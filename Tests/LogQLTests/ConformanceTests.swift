import Diagnostics
import LogQL
import Testing

@Suite("Queries that a Loki was asked")
struct ConformanceTests {
    @Test("what Loki accepts is accepted, and the canonical text reads back as itself")
    func roundTrip() throws {
        for query in try Fixtures.accepted() {
            let parsed = parse(query)
            guard let expression = parsed.expression else {
                Issue.record("refused: \(query)\n\(SourceText(name: "query", text: query).render(parsed.diagnostics))")
                continue
            }
            let text = expression.description
            #expect(parse(text).expression?.description == text, "printed from: \(query)")
        }
    }

    @Test("what Loki refuses is refused, but for what only compiling a regex or template shows")
    func refusals() throws {
        for refused in try Fixtures.refused() where exception(to: refused) == nil {
            let parsed = parse(refused.query)
            #expect(parsed.expression == nil, "accepted: \(refused.query)\n\(refused.error)")
            #expect(parsed.diagnostics.contains { $0.severity == .error })
        }
    }

    @Test("the exceptions are accepted here, so that none of them is stale")
    func exceptions() throws {
        let exceptions = try Fixtures.refused().filter { exception(to: $0) != nil }
        #expect(exceptions.count > 10)
        for refused in exceptions {
            #expect(parse(refused.query).expression != nil, "refused: \(refused.query)\n\(refused.error)")
        }
    }

    /// Why a query that Loki refuses parses here.
    private func exception(to refused: Fixtures.Refused) -> String? {
        let error = refused.error
        // A negative matcher alone is refused whatever its regex.
        if error.contains("error parsing regexp"), !refused.query.contains("{src!~") {
            return "the regex is compiled by the engine"
        }
        if error.contains("invalid line template") || error.contains("invalid template for label") {
            return "the template is compiled by the engine"
        }
        if error.hasSuffix("syntax error: unexpected unwrap"), refused.query.contains("} |"),
            refused.query.hasPrefix("{")
        {
            return "a log query may end with unwrap: counter, histogram and gauge rules take their value from it"
        }
        return nil
    }
}
