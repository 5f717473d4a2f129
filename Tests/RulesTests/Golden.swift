import Glibc
import Testing

/// Cases of `fixtures/diagnostics`: a text behind `=== name`, and behind `--- says` what is said about it.
struct GoldenCase: CustomTestStringConvertible, Sendable {
    var name: String
    var text: String
    var said: String

    var testDescription: String { name }

    static func read(_ file: String) -> [GoldenCase] {
        let path = fixture("diagnostics/" + file)
        let text = String(decoding: contents(of: path), as: UTF8.self)
        return ("\n" + text).split(separator: "\n=== ").map { part in
            let lines = part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            let body = lines.count > 1 ? String(lines[1]) : ""
            let halves = ("\n" + body).split(separator: "\n--- says\n", maxSplits: 1, omittingEmptySubsequences: false)
            let text = halves[0].isEmpty ? "" : String(halves[0].dropFirst()) + "\n"
            let said = halves.count > 1 ? String(halves[1]) : ""
            return GoldenCase(name: String(lines[0]), text: text, said: said.hasSuffix("\n") ? said : said + "\n")
        }
    }
}

/// The path of a file below `fixtures/`.
func fixture(_ name: String, _ here: String = #filePath) -> String {
    here.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/") + "/fixtures/"
        + name
}

func contents(of path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { result += buffer[..<count] }
    return result
}

/// A folder that goes away with the object.
final class TemporaryFolder {
    let path: String
    private var made: [String] = []

    init() {
        var template = Array("/tmp/millrace-rules-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
        made.append(path)
    }

    deinit {
        for path in made.reversed() { remove(path) }
    }

    /// Writes a file, with the folders above it; answers its path.
    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) -> String {
        let full = path + "/" + name
        var folder = path
        for part in name.split(separator: "/").dropLast() {
            folder += "/" + part
            if mkdir(folder, 0o755) == 0 { made.append(folder) }
        }
        let bytes = Array(bytes)
        if let file = fopen(full, "w") {
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
        }
        made.append(full)
        return full
    }

    @discardableResult
    func write(_ name: String, _ text: String) -> String { write(name, text.utf8) }
}
