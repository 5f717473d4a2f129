import Foundation

@testable import Engine

/// A line as a template sees it, from memory that outlives the run.
struct TemplateLine: TemplateData {
    private let store = ByteStore()
    private var labels: [TemplateLabel] = []
    /// The bound names' values, by slot.
    private var values: [ByteView?] = []
    let templateLine: ByteView
    let templateTime: Int64

    init(_ template: Template, labels: [String: String], line: [UInt8] = [], time: Int64 = 0) {
        templateLine = store.keep(line)
        templateTime = time
        for (name, value) in labels {
            self.labels.append(TemplateLabel(name: store.keep(name.utf8), value: store.keep(value.utf8)))
        }
        for field in template.fields { values.append(labels[field].map { store.keep($0.utf8) }) }
    }

    mutating func value(ofSlot slot: Int) -> ByteView? { values[slot] }

    mutating func appendLabels(to labels: inout [TemplateLabel]) { labels += self.labels }
}

/// What a template gives: its text, or its message behind `error: `.
func render(
    _ text: String, _ labels: [String: String] = [:], line: String = "", time: Int64 = 0, name: String = "line"
) -> String {
    let set = RegexSet()
    defer { withExtendedLifetime(set) {} }
    do throws(TemplateError) {
        let template = try Template(text, name: name, regexes: set)
        template.bind { field in template.fields.firstIndex(of: field)! }
        var data = TemplateLine(template, labels: labels, line: Array(line.utf8), time: time)
        var run = TemplateRun()
        if let failure = template.execute(&data, &run) { return "error: " + failure.message }
        return loosely(run.outputView)
    } catch {
        return "refused: " + error.message
    }
}

/// The text as Loki's JSON shows it: each byte that is not UTF-8 is a U+FFFD.
func loosely(_ view: ByteView) -> String {
    var text = String.UnicodeScalarView()
    var offset = 0
    while offset < view.count {
        let (scalar, length) = GoRune.decode(view, at: offset)
        text.append(Unicode.Scalar(scalar)!)
        offset += length
    }
    return String(text)
}

/// Recorded answers, from `fixtures/template`.
struct TemplateCase: Decodable {
    var id: String
    var name: String
    var template: String
    var labels: [String: String]
    var line: String
    var time: String
    var output: String?
    var error: String?

    struct Refused: Decodable {
        var template: String
        var name: String
        var error: String
    }

    static func recorded() throws -> [TemplateCase] { try decoded("cases.json") }
    static func refused() throws -> [Refused] { try decoded("refused.json") }

    private static func decoded<Value: Decodable>(_ name: String) throws -> Value {
        var url = URL(filePath: #filePath)
        for _ in 1...3 { url.deleteLastPathComponent() }
        return try JSONDecoder().decode(
            Value.self, from: Data(contentsOf: url.appending(path: "fixtures/template/\(name)")))
    }
}
