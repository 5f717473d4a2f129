/// One row of the status page about where lines come from: a file, a listener, standard input.
public struct SourceStatus: Sendable {
    /// The name in self-metrics, for example `tail:0`.
    public var source: String
    /// A path, an address such as `udp://127.0.0.1:5514`, or `stdin`.
    public var place: String
    /// Bytes of the file read so far; nil where there is no file.
    public var position: Int64?
    /// Bytes of the file not read yet; nil where there is no file.
    public var bytesBehind: Int64?
    public var lines: UInt64
    /// What is wrong just now, for example that the file cannot be opened; nil when all is well.
    public var problem: String?

    public init(
        source: String, place: String, position: Int64? = nil, bytesBehind: Int64? = nil, lines: UInt64,
        problem: String? = nil
    ) {
        self.source = source
        self.place = place
        self.position = position
        self.bytesBehind = bytesBehind
        self.lines = lines
        self.problem = problem
    }
}

/// One row of the status page about where lines go.
public struct DestinationStatus: Sendable {
    /// Scheme, host and port; never a secret.
    public var destination: String
    public var batches: UInt64
    public var lines: UInt64
    /// Bytes of request bodies that were acknowledged.
    public var bytes: UInt64
    public var retries: UInt64
    public var droppedLines: UInt64
    public var queueBytes: Int
    /// What is wrong just now; nil when the last push worked.
    public var problem: String?

    public init(
        destination: String, batches: UInt64, lines: UInt64, bytes: UInt64, retries: UInt64, droppedLines: UInt64,
        queueBytes: Int, problem: String? = nil
    ) {
        self.destination = destination
        self.batches = batches
        self.lines = lines
        self.bytes = bytes
        self.retries = retries
        self.droppedLines = droppedLines
        self.queueBytes = queueBytes
        self.problem = problem
    }
}
