import Testing

@testable import Engine

struct PatternTests {
    static func extract(_ pattern: String, _ line: String) throws -> [String: String] {
        let store = ByteStore()
        var names = NameTable(seed: 1)
        var fields = FieldBuffer()
        let ids = PatternExpression(pattern).names.map { names.id(forName: $0)! }
        let matcher = try PatternMatcher(pattern, fields: ids, store: store)
        return withView(line) { view in
            matcher.scan(view, into: &fields)
            var labels: [String: String] = [:]
            for index in 0..<fields.count { labels[names.name(of: fields[index].id)] = fields[index].text }
            return labels
        }
    }

    @Test(
        "captures run to the text behind them",
        arguments: [
            ("tick n=<n> v=<v>", "tick n=1 v=7", ["n": "1", "v": "7"]), ("tick n=<n> v=<v>", "sub off=-1", [:]),
            ("<word> n=<n>", "tick n=0 v=0", ["word": "tick", "n": "0 v=0"]),
            ("<_> n=<n> <_>", "tick n=0 v=0", ["n": "0"]), ("<a> zz=<b>", "tick n=0", ["a": "tick n=0"]),
            ("<a> n=<b> zz=<c>", "tick n=0 v=0", ["a": "tick", "b": "0 v=0"]),
            ("<a> v=7", "tick n=1 v=7", ["a": "tick n=1"]), ("<a> v=7", "tick n=4 v=6", ["a": "tick n=4 v=6"]),
            ("client <ip> conn", "client 192.168.4.5 connected", ["ip": "192.168.4.5"]),
            ("<ip> -<x> <user> [", "1.2.3.4 - - [20/Nov", ["ip": "1.2.3.4", "x": "", "user": "-"]),
            ("<a> <b> <c> <d> <e>", "tick n=0 v=0", ["a": "tick", "b": "n=0", "c": "v=0"]), ("<all>", "", [:]),
            ("<all>", "\n", ["all": "\n"]), ("<<pri>><rest>", "<34>x", ["pri": "34", "rest": "x"]),
            ("a<b>", "a", ["b": ""]), ("<a-b> <c>", "<a-b> x", ["c": "x"]),
        ])
    func stage(pattern: String, line: String, labels: [String: String]) throws {
        #expect(try Self.extract(pattern, line) == labels)
    }

    @Test(
        "bad expressions are refused in Loki's words",
        arguments: [
            ("abc", "at least one capture is required"), ("<_> a", "at least one capture is required"),
            ("<a> <a>", "duplicate capture name (a): invalid expression"),
            ("<a><b>", "found consecutive capture '<a><b>': invalid expression"),
            ("<a><_> x", "found consecutive capture '<a><_>': invalid expression"),
            ("", "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL"),
        ])
    func errors(pattern: String, message: String) {
        #expect(PatternExpression(pattern).stageError == ExpressionError(message: message))
    }

    @Test(
        "the line filter needs every text in order and a byte for each capture",
        arguments: [
            ("client <_> connected", "client 1 connected", true), ("client <_>", "client 1", true),
            ("<_> up", "v6 up", true), ("none here", "none here", true), ("none", "none here", false),
            ("src=<_>:443 dst=<_>:51000", "src=10.0.0.1:443 dst=10.0.0.2:51000", true),
            ("<_>client <_>", "client x", false), ("none here<_>", "none here", false), ("<_>", "x", true),
            ("<_>", "", false), ("", "", true), ("", "x", false), ("<_>.<_>.5", "192.168.4.5", true),
            ("<_>.<_>.5", "a.b.55.5", false), ("<_>.<_>.55.5", "a.b.55.5", true), ("[<_>]:443 <_>", "[a]:443 b", true),
            ("a<_>b<_>", "axbb", true), ("a", "b", false),
        ])
    func filter(pattern: String, line: String, matches: Bool) throws {
        let store = ByteStore()
        let filter = try PatternFilter(pattern, store: store)
        withView(line) { #expect(filter.matches($0) == matches) }
    }

    @Test("the line filter takes no names")
    func filterErrors() {
        #expect(
            PatternExpression("<a> b").filterError
                == ExpressionError(message: "named captures are not allowed: found '<a>'"))
        #expect(
            PatternExpression("a<_><_>").filterError
                == ExpressionError(message: "found consecutive capture '<_><_>': invalid expression"))
    }
}
