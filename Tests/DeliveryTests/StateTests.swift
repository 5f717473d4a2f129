import Records
import Testing

@testable import Delivery

@Suite struct StateTests {
    static let start = ContinuousClock.now

    private func cut(_ sizes: [Int], age: Duration = .zero, closing: Bool = false) -> BatchCutter.Decision {
        BatchCutter(bytes: 100, wait: .seconds(1)).decide(
            waiting: sizes.map { (bytes: $0, since: Self.start) }, at: Self.start + age, isClosing: closing)
    }

    @Test("a request is cut at its size, at its age, or when closing")
    func cutting() {
        #expect(cut([]) == .idle)
        #expect(cut([], closing: true) == .idle)
        #expect(cut([40, 40]) == .wait(until: Self.start + .seconds(1)))
        #expect(cut([40, 40, 40, 40]) == .cut(batches: 2))
        #expect(cut([40, 60, 1]) == .cut(batches: 2))
        #expect(cut([500]) == .cut(batches: 1))
        #expect(cut([1, 500]) == .cut(batches: 1))
        #expect(cut([40], age: .seconds(1)) == .cut(batches: 1))
        #expect(cut([40], closing: true) == .cut(batches: 1))
    }

    @Test(
        "an answer decides what follows",
        arguments: [
            (PushOutcome.answered(status: 204, retryAfter: nil), RetryState.Action.delivered),
            (.answered(status: 200, retryAfter: nil), .delivered),
            (.answered(status: 260, retryAfter: nil), .drop(reason: "http_260")),
            (.answered(status: 400, retryAfter: .seconds(1)), .drop(reason: "http_400")),
            (.answered(status: 401, retryAfter: nil), .drop(reason: "http_401")),
            (.answered(status: 302, retryAfter: nil), .drop(reason: "http_302")),
            (.answered(status: 422, retryAfter: nil), .drop(reason: "http_422")),
            (.answered(status: 429, retryAfter: nil), .wait(.milliseconds(250), reason: "http_429")),
            (.answered(status: 429, retryAfter: .seconds(7)), .wait(.seconds(7), reason: "http_429")),
            (.answered(status: 503, retryAfter: .seconds(9_999)), .wait(.seconds(300), reason: "http_503")),
            (.timedOut, .wait(.milliseconds(250), reason: "timeout")),
            (.disconnected, .wait(.milliseconds(250), reason: "connection")),
        ])
    func outcomes(outcome: PushOutcome, action: RetryState.Action) {
        var state = RetryState(RetryPolicy())
        #expect(state.next(after: outcome, random: 0.5) == action)
    }

    @Test("pauses double up to the longest, and end at the limit")
    func backoff() {
        var state = RetryState(RetryPolicy(minimum: .seconds(1), maximum: .seconds(10), limit: 6))
        let pauses = (0..<7).map { _ in state.next(after: .timedOut, random: 1) }
        #expect(
            pauses == [1, 2, 4, 8, 10, 10].map { .wait(.seconds($0), reason: "timeout") }
                + [.drop(reason: "retries_exhausted")])
        var endless = RetryState(RetryPolicy())
        for _ in 0..<1_000 { _ = endless.next(after: .disconnected, random: 0.999) }
        #expect(endless.failures == 1_000)
    }

    @Test("a message is admitted once a minute for each key")
    func throttle() {
        var throttle = LogThrottle()
        #expect(throttle.admits("a", at: Self.start) == 0)
        #expect(throttle.admits("a", at: Self.start + .seconds(59)) == nil)
        #expect(throttle.admits("b", at: Self.start + .seconds(59)) == 0)
        #expect(throttle.admits("a", at: Self.start + .seconds(60)) == 1)
        #expect(throttle.admits("a", at: Self.start + .seconds(120)) == 0)
    }

    @Test("a full queue waits while something is settled, and drops once nothing was for too long")
    func patience() {
        let stream = StreamTable().stream(for: LabelSet([Label("a", "b")]))!
        var queue = QueueState(limitBytes: 1_500, patience: .seconds(2))
        #expect(queue.offer(batch(stream, "1"), at: Self.start) == .accepted)
        #expect(queue.offer(batch(stream, "2"), at: Self.start + .seconds(1)) == .accepted)
        #expect(queue.offer(batch(stream, "3"), at: Self.start + .seconds(1)) == .wait(until: Self.start + .seconds(2)))
        #expect(queue.offer(batch(stream, "3"), at: Self.start + .seconds(2)) == .dropped(.queueFull))
        let cutter = BatchCutter(bytes: 1, wait: .zero)
        #expect(queue.cut(by: cutter, at: Self.start).batches.count == 1)
        #expect(queue.settle(at: Self.start + .seconds(60)).isEmpty)
        #expect(queue.offer(batch(stream, "3"), at: Self.start + .seconds(60)) == .accepted)
        #expect(
            queue.offer(batch(stream, "4"), at: Self.start + .seconds(61)) == .wait(until: Self.start + .seconds(62)))
        queue.close()
        #expect(queue.offer(batch(stream, "4"), at: Self.start + .seconds(61)) == .dropped(.shutdown))
    }

    @Test("a batch larger than the queue fits when the queue is empty")
    func large() {
        let stream = StreamTable().stream(for: LabelSet([Label("a", "b")]))!
        var queue = QueueState(limitBytes: 10, patience: .zero)
        #expect(queue.offer(batch(stream, "1"), at: Self.start) == .accepted)
        #expect(queue.offer(batch(stream, "2"), at: Self.start) == .dropped(.queueFull))
    }

    @Test("receipts of dropped batches wait for the batches before them")
    func order() {
        let stream = StreamTable().stream(for: LabelSet([Label("a", "b")]))!
        let receipts = Receipts()
        var queue = QueueState(limitBytes: 10, patience: .zero)
        #expect(queue.follow(receipts.make(0)) == false)
        #expect(queue.offer(batch(stream, "1", receipt: receipts.make(1)), at: Self.start) == .accepted)
        #expect(queue.follow(receipts.make(2)) == true)
        _ = queue.cut(by: BatchCutter(bytes: 1, wait: .zero), at: Self.start)
        for receipt in queue.settle(at: Self.start) { receipt.settleDelivery() }
        #expect(queue.follow(receipts.make(3)) == true)
        for receipt in queue.settle(at: Self.start) { receipt.settleDelivery() }
        #expect(queue.settle(at: Self.start).isEmpty)
        #expect(receipts.settled == [1, 2, 3])
        #expect(queue.heldBytes == 0 && queue.followers == 0 && queue.entries.isEmpty)
    }

    @Test(
        "URLs become an origin, a path and an authorization",
        arguments: [
            ("http://loki:3100", "http://loki:3100", "/loki/api/v1/push", nil, nil),
            ("HTTPS://Loki.Example/", "https://loki.example", "/loki/api/v1/push", nil, nil),
            ("https://u:p%40ss@h/api/prom/push?t=1#x", "https://h", "/api/prom/push?t=1", "u", "p@ss"),
            ("http://u@[::1]:80/x", "http://[::1]:80", "/x", "u", nil),
            ("http://h?a=b", "http://h", "/loki/api/v1/push?a=b", nil, nil),
        ] as [(String, String, String, String?, String?)])
    func urls(text: String, origin: String, target: String, user: String?, password: String?) throws {
        let url = try PushURL(text)
        #expect(url.origin == origin && url.target == target && url.user == user && url.password == password)
    }

    @Test(
        "URLs that cannot be used are refused, without showing them",
        arguments: [
            "", "loki:3100", "ftp://secret/", "http://", "http://u:secret@", "http://h:99999", "http://h:x/",
            "http://a b/",
        ])
    func wrongURLs(text: String) {
        let error = #expect(throws: DestinationError.self) { try LokiDestination(url: text) }
        #expect(error.map { !String(describing: $0).contains("secret") } ?? false)
    }

    @Test("secrets are not shown by descriptions, dumps or redacted texts")
    func secrets() throws {
        var destination = try LokiDestination(url: "http://user:hunter2@h:3100/push?token=t0ken")
        destination.headers = [("X-Key", Secret("k3y"))]
        var dumped = "\(destination) \(String(reflecting: destination))"
        dump(destination, to: &dumped)
        dump(destination.headers, to: &dumped)
        dumped += destination.redacted("sent hunter2 and \(base64(Array("user:hunter2".utf8))) and k3y to ?token=t0ken")
        for secret in ["hunter2", "t0ken", "k3y", "dXNlcj"] { #expect(!dumped.contains(secret)) }
        #expect(destination.name == "http://h:3100" && destination.label == "h:3100")
    }

    @Test(
        "base64 is that of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("ÿ?>", "w78/Pg=="),
        ])
    func base64Texts(text: String, encoded: String) {
        #expect(base64(Array(text.utf8)) == encoded)
    }
}
