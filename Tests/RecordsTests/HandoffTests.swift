import Records
import Synchronization
import Testing

@Suite struct HandoffTests {
    private final class Token: Sendable {}

    @Test("elements come out in their order, and what was received is not kept")
    func order() {
        let handoff = Handoff<Token>(limitBytes: 100)
        weak var first: Token?
        do {
            let token = Token()
            first = token
            #expect(handoff.send(token, bytes: 10))
        }
        #expect(handoff.send(Token(), bytes: 10))
        #expect(first != nil)
        #expect(handoff.receive() === first)
        #expect(first == nil)
        #expect(handoff.waitingBytes == 10)
    }

    @Test("an offer is refused when the bytes do not fit, and one element always fits")
    func bound() {
        let handoff = Handoff<Int>(limitBytes: 100)
        #expect(handoff.offer(1, bytes: 1_000))
        #expect(!handoff.offer(2, bytes: 1))
        #expect(handoff.sendControl(3))
        #expect(handoff.receive() == 1)
        #expect(handoff.receive() == 3)
        #expect(handoff.offer(4, bytes: 1))
    }

    @Test("whoever waits for space is called when half is free, and everybody at the close")
    func space() {
        let handoff = Handoff<Int>(limitBytes: 100)
        let calls = Atomic<Int>(0)
        #expect(handoff.send(1, bytes: 60))
        #expect(handoff.send(2, bytes: 40))
        handoff.whenSpace { calls.add(1, ordering: .relaxed) }
        #expect(calls.load(ordering: .relaxed) == 0)
        _ = handoff.receive()
        #expect(calls.load(ordering: .relaxed) == 1)
        #expect(handoff.send(3, bytes: 60))
        handoff.whenSpace { calls.add(1, ordering: .relaxed) }
        handoff.close()
        #expect(calls.load(ordering: .relaxed) == 2)
        #expect(!handoff.send(4, bytes: 1))
        #expect(handoff.receive() == 2)
        #expect(handoff.receive() == 3)
        #expect(handoff.receive() == nil)
    }

    @Test("a receipt is delivered once everybody has answered, and counted at once")
    func receipt() {
        let counted = Atomic<Int>(0)
        let delivered = Atomic<Int>(0)
        let receipt = Receipt(
            onCounted: { counted.add(1, ordering: .relaxed) }, onDelivered: { delivered.add(1, ordering: .relaxed) })
        receipt.settleCounted(destinations: 2)
        #expect(counted.load(ordering: .relaxed) == 1)
        receipt.settleDelivery()
        #expect(delivered.load(ordering: .relaxed) == 0)
        receipt.settleDelivery()
        #expect(delivered.load(ordering: .relaxed) == 1)
    }

    @Test("the stream table is bounded, and the overflow stream is always there")
    func streams() {
        let table = StreamTable(limit: 2)
        let a = table.stream(for: LabelSet([Label("a", "1")]))
        #expect(a != nil)
        #expect(table.stream(for: LabelSet([Label("a", "1")])) === a)
        #expect(table.stream(for: LabelSet([Label("a", "2")])) != nil)
        #expect(table.stream(for: LabelSet([Label("a", "3")])) == nil)
        let overflow = table.overflow(for: LabelSet([Label("a", "__overflow__")]))
        #expect(table.overflow(for: LabelSet([Label("a", "__overflow__")])) === overflow)
        #expect(overflow.id == 2)
    }

    @Test("our own metrics are bounded: label values beyond the limit share one series")
    func selfMetrics() throws {
        let metrics = SelfMetrics(seriesLimit: 2)
        for index in 0..<5 { metrics.counter(.linesRead, "tail:\(index)").add(index) }
        let family = try #require(metrics.families().first { $0.name == "millrace_lines_read_total" })
        #expect(
            family.series.map { $0.identity.labels["source"] }.sorted { $0! < $1! } == [
                "__overflow__", "tail:0", "tail:1",
            ])
        #expect(metrics.counter(.linesRead, "tail:4").current == 9)
    }
}
