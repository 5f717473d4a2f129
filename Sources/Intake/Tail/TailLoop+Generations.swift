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
        Self.bases(of: path).first { lastShown[$0] != nil } ?? (lastShown[path] == nil ? nil : path)
    }

    /// The paths that a file at this one may have been rotated away from, by its name; the shortest first.
    private static func bases(of path: String) -> [String] {
        let name = lastName(path)
        let folder = String(path.dropLast(name.count))
        return (1..<max(2, name.count)).map { String(name.prefix($0)) }.filter { isGeneration(name, of: $0) }
            .map { folder + $0 }
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
        let between = siblings.filter {
            $0.path != path && files[$0.status.identity] == nil && $0.status.modified >= status.modified
        }
        for sibling in oldestFirst(between) where !look.isInterrupted {
            last = begin(sibling, source: before.source, of: path, after: last, &look) ?? last
        }
        if !look.isInterrupted, let current, files[current.status.identity] == nil {
            last =
                begin(path, current.status.identity, source: before.source, labelledAs: path, after: last, &look)
                ?? last
        }
        lastShown[path] = last
    }

    /// At the first look: reads on where it was left in all files that are remembered, rotated ones before those that
    /// took their place.
    func resumeFamilies(_ look: inout Look) {
        let remembered = look.restored.filter { source(of: $0.path) != nil }
        let paths = Set(remembered.map(\.path)).union(look.statuses.keys)
        let families = Dictionary(grouping: remembered) { record in
            Self.bases(of: record.path).first { paths.contains($0) } ?? record.path
        }
        for (path, records) in families.sorted(by: { $0.key < $1.key }) {
            guard let source = source(of: records[0].path) else { continue }
            let shown = look.statuses[path]?.identity
            if records.count == 1, let shown, Self.isSame(shown, records[0], at: path) {
                begin(path, shown, source: source, labelledAs: path, after: nil, &look)
            } else {
                for _ in 0..<10 {
                    look.isInterrupted = false
                    resumeFamily(of: path, records, source, &look)
                    if !look.isInterrupted { break }
                }
            }
        }
    }

    private func resumeFamily(of path: String, _ records: [PositionRecord], _ source: Int, _ look: inout Look) {
        let name = Self.lastName(path)
        let all = atOneMoment { files(beside: path) }
        var found: [FileIdentity: Sibling] = [:]
        for record in records {
            if let sibling = all.first(where: { Self.holds($0, record) }) {
                found[sibling.status.identity] = sibling
            } else if files[record.identity] == nil, setup.ledger.forget(record.identity) {
                reportLost(record, source)
            }
        }
        // Whatever has no record and is not younger than the last one that has was read before, or never meant to be.
        let since = found.values.map(\.status.modified).max() ?? records.map(\.seen).max() ?? .max
        let shapes = Set(found.values.map(\.name).filter { $0 != name }.map(Self.shape))
        let members = all.filter { sibling in
            found[sibling.status.identity] != nil
                || (sibling.status.modified >= since
                    && (Self.isGeneration(sibling.name, of: name) || shapes.contains(Self.shape(of: sibling.name))))
        }
        var last: TailedFile?
        for sibling in oldestFirst(members.filter { $0.path != path }) where !look.isInterrupted {
            last =
                files[sibling.status.identity]
                ?? begin(sibling, source: source, of: path, after: last, &look) ?? last
        }
        if !look.isInterrupted, let current = all.first(where: { $0.path == path }), look.statuses[path] != nil {
            last =
                files[current.status.identity]
                ?? begin(path, current.status.identity, source: source, labelledAs: path, after: last, &look) ?? last
        }
        if let last { lastShown[path] = last }
    }

    /// Whether the file is the one that the record is about.
    private static func holds(_ sibling: Sibling, _ record: PositionRecord) -> Bool {
        guard sibling.status.identity.inode == record.identity.inode else { return false }
        // What is still at its path was truncated or rewritten if it does not fit; elsewhere it is another file.
        if sibling.path == record.path { return true }
        guard sibling.status.size >= record.reached, let file = try? FileDescriptor(reading: sibling.path) else {
            return false
        }
        return record.fingerprint.matches(file)
    }

    private static func isSame(_ identity: FileIdentity, _ record: PositionRecord, at path: String) -> Bool {
        // The number of a device may be another one after a restart of the machine.
        identity == record.identity || (path == record.path && identity.inode == record.identity.inode)
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
        placeRotated(file, sibling, of: path)
        return file
    }

    /// Notes where a file is that was rotated away from a path: followed there, or only read to its end.
    private func placeRotated(_ file: TailedFile, _ sibling: Sibling, of path: String) {
        file.rotation.hasSuccessor = true
        if source(of: sibling.path) == nil {
            lastShown[sibling.path] = nil
            file.rotation.found(.replaced, at: SystemTime.monotonic())
        } else {
            lastShown[sibling.path] = file
            file.paths = [sibling.path]
        }
        setup.logger.info("reading '\(sibling.path)', which was '\(path)', from byte \(file.offset)")
    }

    /// The copy that was made of a file before it was truncated, from where reading had come; nil when there is none.
    ///
    /// What was written between our last read and the copy is only there.
    func beginCopy(of file: TailedFile) -> TailedFile? {
        let path = file.paths[0]
        let name = Self.lastName(path)
        let fingerprint = file.position.description.withLock { $0.fingerprint }
        let copies = files(beside: path) { Self.isGeneration($0, of: name) }.filter {
            files[$0.status.identity] == nil && $0.status.modified >= file.modified && $0.status.size >= file.offset
        }
        guard file.offset > 0, let copy = oldestFirst(copies).last, makeRoom(),
            let descriptor = try? FileDescriptor(reading: copy.path), let status = try? descriptor.status(),
            status.identity == copy.status.identity, fingerprint.matches(descriptor)
        else { return nil }
        let reading = follow(
            copy.path, descriptor, status, source: file.source, from: file.reader.completeTo, labelledAs: path,
            original: file.position)
        reading.reader.continueParts(of: &file.reader)
        placeRotated(reading, copy, of: path)
        return reading
    }

    /// Whether a file that appeared is a copy of the one that it seems to be a generation of.
    ///
    /// It holds nothing new, until the other one is truncated. Told by how both begin, and by the last bytes that both
    /// have.
    func isCopy(_ path: String) -> Bool {
        guard let base = Self.bases(of: path).first(where: { lastShown[$0] != nil }), let original = lastShown[base],
            original.rotation.place == .shown, let one = original.descriptor,
            let other = try? FileDescriptor(reading: path), let oneStatus = try? one.status(),
            let otherStatus = try? other.status(), oneStatus.identity != otherStatus.identity
        else { return false }
        if oneStatus.size < original.offset {
            // Truncated, which the next read will find; then it will look for a copy itself.
            original.isReady = true
            scanSoon()
            return true
        }
        let size = min(oneStatus.size, otherStatus.size)
        let window = min(size, Int64(Fingerprint.maximumCount))
        guard size > 0, let head = try? one.read(Int(window), at: 0),
            let tail = try? one.read(Int(window), at: size - window)
        else { return false }
        return (try? other.read(Int(window), at: 0)) == head
            && (try? other.read(Int(window), at: size - window)) == tail
    }

    /// The configuration that a path belongs to; nil when it is to be left alone.
    private func source(of path: String) -> Int? {
        setup.configurations.firstIndex { configuration in
            configuration.paths.contains { $0.matches(path) } && !configuration.excludes(path)
        }
    }

    /// The files in the order in which they were written last.
    private func oldestFirst(_ siblings: [Sibling]) -> [Sibling] {
        siblings.sorted { left, right in
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

    /// What the path shows, and the files beside it that have names as rotation makes them.
    private func siblings(of path: String, namedLike oldPath: String?) -> [Sibling] {
        let name = Self.lastName(path)
        let shape = oldPath.flatMap { Self.lastName($0) == name ? nil : Self.shape(of: Self.lastName($0)) }
        return atOneMoment {
            files(beside: path) {
                $0 == name || Self.isGeneration($0, of: name) || (shape != nil && shape == Self.shape(of: $0))
            }
        }
    }

    /// Looks until nothing has changed between two looks: files may be renamed meanwhile, and one of them be missed.
    private func atOneMoment(_ look: () -> [Sibling]) -> [Sibling] {
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
