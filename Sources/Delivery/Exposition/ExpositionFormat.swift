public import Records

/// The text formats in which `/metrics` answers.
public enum ExpositionFormat: Hashable, Sendable {
    /// Prometheus text, version 0.0.4.
    case text
    /// OpenMetrics 1.0.0: with exemplars and the times at which series began.
    case openMetrics

    /// The value of the answer's `Content-Type`.
    public var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// The format that an `Accept` header asks for (RFC 9110 §12.5.1): the highest q-value that can be met, the first
    /// of equals; Prometheus text where the header is absent, asks for nothing known, or cannot be read.
    public static func format(accept: String?) -> ExpositionFormat {
        var best: (format: ExpositionFormat, quality: Double)?
        for range in (accept ?? "").split(separator: ",") {
            let parts = range.split(separator: ";").map { trimmed($0).lowercased() }
            var parameters: [String: String] = [:]
            for part in parts.dropFirst() {
                let pair = part.split(separator: "=", maxSplits: 1).map { trimmed($0) }
                guard pair.count == 2 else { continue }
                parameters[pair[0]] = pair[1].filter { $0 != "\"" }
            }
            let quality = parameters["q"].map { Double($0) ?? 0 } ?? 1
            guard let type = parts.first, let format = offer(type, version: parameters["version"]), quality > 0,
                quality > best?.quality ?? 0
            else { continue }
            best = (format, quality)
        }
        return best?.format ?? .text
    }

    private static func offer(_ type: String, version: String?) -> ExpositionFormat? {
        switch type {
        case "application/openmetrics-text": version == nil || version == "1.0.0" ? .openMetrics : nil
        case "text/plain": version == nil || version == "0.0.4" ? .text : nil
        case "text/*", "*/*": .text
        default: nil  // a media type is open text, and most have no metrics
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}

/// The snapshot as `/metrics` shows it; the series of a family sorted by their labels, the families as they come.
public func render(_ snapshot: Snapshot, as format: ExpositionFormat) -> [UInt8] {
    var writer = ExpositionWriter()
    switch format {
    case .text: for family in snapshot.families { TextFormat.write(family, to: &writer) }
    case .openMetrics:
        for family in snapshot.families { OpenMetrics.write(family, to: &writer) }
        writer.append("# EOF\n")
    }
    return writer.bytes
}
