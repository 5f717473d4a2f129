import Foundation
import NIOCore
import NIOPosix
import Records
import Synchronization
import Testing

@testable import Delivery

/// Outlets with a disk behind their queue, against servers that fail in every way.
@Suite(.serialized) struct SpoolOutletTests {
    /// How a server answers; may be changed while it serves.
    private final class Mood: Sendable {
        let reply = Mutex<PushServer.Reply>(.status(204))
        private let accepted = Mutex<[PushServer.Request]>([])
        func set(_ new: PushServer.Reply) { reply.withLock { $0 = new } }

        func answer(_ request: PushServer.Request) -> PushServer.Reply {
            let reply = reply.withLock { $0 }
            if case .status(204, _, _) = reply { accepted.withLock { $0.append(request) } }
            return reply
        }

        /// What was taken of a stream, in order.
        func entries(_ job: String) -> [PushedEntry] { accepted.withLock { $0 }.flatMap { $0.entries(job) } }
    }

    private func streams(_ count: Int) -> [Records.Stream] {
        let table = StreamTable()
        return (0..<count).map { table.stream(for: LabelSet([Label("job", "j\($0)")]))! }
    }

    private func expected(_ numbers: some Sequence<Int>, lines: Int = 10, padding: Int = 0) -> [String] {
        numbers.flatMap { number in
            (0..<lines).map { "\(number) \($0) " + String(repeating: "x", count: padding) }
        }
    }

    private func withFolder(_ body: (SpoolPlace) async throws -> Void) async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(SpoolPlace(directory: folder.path + "/spool"))
    }

    @Test(
        "while a destination fails everything goes to the disk, and afterwards arrives exactly once and in order",
        arguments: ["500", "429", "close", "half", "never"])
    func outage(kind: String) async throws {
        let mood = Mood()
        switch kind {
        case "500": mood.set(.status(500, text: "no"))
        case "429": mood.set(.status(429, text: "slow down"))
        case "close": mood.set(.close)
        case "half": mood.set(.half(500))
        default: mood.set(.never)
        }
        let server = try await PushServer { request, _ in mood.answer(request) }
        try await withFolder { place in
            try await Fixture.run(
                "http://127.0.0.1:\(server.port)", spool: place,
                change: {
                    $0.queueBytes = 50_000
                    $0.batchBytes = 10_000
                    $0.retry = RetryPolicy(minimum: .milliseconds(5), maximum: .milliseconds(50))
                    $0.timeout = .milliseconds(200)
                    $0.spillPatience = .milliseconds(20)
                    $0.patience = .seconds(60)
                }
            ) { fixture in
                let streams = streams(3)
                // Thirty times what the queue holds.
                await onThread {
                    for number in 0..<300 {
                        fixture.offer(numbered: number, of: streams[number % 3], padding: 500)
                    }
                }
                #expect(await eventually { fixture.receipts.settled.count == 300 })
                #expect(fixture.receipts.settled == Array(0..<300))
                #expect(fixture.total(.linesSent) == 0)
                #expect(fixture.gauge(.spoolBytes) > 0 && fixture.gauge(.spoolSegments) > 0)
                #expect(fixture.gauge(.spoolOldest) > 1e9)
                mood.set(.status(204))
                #expect(await eventually { fixture.total(.linesSent) == 3_000 })
                // What is new goes behind it, and then past the disk again.
                fixture.offer(numbered: 300, of: streams[0], padding: 500)
                #expect(await eventually { fixture.total(.linesSent) == 3_010 })
                for index in 0..<3 {
                    let entries = mood.entries("j\(index)")
                    let numbers = (0...300).filter { $0 % 3 == index }
                    let wanted = expected(numbers, padding: 500)
                    let lines = entries.map(\.line)
                    let isEqual = lines == wanted
                    #expect(isEqual, "\(lines.count) of \(wanted.count)")
                    #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.time < $1.time })
                }
                #expect(fixture.total(.pushLinesDropped) == 0)
                #expect(fixture.gauge(.spoolBytes) == 0 && fixture.gauge(.spoolOldest) == 0)
                #expect(fixture.outlet.status().problem == nil)
            }
        }
        await server.stop()
    }

    @Test("a slow destination does not hold up the worker, and gets everything in order")
    func slow() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let server = try await PushServer { _, before in before == 0 ? .later(204, gate.futureResult) : .status(204) }
        try await withFolder { place in
            try await Fixture.run(
                "http://127.0.0.1:\(server.port)", spool: place,
                change: {
                    $0.queueBytes = 30_000
                    $0.batchBytes = 10_000
                    $0.patience = .seconds(60)
                    $0.timeout = .seconds(120)
                }
            ) { fixture in
                let stream = streams(1)[0]
                await onThread { for number in 0..<150 { fixture.offer(numbered: number, of: stream, padding: 500) } }
                // All of it is safe although nothing was answered.
                #expect(await eventually { fixture.receipts.settled == Array(0..<150) })
                #expect(server.requests.count == 1 && fixture.total(.spoolLines) == 1_500)
                gate.succeed()
                #expect(await eventually { fixture.total(.linesSent) == 1_500 })
                let lines = server.requests.flatMap { $0.entries("j0") }.map(\.line)
                #expect(lines.count == 1_500)
                #expect(lines == expected(0..<150, padding: 500))
                #expect(fixture.total(.pushLinesDropped) == 0 && fixture.gauge(.spoolBytes) == 0)
            }
        }
        await server.stop()
    }

    @Test("a healthy destination costs no write")
    func healthy() async throws {
        let server = try await PushServer { _, _ in .status(204) }
        try await withFolder { place in
            try await Fixture.run(
                "http://127.0.0.1:\(server.port)", spool: place,
                change: {
                    $0.queueBytes = 50_000
                    $0.batchBytes = 10_000
                    $0.spillPatience = .seconds(60)
                }
            ) { fixture in
                let stream = streams(1)[0]
                await onThread { for number in 0..<150 { fixture.offer(numbered: number, of: stream, padding: 500) } }
                #expect(await eventually { fixture.total(.linesSent) == 1_500 })
                #expect(fixture.total(.spoolLines) == 0)
                let names = try FileManager.default.contentsOfDirectory(atPath: place.directory)
                #expect(names == ["acknowledged"])
                let bytes = FileManager.default.contents(atPath: place.directory + "/acknowledged")
                #expect(bytes?.isEmpty == true)
            }
        }
        await server.stop()
    }

    @Test("what was on the disk when the process ended arrives with the same times, before what is new")
    func reopened() async throws {
        let mood = Mood()
        mood.set(.status(503))
        let server = try await PushServer { request, _ in mood.answer(request) }
        let stream = streams(1)[0]
        try await withFolder { place in
            let copy = SpoolPlace(directory: place.directory + "-copy")
            try await Fixture.run("http://127.0.0.1:\(server.port)", spool: place) { fixture in
                for number in 0..<50 { fixture.offer(numbered: number, of: stream) }
                #expect(await eventually { fixture.receipts.settled == Array(0..<50) })
                // The folder as a killed process leaves it.
                try FileManager.default.copyItem(atPath: place.directory, toPath: copy.directory)
            }
            mood.set(.status(204))
            try await Fixture.run("http://127.0.0.1:\(server.port)", spool: copy) { fixture in
                for number in 50..<60 { fixture.offer(numbered: number, of: stream) }
                #expect(await eventually { fixture.total(.linesSent) == 600 })
                let entries = mood.entries("j0")
                #expect(entries.map(\.line) == expected(0..<60))
                let times = (0..<60).flatMap { number in (0..<10).map { Int64(number) * 1_000_000 + Int64($0) } }
                #expect(entries.map(\.time.nanoseconds) == times)
                #expect(fixture.receipts.settled == Array(50..<60))
            }
            try await Fixture.run("http://127.0.0.1:\(server.port)", spool: copy) { fixture in
                fixture.offer(numbered: 60, of: stream)
                #expect(await eventually { fixture.total(.linesSent) == 10 })
            }
            #expect(mood.entries("j0").map(\.line) == expected(0..<61))
        }
        await server.stop()
    }

    @Test("a shutdown leaves to the disk what it cannot deliver, at once, and the next start delivers it")
    func shutdown() async throws {
        let mood = Mood()
        mood.set(.status(503))
        let server = try await PushServer { request, _ in mood.answer(request) }
        let stream = streams(1)[0]
        try await withFolder { place in
            try await Fixture.run(
                "http://127.0.0.1:\(server.port)", spool: place, change: { $0.retry.minimum = .seconds(60) }
            ) { fixture in
                for number in 0..<20 { fixture.offer(numbered: number, of: stream) }
                #expect(await eventually { server.requests.count == 1 })
                for number in 20..<40 { fixture.offer(numbered: number, of: stream) }
                let begin = ContinuousClock.now
                await fixture.outlet.finish(deadline: begin + .seconds(60))
                #expect(ContinuousClock.now - begin < .seconds(5))
                #expect(fixture.receipts.settled == Array(0..<40))
                #expect(fixture.total(.pushLinesDropped) == 0)
            }
            mood.set(.status(204))
            try await Fixture.run("http://127.0.0.1:\(server.port)", spool: place) { fixture in
                #expect(await eventually { fixture.total(.linesSent) == 400 })
            }
            #expect(mood.entries("j0").map(\.line) == expected(0..<40))
        }
        await server.stop()
    }

    @Test("a refused record is dropped and counted, and the next one is sent")
    func refused() async throws {
        let mood = Mood()
        mood.set(.status(503))
        let server = try await PushServer { request, _ in mood.answer(request) }
        let stream = streams(1)[0]
        try await withFolder { place in
            try await Fixture.run("http://127.0.0.1:\(server.port)", spool: place, change: { $0.batchBytes = 1 }) {
                fixture in
                for number in 0..<5 { fixture.offer(numbered: number, of: stream) }
                #expect(await eventually { fixture.receipts.settled.count == 5 })
                mood.set(.status(400, text: "entry too far behind"))
                #expect(await eventually { fixture.total(.pushLinesDropped, reason: "http_400") == 50 })
                mood.set(.status(204))
                fixture.offer(numbered: 5, of: stream)
                #expect(await eventually { fixture.total(.linesSent) == 10 })
                #expect(fixture.log.all.count { $0.contains("too far behind") && $0.contains("are dropped") } == 1)
                #expect(fixture.gauge(.spoolBytes) == 0)
            }
        }
        await server.stop()
    }

    @Test("over the bound the oldest lines are dropped, counted and reported once, and the rest arrives")
    func full() async throws {
        let mood = Mood()
        mood.set(.status(503))
        let server = try await PushServer { request, _ in mood.answer(request) }
        let stream = streams(1)[0]
        try await withFolder { place in
            var place = place
            place.bytes = 400_000
            try await Fixture.run(
                "http://127.0.0.1:\(server.port)", spool: place,
                change: {
                    $0.batchBytes = 10_000
                    $0.encoding = .protobufSnappy
                }
            ) { fixture in
                // What snappy cannot make smaller.
                let noise = (0..<60_000).map { _ in UInt8.random(in: 0x20..<0x7F) }
                await onThread {
                    for number in 0..<400 {
                        let start = number * 7_919 % 56_000
                        let line = Array("\(number) ".utf8) + noise[start..<start + 4_000]
                        fixture.outlet.offer(
                            batch(
                                [Entry(stream: stream, nanoseconds: Int64(number), line: line)],
                                receipt: fixture.receipts.make(number)))
                    }
                }
                #expect(await eventually { fixture.receipts.settled == Array(0..<400) })
                let lost = fixture.total(.pushLinesDropped, reason: "spool_full")
                #expect(lost > 250 && lost < 390)
                #expect(fixture.gauge(.spoolBytes) <= 400_000)
                #expect(fixture.log.all.count { $0.contains("spool_full") } == 1)
                mood.set(.status(204))
                #expect(await eventually { fixture.total(.linesSent) == 400 - lost })
                #expect(fixture.total(.pushLinesDropped) == lost)
                let numbers = mood.entries("j0").compactMap { Int($0.line.prefix { $0 != " " }) }
                #expect(numbers == numbers.sorted() && Set(numbers).count == 400 - lost && numbers.last == 399)
            }
        }
        await server.stop()
    }

    @Test("lines that waited for too long are dropped and counted")
    func age() async throws {
        let server = try await PushServer { _, _ in .status(503) }
        let stream = streams(1)[0]
        try await withFolder { place in
            var place = place
            place.age = .seconds(1)
            try await Fixture.run(
                "http://127.0.0.1:\(server.port)", spool: place,
                change: { $0.retry = RetryPolicy(minimum: .milliseconds(5), maximum: .milliseconds(50)) }
            ) { fixture in
                for number in 0..<5 { fixture.offer(numbered: number, of: stream) }
                #expect(await eventually { fixture.receipts.settled.count == 5 })
                #expect(await eventually { fixture.total(.pushLinesDropped, reason: "spool_age") == 50 })
                #expect(await eventually { fixture.gauge(.spoolBytes) == 0 })
                #expect(fixture.total(.pushLinesDropped) == 50)
            }
        }
        await server.stop()
    }

    @Test("a disk that cannot be written is reported once; lines wait in memory, the rest is dropped without a wait")
    func broken() async throws {
        let mood = Mood()
        mood.set(.status(503))
        let server = try await PushServer { request, _ in mood.answer(request) }
        let stream = streams(1)[0]
        try await withFolder { place in
            try await Fixture.run(
                "http://127.0.0.1:\(server.port)", spool: place,
                change: {
                    $0.queueBytes = 50_000
                    $0.retry = RetryPolicy(minimum: .milliseconds(5), maximum: .milliseconds(50))
                }
            ) { fixture in
                // A file where the folder should be.
                try FileManager.default.removeItem(atPath: place.directory)
                try Data().write(to: URL(fileURLWithPath: place.directory))
                fixture.offer(numbered: 0, of: stream)
                #expect(await eventually { fixture.total(.spoolFailures) > 0 })
                let begin = ContinuousClock.now
                await onThread { for number in 1..<200 { fixture.offer(numbered: number, of: stream, padding: 500) } }
                // Each batch alone would wait for two seconds.
                #expect(ContinuousClock.now - begin < .seconds(15))
                let lost = fixture.total(.pushLinesDropped)
                #expect(lost > 1_500 && lost == fixture.total(.pushLinesDropped, reason: "spool_failed"))
                #expect(fixture.receipts.settled.isEmpty)
                #expect(fixture.log.all.count { $0.contains("spool cannot be used") } == 1)
                // The destination comes back before the disk: what is in memory is delivered.
                mood.set(.status(204))
                #expect(await eventually { fixture.total(.linesSent) == 2_000 - lost })
                #expect(await eventually { fixture.receipts.settled == Array(0..<200) })
                // The disk comes back.
                mood.set(.status(503))
                try FileManager.default.removeItem(atPath: place.directory)
                for number in 200..<210 { fixture.offer(numbered: number, of: stream, padding: 500) }
                #expect(await eventually { fixture.receipts.settled == Array(0..<210) })
                #expect(fixture.total(.pushLinesDropped) == lost)
                mood.set(.status(204))
                #expect(await eventually { fixture.total(.linesSent) == 2_100 - lost })
            }
        }
        await server.stop()
    }

    @Test("Retry-After as a date is waited for")
    func retryAfterDate() async throws {
        let server = try await PushServer { _, before in
            guard before == 0 else { return .status(204) }
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(identifier: "GMT")
            formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
            let date = formatter.string(from: Date(timeIntervalSinceNow: 3))
            return .status(429, headers: ["Retry-After": date])
        }
        try await Fixture.run("http://127.0.0.1:\(server.port)") { fixture in
            fixture.offer(0)
            #expect(await eventually { fixture.receipts.settled == [0] })
        }
        try #require(server.requests.count == 2)
        #expect(server.requests[1].at - server.requests[0].at >= .milliseconds(900))
        await server.stop()
    }

    @Test("two destinations never share a folder, unless they are the same; its name has no secret")
    func folders() throws {
        func name(_ url: String, _ tenant: String? = nil) throws -> String {
            var destination = try LokiDestination(url: url)
            destination.tenant = tenant
            return destination.folderName
        }
        let names = [
            try name("http://h:3100"), try name("https://h:3100"), try name("http://h:3100/x"),
            try name("http://h:3100", "a"), try name("http://h:3100", "b"),
        ]
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.hasPrefix("h_3100-") && $0.utf8.count == 15 })
        #expect(try name("http://u:p@h:3100?token=t") == names[0])
    }
}
