import Logging
import NIOCore
import NIOPosix
import Records
import ServiceLifecycle

/// Sends the messages of a web application to a syslog listener on 127.0.0.1.
struct DemoSyslog: Service {
    enum Transport: Sendable {
        /// One message per datagram (RFC 5426).
        case datagrams
        /// Octet counting over TCP (RFC 6587 §3.4.1).
        case frames
    }

    let transport: Transport
    let port: Int
    let traffic: DemoTraffic
    let tally: DemoTally
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown { await work() }
    }

    private func work() async {
        var lines =
            switch transport {
            case .datagrams: DemoPhoenixLines(seed: traffic.seed &+ 1, host: "web-1", application: "shop")
            case .frames: DemoPhoenixLines(seed: traffic.seed &+ 2, host: "web-2", application: "billing")
            }
        var pace = DemoPace()
        var channel: (any Channel)?
        await everyDemoTick { elapsed, step in
            let rate = DemoDay.rate(mean: traffic.requestsPerSecond, at: elapsed)
            let due = pace.due(rate: rate, seconds: step)
            if channel?.isActive != true { channel = await connect() }
            guard let channel else { return }
            let outage = DemoDay.isOutage(at: elapsed)
            let now = Timestamp.now
            let messages = (0..<due).flatMap { _ in lines.next(at: now, outage: outage) }
            await send(messages, to: channel)
        }
        try? await channel?.close()
    }

    /// A connection, or nil while nobody listens; asked for again with the next tick.
    private func connect() async -> (any Channel)? {
        do {
            let group = MultiThreadedEventLoopGroup.singleton
            switch transport {
            case .datagrams:
                return try await DatagramBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
            case .frames: return try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
            }
        } catch {
            logger.debug("nobody listens to the demo yet", metadata: ["port": "\(port)", "error": "\(error)"])
            return nil
        }
    }

    /// A message that cannot be sent is lost, as from any application.
    private func send(_ messages: [String], to channel: any Channel) async {
        guard !messages.isEmpty else { return }
        do {
            switch transport {
            case .datagrams:
                for message in messages {
                    try await channel.writeAndFlush(ByteBuffer(string: message))
                    tally.sent(datagrams: 1)
                }
            case .frames:
                var buffer = ByteBuffer()
                for message in messages { buffer.writeString("\(message.utf8.count) \(message)") }
                try await channel.writeAndFlush(buffer)
                tally.sent(frames: messages.count)
            }
        } catch {
            logger.debug("the demo could not send", metadata: ["port": "\(port)", "error": "\(error)"])
        }
    }
}
