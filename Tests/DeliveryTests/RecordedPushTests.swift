import Foundation
import Records
import Testing

@testable import Delivery

/// Requests that were sent to a Loki 3.4.0, with its answers.
struct RecordedPush: Decodable, CustomTestStringConvertible, Sendable {
    struct Stored: Decodable {
        struct Value: Decodable {
            var time: String
            var line: String
            var metadata: [String: String]

            init(from decoder: any Decoder) throws {
                var parts = try decoder.unkeyedContainer()
                time = try parts.decode(String.self)
                line = try parts.decode(String.self)
                metadata = try parts.decode([String: [String: String]].self)["structuredMetadata"] ?? [:]
            }
        }
        var stream: [String: String]
        var values: [Value]
    }
    var id: String
    var method: String
    var path: String
    var headers: [String: String]
    var bodyBase64: String
    var status: Int
    var text: String
    var before: [Before]?
    var stored: [Stored]?

    struct Before: Decodable {}

    var testDescription: String { id }
    var body: [UInt8] { Array(Data(base64Encoded: bodyBase64)!) }

    static let all: [RecordedPush] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("fixtures/loki-push/cases.json")
        return try! JSONDecoder().decode([RecordedPush].self, from: Data(contentsOf: file))
    }()

    /// Answers that come from limits, tenants, clocks or the HTTP server, not from the request's body.
    static let outside: Set<String> = [
        "json-timestamp-in-seconds-is-1970", "no-tenant", "bad-tenant", "two-tenants", "wrong-path", "wrong-method",
        "too-old", "too-new", "too-far-behind", "too-far-behind-among-good", "line-too-long", "too-many-labels",
        "label-name-too-long", "label-value-too-long", "rate-limited", "stream-rate-limited",
        "last-stream-too-far-behind", "stream-limit", "stream-limit-among-known", "metadata-not-allowed",
        "metadata-too-large", "metadata-too-many", "missing-enforced-label", "mixed-line-too-long",
        "mixed-two-bad-lines", "mixed-many-bad-lines", "mixed-too-old", "mixed-too-many-labels-keep-others",
    ]
    static let answeredByContent = all.filter { !outside.contains($0.id) }
    static let storedWhole = answeredByContent.filter {
        $0.status == 204 && $0.stored != nil
            // Stored differently on purpose: a limit cut the line, a stream was refused, labels were discovered.
            && !["line-truncated", "first-stream-too-far-behind-is-hidden", "ok-discovered-service-and-level"]
                .contains($0.id)
    }
}

@Suite struct RecordedPushTests {
    private func answer(_ push: RecordedPush) -> (status: Int, message: String) {
        PushStore().accept(
            body: push.body, contentType: push.headers["Content-Type"],
            contentEncoding: push.headers["Content-Encoding"])
    }

    @Test(
        "the receiver answers with Loki's status and, where the text is no parser's own, with Loki's text",
        arguments: RecordedPush.answeredByContent)
    func answers(push: RecordedPush) {
        let (status, message) = answer(push)
        #expect(status == push.status, "\(message)")
        let isParsersOwn = push.text.hasPrefix("loghttp.") || push.text.hasPrefix("readObjectStart")
        if isParsersOwn {
            #expect(message.hasPrefix("malformed JSON: wanted "))
        } else {
            #expect(message == push.text.trimmingCharacters(in: .newlines))
        }
    }

    @Test(
        "a request that a limit, a tenant or a clock refuses is taken, as the receiver has none of them",
        arguments: RecordedPush.all.filter { RecordedPush.outside.contains($0.id) })
    func outside(push: RecordedPush) {
        #expect(answer(push).status == 204)
    }

    @Test("decoded streams are those that Loki stored", arguments: RecordedPush.storedWhole)
    func stored(push: RecordedPush) throws {
        let request = try PushRequest.decode(
            body: push.body, contentType: push.headers["Content-Type"],
            contentEncoding: push.headers["Content-Encoding"])
        func key(_ labels: [String: String], _ time: String, _ line: String, _ metadata: [String: String]) -> String {
            "\(labels.sorted { $0.key < $1.key }) \(time) \(line) \(metadata.sorted { $0.key < $1.key })"
        }
        func dictionary(_ labels: [Label]) -> [String: String] {
            Dictionary(labels.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        }
        let sent = Set(
            request.streams.flatMap { stream in
                stream.entries.map {
                    key(dictionary(stream.labels), String($0.time.nanoseconds), $0.line, dictionary($0.metadata))
                }
            })
        let stored = Set(
            push.stored!.flatMap { stream in
                stream.values.map { key(stream.stream, $0.time, $0.line, $0.metadata) }
            })
        #expect(sent.isSubset(of: stored))
        if push.before?.isEmpty ?? true { #expect(sent == stored) }
    }

    @Test(
        "the encoder's protobuf is, byte for byte, what was recorded",
        arguments: RecordedPush.all.filter { $0.id.hasPrefix("ok-") && $0.id.contains("proto") && $0.status == 204 })
    func encoded(push: RecordedPush) throws {
        let request = try PushRequest.decode(
            body: push.body, contentType: push.headers["Content-Type"],
            contentEncoding: push.headers["Content-Encoding"])
        let table = StreamTable()
        let body = PushRequest.encode(
            [
                batch(
                    request.streams.flatMap { stream in
                        let labels = table.stream(for: LabelSet(stream.labels))!
                        return stream.entries.map {
                            Entry(
                                stream: labels, nanoseconds: $0.time.nanoseconds, line: Array($0.line.utf8),
                                metadata: $0.metadata.map { ($0.name, $0.value) })
                        }
                    })
            ], as: .protobufSnappy)
        let recorded = try Snappy.decompress(push.body, maximumBytes: 1 << 20)
        let ours = try Snappy.decompress(body.bytes, maximumBytes: 1 << 20)
        // This case has its labels in another order than a client's label set would have.
        if push.id != "ok-protobuf-labels-any-order" { #expect(ours == recorded) }
        #expect(
            try PushRequest.decode(body: body.bytes, contentType: body.contentType, contentEncoding: nil) == request)
    }
}
