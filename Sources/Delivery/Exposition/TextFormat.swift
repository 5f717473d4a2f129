import Records

/// The Prometheus text format 0.0.4. No timestamps: a scraped counter with a log's time would go stale.
enum TextFormat {
    static func write(_ family: MetricFamily, to writer: inout ExpositionWriter) {
        writer.append("# HELP ")
        writer.append(family.name)
        writer.append(byte: UInt8(ascii: " "))
        writer.escaped(family.help, quotes: false)
        writer.append("\n# TYPE ")
        writer.append(family.name)
        writer.append(byte: UInt8(ascii: " "))
        writer.append(family.kind.rawValue)
        writer.append(byte: UInt8(ascii: "\n"))
        var boundaries = BoundaryTexts(alwaysFraction: false)
        for series in family.sortedSeries {
            switch series.value {
            case .number(let value):
                writer.series(family.name, "", series.identity.labels)
                writer.number(value)
                writer.append(byte: UInt8(ascii: "\n"))
            case .histogram(let value):
                boundaries.use(value.bounds)
                write(value, of: family.name, series.identity.labels, boundaries.texts, to: &writer)
            }
        }
    }

    private static func write(
        _ histogram: HistogramValue, of name: String, _ labels: LabelSet, _ boundaries: [[UInt8]],
        to writer: inout ExpositionWriter
    ) {
        var cumulative: UInt64 = 0
        for (boundary, count) in zip(boundaries, histogram.counts) {
            cumulative &+= count
            writer.series(name, "_bucket", labels, boundary: boundary)
            writer.unsigned(cumulative)
            writer.append(byte: UInt8(ascii: "\n"))
        }
        writer.series(name, "_sum", labels)
        writer.number(histogram.sum)
        writer.append(byte: UInt8(ascii: "\n"))
        writer.series(name, "_count", labels)
        writer.unsigned(cumulative)
        writer.append(byte: UInt8(ascii: "\n"))
    }
}
