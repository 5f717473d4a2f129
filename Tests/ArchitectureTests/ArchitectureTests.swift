import Foundation
import Testing

/// The shape that `docs/architecture.md` promises, read off the sources.
@Suite struct ArchitectureTests {
    static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources")

    /// Which of our modules a module may import.
    static let arrows: [String: Set<String>] = [
        "Diagnostics": [], "Records": [], "YAML": ["Diagnostics", "CYAML"], "LogQL": ["Diagnostics"],
        "Engine": ["Records", "LogQL", "Diagnostics", "CPCRE2"],
        "Rules": ["Engine", "LogQL", "Records", "Diagnostics", "YAML"],
        "Offline": ["Rules", "Engine", "LogQL", "Records", "Diagnostics", "YAML", "CZlib"],
        "Intake": ["Records", "CLinux"],
        "Delivery": ["Records", "CZlib", "CSnappy"],
        "Daemon": ["Intake", "Delivery", "Rules", "Engine", "LogQL", "Records", "Diagnostics", "YAML", "CLinux"],
        "millrace": ["Daemon", "Offline", "Rules", "Diagnostics", "Records"],
    ]
    static let ours = Set(arrows.keys).union(["CPCRE2", "CYAML", "CZlib", "CSnappy", "CLinux"])

    static func files(in module: String) -> [(name: String, text: String)] {
        let folder = sources.appendingPathComponent(module)
        let walk = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return (walk?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }.compactMap { url in
            (try? String(contentsOf: url, encoding: .utf8)).map { (url.lastPathComponent, $0) }
        }
    }

    static func importedModules(_ text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let place = words.firstIndex(of: "import"), place <= 1, words.count > place + 1 else { return nil }
            return String(words[place + 1])
        }
    }

    @Test("every module imports only what its arrows allow", arguments: arrows.keys.sorted())
    func imports(module: String) throws {
        let files = Self.files(in: module)
        #expect(!files.isEmpty)
        let allowed = try #require(Self.arrows[module])
        for file in files {
            for name in Self.importedModules(file.text) where Self.ours.contains(name) {
                #expect(allowed.contains(name), "\(module)/\(file.name) imports \(name)")
            }
        }
    }

    @Test("no source file is longer than 600 lines", arguments: arrows.keys.sorted())
    func length(module: String) {
        for file in Self.files(in: module) {
            let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 600, "\(module)/\(file.name) has \(lines) lines")
        }
    }

    @Test(
        "the engine and what it stands on know no Foundation, no tasks and no sockets",
        arguments: ["Diagnostics", "Records", "LogQL", "Engine", "YAML", "Rules", "Offline"])
    func purity(module: String) {
        for file in Self.files(in: module) {
            for name in Self.importedModules(file.text) {
                #expect(
                    !["Foundation", "NIOCore", "ServiceLifecycle", "Dispatch"].contains(name), "\(file.name): \(name)")
            }
            for word in [" async ", "Task {", "Task.", "DispatchQueue"] {
                #expect(!file.text.contains(word), "\(module)/\(file.name) contains '\(word)'")
            }
        }
    }

    @Test("only one file knows PCRE2, one libyaml")
    func shims() {
        #expect(
            Self.files(in: "Engine").filter { Self.importedModules($0.text).contains("CPCRE2") }.map(\.name) == [
                "PCRE2.swift"
            ])
        #expect(
            Self.files(in: "YAML").filter { Self.importedModules($0.text).contains("CYAML") }.map(\.name) == [
                "Events.swift"
            ])
    }
}
