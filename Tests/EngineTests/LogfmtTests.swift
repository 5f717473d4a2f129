import Testing

@testable import Engine

struct LogfmtTests {
    static func scan(
        _ lines: [String], _ make: (inout NameTable) -> LogfmtScanner = { _ in LogfmtScanner(seed: 5) }
    ) -> [(Scanned, String)] {
        var names = NameTable(seed: 5)
        var scanner = make(&names)
        var fields = FieldBuffer()
        return lines.map { line in
            withView(line) { view in
                fields.removeAll()
                var scanned = Scanned(error: scanner.scan(view, into: &fields, names: &names))
                for index in 0..<fields.count { scanned.labels[names.name(of: fields[index].id)] = fields[index].text }
                return (scanned, scanned.error == .none ? "" : scanner.details)
            }
        }
    }

    /// A line, its labels, and the fault that `--strict` finds.
    static let cases: [(line: String, labels: [String: String], fault: String)] = [
        ("a=1 b=2 c=3", ["a": "1", "b": "2", "c": "3"], ""),
        ("a=\"1\" b=\"two words\" c='single'", ["a": "1", "b": "two words", "c": "'single'"], ""),
        ("a=1b=2 c=3", ["c": "3"], "5 : unexpected '='"), ("a==1 b=2", ["b": "2"], "3 : unexpected '='"),
        ("a= b=2", ["b": "2"], ""), ("=1 b=2", ["b": "2"], "1 : unexpected '='"), ("a", [:], ""), ("a b c", [:], ""),
        ("a=1, b=2, c=3", ["a": "1,", "b": "2,", "c": "3"], ""), ("a:1 b:2", [:], ""),
        (
            #"a="x\ny" b="\u00e9" c="bad \q escape" d=4"#, ["a": "x\ny", "b": "é", "d": "4"],
            "38 : invalid quoted value"
        ),
        ("a=\"unterminated b=2", [:], "20 : unterminated quoted value"),
        ("kéy=v café=\"crème\"", ["k_y": "v", "caf_": "crème"], ""), ("   a=1     b=2   ", ["a": "1", "b": "2"], ""),
        ("a=1\nb=2", ["a": "1", "b": "2"], ""), ("a={\"x\":1} b=[1,2]", ["b": "[1,2]"], "4 : unexpected '\"'"),
        ("!@#=1 %%%=2 ok=3", ["___": "1", "ok": "3"], ""),
        ("level=info level=warn level=error", ["level": "error"], ""),
        ("", [:], ""), (" ", [:], ""), (#"a="say \"hi\"" b=2"#, ["a": "say \"hi\"", "b": "2"], ""),
        ("\"quoted key\"=1 b=2", ["b": "2"], "1 : unexpected '\"'"), ("a=\"1\"b=2", ["a": "1", "b": "2"], ""),
        ("a=\"1\"b=\"2\" c=3", ["a": "1", "b": "2", "c": "3"], ""), ("a=b\"c d=1", ["d": "1"], "4 : unexpected '\"'"),
        (#"a="back\\slash" b=2"#, ["a": #"back\slash"#, "b": "2"], ""), ("a.b=1 a-b=2", ["a_b": "1"], ""),
        ("1a=x 2=y", ["_1a": "x", "_2": "y"], ""),
        ("a=http://h.example/?q=1&r=2 b=3", ["b": "3"], "22 : unexpected '='"),
        (#"a=\x b=2"#, ["a": #"\x"#, "b": "2"], ""), (#"a="\ud800" b=2"#, ["a": " ", "b": "2"], ""),
        ("a=1 \"stray\" b=2", ["a": "1", "b": "2"], "5 : unexpected '\"'"),
        ("a=1 \" b=2 c=3", ["a": "1", "b": "2", "c": "3"], "5 : unexpected '\"'"),
        ("a=\"tab\there\" b=2", ["a": "tab\there", "b": "2"], ""),
        ("{\"status\":200,\"method\":\"PATCH\"}", [:], "2 : unexpected '\"'"),
    ]

    @Test("labels are Loki's, and strict scans end where Loki's do", arguments: cases)
    func table(line: String, labels: [String: String], fault: String) {
        for (scanned, _) in Self.scan([line, line]) { #expect(scanned == Scanned(labels: labels)) }
        for (scanned, details) in Self.scan([line, line], { _ in LogfmtScanner(seed: 5, strict: true) }) {
            #expect(details == (fault.isEmpty ? "" : "logfmt syntax error at pos \(fault)"))
            #expect(scanned.error == (fault.isEmpty ? .none : .logfmt))
            if fault.isEmpty { #expect(scanned.labels == labels) }
        }
    }

    @Test("a strict scan keeps what came before the fault")
    func strict() {
        let scanned = Self.scan([#"a="x\ny" b=1 c="bad \q" d=4"#]) { _ in LogfmtScanner(seed: 5, strict: true) }
        #expect(scanned[0].0.labels == ["a": "x\ny", "b": "1"])
    }

    @Test(
        "with keep-empty, empty values and bare words are labels",
        arguments: [
            ("a= b=2", ["a": "", "b": "2"]), ("a b c", ["a": "", "b": "", "c": ""]),
            ("a:1 b:2", ["a_1": "", "b_2": ""]),
            ("a=\"\" b=2", ["a": "", "b": "2"]), ("a==1 b=2", ["b": "2"]),
            ("a=1 trailing", ["a": "1", "trailing": ""]),
        ])
    func keepEmpty(line: String, labels: [String: String]) {
        for (scanned, _) in Self.scan([line, line], { _ in LogfmtScanner(seed: 5, keepsEmpty: true) }) {
            #expect(scanned.labels == labels)
        }
    }

    @Test("chosen labels come as they do from all", arguments: cases)
    func chosen(line: String, labels: [String: String], fault: String) {
        for (name, value) in labels {
            let scanned = Self.scan([line, "other=1 " + line]) { names in
                LogfmtScanner(wanted: [(name, names.id(forName: name)!)], seed: 5)
            }
            #expect(scanned.map(\.0.labels) == [[name: value], [name: value]])
        }
    }

    @Test(
        "targets take the pairs of their expressions, then those of their names",
        arguments: [
            (["a": "b", "z": "a"], "a=1 b=2 c=3", ["a": "2", "z": "1"]), (["b": "a"], "a=1 b=2 c=3", ["b": "2"]),
            (["x": "a_b"], "a.b=1 a-b=2", ["x": "2"]), (["x": "\"a.b\""], "a.b=1 a-b=2", [:]),
            (["level": "level"], "level=info level=warn level=error", ["level": "error"]),
            (["a": "a"], "a= b=2", ["a": ""]), (["x": "b"], "a=1b=2 c=3", [:]),
        ])
    func targets(expressions: [String: String], line: String, labels: [String: String]) {
        let scanned = Self.scan([line, line]) { names in
            let targets = expressions.map {
                LogfmtTarget(name: $0.key, expression: $0.value, id: names.id(forName: $0.key)!)
            }
            return LogfmtScanner(targets: targets, seed: 5)
        }
        #expect(scanned.map(\.0.labels) == [labels, labels])
    }

    @Test("a scan that needs no more stops, so the first of equal keys counts")
    func stopping() {
        let scanned = Self.scan(["a=1 b=2 a=3 c=\"", "x=1 a=5"]) { names in
            let wanted = ["a", "b"].map { (name: $0, id: names.id(forName: $0)!) }
            return LogfmtScanner(wanted: wanted, seed: 5, strict: true, stopsWhenComplete: true)
        }
        #expect(scanned.map(\.0) == [Scanned(labels: ["a": "1", "b": "2"]), Scanned(labels: ["a": "5"])])
    }

    @Test("an empty expression is refused in Loki's words")
    func emptyExpression() {
        guard case .failure(let error) = LogfmtTarget.key("") else {
            Issue.record("accepted")
            return
        }
        #expect(error.message == "cannot parse expression []: syntax error: unexpected $end, expecting STRING or KEY")
    }
}
