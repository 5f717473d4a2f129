import Foundation
import Testing

/// The rule packs that ship, as a user runs them.
@Suite struct PackTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let packs = ((try? FileManager.default.contentsOfDirectory(atPath: root + "/rules")) ?? [])
        .filter { FileManager.default.fileExists(atPath: root + "/rules/\($0)/expected.txt") }.sorted()

    private func folder(_ pack: String) -> String { Self.root + "/rules/" + pack }

    private func arguments(_ pack: String) -> [String] {
        ["--labels", "job=\(pack.prefix { $0 != "-" })", "--rules", folder(pack), "--once"]
    }

    /// The lines of the families that are no `record` rules: a recorded name has a colon.
    private func families(_ exposition: String) -> [String] {
        exposition.split(separator: "\n").map(String.init).filter { line in
            let name = line.hasPrefix("# ") ? line.split(separator: " ")[2] : line.prefix { $0 != "{" && $0 != " " }
            return !name.contains(":")
        }
    }

    @Test("all four packs are here")
    func presence() {
        #expect(Self.packs == ["ingress-nginx", "nginx-combined", "phoenix", "sshd"])
    }

    @Test("the sample gives exactly the expected series, from standard input and from a file", arguments: packs)
    func sample(pack: String) async throws {
        let expected = families(try BuiltProgram.text(of: folder(pack) + "/expected.txt")).sorted()
        #expect(expected.count > 10)
        let sample = folder(pack) + "/sample.log"
        for workers in ["1", "2"] {
            for source in [["--stdin"], ["--tail", sample]] {
                let ending = try await BuiltProgram.run(
                    ["run"] + source + arguments(pack) + ["--workers", workers], input: sample)
                #expect(ending.code == 0)
                #expect(ending.errors == "")
                // Families stand in the order of their rules here, and by name there.
                #expect(families(ending.output).sorted() == expected, "\(source[0]) with \(workers) workers")
            }
        }
    }

    @Test("the check finds nothing wrong", arguments: packs)
    func check(pack: String) async throws {
        for path in [folder(pack) + "/rules.yaml", folder(pack)] {
            let ending = try await BuiltProgram.run(["check", path])
            #expect(ending.code == 0)
            #expect(!(ending.output + ending.errors).contains("error"))
        }
    }

    private struct Family: Decodable {
        struct Series: Decodable {
            var labels: [String: String]
            var value: Double?
            var buckets: [String: Double]?
            var count: Double?
            var sum: Double?
        }
        var name: String
        var type: String
        var help: String
        var series: [Series]
    }

    @Test("the JSON form says the same as the text form", arguments: packs)
    func json(pack: String) async throws {
        let ending = try await BuiltProgram.run(
            ["run", "--stdin"] + arguments(pack) + ["--output", "json"], input: folder(pack) + "/sample.log")
        #expect(ending.code == 0)
        let document = try JSONDecoder().decode([Family].self, from: Data(ending.output.utf8))
        var lines: Set<String> = []
        func add(_ name: String, _ labels: [String: String], _ value: Double) {
            let text = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\(quoted($0.value))" }.joined(separator: ",")
            lines.insert("\(name){\(text)} \(value)")
        }
        for family in document where !family.name.contains(":") {
            lines.insert("# HELP \(family.name) \(family.help)")
            lines.insert("# TYPE \(family.name) \(family.type)")
            for series in family.series {
                if let value = series.value { add(family.name, series.labels, value) }
                for (bound, count) in series.buckets ?? [:] {
                    let le = bound == "+Inf" ? bound : Double(bound).map { "\($0)" } ?? bound
                    add(family.name + "_bucket", series.labels.merging(["le": le]) { $1 }, count)
                }
                if let count = series.count { add(family.name + "_count", series.labels, count) }
                if let sum = series.sum { add(family.name + "_sum", series.labels, sum) }
            }
        }
        let expected = families(try BuiltProgram.text(of: folder(pack) + "/expected.txt")).map(normalized)
        #expect(lines == Set(expected))
    }

    /// A line of the text form with sorted labels and numbers as `Double` prints them.
    private func normalized(_ line: String) -> String {
        guard !line.hasPrefix("#"), let blank = line.lastIndex(of: " "),
            let value = Double(line[line.index(after: blank)...])
        else { return line }
        let series = line[..<blank]
        let name = series.prefix { $0 != "{" }
        var labels: [String] = []
        var rest = series.dropFirst(name.count + 1).dropLast()
        while !rest.isEmpty {
            let key = rest.prefix { $0 != "=" }
            rest = rest.dropFirst(key.count + 2)
            var text = ""
            while let character = rest.popFirst(), character != "\"" {
                text.append(character)
                if character == "\\", let next = rest.popFirst() { text.append(next) }
            }
            if key == "le", let bound = Double(text) { text = bound.isInfinite ? "+Inf" : "\(bound)" }
            labels.append("\(key)=\"\(text)\"")
            rest = rest.dropFirst(rest.hasPrefix(",") ? 1 : 0)
        }
        return "\(name){\(labels.sorted().joined(separator: ","))} \(value)"
    }

    private func quoted(_ text: String) -> String {
        "\""
            + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
            .replacingOccurrences(of: "\n", with: "\\n") + "\""
    }
}
