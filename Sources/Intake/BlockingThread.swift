import CLinux
import Glibc
import Synchronization

// Unsafe here: a C thread takes its argument as a raw pointer. The box that it points to is retained before
// `pthread_create` and released exactly once, by the new thread (or here, when there is none).

/// A thread of our own for calls that block: the pool's few threads must never wait for a file or a socket.
public final class BlockingThread: Sendable {
    /// What the thread was started with.
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    private enum Progress {
        case running([CheckedContinuation<Void, Never>])
        case returned
    }
    private let progress = Mutex(Progress.running([]))

    private init() {}

    /// Starts a thread with this name (its first 15 bytes are what `top -H` shows) that runs `body` once.
    ///
    /// Signals that are sent to the process are not handled on it.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) -> BlockingThread {
        let thread = BlockingThread()
        launch(
            Start(name: name) {
                body()
                thread.markReturned()
            })
        return thread
    }

    /// Runs `body` on a thread of its own and comes back when it has returned.
    public static func run(name: String, _ body: @escaping @Sendable () -> Void) async {
        await start(name: name, body).finished()
    }

    /// Comes back when the thread's body has returned; at once if it has.
    public func finished() async {
        await withCheckedContinuation { continuation in
            let over = progress.withLock { progress in
                switch progress {
                case .running(let waiting):
                    progress = .running(waiting + [continuation])
                    return false
                case .returned: return true
                }
            }
            if over { continuation.resume() }
        }
    }

    private func markReturned() {
        let waiting: [CheckedContinuation<Void, Never>] = progress.withLock { progress in
            defer { progress = .returned }
            return switch progress {
            case .running(let waiting): waiting
            case .returned: []
            }
        }
        for continuation in waiting { continuation.resume() }
    }

    private static func launch(_ start: Start) {
        let box = unsafe Unmanaged.passRetained(start)
        var all = sigset_t()
        var previous = sigset_t()
        var handle = pthread_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &previous)
        let code = unsafe pthread_create(
            &handle, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                _ = unsafe millrace_name_thread(String(start.name.utf8.prefix(15)) ?? "millrace")
                start.body()
                return nil
            }, box.toOpaque())
        unsafe pthread_sigmask(SIG_SETMASK, &previous, nil)
        precondition(code == 0, "the system gave no thread for '\(start.name)': error \(code)")
        pthread_detach(handle)
    }
}
