import Foundation

/// One input and what is found out about it.
public struct Trial {
    public let bytes: [UInt8]
    /// Random numbers that depend on the input alone: for choices that a replay must repeat.
    public var random: SeededRandom
    public private(set) var complaints: [String] = []
    fileprivate var features: [UInt64] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        random = SeededRandom(seed: stableHash(bytes))
    }

    /// Byte 0x1E separates what an input consists of: a query and lines, or several lines.
    public var parts: [[UInt8]] {
        bytes.split(separator: 0x1E, omittingEmptySubsequences: false).map(Array.init)
    }

    /// A promise was not kept.
    public mutating func complain(_ complaint: String) { complaints.append(complaint) }

    public mutating func expect(_ holds: Bool, _ complaint: @autoclosure () -> String) {
        if !holds { complain(complaint()) }
    }

    /// What the input brought about; inputs that bring about something new have children too.
    public mutating func met(_ feature: String) { features.append(stableHash(feature.utf8)) }
}

/// What a seeded fuzz test mutates, and where it keeps what broke.
///
/// `MILLRACE_FUZZ_SECONDS` sets how long each target runs, `MILLRACE_FUZZ_SEED` which inputs it makes: those of a seed
/// are always the same, in the same order.
public struct FuzzTarget: Sendable {
    public let area: String
    public let name: String
    public var seeds: [[UInt8]]
    /// Words of the grammar.
    public var dictionary: [[UInt8]]
    /// Brackets of the grammar.
    public var nests: [(open: [UInt8], close: [UInt8])]
    /// Levels that one mutation nests at most.
    public var deepest = 20_000
    public var maximumBytes = 8_192
    /// One input may take this long: far more than it needs in a debug build under a sanitizer.
    public var slowest = Duration.seconds(10)

    public init(
        area: String, name: String, seeds: [[UInt8]], dictionary: [String] = [],
        nests: [(open: String, close: String)] = []
    ) {
        self.area = area
        self.name = name
        self.seeds = seeds.isEmpty ? [[]] : seeds
        self.dictionary = dictionary.map { Array($0.utf8) }
        self.nests = nests.map { (Array($0.open.utf8), Array($0.close.utf8)) }
    }

    private func setting(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// Checks every input that once broke something; the result is what is still wrong.
    public func replay(_ check: (inout Trial) -> Void) -> [String] {
        SavedInputs(area: area).all().flatMap { name, bytes in
            complaints(bytes, check).complaints.map { "fixtures/fuzz/\(area)/\(name): \($0)" }
        }
    }

    /// Checks seeds and mutated inputs until the time is over; the result is what is wrong, at most five things. The
    /// inputs are saved, as small as they could be made.
    public func run(_ check: (inout Trial) -> Void) -> [String] {
        let seed = setting("MILLRACE_FUZZ_SEED") ?? 1
        let seconds = setting("MILLRACE_FUZZ_SECONDS") ?? 2
        var mutator = Mutator(
            random: SeededRandom(seed: seed &+ stableHash(name.utf8)), dictionary: dictionary, nests: nests,
            deepest: deepest, maximumBytes: maximumBytes)
        let saved = SavedInputs(area: area)
        let pending = saved.pending(name)
        var pool = seeds
        var known: Set<UInt64> = []
        var found: [String] = []
        var count = 0
        let end = ContinuousClock.now + .seconds(Int64(clamping: seconds))
        while ContinuousClock.now < end, found.count < 5 {
            // Seeds in between: a short run does not get through all of them.
            let isSeed = count % 4 == 0 && count / 4 < seeds.count
            let bytes = isSeed ? seeds[count / 4] : mutator.child(of: pool)
            count += 1
            pending.hold(bytes)
            let trial = complaints(bytes, check)
            if let complaint = trial.complaints.first {
                let small = smaller(bytes, like: complaint, pending, check)
                found.append("\(saved.save(small)): \(complaint)")
            }
            if trial.features.contains(where: { !known.contains($0) }), bytes.count <= 2_048, pool.count < 20_000 {
                known.formUnion(trial.features)
                pool.append(bytes)
            }
        }
        print(
            "fuzz \(area)/\(name): seed \(seed), \(count) inputs in \(seconds) s, \(pool.count) of them with children")
        return found
    }

    private func complaints(_ bytes: [UInt8], _ check: (inout Trial) -> Void) -> Trial {
        var trial = Trial(bytes)
        let start = ContinuousClock.now
        check(&trial)
        let took = ContinuousClock.now - start
        trial.expect(took <= slowest, "took \(took)")
        return trial
    }

    /// Leaves out parts of an input as long as it is complained about in a like way.
    private func smaller(
        _ bytes: [UInt8], like complaint: String, _ pending: borrowing PendingInput, _ check: (inout Trial) -> Void
    ) -> [UInt8] {
        let end = ContinuousClock.now + .seconds(5)
        var best = bytes
        var length = max(1, best.count / 2)
        while true {
            var start = 0
            while start < best.count {
                guard ContinuousClock.now < end else { return best }
                var shorter = best
                shorter.removeSubrange(start..<min(best.count, start + length))
                pending.hold(shorter)
                let found = complaints(shorter, check).complaints.first
                if found?.prefix(12) == complaint.prefix(12) { best = shorter } else { start += length }
            }
            if length == 1 { return best }
            length /= 2
        }
    }
}
