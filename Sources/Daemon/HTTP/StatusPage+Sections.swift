import Records

extension StatusPage {
    func sourceTable(_ writer: inout PageWriter) -> HTML {
        var rows = HTML.empty
        for (index, row) in report.sources.enumerated() {
            let key = "source.\(index)"
            let status = row.status
            let behind: HTML =
                status.bytesBehind.map { writer.figure(key + ".bytes_behind", $0, .bytes) } ?? "–"
            let position: HTML = status.position.map { writer.figure(key + ".position", $0, .bytes) } ?? "–"
            rows += #"""
                <tr data-row="source"><th scope="row"><span class="name">\#(shown(status.place, limit: 300))</span>\#
                <small>\#(shown(status.source, limit: 80))</small>\#(problem(status.problem))</th>
                \#(cell("lines/s", writer.figure(key + ".lines_per_second", row.rate, .perSecond)))
                <td class="plotcell">\#(writer.plot(key, row.points, "lines per second"))</td>
                \#(cell("lines", writer.figure(key + ".lines", status.lines, .count)))
                \#(cell("position", position))\#(cell("behind", behind))</tr>

                """#
        }
        return table(
            "Sources", "sources", heads: ["from", "lines/s", "", "lines", "position", "behind"], rows,
            empty: "nothing is read", count: report.sources.count)
    }

    func ruleTable(_ writer: inout PageWriter) -> HTML {
        var rows = HTML.empty
        for (index, row) in report.rules.enumerated() {
            let key = "rule.\(index)"
            let status = row.status
            var series = writer.figure(key + ".series", status.series, .count)
            if status.overflow > 0 { series += #" <span class="badge bad">full</span>"# }
            rows += #"""
                <tr data-row="rule"><th scope="row"><span class="name">\#(shown(status.rule, limit: 200))</span>\#
                <small>\#(shown(status.kind, limit: 20)) in \#(shown(status.group, limit: 120))</small>\#
                \#(problem(status.problem))</th>
                \#(cell("matched/s", writer.figure(key + ".matched_per_second", row.rate, .perSecond)))
                <td class="plotcell">\#(writer.plot(key, row.points, "lines matched per second"))</td>
                \#(cell("matched", writer.figure(key + ".matched", status.linesMatched, .count)))
                \#(cell("filtered", writer.figure(key + ".filtered", status.linesFiltered, .count)))
                \#(cell("failed", writer.figure(key + ".failed", status.linesFailed, .count),
                        alarm: status.linesFailed > 0))
                \#(cell("series", series))
                \#(cell("per line", writer.figure(key + ".nanoseconds", status.nanosecondsPerLine, .nanoseconds)))</tr>

                """#
        }
        return table(
            "Rules", "rules",
            heads: ["rule", "matched/s", "", "matched", "filtered", "failed", "series", "per line"], rows,
            empty: "there are no rules", count: report.rules.count)
    }

    func destinationTable(_ writer: inout PageWriter) -> HTML {
        guard !report.destinations.isEmpty else { return .empty }
        var rows = HTML.empty
        for (index, row) in report.destinations.enumerated() {
            let key = "destination.\(index)"
            let status = row.status
            rows += #"""
                <tr data-row="destination"><th scope="row"><span class="name">\#
                \#(shown(status.destination, limit: 200))</span>\#(problem(status.problem))</th>
                \#(cell("lines/s", writer.figure(key + ".lines_per_second", row.rate, .perSecond)))
                <td class="plotcell">\#(writer.plot(key, row.points, "lines delivered per second"))</td>
                \#(cell("lines", writer.figure(key + ".lines", status.lines, .count)))
                \#(cell("batches", writer.figure(key + ".batches", status.batches, .count)))
                \#(cell("sent", writer.figure(key + ".bytes", status.bytes, .bytes)))
                \#(cell("retries", writer.figure(key + ".retries", status.retries, .count)))
                \#(cell("dropped", writer.figure(key + ".dropped", status.droppedLines, .count),
                        alarm: status.droppedLines > 0))
                \#(cell("waiting", writer.figure(key + ".queue_bytes", status.queueBytes, .bytes)))</tr>

                """#
        }
        return table(
            "Destinations", "destinations",
            heads: ["to", "lines/s", "", "lines", "batches", "sent", "retries", "dropped", "waiting"], rows,
            empty: "", count: report.destinations.count)
    }

    func seriesSection(_ writer: inout PageWriter) -> HTML {
        var cards = HTML.empty
        for (index, family) in report.families.enumerated() {
            cards += card(family, "family.\(index)", &writer)
        }
        let body: HTML =
            report.families.isEmpty
            ? #"<p class="quiet">no rule has a series yet</p>"# : #"<div class="cards">\#(cards)</div>"#
        let count = report.families.reduce(0) { $0 + $1.rows.count }
        let remark: HTML =
            count < report.seriesCount
            ? #"<p class="quiet">the busiest series; all of them are in <a href="metrics">metrics</a></p>"# : .empty
        return #"""
            <section id="series"><h2>Series <small>over the last \#(RateTrack.points) seconds</small></h2>\#
            \#(body)\#(remark)</section>
            """#
    }

    private func card(_ family: StatusReport.Family, _ key: String, _ writer: inout PageWriter) -> HTML {
        var rows = HTML.empty
        for (index, row) in family.rows.enumerated() {
            rows += seriesRow(row, family, "\(key).\(index)", &writer)
        }
        var total = HTML.empty
        switch family.kind {
        case .counter, .histogram:
            if family.rows.count > 1 {
                total = #"""
                    <p class="sum">\#(writer.figure(key + ".rate", family.rate, rate(family)))</p>\#
                    \#(writer.plot(key, family.points, "per second, all series together"))
                    """#
            }
        case .gauge: break
        }
        let more: HTML = family.rows.count < family.seriesCount ? "\(family.rows.count) of " : .empty
        let help: HTML = family.help.isEmpty ? .empty : #"<p class="quiet">\#(shown(family.help, limit: 200))</p>"#
        return #"""
            <article class="card \#(family.kind.rawValue)" data-family="\#(shown(family.name, limit: 200))">
            <h3>\#(shown(family.name, limit: 200))</h3>
            <p class="quiet"><span class="badge">\#(family.kind.rawValue)</span> \#
            \#(more)\#(family.seriesCount) series</p>\#(help)\#(total)
            <ul>\#(rows)</ul></article>

            """#
    }

    private func seriesRow(
        _ row: StatusReport.SeriesRow, _ family: StatusReport.Family, _ key: String, _ writer: inout PageWriter
    ) -> HTML {
        var figures: HTML
        switch (family.kind, row.value) {
        case (.gauge, _):
            figures = "<b>\(figure(family, row.value.number, key + ".value", &writer))</b>"
        case (.counter, _), (.histogram, .number):
            figures = """
                <b>\(writer.figure(key + ".rate", row.rate, rate(family)))</b>
                <small>\(writer.figure(key + ".value", row.value.number, isBytes(family) ? .bytes : .count))</small>
                """
        case (.histogram, .histogram):
            let median = figure(family, row.median, key + ".p50", &writer)
            let percentile95 = figure(family, row.percentile95, key + ".p95", &writer)
            figures = """
                <b>\(writer.figure(key + ".rate", row.rate, .perSecond))</b>
                <small title="quantiles of about the last half minute">p50 \(median), p95 \(percentile95)</small>
                """
        }
        let meaning = family.kind == .gauge ? "value" : "per second"
        return #"""
            <li data-row="series"><span class="labels">\#(chips(row.labels))</span>\#
            <span class="figures">\#(figures)</span>\#(writer.plot(key, row.points, meaning))</li>

            """#
    }

    private func isBytes(_ family: StatusReport.Family) -> Bool {
        family.kind == .counter && family.name.hasSuffix("_bytes_total")
    }

    private func rate(_ family: StatusReport.Family) -> Figure { isBytes(family) ? .bytesPerSecond : .perSecond }

    /// A value in the unit that the family's name tells, as Prometheus names units.
    private func figure(
        _ family: StatusReport.Family, _ value: Double?, _ key: String, _ writer: inout PageWriter
    ) -> HTML {
        if family.name.hasSuffix("_seconds") { return writer.figure(key, value, .duration) }
        return writer.figure(key, value, family.name.hasSuffix("_bytes") ? .bytes : .value)
    }

    func lineList(_ writer: inout PageWriter) -> HTML {
        guard report.hasReceiver || !report.lines.isEmpty else { return .empty }
        var rows = HTML.empty
        for (index, line) in report.lines.enumerated() {
            let key = "line.\(index)"
            rows += #"""
                <li data-row="line"><time>\#(writer.text(key + ".time", line.time.clock))</time> \#
                <span class="stream">\#(writer.text(key + ".labels", shown(line.labels, limit: 200)))</span> \#
                <code>\#(writer.text(key + ".line", shown(line.line, limit: 400)))</code></li>

                """#
        }
        let body: HTML =
            report.lines.isEmpty ? #"<p class="quiet">no line came yet</p>"# : #"<ol class="lines">\#(rows)</ol>"#
        return #"<section id="lines"><h2>Last lines delivered</h2>\#(body)</section>"#
    }

    /// A label set as it is read best: one chip per label, at most twelve.
    private func chips(_ labels: LabelSet) -> HTML {
        guard !labels.labels.isEmpty else { return #"<span class="quiet">no labels</span>"# }
        var chips = HTML.empty
        for label in labels.labels.prefix(12) {
            chips += #"""
                <span class="chip"><i>\#(shown(label.name, limit: 60))</i> \#
                <bdi>\#(shown(label.value, limit: 120))</bdi></span>
                """#
        }
        if labels.labels.count > 12 { chips += #"<span class="quiet">…</span>"# }
        return chips
    }

    private func problem(_ text: String?) -> HTML {
        text.map { #"<span class="problem">\#(shown($0, limit: 300))</span>"# } ?? .empty
    }

    /// A cell; its head is repeated for narrow screens, where a row becomes a card.
    private func cell(_ head: StaticString, _ content: HTML, alarm: Bool = false) -> HTML {
        #"<td data-head="\#(HTML(stringLiteral: head))"\#(alarm ? #" class="alarm""# : .empty)>\#(content)</td>"#
    }

    private func table(
        _ title: StaticString, _ identifier: StaticString, heads: [StaticString], _ rows: HTML, empty: StaticString,
        count: Int
    ) -> HTML {
        let heading: HTML = "<h2>\(HTML(stringLiteral: title))</h2>"
        let name = HTML(stringLiteral: identifier)
        guard count > 0 else {
            return #"<section id="\#(name)">\#(heading)<p class="quiet">\#(HTML(stringLiteral: empty))</p></section>"#
        }
        var head = HTML.empty
        for text in heads { head += #"<th scope="col">\#(HTML(stringLiteral: text))</th>"# }
        return #"""
            <section id="\#(name)">\#(heading)
            <table><thead><tr>\#(head)</tr></thead><tbody>\#(rows)</tbody></table></section>

            """#
    }
}
