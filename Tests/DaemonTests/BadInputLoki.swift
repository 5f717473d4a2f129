import Foundation
import Synchronization

/// A push endpoint on loopback that answers as it is told to, request after request, each on a connection of its own.
final class ScriptedLoki: Sendable {
    enum Answer: Sendable {
        case status(Int, retryAfter: Int? = nil)
        /// Keeps the connection and says nothing.
        case silence
        /// Half of an answer, then the end of the connection.
        case half
    }
    struct Push: Sendable {
        var body: [UInt8]
        var at: ContinuousClock.Instant
        var status: Int?
    }

    let port: UInt16
    private let listener: Int32
    private let script: [Answer]
    private let seen = Mutex<[Push]>([])

    /// Answers the first requests with `script`, and those after it with its last answer.
    init(_ script: [Answer]) throws {
        self.script = script
        (listener, port) = try boundSocket(SOCK_STREAM)
        listen(listener, 64)
        Thread.detachNewThread { [weak self, listener] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0, let self else { return }
                Thread.detachNewThread { self.serve(connection) }
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)); close(listener) }

    var url: String { "http://127.0.0.1:\(port)/loki/api/v1/push" }
    var pushes: [Push] { seen.withLock { $0 } }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var bytes: [UInt8] = []
        var wanted: (head: Int, body: Int)?
        while wanted.map({ bytes.count < $0.head + $0.body }) ?? true {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            bytes += buffer.prefix(count)
            let data = Data(bytes)
            if wanted == nil, let end = data.range(of: Data("\r\n\r\n".utf8)) {
                let head = String(decoding: data[..<end.lowerBound], as: UTF8.self).lowercased()
                let length = head.components(separatedBy: "content-length: ").last.map { $0.prefix { $0.isNumber } }
                wanted = (end.upperBound, length.flatMap { Int($0) } ?? 0)
            }
        }
        let body = Array(bytes.dropFirst(wanted?.head ?? 0))
        let answer = seen.withLock { seen in
            let answer = script[min(seen.count, script.count - 1)]
            var push = Push(body: body, at: .now)
            if case .status(let status, _) = answer { push.status = status }
            seen.append(push)
            return answer
        }
        switch answer {
        case .status(let status, let retryAfter):
            let header = retryAfter.map { "Retry-After: \($0)\r\n" } ?? ""
            sendAll(connection, "HTTP/1.1 \(status) Said\r\n\(header)Content-Length: 0\r\nConnection: close\r\n\r\n")
        case .silence:
            var byte: UInt8 = 0
            _ = recv(connection, &byte, 1, 0)
        case .half: sendAll(connection, "HTTP/1.1 204 Said\r\nContent-Le")
        }
    }
}

/// A socket bound to a free loopback port.
func boundSocket(_ type: __socket_type) throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port: UInt16? = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            guard bind(descriptor, generic, length) == 0, getsockname(descriptor, generic, &length) == 0 else {
                return nil
            }
            return 0
        }
    }
    guard port != nil else { throw Overdue(description: "no socket: errno \(errno)") }
    return (descriptor, UInt16(bigEndian: address.sin_port))
}

/// Sends over TCP, closes, and waits until the other side has closed too or two seconds are over.
func sendOverTCP(_ bytes: [UInt8], to port: UInt16) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port)
    let isConnected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    guard isConnected else { throw Overdue(description: "no connection to \(port): errno \(errno)") }
    var timeout = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    sendAll(descriptor, bytes)
    shutdown(descriptor, Int32(SHUT_WR))
    var byte: UInt8 = 0
    _ = recv(descriptor, &byte, 1, 0)
}

func sendOverUDP(_ datagrams: [[UInt8]], to port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port)
    withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            for datagram in datagrams {
                _ = sendto(descriptor, datagram, datagram.count, 0, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

private func loopback(_ port: UInt16) -> sockaddr_in {
    sockaddr_in(
        sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian,
        sin_addr: in_addr(s_addr: UInt32(0x7F00_0001).bigEndian),
        sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
}

private func sendAll(_ descriptor: Int32, _ text: String) { sendAll(descriptor, Array(text.utf8)) }

private func sendAll(_ descriptor: Int32, _ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
            send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return }
        sent += count
    }
}
