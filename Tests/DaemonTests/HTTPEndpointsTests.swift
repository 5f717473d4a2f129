import Foundation
import Records
import ServiceLifecycle
import Synchronization
import Testing

@testable import Daemon

@Suite struct HTTPEndpointsTests {
    @Test("/metrics has the rules' series and our own, in the form that the scraper accepts")
    func metrics() async throws {
        var view = plainView()
        view.snapshot = {
            Snapshot(at: .now, families: [family("requests_total", .counter, [(LabelSet([Label("host", "a")]), 3)])])
        }
        view.selfFamilies = { [family("millrace_lines_read_total", .counter, [(.empty, 7)])] }
        try await withEndpoints(view) { base in
            let plain = try await ask(base + "/metrics")
            #expect(plain.status == 200)
            #expect(plain.headers["content-type"] == "text/plain")
            #expect(plain.body == "requests_total{host=\"a\"} 3.0\nmillrace_lines_read_total{} 7.0\n")
            let open = try await ask(
                base + "/metrics", headers: [("Accept", "application/openmetrics-text;version=1.0.0")])
            #expect(open.headers["content-type"] == "application/openmetrics-text")
        }
    }

    @Test(
        "readiness decides what is answered",
        arguments: [
            (Readiness.ready, 200, 200), (.catchingUp("3 of 9 MiB"), 503, 503), (.stopping, 503, 200),
        ])
    func readiness(readiness: Readiness, ready: Int, metrics: Int) async throws {
        var view = plainView()
        view.readiness = { readiness }
        try await withEndpoints(view) { base in
            let answer = try await ask(base + "/-/ready")
            #expect(answer.status == ready)
            if case .catchingUp(let how) = readiness { #expect(answer.body.contains(how)) }
            #expect(try await ask(base + "/metrics").status == metrics)
            #expect(try await ask(base + "/-/healthy").status == 200)
        }
    }

    @Test(
        "a reload tells what changed, or the diagnostics with 400",
        arguments: [(true, 200, "2 rules changed\n"), (false, 400, "rules.yaml:3:5: error: no such stage\n")])
    func reload(works: Bool, status: Int, body: String) async throws {
        var view = plainView()
        view.reload = { works ? .done("2 rules changed") : .refused("rules.yaml:3:5: error: no such stage\n") }
        try await withEndpoints(view) { base in
            let answer = try await ask(base + "/-/reload", method: "POST")
            #expect(answer.status == status)
            #expect(answer.body == body)
        }
    }

    @Test("a page of another origin cannot reload the rules")
    func foreignReload() async throws {
        let calls = Calls()
        var view = plainView()
        view.reload = {
            calls.count()
            return .done("")
        }
        try await withEndpoints(view) { base in
            let foreign = try await ask(
                base + "/-/reload", method: "POST", headers: [("Origin", "https://evil.example")])
            #expect(foreign.status == 403)
            #expect(calls.number == 0)
            #expect(try await ask(base + "/-/reload", method: "POST", headers: [("Origin", base)]).status == 200)
            #expect(calls.number == 1)
        }
    }

    @Test(
        "what is not there is 404 in plain text",
        arguments: ["/nothing", "/metrics/x", "//", "/-/", "/loki/api/v1/push", "/%2e%2e/etc/passwd", "/ready"])
    func notFound(path: String) async throws {
        try await withEndpoints(plainView()) { base in
            let answer = try await ask(base + path)
            #expect(answer.status == 404)
            #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
        }
    }

    @Test(
        "a wrong method is 405 and names the right ones",
        arguments: [
            ("POST", "/metrics", "GET, HEAD"), ("DELETE", "/", "GET, HEAD"), ("GET", "/-/reload", "POST"),
            ("PUT", "/-/reload", "POST"), ("GET", "/loki/api/v1/push", "POST"),
        ])
    func wrongMethod(method: String, path: String, allowed: String) async throws {
        var view = plainView()
        view.push = { _, _, _ in PushAnswer(status: 204) }
        try await withEndpoints(view) { base in
            let answer = try await ask(base + path, method: method)
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == allowed)
            #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
        }
    }

    @Test("HEAD answers the length without the body")
    func head() async throws {
        try await withEndpoints(plainView()) { base in
            let answer = try await ask(base + "/-/healthy", method: "HEAD")
            #expect(answer.status == 200)
            #expect(answer.headers["content-length"] == "8")
            #expect(answer.body.isEmpty)
        }
    }

    @Test("a push goes to the receiver as it came, and its answer comes back")
    func push() async throws {
        var view = plainView()
        view.push = { body, type, encoding in
            body == [1, 2, 255] && type == "application/x-protobuf" && encoding == "snappy"
                ? PushAnswer(status: 204) : PushAnswer(status: 400, message: "not a push")
        }
        try await withEndpoints(view) { base in
            let taken = try await ask(
                base + "/loki/api/v1/push", method: "POST",
                headers: [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy")],
                body: [1, 2, 255])
            #expect(taken.status == 204)
            #expect(taken.body.isEmpty)
            let refused = try await ask(base + "/loki/api/v1/push", method: "POST", body: [9])
            #expect(refused.status == 400)
            #expect(refused.body == "not a push\n")
            #expect(try await ask(base + "/ready").status == 200)
        }
    }

    @Test("a push over the limit is 413 and never reaches the receiver")
    func largePush() async throws {
        let calls = Calls()
        var view = plainView()
        view.push = { _, _, _ in
            calls.count()
            return PushAnswer(status: 204)
        }
        try await withEndpoints(view) { base in
            let answer = try await ask(
                base + "/loki/api/v1/push", method: "POST", body: [UInt8](repeating: 0, count: Endpoints.pushLimit + 1))
            #expect(answer.status == 413)
            #expect(calls.number == 0)
            let most = try await ask(
                base + "/loki/api/v1/push", method: "POST", body: [UInt8](repeating: 0, count: Endpoints.pushLimit))
            #expect(most.status == 204)
        }
    }

    @Test("a port in use is an error that names the address")
    func portInUse() async throws {
        try await withEndpoints(plainView()) { base in
            let port = try #require(base.split(separator: ":").last.flatMap { Int($0) })
            let second = HTTPService(
                address: ListenAddress(host: "127.0.0.1", port: port), view: plainView(), logger: silentLogger)
            let error = await #expect(throws: ListenError.self) { try await second.run() }
            #expect(error?.description == "cannot listen at 127.0.0.1:\(port): the port is in use")
        }
    }

    @Test("an address that this machine does not have is an error that names it")
    func foreignAddress() async throws {
        let service = HTTPService(
            address: ListenAddress(host: "192.0.2.1", port: 9_464), view: plainView(), logger: silentLogger)
        let error = await #expect(throws: ListenError.self) { try await service.run() }
        #expect(error?.description == "cannot listen at 192.0.2.1:9464: this machine does not have the address")
    }

    @Test("a host that nobody knows is an error that names it")
    func unknownHost() async throws {
        let service = HTTPService(
            address: ListenAddress(host: "nowhere.invalid", port: 9_464), view: plainView(), logger: silentLogger)
        let error = await #expect(throws: ListenError.self) { try await service.run() }
        #expect(error?.description.hasPrefix("cannot listen at nowhere.invalid:9464: the host is not known") == true)
    }

    @Test(
        "addresses are read as Prometheus reads them",
        arguments: [
            ("127.0.0.1:9464", "127.0.0.1:9464"), (":80", "0.0.0.0:80"), ("[::1]:9464", "[::1]:9464"),
            ("localhost:0", "localhost:0"), ("9464", nil), ("::1:9464", nil), ("host:", nil), ("host:65536", nil),
            ("host:+1", nil), ("http://host:80", nil), ("", nil), ("[]:1", nil), ("a b:1", nil),
        ] as [(String, String?)])
    func addresses(text: String, description: String?) {
        #expect(ListenAddress(text)?.description == description)
    }
}

/// Counts calls of a closure.
final class Calls: Sendable {
    private let calls = Atomic<Int>(0)

    var number: Int { calls.load(ordering: .relaxed) }
    func count() { calls.add(1, ordering: .relaxed) }
}
