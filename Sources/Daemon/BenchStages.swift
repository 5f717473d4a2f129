import Engine
import LogQL
import Records

/// What each stage of a pipeline costs: the time of a pipeline with the stage less that of the pipeline before it.
enum BenchStages {
    /// The lines that a stage is measured on, all made.
    enum Lines: String, CaseIterable {
        case json, combined, logfmt, colored
    }

    struct Stage {
        var name: String
        var lines: Lines
        var before: String
        var after: String
    }

    struct Cost {
        var name: String
        var nanoseconds: Double
        var bytesPerNanosecond: Double
    }

    private static let combined =
        #"regexp `^(?P<ip>\S+) \S+ \S+ \[[^\]]+\] "(?P<method>\S+) (?P<path>\S+) [^"]*" (?P<status>\d+) (?P<size>\d+)`"#
    private static let sevenFields =
        #"pattern `<ip> - - [<_>] "<method> <path> <_>" <status> <size> <_>`"#

    private static func log(_ pipeline: String) -> String { #"{job="bench"} "# + pipeline }
    private static func count(_ pipeline: String) -> String {
        #"sum(count_over_time({job="bench"} "# + pipeline + " [1m]))"
    }

    static let stages: [Stage] = [
        Stage(name: "the selector and the count", lines: .json, before: "", after: count("")),
        filter("|= found late", .json, #"|= "service_name""#),
        filter("|= not found", .json, #"|= "nowhere to be seen""#),
        filter("|~ alternatives", .json, #"|~ "POST|PUT|DELETE""#),
        filter("|~ with classes", .json, #"|~ "status\":5[0-9]{2}""#),
        filter("|> pattern", .json, #"|> "<_>method\":\"GET<_>""#),
        filter("|= ip()", .json, #"|= ip("10.42.0.0/16")"#),
        filter("json, 1 label", .json, #"| json | status!="""#),
        filter("json, 5 labels", .json, #"| json | status!="", method!="", host!="", path!="", bytes_sent!="""#),
        Stage(
            name: "json, every label, a series", lines: .json, before: count(""),
            after: #"count_over_time({job="bench"} | json | keep method, status [1m])"#),
        filter("json with 2 paths", .json, #"| json s="status", c="geo.country" | s!="""#),
        filter("logfmt, 2 labels", .logfmt, #"| logfmt | status!="", method!="""#),
        filter("logfmt with 2 keys", .logfmt, #"| logfmt s="status", m="method" | s!="""#),
        filter("regexp, 5 groups", .combined, "| \(combined) | status!=\"\""),
        filter("pattern, 5 captures", .combined, "| \(sevenFields) | status!=\"\""),
        filter("decolorize", .colored, "| decolorize | job!=\"\""),
        after("label filter, number", .json, #"| json | status!="""#, #"| json | status!="" | status >= 500"#),
        after("label filter, regex", .json, #"| json | status!="""#, #"| json | status!="" | status=~"4.[0-9]""#),
        after(
            "label filter, duration", .logfmt, #"| logfmt | duration!="""#,
            #"| logfmt | duration!="" | duration > 10ms"#),
        after("label filter, bytes", .logfmt, #"| logfmt | size!="""#, #"| logfmt | size!="" | size > 1KB"#),
        after(
            "line_format, 2 fields", .json, #"| json | status!="", method!="""#,
            #"| json | status!="", method!="" | line_format "{{.method}} {{.status}}" |= "T""#),
        after(
            "label_format, functions", .json, #"| json | status!="""#,
            #"| json | status!="" | label_format class=`{{ trunc 1 .status }}xx` | class!="""#),
        series(
            "a series of 2 labels",
            #"sum by (method, status) (count_over_time({job="bench"} | json | status!="", method!="" [1m]))"#),
        unwrapped("sum_over_time"), unwrapped("avg_over_time"), unwrapped("stddev_over_time"),
        unwrapped("quantile_over_time"),
    ]

    private static func filter(_ name: String, _ lines: Lines, _ pipeline: String) -> Stage {
        Stage(name: name, lines: lines, before: count(""), after: count(pipeline))
    }

    private static func after(_ name: String, _ lines: Lines, _ before: String, _ after: String) -> Stage {
        Stage(name: name, lines: lines, before: count(before), after: count(after))
    }

    private static func series(_ name: String, _ query: String) -> Stage {
        Stage(name: name, lines: .json, before: count(#"| json | status!="", method!="""#), after: query)
    }

    private static func unwrapped(_ operation: String) -> Stage {
        let parameter = operation == "quantile_over_time" ? "0.9, " : ""
        return Stage(
            name: "unwrap and \(operation)", lines: .json, before: count(#"| json | request_time!="""#),
            after: (operation == "sum_over_time" ? "sum by (job) (" : "") + operation + "(" + parameter
                + #"{job="bench"} | json | unwrap request_time [1m])"#
                + (operation == "sum_over_time" ? ")" : " by (job)"))
    }

    // MARK: Measuring

    /// One `record` rule as the service would run it, over the batches; nil where the rule is wrong.
    static func program(_ query: String) -> Program? {
        guard !query.isEmpty, let expression = parse(query).expression else { return nil }
        let rule = RuleDefinition(name: "bench", group: "bench", kind: .record, expression: expression)
        guard let plan = Planner.plan([rule]).plan else { return nil }
        var program = Program(plan, seed: 1)
        program.refusesAhead = false
        return program
    }

    // MARK: Lines

    /// Made lines of one kind, without their newlines.
    static func made(_ kind: Lines, count: Int) -> [String] {
        var random = DemoRandom(seed: 1)
        var ingress = DemoIngressLines(seed: 1)
        let methods = ["GET", "POST", "PUT", "DELETE"]
        let paths = ["/api/v1/orders", "/search", "/cart/items", "/static/js/app.min.js", "/healthz"]
        return (0..<count).map { number in
            let method = methods[random.below(4)]
            let path = paths[random.below(5)]
            let status = [200, 200, 200, 301, 404, 500][random.below(6)]
            let milliseconds = random.below(900)
            let size = random.below(64_000)
            switch kind {
            case .json:
                return String(ingress.next(at: Timestamp(nanoseconds: Int64(number)), outage: false).dropLast())
            case .combined:
                return
                    "198.51.100.\(random.below(256)) - - [20/Nov/2026:10:00:00 +0000] \"\(method) \(path) HTTP/1.1\" "
                    + "\(status) \(size) \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101\""
            case .logfmt:
                return "time=2026-11-20T10:00:00Z level=info msg=\"request done\" method=\(method) path=\(path) "
                    + "status=\(status) duration=\(milliseconds)ms size=\(size)B host=web-\(random.below(9))"
            case .colored:
                return "\u{1B}[32minfo\u{1B}[0m \(method) \(path) \u{1B}[1m\(status)\u{1B}[0m in \(milliseconds)ms"
            }
        }
    }
}
