import HTTPTypes
import Hummingbird
import NIOCore
import Records
import Synchronization

/// Answers every HTTP request that the service knows.
///
/// A table of routes instead of a router: the set is closed, and a wrong method must be told from a wrong path.
final class Endpoints: HTTPResponder {
    typealias Context = BasicRequestContext

    /// The largest body of a push, in bytes as they come over the wire.
    static let pushLimit = 16 * 1_024 * 1_024
    /// Pushes whose bodies are held at the same time; those beyond are told to come again.
    static let pushesAtOnce = 8

    let view: ServiceView
    let history: StatusHistory
    private let pushes = Atomic<Int>(0)

    init(view: ServiceView, history: StatusHistory) {
        self.view = view
        self.history = history
    }

    private enum Route {
        case page, status, metrics, ready, healthy, reload, push, receiverReady

        init?(path: String, hasReceiver: Bool) {
            switch path {
            case "/": self = .page
            case "/status.json": self = .status
            case "/metrics": self = .metrics
            case "/-/ready": self = .ready
            case "/-/healthy": self = .healthy
            case "/-/reload": self = .reload
            case "/loki/api/v1/push" where hasReceiver: self = .push
            case "/ready" where hasReceiver: self = .receiverReady
            default: return nil
            }
        }

        var isPost: Bool {
            switch self {
            case .reload, .push: true
            case .page, .status, .metrics, .ready, .healthy, .receiverReady: false
            }
        }
    }

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        guard let route = Route(path: request.uri.path, hasReceiver: view.push != nil) else {
            return text(.notFound, "there is nothing at this path; try / or /metrics\n")
        }
        let allowed = route.isPost ? [HTTPRequest.Method.post] : [.get, .head]
        guard allowed.contains(request.method) else {
            let names = allowed.map(\.rawValue).joined(separator: ", ")
            return text(.methodNotAllowed, "this path wants \(names)\n", headers: [.allow: names])
        }
        let response = try await answer(route, request)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ route: Route, _ request: Request) async throws -> Response {
        switch route {
        case .page: return page(await report())
        case .status: return content(.ok, "application/json", Array(await report().json.utf8))
        case .metrics: return await metrics(accept: request.headers[.accept])
        case .ready, .receiverReady:
            switch view.readiness() {
            case .ready: return text(.ok, "ready\n")
            case .catchingUp(let how): return text(.serviceUnavailable, "catching up: \(how)\n")
            case .stopping: return text(.serviceUnavailable, "stopping\n")
            }
        case .healthy: return text(.ok, "healthy\n")
        case .reload: return await reload(request)
        case .push: return try await push(request)
        }
    }

    private func metrics(accept: String?) async -> Response {
        if case .catchingUp(let how) = view.readiness() {
            return text(.serviceUnavailable, "catching up, the series would go backwards: \(how)\n")
        }
        var snapshot = await view.snapshot()
        snapshot.families += view.selfFamilies()
        let (contentType, body) = view.render(snapshot, accept)
        return content(.ok, contentType, body)
    }

    private func report() async -> StatusReport {
        let now = Timestamp.now
        history.look(at: now)
        if history.isStale(at: now) { history.add(await StatusSample(view, at: now)) }
        return StatusReport(view: view, contents: history.current, now: now)
    }

    private func page(_ report: StatusReport) -> Response {
        var random = SystemRandomNumberGenerator()
        let nonce = String(random.next() as UInt64, radix: 16) + String(random.next() as UInt64, radix: 16)
        let policy =
            "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; "
            + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        var response = content(
            .ok, "text/html; charset=utf-8", Array(StatusPage(report: report).document(nonce: nonce).utf8))
        response.headers[.contentSecurityPolicy] = policy
        response.headers[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
        return response
    }

    /// A browser says where a request comes from; a page of somebody else must not reload our rules.
    private func reload(_ request: Request) async -> Response {
        if let origin = request.headers[.origin] {
            let host = request.head.authority ?? ""
            guard origin == "http://\(host)" || origin == "https://\(host)" else {
                return text(.forbidden, "a page of another origin may not reload the rules\n")
            }
        }
        switch await view.reload() {
        case .done(let message): return text(.ok, message.hasSuffix("\n") ? message : message + "\n")
        case .refused(let diagnostics): return text(.badRequest, diagnostics)
        }
    }

    private func push(_ request: Request) async throws -> Response {
        guard let push = view.push else { return text(.notFound, "the receiver is off\n") }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > Self.pushLimit {
            return text(.contentTooLarge, "a push may have \(Self.pushLimit) bytes, this one has \(length)\n")
        }
        guard pushes.add(1, ordering: .relaxed).newValue <= Self.pushesAtOnce else {
            pushes.subtract(1, ordering: .relaxed)
            return text(.tooManyRequests, "too many pushes at the same time\n", headers: [.retryAfter: "1"])
        }
        defer { pushes.subtract(1, ordering: .relaxed) }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.pushLimit)
        } catch is NIOTooManyBytesError {
            return text(.contentTooLarge, "a push may have \(Self.pushLimit) bytes, this one has more\n")
        }
        let answer = await push(
            Array(body.readableBytesView), request.headers[.contentType], request.headers[.contentEncoding])
        guard answer.status != 204 else { return Response(status: .noContent) }
        return text(HTTPResponse.Status(code: answer.status), answer.message + "\n")
    }

    private func text(_ status: HTTPResponse.Status, _ text: String, headers: HTTPFields = [:]) -> Response {
        var response = content(status, "text/plain; charset=utf-8", Array(text.utf8))
        for field in headers { response.headers.append(field) }
        return response
    }

    private func content(_ status: HTTPResponse.Status, _ type: String, _ body: [UInt8]) -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store", .xContentTypeOptions: "nosniff"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension StatusSample {
    /// Asks the service about itself now.
    ///
    /// The series are cut for it: with a cut up to a second old, samples a second apart would show every other rate
    /// as 0 and the next as the double.
    init(_ view: ServiceView, at now: Timestamp) async {
        let families = await (view.freshSnapshot ?? view.snapshot)().families
        self.init(
            at: now, sources: view.sources(), rules: view.rules(), destinations: view.destinations(),
            families: families, selfFamilies: view.selfFamilies())
    }
}
