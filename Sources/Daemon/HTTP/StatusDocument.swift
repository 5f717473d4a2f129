import Records

extension StatusReport {
    /// `/status.json`: the report for programs, and under `page` what the status page's script puts into the page.
    ///
    /// Texts from logs are cut as on the page, so that the answer stays small whatever is logged.
    var json: String {
        var json = JSONText()
        json.object { json in
            json.member("time", at.rfc3339)
            json.member("version", shown(version, limit: 40))
            json.member("uptime_seconds", at.seconds - started.seconds)
            switch readiness {
            case .ready: json.member("state", "ready")
            case .catchingUp(let how):
                json.member("state", "catching_up")
                json.member("progress", shown(how, limit: 120))
            case .stopping: json.member("state", "stopping")
            }
            json.key("notices")
            json.array { json in for notice in notices { json.string(shown(notice, limit: 2_000)) } }
            writeTotals(to: &json)
            json.key("sources")
            json.array { json in for row in sources { row.write(to: &json) } }
            json.key("rules")
            json.array { json in for row in rules { row.write(to: &json) } }
            json.key("series")
            json.array { json in for family in families { family.write(to: &json) } }
            json.key("destinations")
            json.array { json in for row in destinations { row.write(to: &json) } }
            json.key("lines")
            json.array { json in for line in lines { line.write(to: &json) } }
            json.key("page")
            StatusPage(report: self).writeChanges(to: &json)
        }
        return json.text + "\n"
    }

    private func writeTotals(to json: inout JSONText) {
        json.key("totals")
        json.object { json in
            json.member("lines_read", linesRead.status)
            json.member("lines_per_second", linesRead.rate)
            json.member("lines_failed", linesFailed.status)
            json.member("lines_delivered", linesDelivered.status)
            json.member("bytes_behind", bytesBehind)
            json.member("queue_bytes", queueBytes)
            json.member("series", seriesCount)
            json.member("resident_bytes", residentBytes)
            json.member("cpu", cpu.rate)
        }
    }
}

extension StatusReport.Row<SourceStatus> {
    fileprivate func write(to json: inout JSONText) {
        json.object { json in
            json.member("source", shown(status.source, limit: 80))
            json.member("place", shown(status.place, limit: 300))
            json.member("lines", status.lines)
            json.member("lines_per_second", rate)
            json.member("position", status.position)
            json.member("bytes_behind", status.bytesBehind)
            json.member("problem", status.problem.map { shown($0, limit: 300) })
        }
    }
}

extension StatusReport.Row<RuleStatus> {
    fileprivate func write(to json: inout JSONText) {
        json.object { json in
            json.member("group", shown(status.group, limit: 120))
            json.member("rule", shown(status.rule, limit: 200))
            json.member("kind", shown(status.kind, limit: 20))
            json.member("lines_matched", status.linesMatched)
            json.member("lines_matched_per_second", rate)
            json.member("lines_filtered", status.linesFiltered)
            json.member("lines_failed", status.linesFailed)
            json.member("series", status.series)
            json.member("overflow", status.overflow)
            json.member("nanoseconds_per_line", status.nanosecondsPerLine)
            json.member("problem", status.problem.map { shown($0, limit: 300) })
        }
    }
}

extension StatusReport.Row<DestinationStatus> {
    fileprivate func write(to json: inout JSONText) {
        json.object { json in
            json.member("destination", shown(status.destination, limit: 200))
            json.member("lines", status.lines)
            json.member("lines_per_second", rate)
            json.member("batches", status.batches)
            json.member("bytes", status.bytes)
            json.member("retries", status.retries)
            json.member("lines_dropped", status.droppedLines)
            json.member("queue_bytes", status.queueBytes)
            json.member("problem", status.problem.map { shown($0, limit: 300) })
        }
    }
}

extension StatusReport.Family {
    fileprivate func write(to json: inout JSONText) {
        json.object { json in
            json.member("name", shown(name, limit: 200))
            json.member("kind", kind.rawValue)
            json.member("help", shown(help, limit: 200))
            json.member("series_count", seriesCount)
            json.member("per_second", rate)
            json.key("busiest")
            json.array { json in
                for row in rows {
                    json.object { json in
                        json.key("labels")
                        json.object { json in
                            for label in row.labels.labels.prefix(12) {
                                json.member(shown(label.name, limit: 60), shown(label.value, limit: 120))
                            }
                        }
                        json.member("value", row.value.number)
                        json.member("per_second", row.rate)
                        switch kind {
                        case .histogram:
                            json.member("p50", row.median)
                            json.member("p95", row.percentile95)
                        case .counter, .gauge: break
                        }
                    }
                }
            }
        }
    }
}

extension DeliveredLine {
    fileprivate func write(to json: inout JSONText) {
        json.object { json in
            json.member("time", time.rfc3339)
            json.member("labels", shown(labels, limit: 200))
            json.member("line", shown(line, limit: 400))
        }
    }
}
