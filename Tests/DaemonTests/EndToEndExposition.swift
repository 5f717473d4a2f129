import Foundation

/// An exposition in the text format or OpenMetrics as a test reads it: values by name and labels.
struct Exposition {
    struct Sample {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    private(set) var samples: [Sample] = []

    /// Reads what it understands; lines that are no samples are left out, and exemplars cut off.
    init(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if let sample = Self.sample(line) { samples.append(sample) }
        }
    }

    /// The sum of the series with these labels and perhaps others; nil when there is none.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let found = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
    }

    /// Sums by the values of some labels, joined by `|`.
    func sums(_ name: String, by labels: [String]) -> [String: Double] {
        var sums: [String: Double] = [:]
        for sample in samples where sample.name == name {
            sums[labels.map { sample.labels[$0] ?? "" }.joined(separator: "|"), default: 0] += sample.value
        }
        return sums
    }

    private static func sample(_ line: Substring) -> Sample? {
        var rest = line
        let name = rest.prefix { $0 != "{" && $0 != " " }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while let first = rest.first, first != "}" {
                let label = rest.prefix { $0 != "=" }
                rest = rest.dropFirst(label.count + 2)
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    let escaped = rest.popFirst()
                    value.append(escaped == "n" ? "\n" : escaped ?? "\\")
                }
                labels[String(label)] = value
                if rest.first == "," { rest = rest.dropFirst() }
            }
            rest = rest.dropFirst()
        }
        guard let number = rest.split(separator: " ").first, let value = Double(number) else { return nil }
        return Sample(name: String(name), labels: labels, value: value)
    }
}

/// The exposition that a running service answers.
func scrape(_ port: Int) async throws -> Exposition {
    let answer = try await ask("http://127.0.0.1:\(port)/metrics")
    guard answer.status == 200 else { return Exposition("") }
    return Exposition(answer.body)
}
