public import Logging
import Records

/// The form of the log lines on standard error.
public enum LogForm: String, CaseIterable, Sendable {
    case text, json
}

/// The least severe level that is written.
public enum LogLevel: String, CaseIterable, Sendable {
    case trace, debug, info, warn, error

    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .warn: .warning
        case .error: .error
        }
    }
}

/// Makes every `Logger` of the process write to standard error; once, before the first logger is made.
public func startLogging(_ options: LogOptions) {
    LoggingSystem.bootstrap { label in
        LineLog(label: label, form: options.form, level: options.level.level) { StandardError.write($0) }
    }
}

/// One line per event, as text for people or as a JSON object for programs.
///
/// Messages and metadata may hold what a peer sent: control characters never reach the terminal as they are.
public struct LineLog: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level
    private let label: String
    private let form: LogForm
    private let write: @Sendable (String) -> Void

    public init(
        label: String, form: LogForm, level: Logger.Level, write: @escaping @Sendable (String) -> Void
    ) {
        self.label = label
        self.form = form
        self.logLevel = level
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var pairs = metadataProvider?.get() ?? [:]
        pairs.merge(metadata) { $1 }
        pairs.merge(event.metadata ?? [:]) { $1 }
        if let error = event.error { pairs["error"] = "\(error)" }
        write(line(at: .now, level: event.level, message: "\(event.message)", pairs: pairs))
    }

    func line(at time: Timestamp, level: Logger.Level, message: String, pairs: Logger.Metadata) -> String {
        let sorted = pairs.sorted { $0.key < $1.key }
        switch form {
        case .text:
            let name = level.shortName
            let padding = String(repeating: " ", count: max(0, 5 - name.count))
            var line = "\(time.rfc3339) \(name)\(padding) \(printable(message))"
            for (key, value) in sorted { line += " \(printable(key))=\(word(value.text))" }
            return line + "\n"
        case .json:
            var json = JSONText()
            json.object { json in
                json.member("time", time.rfc3339)
                json.member("level", level.shortName)
                json.member("message", message)
                json.member("logger", label)
                for (key, value) in sorted {
                    let name = ["time", "level", "message", "logger"].contains(key) ? key + "_" : key
                    json.key(name)
                    json.metadata(value)
                }
            }
            return json.text + "\n"
        }
    }
}

extension Logger.Level {
    fileprivate var shortName: String {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .notice: "note"
        case .warning: "warn"
        case .error: "error"
        case .critical: "fatal"
        }
    }
}

extension Logger.MetadataValue {
    fileprivate var text: String {
        switch self {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): "[" + values.map(\.text).joined(separator: " ") + "]"
        case .dictionary(let pairs):
            "{" + pairs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }.joined(separator: " ") + "}"
        }
    }
}

extension JSONText {
    fileprivate mutating func metadata(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): string(text)
        case .stringConvertible(let value): string(value.description)
        case .array(let values): array { json in for value in values { json.metadata(value) } }
        case .dictionary(let pairs):
            object { json in
                for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
                    json.key(key)
                    json.metadata(value)
                }
            }
        }
    }
}

/// The text as it is, or in quotes where blanks or quotes would make the line ambiguous.
private func word(_ text: String) -> String {
    let plain = !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" }
    return plain ? printable(text) : printable(quoted(text))
}

/// The text with every control character escaped, those of terminals (C1) and of text direction included.
private func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isDangerous) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case let scalar where isDangerous(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
        case let scalar: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Control characters, and the characters that reorder the text around them.
func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
}
