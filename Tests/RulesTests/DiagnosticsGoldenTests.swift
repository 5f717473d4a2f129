import Diagnostics
import Glibc
import Rules
import Testing

@Suite("What is said about mistakes")
struct DiagnosticsGoldenTests {
    @Test("in rule files", arguments: GoldenCase.read("rules.txt"))
    func rules(golden: GoldenCase) {
        let said = readRules(SourceText(name: "rules.yaml", text: golden.text)).render()
        #expect(said == golden.said, "\n\(said)")
    }

    @Test("in configuration files", arguments: GoldenCase.read("configuration.txt"))
    func configuration(golden: GoldenCase) {
        let source = SourceText(name: "millrace.yaml", text: golden.text)
        let said = readConfiguration(source, environment: { _ in nil }).render()
        #expect(said == golden.said, "\n\(said)")
        #expect(!said.contains("hunter"), "a secret is shown")
    }

    @Test("the files of cases are found")
    func found() {
        #expect(GoldenCase.read("rules.txt").count >= 40)
        #expect(GoldenCase.read("configuration.txt").count >= 14)
    }

    /// Writes the files of cases anew: `MILLRACE_RECORD=1`, then read what changed.
    @Test("recording", .enabled(if: getenv("MILLRACE_RECORD") != nil))
    func record() throws {
        for file in ["rules.txt", "configuration.txt"] {
            let cases = GoldenCase.read(file).map { golden in
                let said =
                    file == "rules.txt"
                    ? readRules(SourceText(name: "rules.yaml", text: golden.text)).render()
                    : readConfiguration(
                        SourceText(name: "millrace.yaml", text: golden.text), environment: { _ in nil }
                    ).render()
                return "=== \(golden.name)\n\(golden.text)--- says\n\(said)"
            }
            let output = try #require(fopen(fixture("diagnostics/" + file), "w"))
            fputs(cases.joined(), output)
            fclose(output)
        }
    }
}
