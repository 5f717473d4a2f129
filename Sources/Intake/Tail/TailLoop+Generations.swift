import Logging
import Records
import Synchronization

// Files that were rotated away from their path: found by what they are, not by their names.
extension TailLoop {
    /// The files of a folder that could be rotated ones.
    private struct Sibling {
        var path: String
        var name: String
        var status: FileStatus
    }

    /// The path that a file was written to: the one that it is at, or the one that it has been rotated away from.
    ///
    /// nil when we follow neither.
    func followedPath(of path: String) -> String? {
        let name = Self.lastName(path)
        let folder = String(path.dropLast(name.count))
        for count in 1..<max(1, name.count) {
            let base = String(name.prefix(count))
            if lastShown[folder + base] != nil, Self.isGeneration(name, of: base) { return folder + base }
        }
        return lastShown[path] == nil ? nil : path
    }

    /// A path shows another file than before: begins with that one, and with those that the path has shown in
    /// between, each to be read after the one before it.
    func advance(_ path: String, _ look: inout Look) {
        guard let before = lastShown[path], setup.configurations[before.source].followsForever,
            let descriptor = open(before), let status = try? descriptor.status()
        else { return }
        let siblings = siblings(of: path, namedLike: descriptor.currentPath)
        let current = siblings.first { $0.path == path }
        // A file that looks as if it had followed on the one that is still there has another story.
        if current?.status.identity == before.identity { return }
        var last = before
        for sibling in generations(siblings, of: path, since: status.modified) {
            last = begin(sibling, source: before.source, of: path, after: last, &look) ?? last
        }
        if let current, files[current.status.identity] == nil {
            last =
                begin(path, current.status.identity, source: before.source, labelledAs: path, after: last, &look)
                ?? last
        }
        lastShown[path] = last
    }

    /// Reads on in a file that was rotated away while we were not running, and in those that came after it.
    func findRotated(_ record: PositionRecord, _ look: inout Look) {
        guard let source = source(of: record.path), look.statuses[record.path]?.identity != record.identity,
            lastShown[record.path] == nil
        else { return }
        let old = files(beside: record.path).first { sibling in
            guard sibling.status.identity.inode == record.identity.inode, sibling.status.size >= record.settled,
                let file = try? FileDescriptor(reading: sibling.path)
            else { return false }
            return record.fingerprint.matches(file)
        }
        var last: TailedFile?
        if let old {
            last = files[old.status.identity] ?? begin(old, source: source, of: record.path, after: nil, &look)
        } else {
            reportLost(record, source)
        }
        setup.ledger.forget(record.identity)
        let siblings = siblings(of: record.path, namedLike: old?.path)
        for sibling in generations(siblings, of: record.path, since: old?.status.modified ?? record.seen) {
            last = begin(sibling, source: source, of: record.path, after: last, &look) ?? last
        }
        if let last { lastShown[record.path] = last }
    }

    private func reportLost(_ record: PositionRecord, _ source: Int) {
        let bytes = record.size - record.settled
        guard bytes > 0 else { return }
        setup.metrics.counter(.bytesLost, setup.configurations[source].name, "rotated_away").add(Int(bytes))
        setup.logger.warning(
            "'\(record.path)' was rotated away, and is not to be found; at least \(bytes) bytes are lost")
    }

    /// Begins with a file that was rotated away from a path.
    private func begin(
        _ sibling: Sibling, source: Int, of path: String, after predecessor: TailedFile?, _ look: inout Look
    ) -> TailedFile? {
        if let descriptor = try? FileDescriptor(reading: sibling.path),
            finished.end(of: sibling.status.identity, descriptor) != nil
        {
            return nil
        }
        guard
            let file = begin(
                sibling.path, sibling.status.identity, source: source, labelledAs: path, after: predecessor, &look)
        else { return nil }
        file.rotation.hasSuccessor = true
        if self.source(of: sibling.path) == nil {
            lastShown[sibling.path] = nil
            file.rotation.found(.replaced, at: SystemTime.monotonic())
        } else {
            file.paths = [sibling.path]
        }
        setup.logger.info("reading '\(sibling.path)', which was '\(path)', from byte \(file.offset)")
        return file
    }

    /// The configuration that a path belongs to; nil when it is to be left alone.
    private func source(of path: String) -> Int? {
        setup.configurations.firstIndex { configuration in
            configuration.paths.contains { $0.matches(path) } && !configuration.excludes(path)
        }
    }

    /// Of some files those that were at the path after the one that changed last at `since`, oldest first.
    private func generations(_ siblings: [Sibling], of path: String, since: Int64) -> [Sibling] {
        siblings.filter { sibling in
            sibling.path != path && files[sibling.status.identity] == nil && sibling.status.modified >= since
        }.sorted { left, right in
            if left.status.modified != right.status.modified { return left.status.modified < right.status.modified }
            // The clock of the file system has steps of some milliseconds. Small numbers go up as files get older.
            guard Self.isCounted(left.name) else { return left.name < right.name }
            return (left.name.count, left.name) > (right.name.count, right.name)
        }
    }

    /// Where a file is to be found that has another name than it had; nil when it is not in the same folder.
    func newName(of file: TailedFile) -> String? {
        file.paths.lazy.flatMap { self.files(beside: $0) }.first { $0.status.identity == file.identity }?.path
    }

    /// What the path shows, and the files beside it that have names as rotation makes them, all at one moment.
    ///
    /// Files may be renamed while we look, and one of them be missed: so we look until nothing has changed between two
    /// looks.
    private func siblings(of path: String, namedLike oldPath: String?) -> [Sibling] {
        let name = Self.lastName(path)
        let shape = oldPath.flatMap { Self.lastName($0) == name ? nil : Self.shape(of: Self.lastName($0)) }
        func look() -> [Sibling] {
            files(beside: path) {
                $0 == name || Self.isGeneration($0, of: name) || (shape != nil && shape == Self.shape(of: $0))
            }
        }
        var before = look()
        for _ in 0..<100 {
            let now = look()
            if now.map(\.status.identity) == before.map(\.status.identity), now.map(\.name) == before.map(\.name) {
                return now
            }
            before = now
        }
        return before
    }

    /// Files in the folder of a path that may hold lines.
    private func files(beside path: String, where isWanted: (String) -> Bool = { _ in true }) -> [Sibling] {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        guard let names = try? Directory.names(at: folder.isEmpty ? "." : folder).names else { return [] }
        return names.compactMap { name in
            guard isWanted(name), !TailConfiguration.compressedSuffixes.contains(where: { name.hasSuffix($0) }),
                let status = try? FileStatus(path: folder + name, followingLinks: folder + name == path),
                status.kind == .regular
            else { return nil }
            return Sibling(path: folder + name, name: name, status: status)
        }
    }

    private static func lastName(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Whether the name ends in a small number, and not in a date.
    private static func isCounted(_ name: String) -> Bool {
        name.reversed().prefix { $0.isASCII && $0.isNumber }.count < 5
    }

    /// Whether a name is the other one with a number or a date behind it, as rotation makes them.
    static func isGeneration(_ name: String, of current: String) -> Bool {
        guard name.hasPrefix(current) else { return false }
        let suffix = name.dropFirst(current.count)
        return (suffix.first.map { ".-_".contains($0) } ?? false)
            && suffix.contains { $0.isASCII && $0.isNumber }
            && suffix.allSatisfy { ($0.isASCII && $0.isNumber) || "._-:TZ".contains($0) }
    }

    /// The name with each run of digits made the same.
    private static func shape(of name: String) -> String {
        var shape = ""
        for character in name {
            let isDigit = character.isASCII && character.isNumber
            if !isDigit || shape.last != "0" { shape.append(isDigit ? "0" : character) }
        }
        return shape
    }
}
