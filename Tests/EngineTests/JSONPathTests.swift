import Testing

@testable import Engine

struct JSONPathTests {
    static func find(_ paths: [String: String], _ line: String) throws -> Scanned {
        var names = NameTable(seed: 2)
        var fields = FieldBuffer()
        var scanner = JSONPathScanner(try paths.map { (try JSONPath($0.value), names.id(forName: $0.key)!) })
        return withView(line) { view in
            var scanned = Scanned(error: scanner.scan(view, into: &fields))
            for index in 0..<fields.count { scanned.labels[names.name(of: fields[index].id)] = fields[index].text }
            return scanned
        }
    }

    static let arrays =
        #"{"arr":[1,2,3],"mixed":["a",1,null,{"k":"v"}],"deep":[[1,2],[3,[4,5]]],"objs":[{"n":"first"},{"n":"second"}]}"#
    static let status = ["s": "status", "m": "method"]

    @Test(
        "values are found by path",
        arguments: [
            (
                ["a": "deep[1][1][0]", "b": "objs[1].n", "c": "mixed[3].k", "d": "arr[0]"], arrays,
                ["a": "4", "b": "second", "c": "v", "d": "1"]
            ),
            (
                ["a": "arr", "m": "mixed", "o": "objs"], arrays,
                ["a": "[1,2,3]", "m": #"["a",1,null,{"k":"v"}]"#, "o": #"[{"n":"first"},{"n":"second"}]"#]
            ),
            (["t0": "tags[0]", "t2": "tags[2]"], #"{"x":{"tags":["no"]},"tags":["edge","eu-1"]}"#, ["t0": "edge"]),
            (
                ["s": "status", "c": "status.code"], #"{"status":{"code":200,"text":"OK"},"method":"OPTIONS"}"#,
                ["s": #"{"code":200,"text":"OK"}"#, "c": "200"]
            ),
            (["c": #"["geo.city"]"#], #"{"geo":{"city":"no"},"geo.city":"Lyon"}"#, ["c": "Lyon"]),
            (
                ["a": #"upstream["addr"]"#, "b": #"["upstream"]["tls"].version"#],
                #"{"upstream":{"addr":"x","tls":{"version":"TLSv1.3"}}}"#, ["a": "x", "b": "TLSv1.3"]
            ),
            (["d": #"[" pad "]"#], #"{" pad ":"padded"}"#, ["d": "padded"]),
            (["nope": "nope", "deep": "a.b.c"], #"{"a":{"b":1}}"#, [:]), (["u": "u"], #"{"u":null}"#, ["u": ""]),
            (["a": "STATUS", "d": "sTATUS"], #"{"STATUS":200,"Status":201}"#, ["a": "200"]),
            (["x": "b.b.b.b.a"], #"{"a":1,"b":{"a":1,"b":{"a":1,"b":{"a":1,"b":{"a":"deepest"}}}}}"#, ["x": "deepest"]),
            (["s": "[0].status"], #"[{"status":200}]"#, ["s": "200"]), (["s": "[0].status"], "[]", [:]),
            (["s": "[0].status"], "{}", [:]), (["s": "k\u{E9}y"], #"{"k\u00e9y":"v"}"#, ["s": "v"]),
            (status, #"{"status":200,"status":404,"method":"PATCH"}"#, ["s": "200", "m": "PATCH"]),
            (status, #"{"status":null,"method":null}"#, ["s": "", "m": ""]),
            (status, #"{"status":200,"method":"G\u0045T"}"#, ["s": "200", "m": "GET"]),
            (status, "{'status':200,'method':'GET'}", [:]),
            (status, #"{"status":200 "method":"GET"}"#, ["s": "200", "m": "GET"]),
            (status, #"{"status":200,"method":"GET""#, ["s": "200", "m": "GET"]),
            (status, #"{"status":200,"meth"#, ["s": "200"]), (status, #"{"status":200,"#, ["s": "200"]),
            (status, #"{"status""#, [:]), (status, "{", [:]), (status, #""just a string""#, [:]), (status, "", [:]),
            (status, #"{"method":"GET","status":200}{"method":"PUT","status":500}"#, ["s": "200", "m": "GET"]),
            (status, #"{,"method":"GET","status":200}"#, ["s": "200", "m": "GET"]),
        ])
    func found(paths: [String: String], line: String, labels: [String: String]) throws {
        #expect(try Self.find(paths, line) == Scanned(labels: labels))
    }

    @Test("only a broken value under a wanted path is an error")
    func errors() throws {
        #expect(
            try Self.find(Self.status, #"{"status":tru,"method":"GET"}"#)
                == Scanned(labels: ["m": "GET"], error: .value))
        #expect(
            try Self.find(Self.status, #"{"status":200,"method":"GE"#) == Scanned(labels: ["s": "200"], error: .string))
        #expect(try Self.find(Self.status, #"{"status":"#) == Scanned(error: .malformed))
        #expect(try Self.find(Self.status, #"{"other":tru,"method":"GET"}"#) == Scanned(labels: ["m": "GET"]))
    }

    @Test("a line that does not begin like JSON is an error", arguments: ["12345", "null", " ", " {}", "text"])
    func notJSON(line: String) throws { #expect(try Self.find(Self.status, line) == Scanned(error: .notJSON)) }

    @Test(
        "bad paths are refused in Loki's words",
        arguments: [
            ("b..c", "unexpected DOT, expecting FIELD"), ("b[x]", "unexpected FIELD, expecting STRING or INDEX"),
            ("b[-1]", "unexpected $end, expecting STRING or INDEX"), ("", "unexpected $end, expecting LSB or FIELD"),
        ])
    func badPaths(path: String, message: String) {
        let expected = ExpressionError(message: "cannot parse expression [\(path)]: syntax error: \(message)")
        #expect(throws: expected) { try JSONPath(path) }
    }
}
