import Testing

@testable import Engine

/// Expressions live as long as their set: the suite keeps it.
final class RegexTests {
    let set = RegexSet()

    @Test(
        "patterns in RE2's syntax match what RE2 matches",
        arguments: [
            ("POST", "a POST b", true), ("POST", "a PUT b", false), ("(?i)post", "a PoSt b", true), ("", "", true),
            ("a.c", "a\nc", false), ("(?s)a.c", "a\nc", true), ("a.c", "aéc", true), ("^a.c$", "aéc", true),
            ("^.$", "é", true), ("^..$", "é", false), ("^[^a]$", "☃", true), ("a$", "a\n", false),
            ("a\\z", "a\n", false),
            ("(?m)^b$", "a\nb\nc", true), ("^b", "a\nb", false), ("(?m)^$", "a\n", true), ("\\s", "\u{B}", false),
            ("\\S", "\u{B}", true), ("[\\s]", "\u{B}", false), ("[^\\s]", "\u{B}", true), ("[\\S]", "\u{B}", true),
            ("[[:space:]]", "\u{B}", true),
            ("\\v", "\n", false), ("\\v", "\u{B}", true), ("\\x{e9}", "é", true), ("\\xe9", "é", true),
            ("^\\12$", "\n", true),
            ("^\\101$", "A", true), ("\\pL", "é", true), ("^\\pN+$", "12", true), ("\\p{Greek}", "α", true),
            ("é+$", "éé", true), ("^é?$", "\u{C3}", false),
            ("\\Qa.b\\E", "a.b", true), ("\\Qa.b\\E", "axb", false), ("(?P<n>a+)b", "aab", true),
            ("(?<n>a+)b", "aab", true),
            ("\\w", "é", false), ("\\d{2,3}x", "a12x", true), ("a{,2}", "a{,2}", true), ("x|y|", "z", true),
            ("[ſ]", "S", false), ("(?i)[ſ]", "S", true), ("(?i)k", "\u{212A}", false), ("(?i)k+x", "\u{212A}x", true),
            ("(?i)αβγ+", "ΑΒΓ", true),
            ("(?U)a+b", "aab", true), ("[]a]+", "]", true), ("\\/x", "/x", true), ("\\-", "-", true),
            ("a\\.b", "a.b", true), ("^(?:.*é)x", "aéx", true),
            ("[^ ]+é", "aé", true), ("^[^a][^b]$", "é", false), ("^[^a]+[^b]+$", "é", false), ("(?i:a)b", "Ab", true),
            ("(?i:a)b", "AB", false),
            ("foo(?i)bar", "fooBAR", true), ("foo(?i)bar", "FOObar", false), ("a(?:b|)c", "ac", true),
            ("\\Bb", "ab", true), ("\\bb\\b", "a b c", true),
        ])
    func matching(pattern: String, text: String, matches: Bool) throws {
        let regex = try set.compile(pattern).regex
        withView(text) { #expect((regex.matches($0) == .match) == matches) }
        let capturing = try set.compile(pattern, capturing: true).regex
        // A mere text folds ASCII only.
        if pattern != "(?i)k" { withView(text) { #expect((capturing.matches($0) == .match) == matches) } }
    }

    @Test("bytes that are not UTF-8 are taken by unbounded classes, as in Go")
    func invalidBytes() throws {
        for pattern in ["^\".*\"$", "^\"[^\"]+\"$", "^\\S+$", "^(\\S+?)\"$"] {
            let regex = try set.compile(pattern).regex
            #expect(!regex.readsUTF)
            #expect(withView([0x22, 0xFF, 0xC3, 0x22]) { regex.matches($0) } == .match)
        }
    }

    @Test(
        "bytes are matched where characters give the same",
        arguments: [
            ("^(\\S+) (\\S+) \\[([^\\]]+)\\] \"(\\S+) ([^\"]*) HTTP/1", false), ("a.*b", false), ("a.b", true),
            ("(.+?)(.*)", true),
            ("(.+?)", true), ("(.+)", false), ("(?i)error", false), ("(?i)task+", true), ("é", false), ("é*", true),
            ("[é]", true), ("(?:a.*)+", true),
            ("(?: .*)?x", false), ("(?:.*|a).*", true), ("(?:.*|a)b", false), ("[^a]*b?[^c]*", true), ("[a-z]+", false),
            ("\\D{3}", true), ("(?i)[a-c]", true),
        ])
    func bytes(pattern: String, readsUTF: Bool) throws {
        #expect(try set.compile(pattern, capturing: true).regex.readsUTF == readsUTF)
    }

    @Test("anchored patterns match the whole text only, branches included")
    func anchored() throws {
        for (pattern, text, matches) in [
            ("20|403", "200", false), ("20|403", "403", true), ("20", "20", true), ("20", "200", false),
            ("4..", "404", true),
            ("4..", "4040", false), ("", "", true), ("", "a", false), ("(?i)get", "GET", true),
            ("(?i)get", "GETS", false),
            ("(?m)a$", "a\nb", false), ("a.b", "a\nb", false), (".+|", "", true),
        ] {
            let regex = try set.compile(pattern, anchored: true).regex
            #expect(withView(text) { regex.matches($0) == .match } == matches, "\(pattern) on \(text)")
        }
        let dotAll = try set.compile("a.b", anchored: true, dotMatchesNewline: true).regex
        #expect(withView("a\nb") { dotAll.matches($0) } == .match)
    }

    @Test("groups are found by name and number")
    func groups() throws {
        let compilation = try set.compile("(a)(?P<x>b+)|(?P<y>c)(?<z>d)?", capturing: true)
        #expect(compilation.groups.map(\.name) == ["x", "y", "z"])
        #expect(compilation.groups.map(\.number) == [2, 3, 4])
        withView("-abb-") { view in
            #expect(compilation.regex.matches(view) == .match)
            #expect(compilation.regex.group(0) == 1..<4)
            #expect(compilation.regex.group(2) == 2..<4)
            #expect(compilation.regex.group(3) == nil)
        }
        withView("c") { view in
            #expect(compilation.regex.matches(view) == .match)
            #expect(compilation.regex.group(3) == 0..<1)
            #expect(compilation.regex.group(4) == nil)
        }
        #expect(throws: Never.self) { try set.compile("(?P<\(String(repeating: "n", count: 100))>x)", capturing: true) }
    }

    @Test(
        "broken patterns are refused with a place",
        arguments: [
            ("(", 1), ("a)", 1), ("[a", 0), ("a**", 2), ("*a", 0), ("a\\", 1), ("(*UTF)a", 1), ("(?P<a", 0),
            ("a{2}{3}", 4), ("(?P<>x)", 0),
        ])
    func errors(pattern: String, offset: Int) {
        do {
            _ = try set.compile(pattern)
            Issue.record("accepted")
        } catch {
            #expect(error.offset == offset)
            #expect(!error.message.isEmpty)
        }
    }

    @Test(
        "what Loki would refuse is named",
        arguments: [
            ("(?=x)a", "look-around"), ("(?<!x)a", "look-around"), ("(a)\\1", "a back-reference"),
            ("a++", "a possessive quantifier"),
            ("(?>a)", "an atomic group"), ("(?P<n>a)(?P=n)", "a back-reference"), ("a\\Kb", "a PCRE escape"),
            ("(?R)?a", "a PCRE group"),
            ("(?x) a b", "extended mode"),
        ])
    func beyond(pattern: String, construct: String) throws {
        #expect(try set.compile(pattern).beyondRE2 == construct)
    }

    @Test("PCRE2's own constructs work")
    func constructs() throws {
        for (pattern, text) in [("(?=b)b", "ab"), ("(a)\\1", "aa"), ("(?P<n>a)(?P=n)", "aa"), ("(?x) a b # c", "ab")] {
            let regex = try set.compile(pattern).regex
            #expect(withView(text) { regex.matches($0) } == .match, "\(pattern)")
        }
    }

    @Test("an expression that backtracks without end is given up")
    func limit() throws {
        let regex = try set.compile("^(a+)+$").regex
        #expect(withView(String(repeating: "a", count: 60) + "!") { regex.matches($0) } == .limit)
        #expect(withView("aaa") { regex.matches($0) } == .match)
    }

    @Test("a text that must be there changes no answer")
    func prefilter() throws {
        let regex = try set.compile("a.*xyz[0-9]|never").regex
        let filtered = try set.compile("a.*xyz[0-9]").regex
        for round in 0..<2_000 {
            let text = round % 3 == 0 ? "a--xyz\(round % 10)" : round % 3 == 1 ? "axyz" : "a--xy1"
            withView(text) { view in #expect(filtered.matches(view) == regex.matches(view)) }
        }
    }

    @Test(
        "simple expressions of label filters are texts, with Loki's quirks",
        arguments: [
            ("20", "20", true), ("20", "200", false), ("200|403", "403", true), ("0.*", "200", true),
            (".*0", "200", true),
            ("0.*[0-9]", "200", false), ("0.+", "200", false), ("20|2", "200", true), ("2|.*", "200", false),
            ("200|", "200", true),
            ("200|", "", false), ("", "anything", true), (".*", "", true), (".+", "", false), ("(40|50)", "404", false),
            ("^2.*$", "200", true),
            ("(?i)ER.*", "error", true), (".*\"miss\".*", "a \"miss\"", true), ("Unhandled.*", "x\nUnhandled\ny", true),
            ("Unhandled.+[.]\\w+", "Unhandled\n.x", false), ("4..", "404", true), ("4..", "4040", false),
            ("abc|abd", "abd", true), ("abc|abd", "xabd", false),
            ("(?i)GET|PUT", "get", true),
        ])
    func labelFilters(pattern: String, text: String, matches: Bool) throws {
        let regex = try set.compileLabelFilter(pattern).regex
        #expect(withView(text) { regex.matches($0) == .match } == matches)
    }

    @Test(
        "simple expressions of line filters are texts, with Loki's quirks",
        arguments: [
            ("client|.*", "mac", false), ("client|.*", "a client", true), ("client|", "mac", false),
            ("client.*", "x client", true),
            (".*mac.*", "a mac", true), ("v6|version|vx", "a version", true), ("v6|version|vx", "v", false),
            ("", "", true), (".*", "", true),
            (".+", "\n", true), (".+", "", false), ("(?i)ß s k", "İstanbul ß ſ K", false),
            ("(?i)αβγ ΑΒΓ", "ΑΒΓ αβγ", true),
            ("(?i)istanbul", "İstanbul", false), ("^(client|mac)", "mac", true), ("168.4.5", "1168x4y5", true),
            ("a\\.b", "axb", false),
            ("(?i)[ſ] k$", "İstanbul ß ſ \u{212A}", true), ("error (timeout|refused)", "error refused", true),
            ("error (timeout|refused)", "error", false),
            ("foo(?:bar.*|baz)", "foobaz", true),
        ])
    func lineFilters(pattern: String, text: String, matches: Bool) throws {
        let regex = try set.compileLineFilter(pattern).regex
        #expect(withView(text) { regex.matches($0) == .match } == matches)
    }

    @Test("the stage gives its named groups, empty where they took no part")
    func stage() throws {
        var fields = FieldBuffer()
        let pattern = "(?P<a>x+)(?P<b>y)?(z)(?P<c>w*)"
        #expect(try RegexExtractor.names(pattern) == ["a", "b", "c"])
        let extractor = try RegexExtractor(pattern, fields: [FieldID(3), FieldID(4), FieldID(5)], in: set)
        withView("--xxz xyz") { view in
            #expect(extractor.scan(view, into: &fields) == .match)
            #expect((0..<fields.count).map { fields[$0].id.value } == [3, 4, 5])
            #expect((0..<fields.count).map { fields[$0].text } == ["xx", "", ""])
        }
        withView("nothing") { view in #expect(extractor.scan(view, into: &fields) == .noMatch) }
    }

    @Test(
        "stages that make no labels are refused in Loki's words",
        arguments: [
            ("abc", "at least one named capture must be supplied"),
            ("(abc)", "at least one named capture must be supplied"),
            ("(?P<a>x)(?P<a>y)", "duplicate extracted label name 'a'"),
            ("", "at least one named capture must be supplied"),
        ])
    func stageErrors(pattern: String, message: String) {
        do {
            _ = try RegexExtractor.names(pattern)
            Issue.record("accepted")
        } catch {
            #expect(error.message == message)
        }
    }
}
