import Glibc
import Logging
import Records
import Synchronization

// Opening, resting and letting go of files.
extension TailLoop {
    /// The file's descriptor; opens it again when it was closed to make room. nil when that cannot be done now.
    func open(_ file: TailedFile) -> FileDescriptor? {
        if let descriptor = file.descriptor { return descriptor }
        guard makeRoom() else { return nil }
        guard
            let descriptor = file.paths.lazy.compactMap({ Self.open($0, file.identity) }).first
                ?? newName(of: file).flatMap({ Self.open($0, file.identity) })
        else {
            fail(file, SystemError(code: ENOENT))
            return nil
        }
        file.descriptor = descriptor
        openFiles += 1
        return descriptor
    }

    private static func open(_ path: String, _ identity: FileIdentity) -> FileDescriptor? {
        guard let descriptor = try? FileDescriptor(reading: path), let status = try? descriptor.status(),
            status.identity == identity
        else { return nil }
        return descriptor
    }

    /// Sees to it that one more file may be opened: lets the one rest that has been quiet for longest.
    func makeRoom() -> Bool {
        guard openFiles >= setup.maximumOpenFiles else { return true }
        guard let quietest = resting.min(by: { $0.lastGrowth < $1.lastGrowth }) else { return false }
        quietest.descriptor = nil
        openFiles -= 1
        return true
    }

    /// Looks for the files again that had to wait, if one of them can be opened now.
    func callWaiting() {
        if obstacles.areWaiting, openFiles < setup.maximumOpenFiles || !resting.isEmpty { scanSoon() }
    }

    /// Open files that have nothing to read and would be found again.
    private var resting: [TailedFile] {
        order.filter { $0.descriptor != nil && $0.isAtEnd && $0.rotation.place == .shown && $0.predecessor == nil }
    }

    /// Acts on files that are at their ends: takes last lines, lets go of what was rotated away.
    func settleRotations(at now: Int64) {
        for file in order where !file.isDone {
            let isFollowed = setup.configurations[file.source].followsForever
            guard file.isAtEnd || (file.hasFailed && !isFollowed) else { continue }
            guard isFollowed else {
                takeLastLine(of: file)
                close(file)
                continue
            }
            switch file.rotation.action(hasUnfinishedLine: file.reader.hasUnfinished, at: now) {
            case .keep: break
            case .takeLastLine where hasGrown(file), .finish where hasGrown(file): file.isReady = true
            case .takeLastLine: takeLastLine(of: file)
            case .finish:
                takeLastLine(of: file)
                letGo(of: file)
            }
        }
    }

    /// Whether there is more to read after all.
    private func hasGrown(_ file: TailedFile) -> Bool {
        ((try? file.descriptor?.status())?.size ?? 0) > file.offset
    }

    /// The file is read to its end and will not be followed; it stays known.
    private func close(_ file: TailedFile) {
        if file.descriptor != nil { openFiles -= 1 }
        file.descriptor = nil
        file.isDone = true
    }

    private func letGo(of file: TailedFile) {
        close(file)
        if let watch = file.watch {
            inotify?.unwatch(watch)
            fileWatches[watch] = nil
        }
        finished.add(file.identity, file.position.description.withLock { $0.fingerprint }, end: file.offset)
        setup.ledger.finish(file.position)
        files[file.identity] = nil
        order.removeAll { $0 === file }
        for path in file.paths where lastShown[path] === file { lastShown[path] = nil }
        setup.logger.debug("'\(file.paths[0])' was rotated away or deleted, and is read to its end")
    }

    func fail(_ file: TailedFile, _ error: SystemError) {
        file.isReady = false
        file.hasFailed = true
        // A file that is not there any more under its name, while it rests, will not come back.
        if file.descriptor == nil, file.rotation.place != .shown || error.reason == "not_found" {
            if file.offset < file.size {
                setup.metrics.counter(.bytesLost, setup.configurations[file.source].name, "removed")
                    .add(Int(file.size - file.offset))
            }
            file.offset = file.size
            letGo(of: file)
            return
        }
        let name = setup.configurations[file.source].name
        let message = "\(error)"
        let isNew = file.position.description.withLock { description in
            defer { description.problem = message }
            return description.problem != message
        }
        if isNew {
            setup.metrics.counter(.fileErrors, name, error.reason).add()
            setup.logger.warning("cannot read '\(file.paths[0])': \(message); trying again")
        }
    }

    func clearFailure(_ file: TailedFile) {
        guard file.hasFailed else { return }
        file.hasFailed = false
        file.position.description.withLock { $0.problem = nil }
    }

    /// With nothing to follow, every pattern must stand for something.
    func requireFiles() throws(TailError) {
        for (index, configuration) in setup.configurations.enumerated() where !configuration.followsForever {
            for pattern in configuration.paths where !obstacles.hasFound(pattern, of: index) {
                throw .noFile(pattern: pattern.pattern)
            }
        }
    }

    /// With nothing to follow, everything must have been read.
    func requireSuccess() throws(TailError) {
        for file in order where file.hasFailed && !setup.configurations[file.source].followsForever {
            let problem = file.position.description.withLock { $0.problem }
            throw .unreadable(path: file.paths[0], reason: problem ?? "it was not read to its end")
        }
        if let obstacle = obstacles.all.first(where: { !setup.configurations[$0.source].followsForever }) {
            throw .unreadable(path: obstacle.path, reason: obstacle.problem)
        }
    }
}

/// Files that were read to their ends and are gone or of no interest any more; the last thousand.
struct FinishedFiles {
    private var known: [FileIdentity: (fingerprint: Fingerprint, end: Int64)] = [:]
    private var order: [FileIdentity] = []

    mutating func add(_ identity: FileIdentity, _ fingerprint: Fingerprint, end: Int64) {
        if known.updateValue((fingerprint, end), forKey: identity) == nil { order.append(identity) }
        if order.count > 1_000 { known[order.removeFirst()] = nil }
    }

    /// Up to where the file was read; nil when it is none of them, or another one that got its inode number.
    func end(of identity: FileIdentity, _ file: FileDescriptor) -> Int64? {
        guard let (fingerprint, end) = known[identity], end > 0, fingerprint.matches(file) else { return nil }
        return end
    }
}
