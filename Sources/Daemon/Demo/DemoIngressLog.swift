// Unsafe: `open`, `write` and `rename` take C strings and buffers that live for the call; counts are those of the array.
import Glibc
import Records
import ServiceLifecycle

/// Why the demo's log file cannot be written.
struct DemoFileError: Error, CustomStringConvertible {
    var path: String
    var code: CInt

    var description: String { unsafe "cannot write \(path): \(String(cString: strerror(code)))" }
}

/// Appends access log lines to a real file and rotates it as logrotate does: rename, then make anew.
///
/// Writes from a task, against our rule for blocking calls: some kilobytes to a page cache, ten times a second.
struct DemoIngressLog: Service {
    let traffic: DemoTraffic
    let tally: DemoTally

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await write() }
    }

    private func write() async throws {
        var lines = DemoIngressLines(seed: traffic.seed)
        var pace = DemoPace()
        var file = try DemoFile(path: traffic.logPath)
        let interval = traffic.rotation / .seconds(1)
        var nextRotation = interval
        try await everyDemoTick { elapsed, step in
            if elapsed >= nextRotation {
                file = try file.rotated()
                nextRotation += interval
            }
            let outage = DemoDay.isOutage(at: elapsed)
            let rate = DemoDay.rate(mean: traffic.ingressLinesPerSecond, at: elapsed)
            let count = pace.due(rate: rate, seconds: step)
            var bytes: [UInt8] = []
            let now = Timestamp.now
            for _ in 0..<count { bytes += lines.next(at: now, outage: outage).utf8 }
            try file.append(bytes)
            tally.wrote(lines: count)
        }
    }
}

/// An open log file; closed when it goes.
final class DemoFile: Sendable {
    private let path: String
    private let descriptor: CInt

    init(path: String) throws(DemoFileError) {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw DemoFileError(path: path, code: errno) }
    }

    deinit {
        close(descriptor)
    }

    func append(_ bytes: [UInt8]) throws(DemoFileError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe write(descriptor, buffer.baseAddress! + written, buffer.count - written)
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw DemoFileError(path: path, code: errno)
            }
        }
    }

    /// Moves the file to `.1` and what was there to `.2`; the new file under the old name.
    func rotated() throws(DemoFileError) -> DemoFile {
        _ = unsafe rename(path + ".1", path + ".2")
        guard unsafe rename(path, path + ".1") == 0 else { throw DemoFileError(path: path, code: errno) }
        return try DemoFile(path: path)
    }
}
