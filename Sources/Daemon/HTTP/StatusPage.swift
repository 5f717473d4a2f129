import Records

/// The status page: the whole document for `GET /`, its changing parts for `GET /status.json`.
struct StatusPage {
    let report: StatusReport

    /// The document. `nonce` goes to the style and the script, which the content security policy allows by it.
    func document(nonce: String) -> String {
        var writer = PageWriter(.page)
        let main = self.main(&writer)
        let page: HTML = #"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>Millrace</title>
            <link rel="icon" href="\#(Self.icon)">
            <style nonce="\#(nonce)">\#(Self.style)</style>
            <noscript><meta http-equiv="refresh" content="5"></noscript>
            </head>
            <body>
            <main data-shape="\#(shape)">\#(main)</main>
            <script nonce="\#(nonce)">\#(Self.script)</script>
            </body>
            </html>

            """#
        return page.text
    }

    /// A digest of the page without its figures and plots.
    var shape: String {
        var writer = PageWriter(.skeleton)
        return PageWriter.digest(main(&writer).text)
    }

    /// The figures and plots by key, with the shape of the page that they fit into.
    func writeChanges(to json: inout JSONText) {
        var writer = PageWriter(.skeleton)
        let shape = PageWriter.digest(main(&writer).text)
        json.object { json in
            json.member("shape", shape)
            json.key("figures")
            json.object { json in
                for figure in writer.figures {
                    json.key(figure.key)
                    json.array { json in
                        json.string(figure.text)
                        if let number = figure.number { json.number(number) }
                    }
                }
            }
            json.key("plots")
            json.object { json in for plot in writer.plots { json.member(plot.key, plot.path) } }
        }
    }

    private func main(_ writer: inout PageWriter) -> HTML {
        let parts = [
            header(&writer), noticeList, tiles(&writer), sourceTable(&writer), ruleTable(&writer),
            seriesSection(&writer), destinationTable(&writer), lineList(&writer),
        ]
        return parts.reduce(into: HTML.empty) { $0 += $1 }
    }

    private func header(_ writer: inout PageWriter) -> HTML {
        let (state, word): (String, String) =
            switch report.readiness {
            case .ready: ("ready", "ready")
            case .catchingUp(let how): ("waiting", "catching up: " + shown(how, limit: 120))
            case .stopping: ("waiting", "stopping")
            }
        let uptime = writer.figure("uptime", report.at.seconds - report.started.seconds, .seconds)
        return #"""
            <header>
            <h1>\#(Self.mark)Millrace <small>\#(shown(report.version, limit: 40))</small></h1>
            <p class="state"><span class="badge \#(state)" id="state">\#(word)</span>
            <span class="quiet">up \#(uptime)</span>
            <span class="live" title="refreshed every second">live</span></p>
            <nav><a href="metrics">metrics</a> <a href="status.json">status.json</a></nav>
            </header>

            """#
    }

    private var noticeList: HTML {
        var list = HTML.empty
        for notice in report.notices.prefix(10) {
            list += #"<p class="notice">\#(shown(notice, limit: 2_000))</p>"#
        }
        return list
    }

    private func tiles(_ writer: inout PageWriter) -> HTML {
        var tiles = tile(
            "Lines read", writer.figure("total.lines_per_second", report.linesRead.rate, .perSecond),
            detail: "\(writer.figure("total.lines", report.linesRead.status, .count)) in all",
            plot: writer.plot("total.lines", report.linesRead.points, "lines read per second"))
        if !report.destinations.isEmpty {
            tiles += tile(
                "Lines delivered",
                writer.figure("total.delivered_per_second", report.linesDelivered.rate, .perSecond),
                detail: "\(writer.figure("total.queue_bytes", report.queueBytes, .bytes)) waiting",
                plot: writer.plot("total.delivered", report.linesDelivered.points, "lines delivered per second"))
        }
        tiles += tile(
            "Lines failed", writer.figure("total.failed_per_second", report.linesFailed.rate, .perSecond),
            detail: "\(writer.figure("total.failed", report.linesFailed.status, .count)) in all",
            plot: writer.plot("total.failed", report.linesFailed.points, "lines per second that rules could not use"))
        tiles += tile(
            "CPU", writer.figure("total.cpu", report.cpu.rate, .percent),
            detail: "\(writer.figure("total.memory_bytes", report.residentBytes, .bytes)) memory",
            plot: writer.plot("total.cpu", report.cpu.points, "CPU time per second"))
        tiles += tile(
            "Behind", writer.figure("total.bytes_behind", report.bytesBehind, .bytes), detail: "of files not read yet")
        tiles += tile(
            "Series", writer.figure("total.series", report.seriesCount, .count), detail: "of the rules")
        return #"<section class="tiles" aria-label="Overview">\#(tiles)</section>"#
    }

    private func tile(_ name: StaticString, _ figure: HTML, detail: HTML, plot: HTML = .empty) -> HTML {
        let name = HTML(stringLiteral: name)
        return """
            <div class="tile"><h2>\(name)</h2><p class="big">\(figure)</p><p class="quiet">\(detail)</p>\(plot)</div>

            """
    }
}
