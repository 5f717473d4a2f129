/// How one attempt to push ended.
enum PushOutcome: Equatable, Sendable {
    case answered(status: Int, retryAfter: Duration?)
    case timedOut
    /// The connection could not be made, or broke.
    case disconnected
}

/// Decides what follows an attempt. A value without clocks: chance is an argument.
struct RetryState {
    enum Action: Equatable {
        case delivered
        case wait(Duration, reason: String)
        case drop(reason: String)
    }

    let policy: RetryPolicy
    /// Attempts that failed so far.
    private(set) var failures = 0

    init(_ policy: RetryPolicy) {
        self.policy = policy
    }

    /// `random` is uniform in 0..<1 and spreads the pause over all of its length, so that many clients do not come back
    /// at once.
    mutating func next(after outcome: PushOutcome, random: Double) -> Action {
        switch outcome {
        // 260 is how Loki says that it blocks ingestion; the lines are gone.
        case .answered(let status, _) where (200..<300).contains(status) && status != 260: return .delivered
        case .answered(429, let retryAfter): return again("http_429", retryAfter, random)
        case .answered(let status, let retryAfter) where (500..<600).contains(status):
            return again("http_\(status)", retryAfter, random)
        case .answered(let status, _): return .drop(reason: "http_\(status)")
        case .timedOut: return again("timeout", nil, random)
        case .disconnected: return again("connection", nil, random)
        }
    }

    private mutating func again(_ reason: String, _ retryAfter: Duration?, _ random: Double) -> Action {
        if let limit = policy.limit, failures >= limit { return .drop(reason: "retries_exhausted") }
        let doublings = min(failures, 40)
        failures += 1
        if let retryAfter { return .wait(max(.zero, min(retryAfter, policy.maximum)), reason: reason) }
        let ceiling = min(policy.maximum.seconds, policy.minimum.seconds * Double(1 << doublings))
        return .wait(.seconds(ceiling * random), reason: reason)
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

/// Admits a message per key once in a while, and counts what it kept back. A value without clocks.
struct LogThrottle {
    typealias Instant = ContinuousClock.Instant
    private struct Past {
        var last: Instant
        var keptBack = 0
    }

    let interval: Duration
    private var past: [String: Past] = [:]

    init(interval: Duration = .seconds(60)) {
        self.interval = interval
    }

    /// How many messages of the key were kept back since the last one; nil when this one is kept back too. Keys are a
    /// closed set (statuses and reasons).
    mutating func admits(_ key: String, at now: Instant) -> Int? {
        if let known = past[key], now < known.last + interval {
            past[key]?.keptBack += 1
            return nil
        }
        let keptBack = past[key]?.keptBack ?? 0
        past[key] = Past(last: now)
        return keptBack
    }
}
