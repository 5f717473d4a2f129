import NIOCore
import NIOPosix
import NIOSSL
import Records

/// Syslog over TCP, TLS or a Unix stream socket: accepts connections on the event loops it was given.
struct TCPListener: Sendable {
    /// What every connection of one source needs.
    struct Shared: Sendable {
        var configuration: SyslogConfiguration
        var table: StreamTable
        var budget: SyslogSlotBudget
        var sink: BatchSink
        var counters: SyslogCounters
        var connections: SyslogConnections
        var eventLoopGroup: any EventLoopGroup
    }

    /// What the kernel may hold for a connection: when a sender goes away it is read at once, room or not.
    private static let receiveBufferBytes = 256 << 10

    let endpoint: SyslogEndpoint
    private let channel: any Channel

    /// Binds; throws `SyslogError.cannotListen`.
    static func bind(_ address: SyslogAddress, tls: NIOSSLContext?, _ shared: Shared) async throws -> TCPListener {
        let bootstrap = ServerBootstrap(group: shared.eventLoopGroup)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Out of descriptors: wait a little instead of spinning.
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
        // The endpoint is known only after the bind (port 0), which connections wait for.
        let bound = channelPromise(of: SyslogEndpoint.self, on: shared.eventLoopGroup)
        let listening = bootstrap.childChannelInitializer { channel in
            bound.futureResult.hop(to: channel.eventLoop).flatMapThrowing { endpoint in
                try Self.prepare(channel, endpoint: endpoint, tls: tls, shared)
            }
        }
        do {
            let channel = try await Self.bind(listening, address)
            let actual = address.bound(to: channel.localAddress?.port ?? 0)
            let endpoint = SyslogEndpoint(actual)
            bound.succeed(endpoint)
            return TCPListener(endpoint: endpoint, channel: channel)
        } catch {
            bound.fail(error)
            throw SyslogError.cannotListen(address: address, reason: SyslogError.reason(error))
        }
    }

    /// Stops accepting.
    func close() async {
        // It may be closed already.
        try? await channel.close().get()
    }

    private static func channelPromise<Value: Sendable>(
        of type: Value.Type, on group: any EventLoopGroup
    ) -> EventLoopPromise<Value> {
        group.any().makePromise(of: type)
    }

    private static func bind(_ bootstrap: ServerBootstrap, _ address: SyslogAddress) async throws -> any Channel {
        switch address {
        case .tcp(let host, let port), .tls(let host, let port):
            let keepAlive =
                bootstrap
                .childChannelOption(.socketOption(.so_keepalive), value: 1)
                .childChannelOption(.socketOption(.so_rcvbuf), value: receiveBufferBytes)
                .childChannelOption(.tcpOption(.init(rawValue: TCPOption.keepIdle)), value: 60)
                .childChannelOption(.tcpOption(.init(rawValue: TCPOption.keepInterval)), value: 15)
            return try await keepAlive.bind(host: host, port: port).get()
        case .unix(let path):
            return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        case .udp: preconditionFailure("a TCP listener was asked to bind a UDP address")
        }
    }

    private enum TCPOption {
        // TCP_KEEPIDLE and TCP_KEEPINTVL of Linux, in seconds.
        static let keepIdle: CInt = 4
        static let keepInterval: CInt = 5
    }

    private static func prepare(
        _ channel: any Channel, endpoint: SyslogEndpoint, tls: NIOSSLContext?, _ shared: Shared
    ) throws {
        let configuration = shared.configuration
        guard let id = shared.connections.admit() else { throw Refused() }
        let settings = SyslogAssembler.Settings(configuration, batchBytes: 64 << 10)
        let assembler = SyslogAssembler(
            settings, labels: configuration.labels, table: shared.table, budget: shared.budget,
            counters: shared.counters, endpoint: endpoint)
        let connection = SyslogConnection(
            id: id, peer: channel.remoteAddress.map(SyslogPeer.init) ?? SyslogPeer(),
            decoder: FrameDecoder(maximumMessageBytes: configuration.maximumMessageBytes), assembler: assembler,
            sink: shared.sink, counters: shared.counters, connections: shared.connections,
            eventLoop: channel.eventLoop)
        do {
            let pipeline = channel.pipeline.syncOperations
            if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
            if let idle = configuration.idleTimeout {
                try pipeline.addHandler(IdleStateHandler(readTimeout: TimeAmount(idle)))
            }
            try pipeline.addHandler(connection)
        } catch {
            shared.connections.release(id)
            throw error
        }
        shared.connections.attach(id, connection, channel.eventLoop)
    }

    /// More connections than the configuration allows.
    private struct Refused: Error {}
}
