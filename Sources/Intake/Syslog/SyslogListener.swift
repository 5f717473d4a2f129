public import Logging
public import NIOCore
import NIOSSL
public import Records
public import ServiceLifecycle
import Synchronization

/// Takes syslog messages in over UDP, TCP, TLS and Unix stream sockets, RFC 5424 and RFC 3164 told apart per message.
///
/// UDP drops and counts when the pipeline is full; connections stop reading. Nothing that arrives is thrown away for
/// not being understood: such a line passes as it is and is counted as marked.
public final class SyslogListener: Service {
    private let configuration: SyslogConfiguration
    private let streams: StreamTable
    private let sink: BatchSink
    private let eventLoopGroup: any EventLoopGroup
    private let counters: SyslogCounters
    /// Some 40 MiB at most, with the longest keys there can be.
    private let budget = SyslogSlotBudget(slots: 65_536)
    private let logger: Logger
    private let endpoints = Mutex<[SyslogEndpoint]>([])

    /// Nothing is bound before `run`.
    public init(
        _ configuration: SyslogConfiguration, streams: StreamTable, sink: BatchSink,
        eventLoopGroup: any EventLoopGroup, metrics: SelfMetrics, logger: Logger
    ) {
        self.configuration = configuration
        self.streams = streams
        self.sink = sink
        self.eventLoopGroup = eventLoopGroup
        counters = SyslogCounters(metrics, source: configuration.name)
        self.logger = logger
    }

    /// The addresses as they were bound, port 0 replaced, in the order of the configuration; empty before that.
    public var boundAddresses: [SyslogAddress] { endpoints.withLock { $0.map(\.address) } }

    /// One row for each address; those of the configuration before `run` has bound them.
    public func status() -> [SourceStatus] {
        let bound = endpoints.withLock { $0 }
        guard !bound.isEmpty else {
            return configuration.listen.map {
                SourceStatus(source: configuration.name, place: $0.description, lines: 0, problem: "not listening")
            }
        }
        return bound.map {
            SourceStatus(
                source: configuration.name, place: $0.address.description, lines: $0.lines, problem: $0.problem)
        }
    }

    /// Binds all addresses, serves until graceful shutdown or cancellation, hands over what has arrived, and returns.
    ///
    /// Throws `SyslogError` when an address is not to be had; then none is bound.
    public func run() async throws {
        if let problem = configuration.problems.first { throw SyslogError.configuration(problem) }
        let tls = try configuration.tls.map { files throws(SyslogError) in try TLSContext.make(files) }
        let connections = SyslogConnections(limit: configuration.maximumConnections, counters: counters)
        let shared = TCPListener.Shared(
            configuration: configuration, table: streams, budget: budget, sink: sink, counters: counters,
            connections: connections, eventLoopGroup: eventLoopGroup)
        var datagrams: [UDPListener] = []
        var servers: [TCPListener] = []
        var bound: [SyslogEndpoint] = []
        do {
            for address in configuration.listen {
                switch address {
                case .udp(let host, let port):
                    let listener = try bindUDP(host: host, port: port)
                    datagrams.append(listener)
                    bound.append(listener.endpoint)
                case .tcp, .unix:
                    let server = try await TCPListener.bind(address, tls: nil, shared)
                    servers.append(server)
                    bound.append(server.endpoint)
                case .tls:
                    let server = try await TCPListener.bind(address, tls: tls, shared)
                    servers.append(server)
                    bound.append(server.endpoint)
                }
                logger.info("\(configuration.name): listening on \(bound[bound.count - 1].address)")
            }
        } catch {
            for server in servers { await server.close() }
            await connections.closeAll(stop(grace: .zero))
            throw error
        }
        let threads = datagrams.map { $0.start() }
        endpoints.withLock { $0 = bound }
        // Cancellation ends the wait as well, and is answered by the same orderly end.
        try? await gracefulShutdown()
        for server in servers { await server.close() }
        for listener in datagrams { listener.stop() }
        await connections.closeAll(stop(grace: configuration.shutdownGrace))
        for thread in threads { await thread.finished() }
    }

    /// Connections read for at most half a second more: a sender that never pauses must not hold up the end.
    private func stop(grace: Duration) -> SyslogConnection.Stop {
        let now = NIODeadline.now()
        let grace = TimeAmount(grace)
        return SyslogConnection.Stop(
            readUntil: now + min(grace, .milliseconds(500)), handOverUntil: now + grace)
    }

    private func bindUDP(host: String, port: Int) throws -> UDPListener {
        let address = SyslogAddress.udp(host: host, port: port)
        do {
            let resolved: SocketAddress
            if let literal = try? SocketAddress(ipAddress: host, port: port) {
                resolved = literal
            } else {
                // Blocks, once, before anything is served.
                resolved = try SocketAddress.makeAddressResolvingHost(host, port: port)
            }
            let socket = try DatagramSocket.bind(resolved, bufferBytes: configuration.receiveBufferBytes)
            if socket.bufferBytes < configuration.receiveBufferBytes {
                logger.warning(
                    """
                    \(address): the system gave a receive buffer of \(socket.bufferBytes) bytes, \
                    \(configuration.receiveBufferBytes) were wanted; raise net.core.rmem_max or give CAP_NET_ADMIN
                    """)
            }
            return UDPListener(
                socket: socket, endpoint: SyslogEndpoint(address.bound(to: socket.port)),
                configuration: configuration, table: streams, budget: budget, sink: sink, counters: counters,
                logger: logger)
        } catch let error as SystemErrorNumber {
            throw SyslogError.cannotListen(address: address, reason: SyslogError.reason(errorNumber: error.value))
        } catch {
            throw SyslogError.cannotListen(address: address, reason: SyslogError.reason(error))
        }
    }
}
