import Testing

@testable import Engine

@Suite("Templates that a Loki ran")
struct TemplateCaseTests {
    @Test("the recorded answers come out to the last character, errors too")
    func recorded() throws {
        let cases = try TemplateCase.recorded()
        #expect(cases.count > 500)
        for recorded in cases {
            let found = render(
                recorded.template, recorded.labels, line: recorded.line, time: Int64(recorded.time)!,
                name: recorded.name)
            let wanted = recorded.error.map { "error: " + $0 } ?? recorded.output ?? ""
            #expect(
                Array(found.utf8) == Array(wanted.utf8), "\(recorded.id): \(recorded.template)\n\(found)\n\(wanted)")
        }
    }

    @Test("what Go's parser refuses is refused in its words")
    func refused() throws {
        for refused in try TemplateCase.refused() {
            #expect(render(refused.template, name: refused.name) == "refused: " + refused.error)
        }
    }
}
