import Testing

@testable import Engine

@Suite("Go's template language")
struct TemplateLanguageTests {
    @Test(
        "actions, pipelines and variables do what Go does",
        arguments: [
            ("{{if .a}}1{{else if .b}}2{{else}}3{{end}}", "1"), ("{{if .x}}1{{else if .b}}2{{else}}3{{end}}", "2"),
            ("{{with .x}}1{{else with .b}}{{.}}{{else}}3{{end}}", "B"), ("{{with $v := .a}}{{$v}}{{$.b}}{{end}}", "AB"),
            ("{{range $i, $e := fromJson .list}}{{$i}}:{{$e}} {{else}}-{{end}}", "0:1 1:x 2:<no value> "),
            ("{{range fromJson .list}}{{.}},{{end}}", "1,x,<no value>,"),
            ("{{range 0}}x{{else}}none{{end}}", "none"), ("{{range $i := 3}}{{$i}}{{end}}", "012"),
            ("{{range 5}}{{if eq . 1}}{{continue}}{{end}}{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}", "02"),
            ("{{$x := 1}}{{range 3}}{{$x = .}}{{end}}{{$x}}", "2"),
            ("{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", "1"),
            (
                "{{define \"t\"}}<{{.}}{{$}}>{{end}}{{template \"t\" .a}}{{template \"t\"}}",
                "<AA><<no value><no value>>"
            ),
            ("{{block \"t\" .a}}[{{.}}]{{end}}", "[A]"), ("{{template \"t\" .}}{{define \"t\"}}{{.b}}{{end}}", "B"),
            ("a {{- 1 -}} \n b{{/* c */}} {{- /* d */ -}} e", "a1be"), ("{{(fromJson .map).k.n}}", "7"),
            ("{{.a | printf \"%s-%s\" .b}}", "B-A"), ("{{\"x\" | len}}{{`raw\\n`}}", "1raw\\n"),
            (
                "{{'a'}} {{'\\n'}} {{0x1F}} {{0b101}} {{0o17}} {{017}} {{1_000}} {{1e3}} {{1.5}} {{.5}} {{-3}}",
                "97 10 31 5 15 15 1000 1000 1.5 0.5 -3"
            ),
            ("{{and 1 0 2}} {{or 0 \"\" 3}} {{and 1 2}} {{or 0 0}} {{not 0}}", "0 3 2 0 true"),
            ("{{or true (index .a 99)}}{{and false (index .a 99)}}", "truefalse"),
            (
                "{{eq 1 2 1}} {{ne .a .b}} {{lt 1 2}} {{le 2 2}} {{gt 1.5 2.5}} {{ge \"b\" \"a\"}}",
                "true true true true false true"
            ),
            ("{{eq nil nil}} {{eq (fromJson .map).nope nil}}", "true true"),
            ("{{index (fromJson .list) 1}} {{index .a 0}} {{index . \"b\"}} {{index $ \"nope\"}}|", "x 65 B |"),
            (
                "{{slice .list 1 3}} {{slice (fromJson .list) 1}} {{len (fromJson .map)}} {{len .list}}",
                "1, [x <nil>] 1 12"
            ),
            ("{{print 1 2 .a .b 3.0 nil}} {{println 1 .a}}", "1 2AB3 <nil> 1 A\n"),
            (
                "{{html \"<a&b>'\\\"\"}} {{js \"it's <b> = \\\"x\\\"\\n\"}} {{urlquery \"a b&c\"}}",
                "&lt;a&amp;b&gt;&#39;&#34; it\\'s \\u003Cb\\u003E \\u003D \\\"x\\\"\\u000A a+b%26c"
            ),
            ("{{.}}", "map[a:A b:B list:[1,\"x\",null] map:{\"k\":{\"n\":7}}]"),
            ("{{$}}{{len .}}", "map[a:A b:B list:[1,\"x\",null] map:{\"k\":{\"n\":7}}]4"),
            ("{{range $k, $v := .}}{{$k}} {{end}}", "a b list map "), ("{{.a}}{{.nope}}{{$.b}}", "AB"),
            ("{{define \"x\"}}{{end}}{{with fromJson \"5\"}}{{.}}{{end}}", "5"),
        ])
    func language(template: String, output: String) {
        let labels = ["a": "A", "b": "B", "list": "[1,\"x\",null]", "map": "{\"k\":{\"n\":7}}"]
        #expect(render(template, labels) == output)
    }

    @Test(
        "run-time errors name the place and the cause as Go does",
        arguments: [
            (
                "{{index .a 1}}",
                "1:2: executing \"line\" at <index .a 1>: error calling index: reflect: string index out of range"
            ),
            ("{{len 3}}", "1:2: executing \"line\" at <len 3>: error calling len: len of type int"),
            (
                "{{len nil}}",
                "1:2: executing \"line\" at <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value"
            ),
            ("{{.a 1}}", "1:2: executing \"line\" at <.a>: a is not a method but has arguments"),
            ("{{1 2}}", "1:2: executing \"line\" at <1>: can't give argument to non-function 1"),
            ("{{nil}}", "1:2: executing \"line\" at <nil>: nil is not a command"),
            ("x\n {{ToUpper}}", "2:3: executing \"line\" at <ToUpper>: wrong number of args for ToUpper: want 1 got 0"),
            ("{{ToUpper (fromJson .a)}}", "1:20: executing \"line\" at <.a>: invalid value; expected string"),
            ("{{template \"t\"}}", "1:11: executing \"line\" at <{{template \"t\"}}>: template \"t\" not defined"),
            (
                "{{define \"t\"}}{{index .x 5}}{{end}}{{template \"t\" .}}",
                "1:16: executing \"t\" at <index .x 5>: error calling index: index out of range: 5"
            ),
            ("{{range .a}}{{end}}", "1:8: executing \"line\" at <.a>: range can't iterate over A"),
            (
                "{{range $i, $x := 3}}{{end}}",
                "1:18: executing \"line\" at <3>: can't use 3 to iterate over more than one variable"
            ),
            (
                "{{(fromJson \"{}\").a.b}}",
                "1:12: executing \"line\" at <\"{}\">: nil pointer evaluating interface {}.b"
            ),
            (
                "{{eq .a 1}}",
                "1:2: executing \"line\" at <eq .a 1>: error calling eq: incompatible types for comparison: string and int"
            ),
            ("{{eq .a}}", "1:2: executing \"line\" at <eq .a>: error calling eq: missing argument for comparison"),
            (
                "{{lt true false}}",
                "1:2: executing \"line\" at <lt true false>: error calling lt: invalid type for comparison"
            ),
            (
                "{{.a | ToUpper .a}}",
                "1:7: executing \"line\" at <ToUpper>: wrong number of args for ToUpper: want 1 got 2"
            ),
            (
                "{{add}} {{max}}",
                "1:10: executing \"line\" at <max>: wrong number of args for max: want at least 1 got 0"
            ),
            ("{{call .a}}", "1:2: executing \"line\" at <call .a>: error calling call: non-function of type string"),
            ("{{date 5 .a}}", "1:7: executing \"line\" at <5>: expected string; found 5"),
            (
                "{{unixEpoch \"x\"}}",
                "1:12: executing \"line\" at <\"x\">: can't handle \"x\" for arg of type time.Time"
            ),
            ("{{ToUpper nil}}", "1:10: executing \"line\" at <nil>: cannot assign nil to string"),
            (
                "{{9223372036854775808}}",
                "1:2: executing \"line\" at <9223372036854775808>: 9223372036854775808 overflows int"
            ),
        ])
    func failures(template: String, message: String) {
        #expect(render(template, ["a": "A"]) == "error: template: line:" + message)
    }

    @Test(
        "the parser's messages are Go's",
        arguments: [
            ("{{if}}{{end}}", "missing value for if"), ("{{.a | 5}}", "non executable command in pipeline stage 2"),
            ("{{range $a, $b, $c := .}}{{end}}", "too many declarations in range"),
            ("{{$x, $y := .a}}", "too many declarations in command"),
            ("{{if .a}}{{else}}{{else}}{{end}}", "expected end; found {{else}}"), ("{{/* x", "unclosed comment"),
            ("{{/* x */ y}}", "comment ends before closing delimiter"), ("{{\"abc}}", "unterminated quoted string"),
            ("{{`abc}}", "unterminated raw quoted string"), ("{{'a}}", "unterminated character constant"),
            ("{{)}}", "unexpected right paren"), ("{{.a.}}", "unexpected <.> in operand"),
            ("{{1.a}}", "bad number syntax: \"1.a\""),
            ("{{\"a\".b}}", "unexpected . after term \"\\\"a\\\"\""),
            ("{{template .a}}", "unexpected \".a\" in template clause"),
            ("{{define}}", "unexpected \"}}\" in define clause"),
            ("{{block \"x\"}}{{end}}", "missing value for block clause"),
            ("{{continue}}", "{{continue}} outside {{range}}"),
            ("{{if .a}}{{define \"x\"}}{{end}}{{end}}", "unexpected <define> in command"),
            ("{{define \"a\"}}1{{end}}{{define \"a\"}}2{{end}}", "template: multiple definition of template \"a\""),
            ("{{nosuch}}", "function \"nosuch\" not defined"),
            ("{{99999999999999999999}}", "integer overflow: \"99999999999999999999\""),
            ("{{\"\\q\"}}", "invalid syntax"), ("{{.a!}}", "bad character U+0021 '!'"),
            ("{{ ☃ }}", "unrecognized character in action: U+2603 '☃'"),
            ("{{end", "unclosed action"), ("{{x := 1}}", "function \"x\" not defined"), ("{{: }}", "expected :="),
            ("{{- }}", "missing value for command"), ("{{() }}", "missing value for parenthesized pipeline"),
        ])
    func refusals(template: String, message: String) {
        #expect(render(template) == "refused: template: line:1: " + message)
    }

    @Test("the names that are looked up are known, and whether all labels are")
    func fields() throws {
        let set = RegexSet()
        func template(_ text: String) throws -> Template { try Template(text, name: "line", regexes: set) }
        let some = try template(
            "{{.a}}{{$.b}}{{index . \"c\"}}{{with .d}}{{.}}{{.e.f}}{{end}}{{.__error__}}{{__line__}}")
        #expect(Set(some.fields) == ["a", "b", "c", "d", "e", "f", "__error__"])
        #expect(!some.usesAllLabels)
        for text in ["{{.}}", "{{range .}}{{end}}", "{{$}}", "{{len .}}", "{{with .a}}{{$}}{{end}}", "{{$x := .}}"] {
            #expect(try template(text).usesAllLabels, "\(text)")
        }
    }
}
