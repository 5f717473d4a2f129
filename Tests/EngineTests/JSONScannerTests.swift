import Testing

@testable import Engine

struct JSONScannerTests {
    static let object = ScanError.object

    static func scanAll(_ lines: [[UInt8]]) -> [Scanned] {
        var names = NameTable(seed: 7)
        var scanner = JSONScanner(seed: 7)
        var fields = FieldBuffer()
        return lines.map { line in
            withView(line) { view in
                fields.removeAll()
                var scanned = Scanned(error: scanner.scan(view, into: &fields, names: &names))
                for index in 0..<fields.count { scanned.labels[names.name(of: fields[index].id)] = fields[index].text }
                return scanned
            }
        }
    }

    static func scanWanted(_ lines: [[UInt8]], _ wanted: [String], stopsWhenComplete: Bool = false) -> [Scanned] {
        var names = NameTable(seed: 7)
        let pairs = wanted.map { (name: $0, id: names.id(forName: $0)!) }
        var scanner = JSONScanner(wanted: pairs, seed: 7, stopsWhenComplete: stopsWhenComplete)
        var fields = FieldBuffer()
        return lines.map { line in
            withView(line) { view in
                fields.removeAll()
                var scanned = Scanned(error: scanner.scan(view, into: &fields, names: &names))
                for index in 0..<fields.count { scanned.labels[names.name(of: fields[index].id)] = fields[index].text }
                return scanned
            }
        }
    }

    struct Case: CustomTestStringConvertible {
        var line: String
        var labels: [String: String]
        var error = ScanError.none
        init(_ line: String, _ labels: [String: String], _ error: ScanError = .none) {
            (self.line, self.labels, self.error) = (line, labels, error)
        }
        var testDescription: String { line }
    }

    static let cases: [Case] = [
        Case("{}", [:]),
        Case("[]", [:], .object), Case("[{\"status\":200}]", [:], .object), Case("\"just a string\"", [:], .object),
        Case("12345", [:], .object), Case("null", [:], .object), Case("", [:], .object), Case(" ", [:], .object),
        Case(#"{"status":200,"method":"GET"}"#, ["status": "200", "method": "GET"]),
        Case(#"{"status":200,"status":404,"method":"PATCH"}"#, ["status": "404", "method": "PATCH"]),
        Case(#"{"status":{"code":200,"text":"OK"},"m":"O"}"#, ["status_code": "200", "status_text": "OK", "m": "O"]),
        Case(#"{"status":null,"method":null}"#, [:]),
        Case(
            #"{"s":200,"nested":{"a":{"b":{"c":{"d":1e3}}},"list":[{"x":1},{"x":2}]},"e":-1.5e-2}"#,
            ["s": "200", "nested_a_b_c_d": "1e3", "e": "-1.5e-2"]),
        Case(
            #"{"method":"G\u0045T","path":"\u2603 \ud83d\ude80 \n tab\t end","k\u00e9y":"v"}"#,
            ["method": "GET", "path": "☃ 🚀 \n tab\t end", "k_y": "v"]),
        Case(
            #"{"a b":"space","a-b":"dash","A_B":"upper"," pad ":"padded","ü":"umlaut","9x":"digit"}"#,
            ["a_b": "space", "A_B": "upper", "pad": "padded", "_": "umlaut", "_9x": "digit"]),
        Case("{'status':200,'method':'GET'}", [:], .object),
        Case(#"{"status":200 "method":"GET"}"#, ["status": "200"], .object),
        Case(#"{"status":tru,"method":"GET"}"#, [:], .value),
        Case(#"{"status":200,"method":"GET""#, ["status": "200", "method": "GET"], .array),
        Case(#"{"status":200,"method":"GE"#, ["status": "200"], .string),
        Case(#"{"status":200,"meth"#, ["status": "200"], .malformed),
        Case(#"{"status":200,"#, ["status": "200"], .array), Case(#"{"status":"#, [:], .malformed),
        Case(#"{"status""#, [:], .malformed), Case("{", [:], .malformed),
        Case(#"   {"method":"GET","status":200}"#, ["status": "200", "method": "GET"]),
        Case(#"{"method":"GET"} trailing words"#, ["method": "GET"]),
        Case(#"{"method":"GET","status":200,}"#, ["status": "200", "method": "GET"]),
        Case(#"{,"method":"GET","status":200}"#, [:], .object),
        Case(#"{"a":{"b":1},"a_b":2}"#, ["a_b": "2"]), Case(#"{"a_b":2,"a":{"b":1}}"#, ["a_b": "1"]),
        Case(
            #"{"es":"","eo":{},"ea":[],"zero":0,"no":false,"yes":true}"#,
            ["es": "", "zero": "0", "no": "false", "yes": "true"]),
        Case(#"{"arr":[1,2,3],"mixed":["a",1,null,{"k":"v"}],"deep":[[1,2],[3,[4,5]]]}"#, [:]),
        Case(
            "{\"ctl\":\"a\u{1}b\",\"bad\":\"\\ud800 lone\",\"esc\":\"\\/\\b\"}",
            ["ctl": "a\u{1}b", "bad": "", "esc": "/\u{8}"]),
        Case("\u{FEFF}{\"status\":200}", [:], .object),
        Case(#"{"a":1,"b":{"a":1,"b":{"a":"deepest"}}}"#, ["a": "1", "b_a": "1", "b_b_a": "deepest"]),
        Case(#"{"":"empty key","status":200}"#, ["status": "200"]),
        Case(#"{"status":0200}"#, ["status": "0200"]), Case(#"{"status":+1}"#, [:], .value),
        Case(#"{"status":.5}"#, [:], .value), Case(#"{"status":NaN}"#, [:], .value), Case(#"{"s":}"#, [:], .value),
        // An inner object that does not end gives nothing, not even what came before its error.
        Case(#"{"a":1,"b":{"c":2,"d":"#, ["a": "1"], .object),
        Case(#"{"a":1,"b":{"c":2,"d":tru}}"#, ["a": "1", "b_c": "2"], .value),
        Case(#"{"a":[1,2"#, [:], .array), Case(#"{"a":[}],"b":1}"#, ["b": "1"]),
        Case(#"{"x":{"a":[}]},"b":1}"#, [:], .array),
        Case(#"{ "a" : 1 , "b" : { "c" : "d" } }"#, ["a": "1", "b_c": "d"]),
        Case("{\"a\":\"\\q\",\"b\":1}", ["a": "", "b": "1"]), Case("{\"a\\q\":1}", [:], .escape),
    ]

    @Test("labels and errors are Loki's", arguments: cases)
    func table(test: Case) {
        let expected = Scanned(labels: test.labels, error: test.error)
        // Twice: the second time the shape is known.
        let lines = [Array(test.line.utf8), Array(test.line.utf8)]
        #expect(Self.scanAll(lines) == [expected, expected])
    }

    @Test("chosen labels come as they do from all", arguments: cases)
    func chosen(test: Case) {
        let line = Array(test.line.utf8)
        for name in test.labels.keys {
            let expected = Scanned(labels: [name: test.labels[name]!], error: test.error)
            #expect(Self.scanWanted([line, line], [name, "absent_name"]) == [expected, expected])
        }
        #expect(Self.scanWanted([line], []) == [Scanned(labels: [:], error: test.error)])
    }
}
