/// A small plot over the last seconds: the path of an SVG whose view box is `width` × `height`.
enum Sparkline {
    static let width = 356
    static let height = 100

    /// The line's path data, the newest value at the right edge, 0 at the bottom; empty for fewer than two values.
    ///
    /// NaN leaves a gap. Whole numbers only, so that a page with fifty plots stays small.
    static func path(_ values: some Collection<Double>, points: Int) -> String {
        let known = values.lazy.filter(\.isFinite)
        guard values.count > 1, let highest = known.max(), let lowest = known.min() else { return "" }
        let bottom = min(0, lowest)
        let range = max(highest, 0) - bottom
        let step = Double(width) / Double(max(2, points) - 1)
        let first = points - values.count
        var path = ""
        var drawing = false
        for (index, value) in values.enumerated() {
            guard value.isFinite else {
                drawing = false
                continue
            }
            let x = Int((Double(first + index) * step).rounded())
            // Four units stay free above and below, so that the stroke is not cut.
            let share = range > 0 ? (value - bottom) / range : 0
            let y = Int((Double(height - 4) - share * Double(height - 8)).rounded())
            path += "\(drawing ? "L" : "M")\(x) \(y)"
            drawing = true
        }
        return path
    }

    /// The area below a line that has no gap: the same path, closed along the bottom.
    static func area(_ path: String) -> String {
        guard path.hasPrefix("M"), !path.dropFirst().contains("M") else { return "" }
        let left = path.dropFirst().prefix { $0 != " " }
        return path + "V\(height)H\(left)Z"
    }
}
