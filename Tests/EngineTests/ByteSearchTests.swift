import Testing

@testable import Engine

/// Needles live as long as their store: the suite keeps it.
final class ByteSearchTests {
    let store = ByteStore()

    @Test("a literal is found where a naive search finds it, in either case too")
    func needles() {
        var random = Random(seed: 11)
        for _ in 0..<3_000 {
            let alphabet = Array("abAB\"".utf8)
            let text = (0..<Int.random(in: 0...70, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            let literal = (0..<Int.random(in: 0...5, using: &random)).map { _ in alphabet.randomElement(using: &random)!
            }
            let folded = Bool.random(using: &random)
            func fold(_ bytes: [UInt8]) -> [UInt8] { folded ? bytes.map(ByteView.lowercased) : bytes }
            let expected = (0...max(0, text.count)).first { start in
                start + literal.count <= text.count
                    && fold(Array(text[start..<start + literal.count])) == fold(literal)
            }
            let needle = Needle(literal, folded: folded, in: store)
            withView(text) { #expect(needle.first(in: $0) == expected) }
        }
    }

    @Test("a search can go on behind a match")
    func next() {
        let needle = Needle("ab".utf8, in: store)
        withView("ab-ab") { view in
            #expect(needle.first(in: view, from: 1) == 3)
            #expect(needle.first(in: view, from: 4) == nil)
        }
    }

    @Test("folding touches ASCII letters only")
    func folding() {
        let needle = Needle("[k]@".utf8, folded: true, in: store)
        #expect(withView("[K]@") { needle.isIn($0) })
        #expect(!withView("{k}`") { needle.isIn($0) })
    }

    @Test("hashes depend on every byte, on the length and on the seed, not on what follows")
    func hashes() {
        var seen: Set<UInt64> = []
        for length in 0...40 {
            let bytes = [UInt8](repeating: 0, count: length)
            #expect(seen.insert(withView(bytes) { $0.hash(seed: 1) }).inserted)
            for index in 0..<length {
                var changed = bytes
                changed[index] = 1
                #expect(seen.insert(withView(changed) { $0.hash(seed: 1) }).inserted)
            }
            #expect(withView(bytes) { $0.hash(seed: 1) } == store.keep(bytes).hash(seed: 1))
            #expect(seen.insert(withView(bytes) { $0.hash(seed: 2) }).inserted)
        }
    }

    @Test("strings that are not UTF-8 are known")
    func utf8() {
        var random = Random(seed: 4)
        for _ in 0..<20_000 {
            let pieces: [[UInt8]] = [
                [0x61], [0xC3, 0xA9], [0xE2, 0x98, 0x83], [0xF0, 0x9F, 0x9A, 0x80], [0xFF], [0xC3], [0xE0, 0x80, 0x80],
                [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80],
            ]
            let bytes = (0..<4).flatMap { _ in pieces.randomElement(using: &random)! }
            let valid = String(validating: bytes, as: UTF8.self) != nil
            withView(bytes) { #expect(UTF8Rune.needsRepair($0) != valid) }
        }
    }
}

struct FieldBufferTests {
    @Test("a buffer keeps what is appended, in order, and can forget the end")
    func append() {
        var fields = FieldBuffer(capacity: 1)
        withView("abc") { view in
            for index in 0..<100 { fields.append(ExtractedField(id: FieldID(index), form: .plain, value: view)) }
            #expect((0..<fields.count).map { fields[$0].id.value } == Array(0..<100))
            fields.truncate(to: 3)
            #expect(fields.count == 3)
            fields.removeAll()
            #expect(fields.count == 0)
        }
    }
}

struct NameTableTests {
    @Test("names get numbers once, up to the limit")
    func limit() {
        var names = NameTable(seed: 9, limit: 300)
        for index in 0..<300 { #expect(names.id(forName: "name\(index)")?.value == index) }
        #expect(names.id(forName: "one more") == nil)
        #expect(names.id(forName: "name7")?.value == 7)
        #expect(names.name(of: FieldID(299)) == "name299")
        #expect(withView("name8") { names.find($0) }?.value == 8)
        #expect(withView("absent") { names.find($0) } == nil)
    }

    @Test("a name that is too long is refused")
    func long() {
        var names = NameTable(seed: 9)
        #expect(names.id(forName: String(repeating: "n", count: 1_025)) == nil)
        #expect(names.id(forName: String(repeating: "n", count: 1_024)) != nil)
    }
}
