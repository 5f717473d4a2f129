import Foundation
import Records
import Testing

@testable import Delivery

@Suite struct SpoolTests {
    private static let hour: Int64 = 3_600_000_000_000

    private func open(_ folder: URL, bytes: Int = 1 << 20, age: Int64 = hour) throws -> Spool {
        try Spool(directory: folder.path + "/a/b", limitBytes: bytes, age: age)
    }

    private func body(_ number: Int, size: Int = 100) -> PushBody {
        PushBody(
            bytes: Array("body \(number) ".utf8) + [UInt8](repeating: UInt8(number & 0xFF), count: size),
            encoding: number % 2 == 0 ? .protobufSnappy : .jsonGzip, lines: 10)
    }

    /// All bodies that can be read, acknowledged one after the other.
    private func drain(_ spool: inout Spool, at now: Int64 = 0) throws -> [[UInt8]] {
        var bodies: [[UInt8]] = []
        while let record = try spool.next(at: now) {
            bodies.append(record.body)
            try spool.acknowledge(upTo: record.head.sequence)
        }
        return bodies
    }

    private func segments(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path + "/a/b").filter { $0.hasSuffix(".spool") }
            .sorted().map { folder.path + "/a/b/" + $0 }
    }

    @Test("records come back as they were written, oldest first, and stay until they are acknowledged")
    func order() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var spool = try open(folder)
        #expect(try spool.next(at: 0) == nil)
        #expect(try spool.append([body(0), body(1)], at: 5) == 1)
        #expect(try spool.append([body(2)], at: 6) == 3)
        let first = try #require(try spool.next(at: 7))
        #expect(first.body == body(0).bytes && first.pushBody.contentType == "application/x-protobuf")
        #expect(first.head.lines == 10 && first.head.time == 5)
        #expect(try spool.next(at: 7) == first)
        try spool.acknowledge(upTo: first.head.sequence)
        let second = try #require(try spool.next(at: 7))
        #expect(second.pushBody.contentType == "application/json" && second.pushBody.contentEncoding == "gzip")
        #expect(try drain(&spool) == [body(1).bytes, body(2).bytes])
        #expect(spool.isEmpty && spool.bytes == 0 && spool.losses.isEmpty)
        #expect(try segments(folder).isEmpty)
    }

    @Test(
        "a folder that is opened again gives what was not acknowledged, and goes on counting", arguments: [0, 1, 7, 40])
    func reopened(acknowledged: Int) throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var spool = try open(folder)
        for number in 0..<40 { _ = try spool.append([body(number, size: 5_000)], at: 0) }
        #expect(try segments(folder).count > 1)
        for _ in 0..<acknowledged {
            let record = try #require(try spool.next(at: 0))
            try spool.acknowledge(upTo: record.head.sequence)
        }
        var again = try open(folder)
        #expect(again.nextSequence == 41)
        #expect(again.segments.reduce(0) { $0 + $1.lines } == 10 * (40 - acknowledged))
        #expect(try again.append([body(40)], at: 0) == 41)
        #expect(
            try drain(&again) == (acknowledged..<40).map { body($0, size: 5_000).bytes } + [body(40).bytes])
        var third = try open(folder)
        #expect(third.nextSequence == 42)
        #expect(try third.next(at: 0) == nil)
    }

    @Test("what a crash left of the last record is cut off, wherever it stopped")
    func torn() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var spool = try open(folder)
        _ = try spool.append([body(0), body(1)], at: 0)
        let path = try #require(try segments(folder).first)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let end = SpoolRecord.magic.count + SpoolRecord.headBytes + body(0).bytes.count
        for count in 0..<whole.count {
            try whole.prefix(count).write(to: URL(fileURLWithPath: path))
            var again = try open(folder)
            let expected = count >= end ? [body(0).bytes] : []
            #expect(try drain(&again) == expected, "cut at \(count)")
            #expect(again.losses.isEmpty && again.damaged == 0)
            try FileManager.default.removeItem(atPath: folder.path + "/a/b/acknowledged")
        }
        // A last record whose bytes never reached the disk.
        try (whole.dropLast(50) + Data(count: 50)).write(to: URL(fileURLWithPath: path))
        var again = try open(folder)
        #expect(again.tornBytes > 0)
        #expect(try drain(&again) == [body(0).bytes])
    }

    @Test("a damaged record is skipped and counted, whichever of its bytes is wrong, and the others are sent")
    func damaged() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var spool = try open(folder)
        _ = try spool.append([body(0), body(1), body(2)], at: 0)
        let path = try #require(try segments(folder).first)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let size = SpoolRecord.headBytes + body(0).bytes.count
        for offset in SpoolRecord.magic.count + size..<SpoolRecord.magic.count + 2 * size {
            var bytes = whole
            bytes[offset] ^= 0x55
            try bytes.write(to: URL(fileURLWithPath: path))
            var again = try open(folder)
            #expect(try drain(&again) == [body(0).bytes, body(2).bytes], "damage at \(offset)")
            #expect(again.damaged == 1)
            // A head that cannot be believed does not say how many lines there were.
            let inHead = offset < SpoolRecord.magic.count + size + SpoolRecord.headBytes
            #expect(again.losses == (inHead ? [] : [Spool.Loss(reason: .damaged, lines: 10)]))
            try FileManager.default.removeItem(atPath: folder.path + "/a/b/acknowledged")
        }
    }

    @Test("files that are no segments do no harm")
    func garbage() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        _ = try open(folder)
        var random = SystemRandomNumberGenerator()
        for count in [0, 1, 7, 8, 9, 47, 48, 49, 1_000, 100_000] {
            for name in ["00000000000000000003", "00000000000000000009", "x"] {
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/a/b/\(name).spool"))
            }
            var spool = try open(folder)
            #expect(try drain(&spool).isEmpty)
            _ = try spool.append([body(1)], at: 0)
            #expect(try drain(&spool) == [body(1).bytes])
        }
    }

    @Test("over the bound the oldest segments go, counted, and the folder stays within it")
    func full() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var spool = try open(folder, bytes: 300_000)
        for number in 0..<100 {
            _ = try spool.append([body(number, size: 10_000)], at: 0)
            #expect(spool.bytes <= 300_000)
            let onDisk = try segments(folder).reduce(0) {
                try $0 + (FileManager.default.attributesOfItem(atPath: $1)[.size] as? Int ?? 0)
            }
            #expect(onDisk == spool.bytes)
        }
        let lost = spool.losses.reduce(0) { $0 + $1.lines }
        #expect(spool.losses.allSatisfy { $0.reason == .full })
        let rest = try drain(&spool)
        #expect(rest == (lost / 10..<100).map { body($0, size: 10_000).bytes })
        #expect(rest.count > 15 && lost + 10 * rest.count == 1_000)
        _ = try spool.append([body(1, size: 400_000), body(2)], at: 0)
        #expect(spool.losses.reduce(0) { $0 + $1.lines } == lost + 10)
        #expect(try drain(&spool) == [body(2).bytes])
    }

    @Test("a record in somebody's hands is not counted as lost with its segment, but when it is given back")
    func inHand() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var spool = try open(folder, bytes: 70_000)
        _ = try spool.append([body(0, size: 30_000), body(1, size: 30_000)], at: 0)
        let record = try #require(try spool.next(at: 0))
        _ = try spool.append([body(2, size: 30_000)], at: 0)
        #expect(spool.losses == [Spool.Loss(reason: .full, lines: 10)])
        var copy = spool
        copy.release()
        #expect(copy.losses.count == 2)
        try spool.acknowledge(upTo: record.head.sequence)
        spool.release()
        #expect(spool.losses.count == 1)
        #expect(try drain(&spool) == [body(2, size: 30_000).bytes])
    }

    @Test("records that are too old are dropped and counted, in the middle of a segment as well")
    func age() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var spool = try open(folder, age: 100)
        _ = try spool.append([body(0)], at: 0)
        _ = try spool.append([body(1)], at: 60)
        #expect(try spool.next(at: 120)?.body == body(1).bytes)
        #expect(spool.losses == [Spool.Loss(reason: .age, lines: 10)])
        #expect(try spool.next(at: 200) == nil)
        #expect(spool.isEmpty)
        _ = try spool.append([body(2)], at: 300)
        _ = try spool.append([body(3)], at: 500)
        #expect(try drain(&spool, at: 500) == [body(3).bytes])
    }

    @Test("an attempt to write that fails leaves nothing behind, and the next one works")
    func failure() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var spool = try open(folder)
        _ = try spool.append([body(0)], at: 0)
        for _ in 0..<20 { _ = try spool.append([body(1, size: 10_000)], at: 0) }
        let before = (spool.bytes, spool.nextSequence, try segments(folder))
        // The next segment cannot be made where a folder has its name.
        let many = (0..<20).map { body($0, size: 10_000) }
        let blocked = (spool.nextSequence..<spool.nextSequence + 20).map {
            folder.path + "/a/b/" + String(repeating: "0", count: 20 - "\($0)".count) + "\($0).spool"
        }
        for path in blocked {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        #expect(throws: SpoolFailure.self) { try spool.append(many, at: 0) }
        #expect(spool.bytes == before.0 && spool.nextSequence == before.1)
        for path in blocked { try FileManager.default.removeItem(atPath: path) }
        #expect(try segments(folder) == before.2)
        #expect(try spool.append(many, at: 0) == before.1)
        #expect(try drain(&spool).count == 41)
    }

    @Test(
        "Retry-After is a number of seconds or a date",
        arguments: [
            ("7", Duration.seconds(7)), ("0", .seconds(0)), ("-1", nil), ("x", nil), ("", nil), ("9999999999", nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(37)), ("Sun, 06 Nov 1994 08:48:37 GMT", .seconds(0)),
            ("Mon, 07 Nov 1994 08:49:00 GMT", .seconds(86_400)),
            ("Thu, 29 Feb 1996 08:49:00 GMT", .seconds(41_472_000)),
            ("Sun, 06 Nov 1994 08:49:37", nil), ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 08:49 GMT", nil), ("Sun, +6 Nov 1994 08:49:37 GMT", nil),
        ] as [(String, Duration?)])
    func retryAfter(text: String, delay: Duration?) {
        #expect(PushAnswer.delay(text, now: 784_111_740) == delay)
    }
}
