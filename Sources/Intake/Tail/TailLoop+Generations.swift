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

    /// A file has taken the path of another one: what must be read before it.
    ///
    /// When the path has passed on more than once since the last look, those in between come first, in the order in
    /// which they were written last.
    func chain(_ before: TailedFile, to file: TailedFile, of path: String, _ look: Look) -> TailedFile {
        before.rotation.hasSuccessor = true
        before.isReady = true
        guard setup.configurations[file.source].followsForever, let descriptor = before.descriptor,
            let status = try? descriptor.status()
        else { return before }
        var last = before
        for sibling in generations(of: path, since: status.modified, namedLike: descriptor.currentPath) {
            last = adopt(sibling, source: file.source, from: 0, of: path, after: last, look) ?? last
        }
        return last
    }

    /// Reads on in a file that was rotated away while we were not running, and in those that came after it.
    func findRotated(_ record: PositionRecord, _ look: Look) {
        let source = setup.configurations.firstIndex { configuration in
            configuration.paths.contains { $0.matches(record.path) } && !configuration.excludes(record.path)
        }
        guard let source, look.statuses[record.path]?.identity != record.identity, lastShown[record.path] == nil
        else { return }
        setup.ledger.forget(record.identity)
        let siblings = siblings(of: record.path)
        let old = siblings.first { sibling in
            guard sibling.status.identity.inode == record.identity.inode, sibling.status.size >= record.settled,
                let file = try? FileDescriptor(reading: sibling.path)
            else { return false }
            return record.fingerprint.matches(file)
        }
        var last: TailedFile?
        if let old {
            last =
                files[old.status.identity]
                ?? adopt(old, source: source, from: record.settled, of: record.path, after: nil, look)
        } else if record.size > record.settled {
            setup.metrics.counter(.bytesLost, setup.configurations[source].name, "rotated_away")
                .add(Int(record.size - record.settled))
            setup.logger.warning(
                "'\(record.path)' was rotated away, and is not to be found; at least \(record.size - record.settled) bytes are lost"
            )
        }
        let since = old?.status.modified ?? record.seen
        for sibling in generations(of: record.path, since: since, namedLike: old?.path) {
            last = adopt(sibling, source: source, from: 0, of: record.path, after: last, look) ?? last
        }
        if let last { lastShown[record.path] = last }
    }

    private func adopt(
        _ sibling: Sibling, source: Int, from offset: Int64, of path: String, after predecessor: TailedFile?,
        _ look: Look
    ) -> TailedFile? {
        guard makeRoom(), let descriptor = try? FileDescriptor(reading: sibling.path),
            let status = try? descriptor.status(), status.identity == sibling.status.identity,
            finished.end(of: status.identity, descriptor) == nil
        else { return nil }
        let file = follow(sibling.path, descriptor, status, source: source, from: offset, labelledAs: path)
        file.paths = look.paths[status.identity] ?? [path]
        file.predecessor = predecessor
        predecessor?.rotation.hasSuccessor = true
        if look.paths[status.identity] == nil { file.rotation.found(.replaced, at: SystemTime.monotonic()) }
        file.rotation.hasSuccessor = true
        setup.logger.info("reading '\(sibling.path)', which was '\(path)', from byte \(offset)")
        return file
    }

    /// Files that were at the path after the one that changed last at `since`, oldest first.
    private func generations(of path: String, since: Int64, namedLike oldPath: String?) -> [Sibling] {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let oldName = oldPath?.split(separator: "/").last.map(String.init)
        let shape = oldName.flatMap { $0 == name ? nil : Self.shape(of: $0) }
        return siblings(of: path).filter { sibling in
            sibling.name != name && files[sibling.status.identity] == nil && sibling.status.modified >= since
                && (Self.isGeneration(sibling.name, of: name) || shape == Self.shape(of: sibling.name))
        }.sorted { ($0.status.modified, $1.name) < ($1.status.modified, $0.name) }
    }

    /// Where a file is to be found that has another name than it had; nil when it is not in the same folder.
    func newName(of file: TailedFile) -> String? {
        file.paths.lazy.flatMap { self.siblings(of: $0) }.first { $0.status.identity == file.identity }?.path
    }

    private func siblings(of path: String) -> [Sibling] {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? ""
        guard let names = try? Directory.names(at: folder.isEmpty ? "." : folder).names else { return [] }
        return names.compactMap { name in
            guard !TailConfiguration.compressedSuffixes.contains(where: { name.hasSuffix($0) }),
                let status = try? FileStatus(path: folder + name, followingLinks: false), status.kind == .regular
            else { return nil }
            return Sibling(path: folder + name, name: name, status: status)
        }
    }

    /// Whether a name is the other one with a number or a date behind it, as rotation makes them.
    static func isGeneration(_ name: String, of current: String) -> Bool {
        guard name.hasPrefix(current) else { return false }
        let suffix = name.dropFirst(current.count)
        return suffix.contains { $0.isASCII && $0.isNumber }
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
