import Engine
import Foundation
import Records
import Testing

@testable import Offline

@Suite struct CorpusTests {
    private struct Read {
        var entries: [String] = []
        var metadata: [String] = []
        var repeated = 0
        var newest: Timestamp?
    }

    private func read(_ path: String, _ known: CorpusReader.Known = .init()) throws -> Read {
        var reader = try CorpusReader(path, streams: StreamTable(), known: known)
        var result = Read()
        while let batch = try reader.next() {
            for line in batch.lines {
                let stream = batch.streams[Int(line.stream)].labels.text
                result.entries.append(
                    "\(line.time.nanoseconds) \(stream) \(text(Array(batch.bytes[line.bytes.range])))")
                for index in 0..<Int(line.metadataCount) {
                    let pair = batch.metadata[Int(line.metadataStart) + index]
                    result.metadata.append(
                        "\(batch.metadataNames[Int(pair.name)])=\(text(Array(batch.bytes[pair.value.range])))")
                }
            }
        }
        result.repeated = reader.repeated
        result.newest = reader.newest
        return result
    }

    @Test("entries have their time, labels, line and metadata; equal ones are one")
    func entries() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "a.jsonl",
            #"""
            {"ts":"5","labels":{"b":"2","a":"1"},"line":"x\ty \ud83d\ude00 \ud800","structuredMetadata":{"user":"cy"}}
            {"ts":5,"labels":{"a":"1","b":"2"},"line":"x\ty \ud83d\ude00 \ud800"}

            {"timestamp":"1970-01-01T00:00:00.000000004Z","line":"","labels":{"a":"1","none":""},"more":[1,{"a":null}]}
            """#)
        let known = CorpusReader.Known()
        let found = try read(path, known)
        #expect(found.entries == [#"5 {a="1", b="2"} x\#ty 😀 \#u{FFFD}"#, #"4 {a="1"} "#])
        #expect(found.metadata == ["user=cy"])
        #expect(found.repeated == 1)
        #expect(found.newest?.nanoseconds == 5)
        let again = try read(path, known)
        #expect(again.entries.isEmpty)
    }

    @Test("gzip is undone, with several members, and damage is told")
    func compressed() throws {
        let folder = try TemporaryFolder()
        let one = try gzip(#"{"ts":"1","labels":{"a":"1"},"line":"one"}"# + "\n")
        let two = try gzip(#"{"ts":"2","labels":{"a":"1"},"line":"two"}"#)
        let path = try folder.write("a.gz", one + two)
        #expect(try read(path).entries == [#"1 {a="1"} one"#, #"2 {a="1"} two"#])
        let cut = try folder.write("cut.gz", one.prefix(one.count - 12))
        #expect(throws: InputProblem.self) { try read(cut) }
        var damaged = one
        for index in 12..<30 { damaged[index] ^= 0x5A }
        let broken = try folder.write("broken.gz", damaged)
        #expect(throws: InputProblem.self) { try read(broken) }
    }

    @Test("a small file that becomes a large one is read in pieces")
    func bomb() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("a.gz", try gzip(String(repeating: "\n", count: 2 << 20)))
        #expect(try read(path).entries.isEmpty)
    }

    @Test(
        "what is wrong is said with its line",
        arguments: [
            ("{}", "c:1: error: wanted 'ts' at byte 3"),
            (#"{"ts":"1","labels":{}}"#, "c:1: error: wanted 'line' at byte 23"),
            (#"{"ts":"soon","labels":{},"line":""}"#, "wanted nanoseconds or an RFC 3339 time at byte 13"),
            (#"{"ts":"1","labels":{"a":1},"line":""}"#, "wanted '\"' at byte 25"), ("[", "wanted '{' at byte 1"),
            (#"{"ts":"1","labels":{},"line":"x"#, "wanted the end of a string at byte 32"),
            (#"{"ts":"1","labels":{},"line":"\x"}"#, "wanted an escape at byte 33"),
            (#"{"ts":"1","labels":{},"line":""} x"#, "wanted the end at byte 34"),
            ("{\"a\":" + String(repeating: "[", count: 100_000), "wanted at most 64 levels"),
        ])
    func problems(line: String, message: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("c", line)
        let problem = try #require(throws: InputProblem.self) { try read(path) }
        #expect(problem.description.contains(message))
        #expect(problem.line == 1)
    }

    @Test("a file that is not there, and a folder, are told")
    func missing() throws {
        let problem = try #require(throws: InputProblem.self) { try read("/nowhere/a") }
        #expect(problem.description == "/nowhere/a: error: cannot be opened: no such file or directory")
        let folder = try #require(throws: InputProblem.self) { try read("/") }
        #expect(folder.description == "/: error: wanted a file, found a folder")
    }

    @Test("lines are what newlines end, however the file is read")
    func lines() throws {
        let folder = try TemporaryFolder()
        let long = String(repeating: "x", count: 700_000)
        let path = try folder.write("a", "one\n\n\(long)\nlast")
        var input = try LineInput(path)
        var lines: [Int] = []
        var line: [UInt8] = []
        while try input.next(into: &line) {
            lines.append(line.count)
            line = []
        }
        #expect(lines == [3, 0, 700_000, 4])
        let longer = try folder.write("b", String(repeating: "y", count: 5 << 20) + "\nz\n")
        var cut = try LineInput(longer)
        _ = try cut.next(into: &line)
        #expect(line.count == LineInput.longestLine)
        line = []
        #expect(try cut.next(into: &line))
        #expect(line == Array("z".utf8))
        #expect(cut.cutLines == 1)
    }
}
