import Records

extension Snapshot {
    /// The series as one JSON document: `[{"name", "type", "help", "series": [{"labels", "value"}]}]`; a histogram
    /// has `buckets` (cumulative, by upper bound), `count` and `sum` instead of `value`.
    var json: String {
        var text = JSONText()
        text.array { text in
            for family in families {
                text.object { text in
                    text.member("name", family.name)
                    text.member("type", family.kind.rawValue)
                    text.member("help", family.help)
                    text.key("series")
                    text.array { text in
                        for series in family.series { series.write(to: &text) }
                    }
                }
            }
        }
        return text.text
    }
}

extension SeriesSnapshot {
    fileprivate func write(to text: inout JSONText) {
        text.object { text in
            text.key("labels")
            text.object { text in
                for label in identity.labels.labels { text.member(label.name, label.value) }
            }
            switch value {
            case .number(let number):
                text.key("value")
                text.number(number)
            case .histogram(let histogram):
                text.key("buckets")
                text.object { text in
                    var count: UInt64 = 0
                    for (index, bound) in (histogram.bounds.map { "\($0)" } + ["+Inf"]).enumerated() {
                        count += histogram.counts[index]
                        text.key(bound)
                        text.number(Double(count))
                    }
                }
                text.key("count")
                text.number(Double(histogram.count))
                text.key("sum")
                text.number(histogram.sum)
            }
        }
    }
}
