import Diagnostics
import Testing
import YAML

@Suite("YAML documents")
struct DocumentTests {
    @Test(
        "a value inside a scalar maps to its place in the file",
        arguments: [
            "a: plain text here",
            "a: plain\n   over\n\n\n   lines  with  blanks",
            "a: 'it''s  quoted\n\n  and folded '",
            "a: \"tab\\t \\u00fc \\x41 \\\\ \\\"q\\\" end\"",
            "a: \"folded\n   text \\\n   joined \\\n\n  next\"",
            "a: |\n  one\n    two\n\n  three\nb: x",
            "a: |+\n  one\n\n\nb: x",
            "a: |-\n  one\n  two",
            "a: |2\n    indented\n  less",
            "a: >\n  one\n  two\n\n  three\n    kept\n    lines\n  four\n",
            "a: >-\n\n\n  late\n  start",
            "a: ünïcode → text\nb: c",
            "ü: |\n  line → one\n  {job=\"ä\"}\n",
            "a: |\r\n  one\r\n  two\r\n",
            "a: one\r\n   two",
            "- |\n one\n two",
            "a: !!str &x |\n  tagged\n  text",
            "a: &x 'anchored'",
            "a: ''",
            "a: |\n",
            "? a\n: >2\n   x\n  y",
        ])
    func offsets(text: String) throws {
        let document = Document(text)
        #expect(document.diagnostics.isEmpty)
        let bytes = Array(text.utf8)
        let root = try #require(document.root)
        let node = try #require(root["a"] ?? root["ü"] ?? root.items?.first)
        let scalar = try #require(node.scalar)
        let value = Array(scalar.text.utf8)
        let offsets = scalar.sourceOffsets
        #expect(offsets.count == value.count + 1)
        var previous = scalar.range.lowerBound
        for (index, byte) in value.enumerated() {
            let source = bytes[offsets[index]]
            #expect(offsets[index] >= previous)
            #expect(scalar.range.contains(offsets[index]))
            // Letters stand where they come from; blanks, breaks and escapes where they are written.
            if source != UInt8(ascii: "\\"), byte > 0x20 { #expect(source == byte, "byte \(index)") }
            if byte <= 0x20 { #expect(source <= 0x20 || source == UInt8(ascii: "\\"), "byte \(index)") }
            previous = offsets[index]
        }
        // A map that gave up answers the beginning for all.
        if value.count > 1 { #expect(offsets[0] != offsets[value.count - 1]) }
    }

    @Test("random scalars map to their place in every style")
    func randomOffsets() throws {
        var state: UInt64 = 42
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces = ["a", "bc", " ", "  ", "\n", "\n\n", "ü", "x", "{", "|", "\"", "'", "#"]
        var tried = 0
        for _ in 0..<4000 {
            let value = (0..<(1 + random(12))).map { _ in pieces[random(pieces.count)] }.joined()
            let indent = String(repeating: " ", count: 1 + random(4))
            let body = value.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n" + indent)
            let style = ["|\n" + indent, ">\n" + indent, "|-\n" + indent, ">+\n" + indent, "\"", "'", ""][random(7)]
            let text = "k: \(style)\(body)\(style == "\"" || style == "'" ? style : "")\n"
            guard let scalar = Document(text).root?["k"]?.scalar, scalar.text.utf8.count > 1 else { continue }
            let bytes = Array(text.utf8)
            let offsets = scalar.sourceOffsets
            tried += 1
            for (index, byte) in scalar.text.utf8.enumerated() where byte > 0x20 && byte != 0x27 {
                #expect(bytes[offsets[index]] == byte, "\(text) at \(index)")
            }
        }
        #expect(tried > 500)
    }

    @Test("ranges are bytes of the file, also behind characters of several bytes")
    func ranges() throws {
        let text = "ä: \"ö\"\nliste: [→, {k: v}]\n"
        let root = try #require(Document(text).root)
        let bytes = Array(text.utf8)
        func source(_ node: Node?) -> String? { node.map { String(decoding: bytes[$0.range], as: UTF8.self) } }
        #expect(source(root["ä"]) == "\"ö\"")
        #expect(source(root["liste"]) == "[→, {k: v}]")
        #expect(source(root["liste"]?.items?[1]) == "{k: v}")
        #expect(source(root["liste"]?.items?[1]["k"]) == "v")
    }

    @Test("anchors, aliases and merge keys mean what they say")
    func aliases() throws {
        let text = "base: &b {x: 1, y: 2}\nuse: *b\nmerged: {<<: *b, y: 3}\n"
        let document = Document(text)
        #expect(document.diagnostics.isEmpty)
        #expect(document.root?["use"]?["y"]?.scalar?.text == "2")
        #expect(document.root?["merged"]?["x"]?.scalar?.text == "1")
        #expect(document.root?["merged"]?["y"]?.scalar?.text == "3")
    }

    @Test("an empty text has no root and no mistakes", arguments: ["", "\n\n", "# only a comment\n"])
    func empty(text: String) {
        let document = Document(text)
        #expect(document.root == nil)
        #expect(document.diagnostics.isEmpty)
    }
}

@Suite("Hostile YAML")
struct HostileYAMLTests {
    private func refused(_ text: String, _ part: String) {
        let clock = ContinuousClock()
        var said: [String] = []
        let took = clock.measure { said = Document(text).diagnostics.map(\.message) }
        #expect(said.contains { $0.contains(part) }, "\(said.prefix(3))")
        #expect(took < .seconds(10))
    }

    @Test("deep nesting is refused", arguments: ["[", "{a: ", "- ", "? "])
    func nesting(opening: String) {
        refused(String(repeating: opening, count: 100_000), "too deep")
    }

    @Test("an alias bomb is refused before it is expanded")
    func aliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<30 {
            let references = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(references)]\n"
        }
        refused(text, "too many values")
    }

    @Test("a document over 4 MiB is refused")
    func large() {
        refused("a: " + String(repeating: "x", count: 5 << 20), "too large")
    }

    @Test("a document of very many values is refused")
    func many() {
        refused("[" + String(repeating: "1,", count: 1 << 20) + "1]", "too many values")
    }

    @Test("control characters are refused with their place")
    func control() throws {
        let document = Document("a: b\nc: d\u{1}e\n")
        let diagnostic = try #require(document.diagnostics.first)
        #expect(diagnostic.message.contains("control character"))
        #expect(SourceText(name: "x", text: "a: b\nc: d\u{1}e\n").position(of: diagnostic.range.lowerBound) == (2, 5))
    }

    @Test("an anchor cannot hold itself")
    func recursive() {
        refused("a: &a [*a]", "no anchor")
    }

    @Test("random bytes never trap")
    func random() {
        var state: UInt64 = 7
        let alphabet = Array("abc:-[]{}&*!|>'\"%@`#,? \n\n  \t\\\u{feff}ü→0".unicodeScalars)
        for _ in 0..<3000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<40 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            let source = SourceText(name: "x", text: String(text))
            let document = Document(source.text)
            for diagnostic in document.diagnostics {
                #expect(diagnostic.range.upperBound <= source.text.utf8.count)
                #expect(!source.render(diagnostic).isEmpty)
            }
        }
    }
}
