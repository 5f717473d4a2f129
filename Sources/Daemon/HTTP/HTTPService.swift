import Glibc
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import Records
public import ServiceLifecycle

/// Why the endpoints cannot be served.
public struct ListenError: Error, CustomStringConvertible {
    public var address: ListenAddress
    public var reason: String

    public var description: String { "cannot listen at \(address): \(reason)" }
}

/// Serves the endpoints of a view until it is told to stop.
///
/// Throws `ListenError` when the address cannot be had.
public struct HTTPService: Service {
    private static let connectionLimit = 512
    private let address: ListenAddress
    private let view: ServiceView
    private let logger: Logger
    private let listening: @Sendable (ListenAddress) async -> Void

    /// `listening` is called once with the address as it was bound, the port the system chose included.
    public init(
        address: ListenAddress, view: ServiceView, logger: Logger,
        listening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) {
        self.address = address
        self.view = view
        self.logger = logger
        self.listening = listening
    }

    public func run() async throws {
        let history = StatusHistory()
        // What Hummingbird tells below a warning is about itself.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            responder: Endpoints(view: view, history: history),
            server: .http1(configuration: .init(idleTimeout: .seconds(75))),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)),
            services: [StatusSampler(view: view, history: history)],
            onServerRunning: { channel in
                var bound = address
                bound.port = channel.localAddress?.port ?? address.port
                logger.info("serving metrics and the status page", metadata: ["address": "http://\(bound)/"])
                await listening(bound)
            },
            logger: quiet)
        do {
            try await application.run()
        } catch let error as IOError {
            throw ListenError(address: address, reason: Self.reason(error))
        } catch is SocketAddressError.UnknownHost {
            throw ListenError(address: address, reason: "the host is not known")
        }
    }

    private static func reason(_ error: IOError) -> String {
        switch error.errnoCode {
        case EADDRINUSE: "the port is in use"
        case EACCES: "this port needs more rights"
        case EADDRNOTAVAIL: "this machine does not have the address"
        default: "\(error)"
        }
    }
}

/// Takes a sample every second while somebody looks at the status page.
struct StatusSampler: Service {
    let view: ServiceView
    let history: StatusHistory

    func run() async throws {
        let clock = ContinuousClock()
        await cancelWhenGracefulShutdown {
            var next = clock.now
            while !Task.isCancelled {
                next = max(next.advanced(by: .seconds(1)), clock.now)
                guard (try? await clock.sleep(until: next)) != nil else { return }
                let now = Timestamp.now
                if history.isWatched(at: now) { history.add(await StatusSample(view, at: now)) }
            }
        }
    }
}
