public import Records

/// How the program ends, as the shell sees it.
public enum Outcome: Int32, Sendable {
    /// Everything asked for is done.
    case done = 0
    /// The input or a rule is wrong; standard error says what.
    case wrongInput = 1
    /// The command line is wrong.
    case usage = 2
    /// The program is wrong.
    case bug = 70
}

/// How lines stand in the files that are tailed.
public enum LineFormat: String, CaseIterable, Sendable {
    /// The line is the entry.
    case raw
    /// The container log format of Kubernetes: time, stream, tag, then the line.
    case cri
    /// The JSON log format of Docker.
    case docker
}

/// The form in which `--once` prints the series.
public enum OutputForm: String, CaseIterable, Sendable {
    /// The text exposition format, as `/metrics` would answer.
    case text
    /// One JSON document.
    case json
}

/// What goes to standard error: the form and how much of it.
public struct LogOptions: Sendable {
    public var form: LogForm
    public var level: LogLevel

    public init(form: LogForm = .text, level: LogLevel = .info) {
        self.form = form
        self.level = level
    }
}

/// What `millrace run` was asked for, checked for what can be checked without reading a file.
///
/// Either `configuration` names a file, and then the lists below are empty, or they say everything themselves.
/// `listen`, `state`, `workers`, `once`, `output`, `logForm` and `logLevel` go over what the file says.
public struct RunOptions: Sendable {
    /// Path of the configuration file.
    public var configuration: String?
    /// Paths and globs of files to tail.
    public var tail: [String] = []
    /// Read standard input.
    public var stdin = false
    /// Addresses to listen at for syslog, for example `udp://127.0.0.1:5514`.
    public var syslog: [String] = []
    /// Labels of every stream.
    public var labels: [Label] = []
    public var format: LineFormat = .raw
    /// Paths of rule files and rule folders.
    public var rules: [String] = []
    /// Where to serve metrics and the status page, for example `127.0.0.1:9464`; nil: as the file says, or there; with `once` nowhere.
    public var listen: ListenAddress?
    /// Push URLs.
    public var loki: [String] = []
    /// The tenant of every push URL.
    public var tenant: String?
    /// The folder of the checkpoint; nil: as the file says, or memory only.
    public var state: String?
    /// Read to the end, print the series, stop.
    public var once = false
    public var output: OutputForm = .text
    /// The form and level of the log; nil: as the file says, or text and info.
    public var logForm: LogForm?
    public var logLevel: LogLevel?
    /// Threads that run rules; nil: one less than there are cores, at least one.
    public var workers: Int?

    public init() {}
}

/// What `millrace demo` was asked for.
public struct DemoOptions: Sendable {
    /// Where to serve metrics, the status page and the embedded receiver.
    public var listen: ListenAddress
    /// Stop after this long; nil: when told to.
    public var duration: Duration?
    public var logs: LogOptions

    public init(listen: ListenAddress, duration: Duration? = nil, logs: LogOptions = LogOptions()) {
        self.listen = listen
        self.duration = duration
        self.logs = logs
    }
}

/// Labels as the command line gives them, `name=value,name=value`; nil where a part has no `=` or no valid name.
public func labels(fromCommandLine text: String) -> [Label]? {
    var labels: [Label] = []
    for part in text.split(separator: ",") {
        guard let equals = part.firstIndex(of: "=") else { return nil }
        let name = part[..<equals]
        guard let first = name.utf8.first, isNameByte(first, first: true),
            name.utf8.allSatisfy({ isNameByte($0, first: false) })
        else { return nil }
        labels.append(Label(String(name), String(part[part.index(after: equals)...])))
    }
    return labels
}

private func isNameByte(_ byte: UInt8, first: Bool) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
    default: false
    }
}
