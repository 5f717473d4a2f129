import Glibc

/// Random numbers that are the same for the same seed on every machine (SplitMix64).
struct DemoRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    mutating func share() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// One of several, each as often as its weight says.
    mutating func pick<Item>(_ items: [(item: Item, weight: Int)]) -> Item {
        var rest = below(items.reduce(0) { $0 + $1.weight })
        for (item, weight) in items {
            if rest < weight { return item }
            rest -= weight
        }
        preconditionFailure("the weights sum up to more than the number drawn below their sum")
    }

    /// Log-normal: half of the numbers lie below `median`; `spread` is the standard deviation of the logarithm.
    mutating func logNormal(median: Double, spread: Double) -> Double {
        let normal = sqrt(-2 * log(1 - share())) * cos(2 * .pi * share())
        return median * exp(spread * normal)
    }

    mutating func hexadecimal(digits count: Int) -> String {
        var text = ""
        while text.utf8.count < count {
            let digits = String(next(), radix: 16)
            text += String(repeating: "0", count: 16 - digits.count) + digits
        }
        return String(text.prefix(count))
    }
}

/// How much traffic there is: a day of two minutes, with an outage now and then.
struct DemoDay: Sendable {
    /// What `mean` lines per second are at a time after the start, in seconds.
    static func rate(mean: Double, at seconds: Double) -> Double {
        mean * max(0.1, 1 + 0.45 * sin(2 * .pi * seconds / 120) + 0.12 * sin(2 * .pi * seconds / 11))
    }

    /// Five of forty seconds; the first after twelve, so that nobody waits long for it.
    static func isOutage(at seconds: Double) -> Bool {
        (12..<17).contains(Int(seconds) % 40)
    }
}

/// Turns a rate into whole lines per tick, so that the fractions are not lost.
struct DemoPace: Sendable {
    private var owed = 0.0

    /// How many lines are due after `seconds` more at this rate; at most a second's worth, whatever was missed.
    mutating func due(rate: Double, seconds: Double) -> Int {
        owed += rate * min(1, seconds)
        let whole = Int(owed)
        owed -= Double(whole)
        return whole
    }
}
