/// What a pattern stands for in the file system at one moment.
struct GlobExpansion {
    /// Everything that matches and is there, whatever it is; sorted within a folder.
    var paths: [String] = []
    /// Folders in which something that matches could appear, with what the name would have to be.
    var folders: [String: [Glob.Component]] = [:]
    /// Folders that could not be listed.
    var failures: [(path: String, error: SystemError)] = []
    /// Names that are not UTF-8 and were left out.
    var unreadableNames = 0
    /// A limit was reached, and there is more.
    var isIncomplete = false

    /// How many paths, and how many folders, are looked at in one go.
    static let limit = 100_000
    /// How deep `**` goes.
    static let maximumDepth = 64

    /// Looks the pattern up.
    ///
    /// `**` does not follow symbolic links to folders, so that it comes to an end; names that are written out do.
    init(of glob: Glob) {
        for alternative in glob.alternatives where !alternative.components.isEmpty {
            expand(alternative.isAbsolute ? "/" : "", alternative.components[...], depth: 0)
        }
    }

    private mutating func expand(_ folder: String, _ components: ArraySlice<Glob.Component>, depth: Int) {
        guard let component = components.first else { return }
        guard paths.count < Self.limit, folders.count < Self.limit, depth < Self.maximumDepth else {
            isIncomplete = true
            return
        }
        folders[folder.isEmpty ? "." : folder, default: []].append(component)
        let rest = components.dropFirst()
        switch component {
        case .literal(let name):
            do throws(SystemError) {
                _ = try FileStatus(path: folder + name)
                descend(folder + name, rest, depth)
            } catch {
                if error.reason != "not_found" { failures.append((folder + name, error)) }
            }
        case .name(let pattern):
            for name in names(in: folder) where pattern.matches(name) { descend(folder + name, rest, depth) }
        case .anyDepth: expandAnyDepth(folder, components, depth)
        }
    }

    /// The name matches its component: it is a result, or a folder in which the search goes on.
    private mutating func descend(_ path: String, _ rest: ArraySlice<Glob.Component>, _ depth: Int) {
        if rest.isEmpty {
            paths.append(path)
        } else if let status = try? FileStatus(path: path), status.kind == .directory {
            expand(path + "/", rest, depth: depth + 1)
        }
    }

    private mutating func expandAnyDepth(_ folder: String, _ components: ArraySlice<Glob.Component>, _ depth: Int) {
        let rest = components.dropFirst()
        if !rest.isEmpty { expand(folder, rest, depth: depth) }
        for name in names(in: folder) {
            guard let status = try? FileStatus(path: folder + name, followingLinks: false) else { continue }
            if status.kind == .directory {
                expand(folder + name + "/", components, depth: depth + 1)
            } else if rest.isEmpty {
                paths.append(folder + name)
            }
        }
    }

    private mutating func names(in folder: String) -> [String] {
        let path = folder.isEmpty ? "." : folder
        do throws(SystemError) {
            let (names, unreadable) = try Directory.names(at: path)
            unreadableNames += unreadable
            return names
        } catch {
            // A folder that went away since it was found is no failure.
            if error.reason != "not_found" { failures.append((path, error)) }
            return []
        }
    }
}
