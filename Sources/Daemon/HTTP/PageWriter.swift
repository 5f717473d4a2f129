/// Writes the parts of the status page that change, and remembers each under its key.
///
/// The page and its updates come from one pass over one report: `/` sends the markup, `/status.json` the figures and
/// plots by key. `shape` is a digest of the markup without them: while it is the same, a browser only has to put new
/// figures into the old markup.
struct PageWriter {
    enum Form {
        /// The markup with the figures in it.
        case page
        /// The same markup with every figure and plot left out.
        case skeleton
    }

    struct Recorded {
        var key: String
        var text: String
        /// The number as it is; nil for texts.
        var number: Double?
    }

    private let form: Form
    private(set) var figures: [Recorded] = []
    private(set) var plots: [(key: String, path: String)] = []

    init(_ form: Form) {
        self.form = form
    }

    /// A number that changes.
    mutating func figure(_ key: String, _ number: Double?, _ figure: Figure) -> HTML {
        let text = figure.text(number)
        figures.append(Recorded(key: key, text: text, number: number ?? .nan))
        switch form {
        case .skeleton: return #"<span data-k="\#(key)"></span>"#
        case .page:
            let value = number.map { Int64(exactly: $0).map(String.init) ?? String($0) } ?? ""
            return #"<span data-k="\#(key)" data-value="\#(value)">\#(text)</span>"#
        }
    }

    mutating func figure(_ key: String, _ number: some BinaryInteger, _ figure: Figure) -> HTML {
        self.figure(key, Double(number), figure)
    }

    /// A text that changes; what comes from logs has to be cut by `shown` before.
    mutating func text(_ key: String, _ text: String) -> HTML {
        figures.append(Recorded(key: key, text: text, number: nil))
        switch form {
        case .skeleton: return #"<span data-k="\#(key)"></span>"#
        case .page: return #"<bdi data-k="\#(key)">\#(text)</bdi>"#
        }
    }

    /// A plot that changes; `meaning` is for those who cannot see it.
    mutating func plot(_ key: String, _ points: [Double], _ meaning: String) -> HTML {
        let path = Sparkline.path(points, points: RateTrack.points)
        plots.append((key, path))
        let (line, area) =
            switch form {
            case .skeleton: ("", "")
            case .page: (path, Sparkline.area(path))
            }
        return #"""
            <svg class="plot" data-p="\#(key)" viewBox="0 0 \#(Sparkline.width) \#(Sparkline.height)" \#
            preserveAspectRatio="none" role="img" aria-label="\#(meaning)"><path class="area" d="\#(area)"/>\#
            <path class="line" d="\#(line)"/></svg>
            """#
    }

    /// FNV-1a of a text, as 16 hexadecimal digits: tells pages apart, keeps no secret.
    static func digest(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
