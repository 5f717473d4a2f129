/// Runs the service until it is told to stop, or with `once` until the input ends.
public func runService(_ options: RunOptions) async -> Outcome {
    StandardError.write("millrace: the service is not wired yet\n")
    return .bug
}

/// Runs the service on made traffic.
public func runDemo(_ options: DemoOptions) async -> Outcome {
    StandardError.write("millrace: the demo is not wired yet\n")
    return .bug
}

/// Reads configuration and rule files and says everything that is wrong with them; `ok` when nothing is.
public func checkFiles(_ paths: [String]) -> (report: String, ok: Bool) {
    ("millrace: check is not wired yet\n", false)
}
