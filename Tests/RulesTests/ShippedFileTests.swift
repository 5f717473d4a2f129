import Diagnostics
import Glibc
import Rules
import Testing

private let packs = fixture("../rules")

@Suite("What ships with Millrace")
struct ShippedFileTests {
    @Test("packs load without a word", .enabled(if: access(packs, F_OK) == 0))
    func quiet() {
        let load = loadRules(paths: ["*/rules.yaml"], relativeTo: packs)
        #expect(load.problems.isEmpty, "\(load.render())")
        #expect(!load.rules.definitions.isEmpty)
    }

    @Test("examples of the documentation are right", arguments: ["configuration.md", "rules.md"])
    func documentation(file: String) throws {
        let text = String(decoding: contents(of: fixture("../docs/" + file)), as: UTF8.self)
        let blocks = text.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
        try #require(!blocks.isEmpty)
        for block in blocks {
            let source = SourceText(name: file, text: String(block))
            let said =
                file == "rules.md"
                ? readRules(source).render() : readConfiguration(source, environment: { $0 }).render()
            #expect(said.isEmpty, "\(said)")
        }
    }
}

@Suite("Hostile rule and configuration files")
struct HostileFileTests {
    @Test("random changes of a good file never trap", arguments: ["rules.md", "configuration.md"])
    func mutations(file: String) throws {
        let text = String(decoding: contents(of: fixture("../docs/" + file)), as: UTF8.self)
        let blocks = text.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
        let original = Array(try #require(blocks.max { $0.utf8.count < $1.utf8.count }).utf8)
        let pieces = [
            "{", "}", "[", "]", ":", "- ", "\n", "  ", "'", "\"", "|", ">", "&a ", "*a", "${", "é", "\t", "~", "99",
        ]
        var state: UInt64 = 11
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var refused = 0
        for _ in 0..<400 {
            var bytes = original
            for _ in 0...random(3) {
                let start = random(bytes.count)
                let end = min(bytes.count, start + random(6))
                bytes.replaceSubrange(start..<end, with: pieces[random(pieces.count)].utf8)
            }
            let source = SourceText(name: "x", text: String(decoding: bytes, as: UTF8.self))
            let said =
                file == "rules.md"
                ? readRules(source).render() : readConfiguration(source, environment: { $0 }).render()
            if !said.isEmpty { refused += 1 }
        }
        #expect(refused > 100)
    }
}
