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

    /// The seconds form of `Retry-After` (RFC 9110 §10.2.3); the date form is left to the usual backoff.
    static func delay(_ text: String) -> Duration? {
        guard text.utf8.count <= 9, let seconds = UInt32(text) else { return nil }
        return .seconds(Int64(seconds))
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
