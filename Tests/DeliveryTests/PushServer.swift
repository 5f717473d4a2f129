import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A server on a free port of the loopback interface that notes requests and answers them as a test says.
final class PushServer: Sendable {
    struct Request: Sendable {
        var method: String
        var uri: String
        var headers: HTTPHeaders
        var body: [UInt8]
        var at: ContinuousClock.Instant
    }
    enum Reply: Sendable {
        case status(Int, headers: [String: String] = [:], text: String = "")
        /// Takes the request and says nothing.
        case never
        /// Closes the connection without an answer.
        case close
        /// Closes it in the middle of the answer's body.
        case half(Int)
        /// The status, once the future is there.
        case later(Int, EventLoopFuture<Void>)
    }

    private let channel: any Channel

    /// `answer` gets the request and how many came before it.
    init(tls: NIOSSLContext? = nil, answer: @escaping @Sendable (Request, Int) -> Reply) async throws {
        let received = Notes()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(received, answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        notes = received
    }

    private let notes: Notes

    var port: Int { channel.localAddress!.port! }
    var requests: [Request] { notes.list.withLock { $0 } }

    func stop() async {
        try? await channel.close()
    }

    private final class Notes: Sendable {
        let list = Mutex<[Request]>([])
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let notes: Notes
        private let answer: @Sendable (Request, Int) -> Reply
        private var request: Request?

        init(_ notes: Notes, _ answer: @escaping @Sendable (Request, Int) -> Reply) {
            self.notes = notes
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                request = Request(
                    method: head.method.rawValue, uri: head.uri, headers: head.headers, body: [], at: .now)
            case .body(let buffer): request?.body += buffer.readableBytesView
            case .end:
                guard let request else { return }
                let before = notes.list.withLock { list in
                    list.append(request)
                    return list.count - 1
                }
                reply(answer(request, before), context)
            }
        }

        private func reply(_ reply: Reply, _ context: ChannelHandlerContext) {
            switch reply {
            case .never: break
            case .close: context.close(promise: nil)
            case .half(let code):
                let head = HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: code), headers: ["Content-Length": "1000"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "half")))), promise: nil)
                context.close(promise: nil)
            case .later(let code, let future):
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                future.hop(to: context.eventLoop).whenSuccess {
                    let (handler, context) = bound.value
                    handler.reply(.status(code), context)
                }
            case .status(let code, let headers, let text):
                var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
                if code != 204 { fields.add(name: "Content-Length", value: String(text.utf8.count)) }
                let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code), headers: fields)
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
