import Records

/// OpenMetrics 1.0.0.
enum OpenMetrics {
    /// Names and values of an exemplar's labels may have this many characters together.
    static let exemplarCharacters = 128

    static func write(_ family: MetricFamily, to writer: inout ExpositionWriter) {
        let (name, type, suffix) = naming(of: family)
        writer.append("# HELP ")
        writer.append(name)
        writer.append(byte: UInt8(ascii: " "))
        writer.escaped(family.help, quotes: true)
        writer.append("\n# TYPE ")
        writer.append(name)
        writer.append(byte: UInt8(ascii: " "))
        writer.append(type)
        writer.append(byte: UInt8(ascii: "\n"))
        var boundaries = BoundaryTexts(alwaysFraction: true)
        for series in family.sortedSeries {
            let labels = series.identity.labels
            switch series.value {
            case .number(let value):
                writer.series(name, suffix, labels)
                writer.number(value)
                writer.append(byte: UInt8(ascii: "\n"))
                if type == "counter" { created(series, name, to: &writer) }
            case .histogram(let value):
                boundaries.use(value.bounds)
                write(value, of: name, labels, boundaries.texts, to: &writer)
                created(series, name, to: &writer)
            }
        }
    }

    /// A counter's family has the name without `_total`; a counter with another name can only be `unknown`.
    private static func naming(of family: MetricFamily) -> (name: String, type: String, suffix: String) {
        switch family.kind {
        case .counter where family.name.hasSuffix("_total") && family.name != "_total":
            (String(family.name.dropLast("_total".count)), "counter", "_total")
        case .counter: (family.name, "unknown", "")
        case .gauge, .histogram: (family.name, family.kind.rawValue, "")
        }
    }

    private static func created(_ series: SeriesSnapshot, _ name: String, to writer: inout ExpositionWriter) {
        guard let created = series.created else { return }
        writer.series(name, "_created", series.identity.labels)
        writer.seconds(created)
        writer.append(byte: UInt8(ascii: "\n"))
    }

    private static func write(
        _ histogram: HistogramValue, of name: String, _ labels: LabelSet, _ boundaries: [[UInt8]],
        to writer: inout ExpositionWriter
    ) {
        var cumulative: UInt64 = 0
        for (index, (boundary, count)) in zip(boundaries, histogram.counts).enumerated() {
            cumulative &+= count
            writer.series(name, "_bucket", labels, boundary: boundary)
            writer.unsigned(cumulative)
            if index < histogram.exemplars.count, let exemplar = histogram.exemplars[index] {
                write(exemplar, to: &writer)
            }
            writer.append(byte: UInt8(ascii: "\n"))
        }
        writer.series(name, "_count", labels)
        writer.unsigned(cumulative)
        writer.append(byte: UInt8(ascii: "\n"))
        writer.series(name, "_sum", labels)
        writer.number(histogram.sum)
        writer.append(byte: UInt8(ascii: "\n"))
    }

    /// ` # {trace_id="abc"} 0.067 1520879607.789`; left out where its labels are longer than the format allows.
    private static func write(_ exemplar: Exemplar, to writer: inout ExpositionWriter) {
        let characters = exemplar.labels.labels.reduce(0) {
            $0 + $1.name.unicodeScalars.count + $1.value.unicodeScalars.count
        }
        guard characters <= exemplarCharacters else { return }
        writer.append(" # {")
        writer.pairs(exemplar.labels)
        writer.append("} ")
        writer.number(exemplar.value)
        writer.append(byte: UInt8(ascii: " "))
        writer.seconds(exemplar.time)
    }
}
