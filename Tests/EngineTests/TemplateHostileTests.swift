import Fuzzing
import Testing

@testable import Engine

@Suite("Templates that mean harm")
struct TemplateHostileTests {
    @Test(
        "no template makes a run long, large or deep",
        arguments: [
            "{{range 1000000000}}{{.}}{{end}}", "{{range 100000}}{{range 100000}}{{end}}{{end}}",
            "{{repeat 1000000000 \"ab\"}}",
            "{{repeat 9223372036854775807 \"ab\"}}", "{{define \"t\"}}{{template \"t\" .}}{{end}}{{template \"t\"}}",
            "{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range 1000}}{{$x = print $x $x}}{{end}}{{len $x}}",
            "{{indent 1000000000 \"a\"}}",
            "{{alignLeft 1000000000 \"a\"}}", "{{range 100000}}{{printf \"%1000000d\" 1}}{{end}}",
            "{{range 100000}}{{regexReplaceAll (print .) __line__ \"$0$0\"}}{{end}}",
            "{{printf \"%.1000000f%.1000000f\" 1.0 1.0}}",
            "{{$x := 9e307}}{{range 1000}}{{$x = mulf $x 0.1 10 3.3}}{{end}}{{$x}}",
            "{{regexReplaceAll \"(a*)*b\" __line__ \"x\"}}{{range 100000}}{{regexReplaceAll \"\" __line__ \"xxxxxxxxxxxxxxxxxxxxx\"}}{{end}}",
        ])
    func bounded(template: String) {

        var found = ""
        let took = threadTime { found = render(template, line: String(repeating: "a", count: 2_000)) }
        #expect(found.utf8.count <= TemplateLimits.outputBytes + 1_000)
        #expect(took < .seconds(20), "\(template) took \(took)")
    }

    @Test("nesting is refused before the stack ends, in templates, JSON and calls")
    func nesting() {
        let parens = String(repeating: "(", count: 50_000) + "1" + String(repeating: ")", count: 50_000)
        #expect(render("{{\(parens)}}").contains("nested too deeply"))
        let ifs = String(repeating: "{{if 1}}", count: 50_000)
        #expect(render(ifs).contains("nested too deeply"))
        let elses = "{{if 1}}" + String(repeating: "{{else if 1}}", count: 20_000) + "{{end}}"
        #expect(render(elses).contains("nested too deeply"))
        #expect(render("{{fromJson __line__}}", line: String(repeating: "[", count: 100_000)) == "<no value>")
        let deep = String(repeating: "(", count: 60) + "print 1" + String(repeating: ")", count: 60)
        #expect(render("{{\(deep)}}") == "1")
    }

    @Test("a long template is compiled in reasonable time")
    func longTemplates() {
        #expect(render(String(repeating: "{{.a}}x", count: 15_000), ["a": "1"]).utf8.count == 30_000)
        #expect(render(String(repeating: "{", count: 100_000)).hasPrefix("refused"))
        #expect(render("{{print " + String(repeating: "1 ", count: 50_000) + "}}").utf8.count == 99_999)
    }

    @Test("changed copies of good templates never trap and keep to the bounds")
    func mutations() throws {
        let seeds = try Array(Set(TemplateCase.recorded().map(\.template))).sorted() + Self.pieces
        var random = Random(seed: 20_261_120)
        let set = RegexSet()
        var compiled = 0
        for _ in 0..<6_000 {
            let text = mutated(seeds.randomElement(using: &random)!, seeds, &random)
            guard let template = try? Template(text, name: "line", regexes: set) else { continue }
            compiled += 1
            let line = Array(seeds.randomElement(using: &random)!.utf8)
            var data = TemplateLine(template, labels: ["ms": "12", "msg": "a b", "src": "é\u{0}"], line: line, time: 5)
            template.bind { field in template.fields.firstIndex(of: field)! }
            var run = TemplateRun()
            _ = template.execute(&data, &run)
            #expect(run.output.count <= 3 * TemplateLimits.outputBytes)
        }
        #expect(compiled > 500)
    }

    private static let pieces = [
        "{{", "}}", "{{- ", " -}}", "|", "(", ")", "$x", ":=", "=", ".", "\"", "`", "'a'", "%d", "%*.*f", "[1]", "nil",
        "-1", "0x7fffffffffffffff",
        "{{end}}", "{{else}}", "{{range 3}}", "{{with fromJson __line__}}", "{{if .a}}", "{{define \"a\"}}",
        "{{template \"a\" .}}",
        "9223372036854775807", "-9223372036854775808", "1e308", "\\", "\u{0}", "é", ",", "{{break}}", "__timestamp__",
        ".Format", ".Add", "slice", "index",
        "substr", "trunc", "printf", "toDate", "date", "round", "divf", "mod", "alignRight", "Replace", "and", "or",
        "eq", "html", "js",
    ]

    private func mutated(_ text: String, _ seeds: [String], _ random: inout Random) -> String {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 0...6, using: &random))
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: Self.pieces.randomElement(using: &random)!.utf8, at: place)
            case 2:
                let piece = " \(Self.pieces.randomElement(using: &random)!) "
                bytes.replaceSubrange(place..<end, with: piece.utf8)
            default: bytes.insert(contentsOf: seeds.randomElement(using: &random)!.utf8.prefix(60), at: place)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
