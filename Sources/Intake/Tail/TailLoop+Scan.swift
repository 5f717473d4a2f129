import Logging
import Records
import Synchronization

// Looking at the paths: which files are new, which were rotated.
extension TailLoop {
    /// What the file system showed at one look.
    struct Look {
        struct Candidate {
            var path: String
            var status: FileStatus
            var source: Int
        }
        let isFirst: Bool
        /// What is remembered of files that were not found yet.
        let restored: [PositionRecord]
        var candidates: [Candidate] = []
        var paths: [FileIdentity: [String]] = [:]
        var statuses: [String: FileStatus] = [:]
        var folders: Set<String> = []
        var obstacles = Obstacles()
        /// A file was not where it had just been, or could not be opened yet: what comes after it has to wait.
        var isInterrupted = false
    }

    /// Looks at all paths; at the first look files are found where they were left.
    func scan(isFirst: Bool) {
        let started = SystemTime.monotonic()
        lastScan = started
        nextScan = started + (polls ? min(4 * pollInterval, Self.scanInterval) : Self.scanInterval)
        nextPoll = min(nextPoll, started + pollInterval)
        var look = Look(isFirst: isFirst, restored: setup.ledger.restored)
        for (index, configuration) in setup.configurations.enumerated() {
            for pattern in configuration.paths { expand(pattern, of: index, into: &look) }
        }
        if let inotify { folders.keep(look.folders, with: inotify) }
        placeKnownFiles(look, at: started)
        adoptNewcomers(&look)

        let before = obstacles
        obstacles = look.obstacles
        obstacles.publish(after: before, in: setup)
        scanCost = SystemTime.monotonic() - started
    }

    /// Begins to read what was not known, in the order in which it was written where that can be told.
    private func adoptNewcomers(_ look: inout Look) {
        if look.isFirst { resumeFamilies(&look) }
        var advanced: Set<String> = []
        var interrupted: Set<String> = []
        for newcomer in look.candidates where files[newcomer.status.identity] == nil {
            if let path = followedPath(of: newcomer.path), advanced.insert(path).inserted {
                look.isInterrupted = false
                advance(path, &look)
                if look.isInterrupted { interrupted.insert(path) }
            }
            if followedPath(of: newcomer.path).map({ interrupted.contains($0) }) != true { adopt(newcomer, &look) }
        }
    }

    private func expand(_ pattern: Glob, of source: Int, into look: inout Look) {
        let configuration = setup.configurations[source]
        var expansion = GlobExpansion(of: pattern)
        if let inotify, configuration.pollInterval == nil {
            do throws(SystemError) {
                // What appears between the look and the watch would be missed, hence another look.
                for _ in 0..<3 where try folders.watch(expansion.folders, with: inotify) {
                    expansion = GlobExpansion(of: pattern)
                }
            } catch {
                if !polls {
                    setup.logger.warning("the kernel cannot watch more folders (\(error)); looking into them instead")
                }
                polls = true
            }
            look.folders.formUnion(expansion.folders.keys)
        }
        for path in expansion.paths where !configuration.excludes(path) {
            look.obstacles.noteFound(pattern, of: source)
            note(path, isLiteral: pattern.isLiteral, of: source, in: &look)
        }
        for failure in expansion.failures {
            look.obstacles.note(
                .init(
                    path: failure.path, source: source, problem: "\(failure.error)", reason: failure.error.reason))
        }
        if expansion.isIncomplete {
            let problem = "it stands for more than \(GlobExpansion.limit) paths, of which some are left out"
            look.obstacles.note(
                .init(path: pattern.pattern, source: source, problem: problem, reason: "too_many_paths"))
        }
        if expansion.unreadableNames > 0 {
            let problem = "\(expansion.unreadableNames) names that are not UTF-8 are left out"
            look.obstacles.note(.init(path: pattern.pattern, source: source, problem: problem, reason: "bad_name"))
        }
        if pattern.isLiteral, expansion.paths.isEmpty, expansion.failures.isEmpty {
            look.obstacles.note(.init(path: pattern.pattern, source: source, problem: "it is not there"))
        }
    }

    /// Takes down what a path shows; only the first pattern that matches a path counts.
    private func note(_ path: String, isLiteral: Bool, of source: Int, in look: inout Look) {
        guard look.statuses[path] == nil else { return }
        do throws(SystemError) {
            let status = try FileStatus(path: path)
            guard status.kind == .regular else {
                guard isLiteral else { return }
                let problem = status.kind == .directory ? "it is a folder" : "it is not a regular file"
                look.obstacles.note(.init(path: path, source: source, problem: problem, reason: "not_a_file"))
                return
            }
            look.statuses[path] = status
            look.paths[status.identity, default: []].append(path)
            if look.paths[status.identity]?.count == 1 {
                look.candidates.append(.init(path: path, status: status, source: source))
            }
        } catch {
            guard error.reason == "not_found" else {
                look.obstacles.note(.init(path: path, source: source, problem: "\(error)", reason: error.reason))
                return
            }
            // Gone since the folder was listed, or a link whose file is not there.
            guard (try? FileStatus(path: path, followingLinks: false)) != nil else { return }
            look.obstacles.note(
                .init(path: path, source: source, problem: "it is a link to nothing", reason: "dangling_link"))
        }
    }

    private func placeKnownFiles(_ look: Look, at now: Int64) {
        for file in order where !file.isDone {
            let place: RotationState.Place
            if let paths = look.paths[file.identity] {
                place = .shown
                if paths[0] != file.paths[0] { file.position.description.withLock { $0.path = paths[0] } }
                file.paths = paths
                let size = look.statuses[paths[0]]?.size
                if size != file.size || file.hasFailed { file.isReady = true }
            } else if file.paths.contains(where: { look.statuses[$0] != nil }) {
                place = .replaced
            } else {
                let links = (try? file.descriptor?.status())?.links ?? 1
                place = links == 0 ? .deleted : .missing
            }
            if place != file.rotation.place { file.isReady = true }
            file.rotation.found(place, at: now)
        }
        for (path, status) in look.statuses {
            if let file = files[status.identity] { lastShown[path] = file }
        }
    }

    /// Begins to read what a path shows, unless that is known.
    private func adopt(_ newcomer: Look.Candidate, _ look: inout Look) {
        guard files[newcomer.status.identity] == nil else { return }
        if !look.isFirst, isCopy(newcomer.path) { return }
        begin(
            newcomer.path, newcomer.status.identity, source: newcomer.source, labelledAs: newcomer.path, after: nil,
            &look)
    }

    /// Begins to read a file; nil when it cannot be opened, or when the path shows another one by now.
    @discardableResult
    func begin(
        _ path: String, _ identity: FileIdentity, source: Int, labelledAs label: String, after predecessor: TailedFile?,
        _ look: inout Look
    ) -> TailedFile? {
        guard makeRoom() else {
            if look.isFirst { presentAtFirst.insert(identity) }
            look.isInterrupted = true
            let problem = "\(setup.maximumOpenFiles) files are open already"
            look.obstacles.note(
                .init(path: path, source: source, problem: problem, reason: "too_many_open", isWaiting: true))
            return nil
        }
        do throws(SystemError) {
            let descriptor = try FileDescriptor(reading: path)
            let status = try descriptor.status()
            guard status.identity == identity else {
                look.isInterrupted = true
                scanSoon()
                return nil
            }
            let record =
                look.restored.first { $0.identity == identity }
                // The number of a device may be another one after a restart of the machine.
                ?? look.restored.first { [path, label].contains($0.path) && $0.identity.inode == identity.inode }
            let wasPresent = presentAtFirst.remove(identity) != nil
            let isNew =
                (look.isFirst || wasPresent) && record == nil
                && !look.restored.contains { $0.path == label }
            var offset = isNew && setup.configurations[source].start == .end ? status.size : 0
            var counted = offset
            if let record { (offset, counted) = resume(record, descriptor, status, path) }
            if let end = finished.end(of: identity, descriptor), end <= status.size {
                (offset, counted) = (end, end)
            }

            let file = follow(
                path, descriptor, status, source: source, from: offset, counted: counted, labelledAs: label,
                restored: record?.identity)
            if wasPresent { setup.catchUp.add(file.position, size: status.size) }
            file.predecessor = predecessor
            predecessor?.rotation.hasSuccessor = true
            predecessor?.isReady = true
            lastShown[path] = file
            return file
        } catch {
            if error.reason == "not_found" {
                look.isInterrupted = true
                scanSoon()
                return nil
            }
            if look.isFirst { presentAtFirst.insert(identity) }
            look.obstacles.note(.init(path: path, source: source, problem: "\(error)", reason: error.reason))
            return nil
        }
    }

    /// Where to go on in a file that was read before the restart, and up to where its lines were counted.
    private func resume(_ record: PositionRecord, _ file: FileDescriptor, _ status: FileStatus, _ path: String)
        -> (offset: Int64, counted: Int64)
    {
        let problem: (reason: String, text: String)
        if status.size < record.reached {
            problem = ("truncated", "its size is \(status.size), \(record.reached) bytes of it were read")
        } else if !record.fingerprint.matches(file) {
            problem = ("replaced", "it does not begin as it did")
        } else {
            return (record.settled, record.counted)
        }
        let name = setup.configurations.first { $0.paths.contains { $0.matches(path) } }?.name ?? ""
        setup.metrics.counter(.fileErrors, name, problem.reason).add()
        setup.logger.warning("'\(path)' is read from its beginning: \(problem.text)")
        return (0, 0)
    }

    /// Has a file read from now on.
    ///
    /// Up to `counted` its lines were counted before; `restored` is the record of it that this replaces. A copy has the
    /// lines that were read of the `original` and are on their way.
    func follow(
        _ path: String, _ descriptor: FileDescriptor, _ status: FileStatus, source: Int, from offset: Int64,
        counted: Int64? = nil, labelledAs label: String, restored: FileIdentity? = nil,
        original: FilePosition? = nil
    ) -> TailedFile {
        let configuration = setup.configurations[source]
        let fingerprint = (try? Fingerprint(of: descriptor)) ?? .none
        let position = FilePosition(
            source: configuration.name, identity: status.identity, path: label, fingerprint: fingerprint,
            offset: offset, counted: counted, size: status.size)
        let reader = EntryReader(
            format: configuration.format, maximumLineBytes: configuration.maximumLineBytes,
            streams: EntryStreams(labels: configuration.labels, path: label, table: setup.streams), at: offset)
        let file = TailedFile(
            identity: status.identity, source: source, path: label, descriptor: descriptor, offset: offset,
            size: status.size, reader: reader, position: position, now: SystemTime.monotonic())
        if let inotify, configuration.pollInterval == nil, configuration.followsForever {
            do throws(SystemError) {
                let watch = try inotify.watch(descriptor.systemPath, for: .file)
                file.watch = watch
                fileWatches[watch] = file
            } catch {
                if !polls {
                    setup.logger.warning("the kernel cannot watch '\(path)' (\(error)); looking at it instead")
                }
                polls = true
            }
        }
        if let counted, counted > offset { file.countedBefore = counted }
        original?.pass(to: position)
        setup.ledger.add(position, restored: restored)
        files[status.identity] = file
        order.append(file)
        openFiles += 1
        return file
    }
}
