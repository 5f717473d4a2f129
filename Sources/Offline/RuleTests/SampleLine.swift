import LogQL
import Records

/// A sample in Prometheus's text notation, `ingress_requests_total{host="a"} 3`; the name may be left out.
struct SampleLine: Equatable {
    var name: String
    var labels: LabelSet
    var value: Double

    /// What was wanted, and the byte of the line where it was not.
    struct Failure: Error {
        var message: String
        var offset: Int
    }

    init(name: String, labels: LabelSet, value: Double) {
        self.name = name
        self.labels = labels
        self.value = value
    }

    init(_ line: String) throws(Failure) {
        var reader = Reader(bytes: Array(line.utf8))
        name = reader.name(colons: true)
        labels = try reader.labels()
        if name.isEmpty, labels.labels.isEmpty, !line.contains("{") {
            throw reader.failure("wanted a series such as name{label=\"value\"} and a number")
        }
        value = try reader.value()
    }

    /// Name and labels, by which a sample is known.
    var series: String { name + (labels.labels.isEmpty && !name.isEmpty ? "" : labelText(labels.labels)) }
    var text: String { series + " " + value.plainText }

    /// What is compared as a whole: the series of one name, for buckets those of one `le`.
    var set: String {
        name.hasSuffix("_bucket") ? labels["le"].map { "\(name){le=\"\($0)\"}" } ?? name : name
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        func failure(_ message: String) -> Failure { Failure(message: message, offset: offset) }

        private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

        private mutating func skipBlanks() {
            while peek() == 0x20 || peek() == 0x09 { offset += 1 }
        }

        private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            skipBlanks()
            guard peek() == UInt8(ascii: scalar) else { return false }
            offset += 1
            return true
        }

        mutating func name(colons: Bool) -> String {
            skipBlanks()
            let start = offset
            while let byte = peek() {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                    break
                case UInt8(ascii: "0")...UInt8(ascii: "9"):
                    if offset == start { return "" }
                case UInt8(ascii: ":"):
                    if !colons { return String(decoding: bytes[start..<offset], as: UTF8.self) }
                default: return String(decoding: bytes[start..<offset], as: UTF8.self)
                }
                offset += 1
            }
            return String(decoding: bytes[start..<offset], as: UTF8.self)
        }

        mutating func labels() throws(Failure) -> LabelSet {
            guard take("{") else { return .empty }
            var labels: [Label] = []
            while !take("}") {
                let name = name(colons: false)
                guard !name.isEmpty else { throw failure("wanted a label or '}'") }
                guard !labels.contains(where: { $0.name == name }) else {
                    throw failure("the label '\(name)' stands here twice")
                }
                guard take("=") else { throw failure("wanted '=' behind the label '\(name)'") }
                labels.append(Label(name, try text()))
                if !take(","), peek() != UInt8(ascii: "}") { throw failure("wanted ',' or '}'") }
            }
            return LabelSet(labels)
        }

        private mutating func text() throws(Failure) -> String {
            guard take("\"") else { throw failure("wanted a value in double quotes") }
            var content: [UInt8] = []
            while let byte = peek() {
                offset += 1
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let escaped = peek() else { break }
                    offset += 1
                    content.append(escaped == UInt8(ascii: "n") ? 0x0A : escaped)
                default: content.append(byte)
                }
            }
            throw failure("a value without its closing quote")
        }

        mutating func value() throws(Failure) -> Double {
            skipBlanks()
            var end = bytes.count
            while end > offset, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x0D { end -= 1 }
            let text = String(decoding: bytes[offset..<end], as: UTF8.self)
            guard let number = parseNumber(text) else {
                throw failure(text.isEmpty ? "wanted a number behind the series" : "wanted a number, found '\(text)'")
            }
            return number
        }
    }
}

/// True where two values are the same but for the order in which floating-point numbers were added.
func isSame(_ left: Double, _ right: Double) -> Bool {
    if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
    if left == right { return true }
    return left.isFinite && right.isFinite
        && (left - right).magnitude <= max(1e-12, 1e-9 * max(left.magnitude, right.magnitude))
}

extension MetricFamily {
    /// The samples as `/metrics` shows them.
    var samples: [SampleLine] {
        series.flatMap { series -> [SampleLine] in
            let labels = series.identity.labels
            switch series.value {
            case .number(let value): return [SampleLine(name: name, labels: labels, value: value)]
            case .histogram(let histogram):
                var samples: [SampleLine] = []
                var cumulative: UInt64 = 0
                for (index, count) in histogram.counts.enumerated() {
                    cumulative += count
                    let bound = index < histogram.bounds.count ? histogram.bounds[index].plainText : "+Inf"
                    samples.append(
                        SampleLine(
                            name: name + "_bucket", labels: labels.merging(LabelSet([Label("le", bound)])),
                            value: Double(cumulative)))
                }
                samples.append(SampleLine(name: name + "_sum", labels: labels, value: histogram.sum))
                samples.append(SampleLine(name: name + "_count", labels: labels, value: Double(cumulative)))
                return samples
            }
        }
    }
}
