import Diagnostics
import Engine
import LogQL
import Records
import Rules
import Testing
import YAML

private let guide = """
    groups:
      - name: ingress-nginx
        interval: 15s                           # how often `record` rules are evaluated
        rules:
          - counter: ingress_requests_total     # goes up by one per line (or by `value`)
            help: Requests served by the ingress.
            expr: '{job="ingress"} | json | __error__=""'       # a LogQL log query: selector and pipeline
            by: [host, method, status]          # required when fields become labels: nothing leaks in by accident
            initial: [{host: api.example.com, method: GET, status: "200"}]    # exists at 0 before the first line
          - counter: ingress_response_bytes_total
            expr: '{job="ingress"} | json | unwrap bytes_sent'  # unwrap names the value
            by: [host]
          - histogram: ingress_request_duration_seconds
            expr: '{job="ingress"} | json | unwrap request_time'
            by: [host]
            buckets: [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10]       # or `native: {schema: 3}`
            exemplar: {trace_id: trace_id}      # label: field
          - gauge: worker_queue_depth           # last (default) | min | max | sum | inc | dec, with `set:`
            expr: '{app="worker"} | logfmt | unwrap depth'
            by: [queue]
          - record: ingress:requests:rate1m     # any LogQL metric query, as in Loki
            expr: sum by (host) (rate({job="ingress"} | json | __error__="" [1m]))
    """

private func read(_ text: String) -> RuleLoad { readRules(SourceText(name: "rules.yaml", text: text)) }

@Suite("Rule files")
struct RuleFileTests {
    @Test("the example of the guide is read whole")
    func example() throws {
        let load = read(guide)
        #expect(load.problems.isEmpty, "\(load.render())")
        let definitions = load.rules.definitions
        try #require(definitions.count == 5)
        #expect(load.rules.groups.map(\.name) == ["ingress-nginx"])
        let requests = definitions[0]
        #expect(requests.name == "ingress_requests_total" && requests.group == "ingress-nginx")
        #expect(requests.help == "Requests served by the ingress.")
        #expect(requests.by == ["host", "method", "status"])
        #expect(requests.initial.map(\.text) == [#"{host="api.example.com", method="GET", status="200"}"#])
        #expect(requests.limit == 10_000 && requests.idle == nil && requests.interval == 15_000_000_000)
        guard case .counter = requests.kind, case .histogram(let buckets) = definitions[2].kind,
            case .gauge(.last) = definitions[3].kind, case .record = definitions[4].kind
        else {
            Issue.record("the kinds are \(definitions.map(\.kind))")
            return
        }
        #expect(buckets == [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
        #expect(definitions[2].exemplar == [.init(label: "trace_id", field: "trace_id")])
        guard case .log(let query) = definitions[1].expression, case .metric = definitions[4].expression else {
            Issue.record("the expressions are of the wrong kind")
            return
        }
        #expect(query.unwrap?.label == "bytes_sent")
    }

    @Test("a file of Loki's ruler is read; its alerts are left out with a warning")
    func ruler() throws {
        let load = read(
            """
            namespace: team
            groups:
              - name: should_fire
                interval: 1m
                query_offset: 30s
                limit: 0
                labels: {team: web}
                rules:
                  - alert: HighPercentageError
                    expr: |
                      sum(rate({app="foo"} |= "error" [5m])) by (job)
                        / sum(rate({app="foo"}[5m])) by (job) > 0.05
                    for: 10m
                    keep_firing_for: 1m
                    labels: {severity: page}
                    annotations: {summary: High request latency}
                  - record: nginx:requests:rate1m
                    expr: sum(rate({container="nginx"}[1m]))
                    labels: {cluster: us-central1}
                  - record: nginx:requests:rate1m
                    expr: sum(rate({container="nginx2"}[1m]))
                    labels: {cluster: us-central2}
            """)
        #expect(!load.hasErrors, "\(load.render())")
        #expect(load.problems.flatMap(\.diagnostics).map(\.severity) == [.warning])
        #expect(
            load.rules.definitions.map(\.labels.text) == [
                #"{cluster="us-central1", team="web"}"#, #"{cluster="us-central2", team="web"}"#,
            ])
        #expect(load.rules.definitions.allSatisfy { $0.delay == 30_000_000_000 && $0.limit == 10_000 })
    }

    @Test("the keys of a rule are read, and those of its group hold where it says nothing")
    func keys() throws {
        let load = read(
            """
            groups:
              - name: g
                delay: 10s
                limit: 50
                labels: {region: eu, team: a}
                rules:
                  - gauge: depth
                    expr: '{job="a"} | logfmt | unwrap depth'
                    set: max
                    labels: {team: b}
                    idle: 1h
                    limit: 7
                  - gauge: workers
                    expr: '{job="a"} |= "start"'
                    set: inc
            """)
        #expect(load.problems.isEmpty, "\(load.render())")
        let definitions = load.rules.definitions
        try #require(definitions.count == 2)
        guard case .gauge(.max) = definitions[0].kind, case .gauge(.inc) = definitions[1].kind else {
            Issue.record("the kinds are \(definitions.map(\.kind))")
            return
        }
        #expect(definitions[0].labels.text == #"{region="eu", team="b"}"#)
        #expect(definitions[0].limit == 7 && definitions[1].limit == 50)
        #expect(definitions[0].idle == 3_600_000_000_000 && definitions[1].idle == nil)
        #expect(definitions[0].delay == 10_000_000_000)
        #expect(definitions[0].interval == 60_000_000_000)
    }

    @Test("'zero' belongs to record rules, and is off where it is not said")
    func zero() {
        let rules = """
            groups:
              - name: g
                rules:
                  - record: a
                    expr: sum(rate({job="a"}[1m]))
                    zero: true
                  - record: b
                    expr: sum(rate({job="a"}[1m]))
            """
        let load = read(rules)
        #expect(load.problems.isEmpty, "\(load.render())")
        #expect(load.rules.definitions.map(\.zero) == [true, false])
        let refused = read(rules + "\n      - counter: c_total\n        expr: '{job=\"a\"}'\n        zero: true\n")
        #expect(refused.render().contains("a counter rule takes no 'zero'"))
    }

    @Test("a diagnostic found later is placed in the file")
    func place() throws {
        let text = """
            groups:
              - name: g
                rules:
                  - record: a:b
                    expr: |
                      sum by (host) (
                        rate({job="é"} | json [1m])
                      )
            """
        let load = read(text)
        try #require(load.rules.rules.count == 1)
        let expression = load.rules.rules[0].expression.text
        let start = try #require(expression.utf8.firstRange(of: "json".utf8)).lowerBound
        let offset = expression.utf8.distance(from: expression.startIndex, to: start)
        let (source, diagnostic) = load.rules.place(
            Diagnostic(.warning, "costly", at: offset..<(offset + 4)), ofRule: 0)
        #expect(source.position(of: diagnostic.range.lowerBound) == (7, 30))
        #expect(diagnostic.range.count == 4)
        #expect(source.render(diagnostic).hasPrefix("rules.yaml:7:30: warning: costly\n"))
    }

    @Test("a file of many mistakes says the first hundred in bounded time")
    func manyMistakes() {
        let rules = (0..<5_000).map { "      - conter: a\($0)\n        expr: '{'\n" }.joined()
        let clock = ContinuousClock()
        var load: RuleLoad?
        let took = clock.measure { load = read("groups:\n  - name: g\n    rules:\n" + rules) }
        #expect(load?.hasErrors == true)
        #expect(load?.problems.first?.diagnostics.count == 100)
        #expect(took < .seconds(10))
    }
}

@Suite("Loading rule files")
struct RuleLoadingTests {
    private func rule(_ name: String) -> String {
        "groups: [{name: g, rules: [{counter: \(name), expr: '{job=\"a\"}'}]}]\n"
    }

    @Test("paths are files, packs and patterns; each file is read once")
    func paths() {
        let folder = TemporaryFolder()
        folder.write("one.yaml", rule("one_total"))
        folder.write("packs/two/rules.yaml", rule("two_total"))
        folder.write("packs/three/rules.yaml", rule("three_total"))
        folder.write("more/b.yaml", rule("b_total"))
        folder.write("more/a.yaml", rule("a_total"))
        let load = loadRules(
            paths: ["one.yaml", "packs/two", "packs/*", "more/*.yaml", folder.path + "/one.yaml", "./one.yaml"],
            relativeTo: folder.path)
        #expect(load.problems.isEmpty, "\(load.render())")
        #expect(load.rules.definitions.map(\.name) == ["one_total", "two_total", "three_total", "a_total", "b_total"])
    }

    @Test("what cannot be read is a problem of its path, and the rest is still read")
    func unreadable() {
        let folder = TemporaryFolder()
        folder.write("good.yaml", rule("good_total"))
        folder.write("bad.yaml", rule("bad"))
        folder.write("binary.yaml", [0xFF, 0x00, 0x01])
        folder.write("large.yaml", [UInt8](repeating: 0x23, count: 5 << 20))
        folder.write("empty-pack/README.md", "nothing")
        let load = loadRules(
            paths: ["missing.yaml", "bad.yaml", "binary.yaml", "large.yaml", "empty-pack", "none/*.yaml", "good.yaml"],
            relativeTo: folder.path)
        let said = load.render()
        #expect(load.hasErrors)
        #expect(load.rules.definitions.map(\.name) == ["good_total"])
        for part in [
            "missing.yaml: error: no such file", "bad.yaml:1:38: error: the name of a counter ends in '_total'",
            "binary.yaml: error: the file is not UTF-8 text: byte 0", "large.yaml: error: the file is too large",
            "empty-pack/rules.yaml: error: no such file", "none/*.yaml: warning: no rule file matches this pattern",
        ] {
            #expect(said.contains(part), "wanted \(part) in\n\(said)")
        }
    }

    @Test("a metric of two files must be the same in both")
    func acrossFiles() {
        let folder = TemporaryFolder()
        folder.write("a.yaml", rule("one_total"))
        folder.write("b.yaml", "groups: [{name: g, rules: [{gauge: one_total, set: inc, expr: '{job=\"a\"}'}]}]\n")
        let load = loadRules(paths: ["a.yaml", "b.yaml"], relativeTo: folder.path)
        #expect(load.render().contains("b.yaml:1:36: error: 'one_total': another rule of this name is a counter"))
    }

    @Test("one pattern that names nothing is a warning only")
    func nothing() {
        let load = loadRules(paths: ["/no/such/folder/*.yaml"], relativeTo: ".")
        #expect(!load.hasErrors)
        #expect(load.problems.count == 1)
    }
}
