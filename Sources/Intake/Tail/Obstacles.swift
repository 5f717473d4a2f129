import Logging
import Records
import Synchronization

/// Paths that ought to be read and cannot be, as the last look at the file system found them.
struct Obstacles {
    struct Obstacle {
        var path: String
        /// An index into the configurations.
        var source: Int
        var problem: String
        /// For self-metrics; nil when it is no error, such as a file that is not there yet.
        var reason: String?
        /// It can be read when another file is done with.
        var isWaiting = false
    }

    private(set) var all: [Obstacle] = []
    private var found: [Int: Set<String>] = [:]

    /// Files wait until fewer are open.
    var areWaiting: Bool { all.contains(where: \.isWaiting) }

    mutating func note(_ obstacle: Obstacle) {
        all.append(obstacle)
    }

    mutating func noteFound(_ pattern: Glob, of source: Int) {
        found[source, default: []].insert(pattern.pattern)
    }

    /// Whether the pattern stood for anything at the last look.
    func hasFound(_ pattern: Glob, of source: Int) -> Bool {
        found[source]?.contains(pattern.pattern) ?? false
    }

    /// Reports what was not so at the look before, and shows all of it on the status page.
    func publish(after before: Obstacles, in setup: TailSetup) {
        let known = Dictionary(before.all.map { ($0.path, $0.problem) }) { first, _ in first }
        for obstacle in all where known[obstacle.path] != obstacle.problem {
            let name = setup.configurations[obstacle.source].name
            guard let reason = obstacle.reason else {
                setup.logger.info("waiting for '\(obstacle.path)': \(obstacle.problem)")
                continue
            }
            setup.metrics.counter(.fileErrors, name, reason).add()
            setup.logger.warning("cannot read '\(obstacle.path)': \(obstacle.problem); trying again")
        }
        let rows = all.map {
            SourceStatus(
                source: setup.configurations[$0.source].name, place: $0.path, lines: 0, problem: $0.problem)
        }
        setup.obstacles.withLock { $0 = rows }
    }
}
