import Diagnostics
import Engine
import Records
import Rules
import Testing

private func read(_ text: String, _ environment: [String: String] = [:]) -> ConfigurationLoad {
    readConfiguration(SourceText(name: "millrace.yaml", text: text), environment: { environment[$0] })
}

@Suite("The configuration file")
struct ConfigurationTests {
    /// The example of the user's guide.
    private let example = #"""
        labels: {cluster: eu-1}                    # on every stream
        sources:
          - tail:
              paths: ["/var/log/pods/*/*/*.log"]   # ** and {a,b} allowed; exclude: [...]
              format: cri                          # raw (default) | cri | docker
              labels: {job: pods, namespace: "${path.namespace}", pod: "${path.pod}", container: "${path.container}"}
              start: beginning                     # beginning | end, for files never seen
              multiline: {first_line: '^\d{4}-\d\d-\d\d'}
              timestamp: {field: time, format: rfc3339}   # absent: the time it was read
          - syslog:
              listen: [udp://0.0.0.0:5514, tcp://0.0.0.0:5514]     # tls://, unix:///
              labels: {job: syslog, host: "${syslog.hostname}", app: "${syslog.app_name}", level: "${syslog.severity}"}
        rules: ["rules/ingress-nginx", "/etc/millrace/rules/*.yaml"]
        metrics: {listen: "127.0.0.1:9464"}        # /metrics, the status page, /-/ready, /-/healthy, /-/reload
        state: {directory: /var/lib/millrace}      # the checkpoint; absent: memory only, and it says so once
        loki:
          - url: http://loki:3100/loki/api/v1/push
            tenant: team-a
            batch: {bytes: 1MiB, wait: 1s}
        """#

    @Test("the example of the guide is read whole")
    func guide() throws {
        let load = read(example)
        #expect(load.diagnostics.allSatisfy { $0.message.contains("not supported yet") }, "\(load.render())")
        let configuration = load.configuration
        #expect(configuration.labels == LabelSet([Label("cluster", "eu-1")]))
        guard case .tail(let tail) = configuration.sources[0], case .syslog(let syslog) = configuration.sources[1]
        else {
            Issue.record("the sources are \(configuration.sources)")
            return
        }
        #expect(tail.paths == ["/var/log/pods/*/*/*.log"])
        #expect(tail.format == .cri)
        #expect(tail.labels.map(\.label) == ["job", "namespace", "pod", "container"])
        #expect(tail.labels[0].constant == "pods")
        #expect(tail.labels[1].parts == [.variable(scope: "path", name: "namespace")])
        #expect(tail.multiline == .init(firstLine: #"^\d{4}-\d\d-\d\d"#, maximumLines: 128, wait: .seconds(3)))
        #expect(tail.timestamp == .init(place: .field("time")))
        #expect(syslog.listen.map(\.description) == ["udp://0.0.0.0:5514", "tcp://0.0.0.0:5514"])
        #expect(syslog.labels[3].parts == [.variable(scope: "syslog", name: "severity")])
        #expect(configuration.rules == ["rules/ingress-nginx", "/etc/millrace/rules/*.yaml"])
        #expect(configuration.metrics.listen.description == "127.0.0.1:9464")
        #expect(configuration.state == .init(directory: "/var/lib/millrace", interval: .seconds(1)))
        let loki = try #require(configuration.loki.first)
        #expect(loki.url.reveal() == "http://loki:3100/loki/api/v1/push")
        #expect(loki.destination == "http://loki:3100")
        #expect(loki.tenant?.reveal() == "team-a")
        #expect(loki.batchBytes == 1 << 20)
        #expect(loki.batchWait == .seconds(1))
    }

    @Test("every key is read")
    func everyKey() throws {
        let load = read(
            #"""
            labels: {node: "${env.NODE}"}
            sources:
              - tail:
                  paths: [a/*.log, "b/**/{c,d}.log"]
                  exclude: ["*.gz"]
                  format: docker
                  labels: {stream: "${docker.stream}", file: "${path.directory}/${path.filename}", price: "5 $${x}"}
                  start: end
                  multiline: {first_line: '^\S', max_lines: 500, wait: 1s}
                  timestamp: {field: ts, format: unix_ms}
                  poll: 1s
                  maximum_line: 1MiB
              - syslog:
                  listen: ["tls://[::]:6514", unix:///run/m.sock, udp://127.0.0.1]
                  labels: {job: s, origin: "${syslog.sd.origin@32473.ip}"}
                  tls: {certificate: c.pem, key: k.pem}
                  maximum_message: 8KiB
                  idle: 2m
                  structured_metadata: false
                  use_timestamp: true
                  utc_offset: "-05:30"
                  connections: 10
                  receive_buffer: 1MiB
              - stdin: {labels: {job: in}}
            metrics: {listen: ":9000"}
            state: {directory: s, interval: 500ms}
            loki:
              - url: https://${ENV:USER_ID}:${ENV:TOKEN}@logs.example.net/loki/api/v1/push
                encoding: json
                batch: {bytes: 512KiB, wait: 200ms}
                queue: {bytes: 32MiB}
                timeout: 5s
                backoff: {minimum: 1s, maximum: 1m, retries: 3}
                headers: {X-Source: edge}
                tls: {ca: ca.pem, certificate: c.pem, key: k.pem, server_name: loki, insecure: true}
              - url: http://b:3100/push
                basic: {username: me, password: "${ENV:TOKEN}"}
              - url: http://c
                bearer: "x${ENV:TOKEN}"
            log: {level: debug, format: json}
            workers: 3
            shutdown: {deadline: 10s}
            limits: {streams: 500, queue: 4MiB}
            """#, ["NODE": "n1", "USER_ID": "123", "TOKEN": "t0ken"])
        #expect(load.diagnostics.allSatisfy { $0.message.contains("not supported yet") }, "\(load.render())")
        let configuration = load.configuration
        #expect(configuration.labels["node"] == "n1")
        guard case .tail(let tail) = configuration.sources[0], case .syslog(let syslog) = configuration.sources[1],
            case .stdin(let stdin) = configuration.sources[2]
        else {
            Issue.record("the sources are \(configuration.sources)")
            return
        }
        #expect(tail.exclude == ["*.gz"])
        #expect(tail.format == .docker)
        #expect(tail.start == .end)
        #expect(tail.labels[1].parts.count == 3)
        #expect(tail.labels[2].constant == "5 ${x}")
        #expect(tail.multiline == .init(firstLine: #"^\S"#, maximumLines: 500, wait: .seconds(1)))
        #expect(tail.timestamp == .init(place: .field("ts"), notation: .unix(3)))
        #expect(tail.poll == .seconds(1))
        #expect(tail.maximumLineBytes == 1 << 20)
        #expect(syslog.listen.map(\.description) == ["tls://[::]:6514", "unix:///run/m.sock", "udp://127.0.0.1:514"])
        #expect(syslog.labels[1].parts == [.variable(scope: "syslog", name: "sd.origin@32473.ip")])
        #expect(syslog.tls == .init(certificate: "c.pem", key: "k.pem"))
        #expect(syslog.maximumMessageBytes == 8192)
        #expect(syslog.idle == .seconds(120))
        #expect(!syslog.structuredMetadata)
        #expect(syslog.usesSenderTime)
        #expect(syslog.assumedOffsetSeconds == -19_800)
        #expect(syslog.maximumConnections == 10)
        #expect(syslog.receiveBufferBytes == 1 << 20)
        #expect(stdin.labels == [LabelTemplate(label: "job", parts: [.literal("in")])])
        #expect(configuration.metrics.listen == NetworkAddress(host: "0.0.0.0", port: 9000))
        #expect(configuration.state == .init(directory: "s", interval: .milliseconds(500)))
        let loki = configuration.loki[0]
        #expect(loki.url.reveal() == "https://123:t0ken@logs.example.net/loki/api/v1/push")
        #expect(loki.destination == "https://logs.example.net:443")
        #expect(loki.encoding == .json)
        #expect(loki.batchBytes == 512 << 10)
        #expect(loki.batchWait == .milliseconds(200))
        #expect(loki.queueBytes == 32 << 20)
        #expect(loki.timeout == .seconds(5))
        #expect(loki.backoff == .init(minimum: .seconds(1), maximum: .seconds(60), retries: 3))
        #expect(loki.headers.map { "\($0.name): \($0.value.reveal())" } == ["X-Source: edge"])
        let tls = Configuration.TLS(
            ca: "ca.pem", certificate: "c.pem", key: "k.pem", serverName: "loki", insecure: true)
        #expect(loki.tls == tls)
        guard case .basic(let user, let password) = configuration.loki[1].authorization,
            case .bearer(let token) = configuration.loki[2].authorization
        else {
            Issue.record("the credentials are not read")
            return
        }
        #expect(user.reveal() == "me")
        #expect(password.reveal() == "t0ken")
        #expect(token.reveal() == "xt0ken")
        #expect(configuration.log.level == .debug)
        #expect(configuration.log.format == .json)
        #expect(configuration.workers == 3)
        #expect(configuration.shutdown.deadline == .seconds(10))
        #expect(configuration.limits.streams == 500)
        #expect(configuration.limits.queueBytes == 4 << 20)
    }

    @Test("an empty file gives the defaults", arguments: ["", "# nothing\n", "rules:\nsources:\n", "{}"])
    func defaults(text: String) {
        let load = read(text)
        #expect(load.diagnostics.allSatisfy { $0.message.contains("not supported yet") })
        let configuration = load.configuration
        #expect(configuration.sources.isEmpty && configuration.rules.isEmpty && configuration.loki.isEmpty)
        #expect(configuration.metrics.listen.description == "127.0.0.1:9464")
        #expect(configuration.state == nil)
        #expect(configuration.log.level == .info)
        #expect(configuration.workers == nil)
        #expect(configuration.shutdown.deadline == .seconds(30))
        #expect(configuration.limits.streams == 10_000)
    }

    @Test("sources and destinations have the documented defaults")
    func sourceDefaults() throws {
        let load = read(
            """
            sources:
              - tail: {paths: [a], labels: {job: a}}
              - syslog: {listen: [udp://0.0.0.0], labels: {job: a}}
              - stdin:
            loki: [{url: "http://loki:3100"}]
            labels: {cluster: a}
            """)
        #expect(load.diagnostics.allSatisfy { $0.message.contains("not supported yet") }, "\(load.render())")
        guard case .tail(let tail) = load.configuration.sources[0],
            case .syslog(let syslog) = load.configuration.sources[1]
        else {
            Issue.record("the sources are \(load.configuration.sources)")
            return
        }
        #expect(tail.format == .raw && tail.start == .beginning && tail.multiline == nil && tail.timestamp == nil)
        #expect(tail.poll == nil)
        #expect(tail.maximumLineBytes == 262_144)
        #expect(syslog.maximumMessageBytes == 65_536)
        #expect(syslog.idle == nil && syslog.structuredMetadata && !syslog.usesSenderTime)
        let loki = try #require(load.configuration.loki.first)
        #expect(loki.encoding == .protobuf && loki.batchBytes == 1 << 20 && loki.queueBytes == 8 << 20)
        #expect(loki.timeout == .seconds(10) && loki.backoff.retries == nil && loki.tenant == nil)
    }
}

@Suite("Secrets")
struct SecretTests {
    @Test("a secret never prints")
    func printing() {
        let load = read(
            """
            loki:
              - url: http://a:${ENV:TOKEN}@loki:3100/push?token=${ENV:TOKEN}
                tenant: ${ENV:TOKEN}
                headers: {X-A: "${ENV:TOKEN}", X-B: literal-t0ken}
              - url: http://loki:3100/push
                basic: {username: "${ENV:TOKEN}", password: literal-t0ken}
            """, ["TOKEN": "t0ken"])
        #expect(load.diagnostics.allSatisfy { $0.message.contains("not supported yet") }, "\(load.render())")
        var dumped = ""
        dump(load, to: &dumped)
        for text in ["\(load)", String(reflecting: load), dumped] {
            #expect(!text.contains("t0ken"))
            #expect(text.contains("<secret>"))
        }
    }

    @Test("a file's secret is read without its last line break, from the configuration's folder")
    func files() throws {
        let folder = TemporaryFolder()
        folder.write("secrets/token", "s3cret\n")
        let path = folder.write(
            "millrace.yaml", "loki: [{url: 'http://loki/push', bearer: '${file:secrets/token}'}]\n")
        let load = loadConfiguration(path: path)
        #expect(load.diagnostics.allSatisfy { $0.message.contains("not supported yet") }, "\(load.render())")
        guard case .bearer(let token) = load.configuration.loki.first?.authorization else {
            Issue.record("no bearer token")
            return
        }
        #expect(token.reveal() == "s3cret")
    }

    @Test("a wrong value that came from a variable is not repeated")
    func wrongValues() {
        let load = read(
            """
            loki:
              - url: ${ENV:URL}
                headers: {X-A: "${ENV:HEADER}"}
            """, ["URL": "ftp://t0ken", "HEADER": "t0ken\r\nX: y"])
        let said = load.render()
        #expect(load.diagnostics.count == 2)
        #expect(!said.contains("t0ken"))
    }

    @Test("a missing file, a folder and a binary file are told apart")
    func unreadable() {
        let folder = TemporaryFolder()
        let binary = folder.write("binary.yaml", [0x61, 0x0A, 0xFF, 0xFE, 0x00])
        #expect(loadConfiguration(path: folder.path + "/no.yaml").render().contains("no such file"))
        #expect(loadConfiguration(path: folder.path).render().contains("found a folder"))
        #expect(loadConfiguration(path: binary).render().contains("not UTF-8 text: byte 2, on line 2"))
        #expect(loadConfiguration(path: "/dev/null").render().contains("found a pipe, socket or device"))
    }
}
