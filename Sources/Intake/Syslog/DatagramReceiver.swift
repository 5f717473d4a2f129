import CLinux
import Glibc
import NIOCore

// Unsafe here: the C side of recvmmsg, socket addresses and an eventfd. The receiver owns its buffers and frees them
// once; a datagram's bytes are valid until the next `receive`, and the closure that gets them cannot keep the span.

/// Takes datagrams from a socket, many per system call.
@safe struct DatagramReceiver: ~Copyable {
    /// Datagrams per call.
    static let slots = 256

    private let datagrams: OpaquePointer
    private let socket: DatagramSocket
    /// The kernel's count of datagrams that it dropped since the socket was made.
    private(set) var kernelDrops: UInt32 = 0

    /// Datagrams longer than `maximumBytes` are cut; nil when there is no memory.
    init?(_ socket: DatagramSocket, maximumBytes: Int) {
        guard let datagrams = unsafe millrace_datagrams_new(UInt32(Self.slots), maximumBytes) else { return nil }
        unsafe self.datagrams = datagrams
        self.socket = socket
    }

    deinit { unsafe millrace_datagrams_free(datagrams) }

    /// Takes what is there, without waiting: how many datagrams, or a negative error number.
    mutating func receive() -> Int {
        unsafe Int(millrace_datagrams_receive(datagrams, socket.descriptor, &kernelDrops))
    }

    /// One datagram of the last `receive`.
    func datagram<Result>(
        _ index: Int, _ body: (_ bytes: Span<UInt8>, _ isCut: Bool, _ peer: SyslogPeer) -> Result
    ) -> Result {
        var count = 0
        let start = unsafe millrace_datagrams_bytes(datagrams, UInt32(index), &count)
        let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
        let peer = unsafe SyslogPeer { bytes in unsafe millrace_datagrams_sender(datagrams, UInt32(index), bytes) }
        return unsafe body(bytes.span, millrace_datagrams_is_cut(datagrams, UInt32(index)) != 0, peer)
    }
}

/// A bound UDP socket, and the eventfd that wakes the thread that waits for it; both closed with the object.
final class DatagramSocket: Sendable {
    let descriptor: Int32
    /// The receive buffer that the kernel gave, in bytes.
    let bufferBytes: Int
    private let wakeDescriptor: Int32

    /// Binds; throws the system's error number.
    init(_ address: UnsafePointer<sockaddr>, length: Int, bufferBytes: Int) throws(SystemErrorNumber) {
        var given: Int32 = 0
        let descriptor = unsafe millrace_datagram_socket(
            address, socklen_t(length), Int32(clamping: bufferBytes), &given)
        guard descriptor >= 0 else { throw SystemErrorNumber(value: -descriptor) }
        let wake = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard wake >= 0 else {
            close(descriptor)
            throw SystemErrorNumber(value: errno)
        }
        self.descriptor = descriptor
        wakeDescriptor = wake
        self.bufferBytes = Int(given)
    }

    deinit {
        close(descriptor)
        close(wakeDescriptor)
    }

    /// The port that was given.
    var port: Int { max(0, Int(millrace_socket_port(descriptor))) }

    /// Waits until there is a datagram, `wake` is called, or the time is over; nil: without end.
    func wait(milliseconds: Int?) {
        _ = millrace_wait_readable(descriptor, wakeDescriptor, milliseconds.map { Int32(clamping: $0) } ?? -1)
    }

    /// Ends the present `wait` and all later ones at once.
    func wake() {
        _ = eventfd_write(wakeDescriptor, 1)
    }
}

/// An error number of a system call.
struct SystemErrorNumber: Error {
    var value: Int32
}

extension DatagramSocket {
    /// Binds to an address; throws `SystemErrorNumber`.
    static func bind(_ address: SocketAddress, bufferBytes: Int) throws -> DatagramSocket {
        try unsafe address.withSockAddr { pointer, length in
            try unsafe DatagramSocket(pointer, length: length, bufferBytes: bufferBytes)
        }
    }
}

extension SyslogPeer {
    /// The peer of a connection; no peer for a Unix socket.
    init(_ address: SocketAddress) {
        self = unsafe address.withSockAddr { name, _ in
            unsafe SyslogPeer { bytes in unsafe millrace_host_address(name, bytes) }
        }
    }

    /// A peer whose address is written by `write`, which says how many bytes it has.
    init(_ write: (UnsafeMutablePointer<UInt8>) -> Int32) {
        unsafe withUnsafeMutableBytes(of: &address) { raw in
            guard let start = raw.baseAddress else { return }
            count = unsafe Int(write(start.assumingMemoryBound(to: UInt8.self)))
        }
    }
}
