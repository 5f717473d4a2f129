public import Records

/// Which files to read, and how.
public struct TailConfiguration: Sendable {
    /// Where reading begins in files that were never seen.
    public enum Start: String, CaseIterable, Sendable {
        case beginning
        /// Only for files that are there at the first look; those that appear later are read from their beginning.
        case end
    }

    /// The name in self-metrics, for example `tail:0`.
    public var name: String
    public var paths: [Glob]
    /// Files that are left out; a pattern without a slash needs to match the last name only.
    public var exclude: [Glob]
    public var format: LineFormat
    public var labels: SourceLabels
    public var start: Start
    /// Looks for changes this often instead of being told by the kernel (for network file systems); nil: be told.
    public var pollInterval: Swift.Duration?
    public var maximumLineBytes: Int
    /// False: read what is there to its end, then stop (`--once`).
    public var followsForever: Bool
    /// Reads the times of entries from their lines; nil: an entry has the time at which it was read, or the runtime's.
    /// Called once, by the thread that reads.
    // `any`: asked once per batch.
    public var timing: (@Sendable () -> (any EntryTiming)?)?

    public init(
        name: String, paths: [String], exclude: [String] = [], format: LineFormat = .raw, labels: SourceLabels,
        start: Start = .beginning, pollInterval: Swift.Duration? = nil,
        maximumLineBytes: Int = LineFramer.defaultMaximumLineBytes, followsForever: Bool = true,
        timing: (@Sendable () -> (any EntryTiming)?)? = nil
    ) {
        self.timing = timing
        self.name = name
        self.paths = paths.map(Glob.init)
        self.exclude = exclude.map(Glob.init)
        self.format = format
        self.labels = labels
        self.start = start
        self.pollInterval = pollInterval
        self.maximumLineBytes = maximumLineBytes
        self.followsForever = followsForever
    }

    /// Endings of names that are taken for compressed files, which are never read as lines.
    public static let compressedSuffixes = [".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip"]

    func excludes(_ path: String) -> Bool {
        Self.compressedSuffixes.contains { path.hasSuffix($0) } || exclude.contains { $0.matches(path) }
    }
}

/// Why reading came to an end that was not asked for.
public enum TailError: Error, Hashable, Sendable, CustomStringConvertible {
    /// With `followsForever` off, a pattern stands for no file at all.
    case noFile(pattern: String)
    /// With `followsForever` off, a file could not be read to its end.
    case unreadable(path: String, reason: String)
    /// The system gave no means to wait.
    case system(SystemError)

    public var description: String {
        switch self {
        case .noFile(let pattern): "no file matches '\(pattern)'"
        case .unreadable(let path, let reason): "cannot read '\(path)': \(reason)"
        case .system(let error): "cannot wait for files: \(error)"
        }
    }
}
