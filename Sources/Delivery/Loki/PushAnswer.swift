public import AsyncHTTPClient
public import NIOCore
import NIOHTTP1
import Synchronization

/// Collects an answer: its status, `Retry-After`, and the first bytes of its body. The rest is read and forgotten.
final class PushAnswer: HTTPClientResponseDelegate {
    struct Response: Sendable {
        var status = 0
        var retryAfter: Duration?
        var text: [UInt8] = []
    }

    static let maximumText = 1_024
    private let response = Mutex(Response())

    func didReceiveHead(task: HTTPClient.Task<Response>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        response.withLock {
            $0.status = Int(head.status.code)
            $0.retryAfter = head.headers.first(name: "Retry-After").flatMap { Self.delay($0) }
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Response>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        response.withLock { $0.text += buffer.readableBytesView.prefix(Self.maximumText - $0.text.count) }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: HTTPClient.Task<Response>) throws -> Response {
        response.withLock { $0 }
    }

    /// How long to wait as `Retry-After` says it, in seconds or as a date (RFC 9110 §10.2.3); never negative.
    static func delay(_ text: String, now: Int64 = SpoolFolder.now() / 1_000_000_000) -> Duration? {
        if let date = HTTPDate.seconds(text) { return .seconds(max(0, date - now)) }
        guard text.utf8.count <= 9, let seconds = UInt32(text) else { return nil }
        return .seconds(Int64(seconds))
    }
}

/// The dates of HTTP (RFC 9110 §5.6.7).
enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since the epoch of a date in the preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`; nil for any other text.
    static func seconds(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[0].hasSuffix(","), words[5] == "GMT",
            let month = months.firstIndex(of: String(words[2])), let day = number(words[1], 2, 1...31),
            let year = number(words[3], 4, 1970...9999)
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false)
        guard clock.count == 3, let hour = number(clock[0], 2, 0...23), let minute = number(clock[1], 2, 0...59),
            let second = number(clock[2], 2, 0...60)
        else { return nil }
        // Days from the civil date, with years that begin in March.
        let shifted = month < 2 ? year - 1 : year
        let monthFromMarch = (month + 10) % 12
        let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400
        let total = days + (153 * monthFromMarch + 2) / 5 + day - 1 - 719_468
        return Int64(total * 86_400 + hour * 3_600 + minute * 60 + second)
    }

    private static func number(_ text: Substring, _ digits: Int, _ bounds: ClosedRange<Int>) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text),
            bounds.contains(value)
        else { return nil }
        return value
    }
}

/// The HTTP client that all destinations share.
public enum PushClient {
    /// HTTP/1.1, no redirects, and no retries of its own: those are the outlet's. Shut it down after the outlets.
    // `any`: which group it is, the assembly decides.
    public static func make(on group: any EventLoopGroup) -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }
}
