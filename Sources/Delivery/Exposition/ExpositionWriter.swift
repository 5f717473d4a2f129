import Records

/// The parts that both text formats share, appended to one array.
struct ExpositionWriter {
    private(set) var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(64 << 10)
    }

    mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    mutating func append(byte: UInt8) {
        bytes.append(byte)
    }

    mutating func append(_ text: [UInt8]) {
        bytes.append(contentsOf: text)
    }

    /// A text with backslashes and newlines escaped, and quotes where the format wants it.
    mutating func escaped(_ text: String, quotes: Bool) {
        var isPlain = true
        for byte in text.utf8
        where byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\"") {
            isPlain = false
        }
        guard !isPlain else { return bytes.append(contentsOf: text.utf8) }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\"") where quotes: append("\\\"")
            default: bytes.append(byte)
            }
        }
    }

    /// `name suffix{labels,extra}` and a space; without braces where there are no labels.
    mutating func series(_ name: String, _ suffix: String, _ labels: LabelSet, boundary: [UInt8]? = nil) {
        append(name)
        append(suffix)
        if !labels.labels.isEmpty || boundary != nil {
            bytes.append(UInt8(ascii: "{"))
            pairs(labels)
            if let boundary {
                append(labels.labels.isEmpty ? "le=\"" : ",le=\"")
                bytes.append(contentsOf: boundary)
                bytes.append(UInt8(ascii: "\""))
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: " "))
    }

    /// `a="1",b="2"`.
    mutating func pairs(_ labels: LabelSet) {
        var isFirst = true
        for label in labels.labels {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            append(label.name)
            append("=\"")
            escaped(label.value, quotes: true)
            bytes.append(UInt8(ascii: "\""))
        }
    }

    /// A sample's value: integers without a fraction, anything else in the shortest form that reads back the same.
    mutating func number(_ value: Double) {
        if value.magnitude < 9_007_199_254_740_992, value == value.rounded(.towardZero) {
            integer(Int64(value))
        } else if value.isNaN {
            append("NaN")
        } else if value.isInfinite {
            append(value > 0 ? "+Inf" : "-Inf")
        } else {
            append(value.description)
        }
    }

    mutating func integer(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        unsigned(value.magnitude)
    }

    mutating func unsigned(_ value: UInt64) {
        guard value >= 10 else { return bytes.append(UInt8(ascii: "0") + UInt8(value)) }
        let start = bytes.count
        var rest = value
        while rest > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        bytes[start...].reverse()
    }

    /// A time in seconds, exact to the nanosecond.
    mutating func seconds(_ time: Timestamp) {
        if time.nanoseconds < 0 { bytes.append(UInt8(ascii: "-")) }
        let (whole, fraction) = time.nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        unsigned(whole)
        guard fraction > 0 else { return }
        var digits = String(fraction + 1_000_000_000).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        bytes.append(UInt8(ascii: "."))
        bytes.append(contentsOf: digits.utf8)
    }
}

extension MetricFamily {
    /// The series in the order of their labels; the same array when they are in order already.
    var sortedSeries: [SeriesSnapshot] {
        let inOrder = zip(series, series.dropFirst()).allSatisfy {
            !$1.identity.labels.precedes($0.identity.labels)
        }
        return inOrder ? series : series.sorted { $0.identity.labels.precedes($1.identity.labels) }
    }
}

extension LabelSet {
    func precedes(_ other: LabelSet) -> Bool {
        for (mine, theirs) in zip(labels, other.labels) {
            if mine.name != theirs.name { return mine.name < theirs.name }
            if mine.value != theirs.value { return mine.value < theirs.value }
        }
        return labels.count < other.labels.count
    }
}

/// The values of `le`, written once for all histograms of a family, which share their bounds.
struct BoundaryTexts {
    private var bounds: [Double] = []
    private(set) var texts: [[UInt8]] = [Array("+Inf".utf8)]
    let alwaysFraction: Bool

    /// `alwaysFraction` writes `1.0` for 1, as OpenMetrics wants it.
    init(alwaysFraction: Bool) {
        self.alwaysFraction = alwaysFraction
    }

    mutating func use(_ new: [Double]) {
        guard new != bounds else { return }
        bounds = new
        texts = new.map { Self.text($0, alwaysFraction: alwaysFraction) } + [Array("+Inf".utf8)]
    }

    /// A bound as Go's `strconv.FormatFloat(value, 'g', -1, 64)` writes it, so that the series is the same one that
    /// other exporters would make of it.
    static func text(_ value: Double, alwaysFraction: Bool) -> [UInt8] {
        if value.isNaN { return Array("NaN".utf8) }
        if value.isInfinite { return Array((value > 0 ? "+Inf" : "-Inf").utf8) }
        let (digits, point) = decimal(value.magnitude)
        var result: [UInt8] = value.sign == .minus ? [UInt8(ascii: "-")] : []
        let zero = UInt8(ascii: "0")
        let exponent = point - 1
        if exponent < -4 || exponent >= 6 {
            result.append(digits[0])
            if digits.count > 1 { result += [UInt8(ascii: ".")] + digits[1...] }
            result += exponent < 0 ? Array("e-".utf8) : Array("e+".utf8)
            let magnitude = exponent.magnitude
            result += Array(((magnitude < 10 ? "0" : "") + String(magnitude)).utf8)
            return result
        }
        if point <= 0 {
            result += [zero, UInt8(ascii: ".")] + Array(repeating: zero, count: -point) + digits
        } else if digits.count <= point {
            result += digits + Array(repeating: zero, count: point - digits.count)
            if alwaysFraction { result += Array(".0".utf8) }
        } else {
            result += digits[..<point] + [UInt8(ascii: ".")] + digits[point...]
        }
        return result
    }

    /// The shortest digits that read back as the value, without zeros at either end, and where the point stands.
    private static func decimal(_ value: Double) -> (digits: [UInt8], point: Int) {
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        let parts = value.description.split(separator: "e", maxSplits: 1)
        for byte in parts[0].utf8 {
            if byte == UInt8(ascii: ".") { point = digits.count } else { digits.append(byte) }
        }
        if parts.count == 2 { exponent = Int(parts[1]) ?? 0 }
        var position = (point ?? digits.count) + exponent
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        while digits.count > 1, digits.first == UInt8(ascii: "0") {
            digits.removeFirst()
            position -= 1
        }
        return digits == [UInt8(ascii: "0")] ? (digits, 1) : (digits, position)
    }
}
