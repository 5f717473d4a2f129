import Foundation

/// The inputs of an area that once broke something: `fixtures/fuzz/AREA/HASH`.
///
/// While a run is under way the input in hand stands in `pending-PID-NAME`, so that it is known when the process dies
/// of it; the next run gives it its name.
struct SavedInputs {
    let folder: URL

    init(area: String) {
        var url = URL(filePath: #filePath)
        for _ in 1...3 { url.deleteLastPathComponent() }
        folder = url.appending(path: "fixtures/fuzz/\(area)")
    }

    private var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    }

    /// Every input, by file name.
    func all() -> [(name: String, bytes: [UInt8])] {
        adopt()
        return names.filter { !$0.hasPrefix("pending-") && !$0.hasPrefix(".") }.compactMap { name in
            (try? Data(contentsOf: folder.appending(path: name))).map { (name, Array($0)) }
        }
    }

    /// Gives what processes left that are no more its name.
    private func adopt() {
        for name in names where name.hasPrefix("pending-") {
            let parts = name.split(separator: "-", maxSplits: 2)
            guard parts.count == 3, let process = Int32(parts[1]), kill(process, 0) != 0 else { continue }
            let url = folder.appending(path: name)
            if let data = try? Data(contentsOf: url), !data.isEmpty { _ = save(Array(data)) }
            try? FileManager.default.removeItem(at: url)
        }
    }

    /// Writes an input; the result is its path within the repository.
    func save(_ bytes: [UInt8]) -> String {
        let name = String(stableHash(bytes), radix: 16)
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try? Data(bytes).write(to: folder.appending(path: name))
        return "fixtures/fuzz/\(folder.lastPathComponent)/\(name)"
    }

    func pending(_ name: String) -> PendingInput {
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return PendingInput(folder.appending(path: "pending-\(getpid())-\(name)").path)
    }
}

/// The file that holds the input in hand. Where it cannot be written there is none.
struct PendingInput: ~Copyable {
    private let path: String
    private let file: Int32

    init(_ path: String) {
        self.path = path
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    }

    func hold(_ bytes: [UInt8]) {
        guard file >= 0 else { return }
        _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
        _ = ftruncate(file, bytes.count)
    }

    deinit {
        guard file >= 0 else { return }
        close(file)
        unlink(path)
    }
}
