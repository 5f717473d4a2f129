import LogQL

/// A metric expression as a list of steps: each refers to steps before it, and parts of the expression that are equal
/// are one step, so nothing is computed twice at an instant.
struct MetricGraph: Sendable {
    enum Step: Sendable {
        case range(RangeAggregation, leaf: Int)
        case vector(VectorAggregation, Int)
        case binary(BinaryOperation, Int, Int)
        case literal(Double)
        case vectorOf(Double)
        case labelReplace(LabelReplacement, Int)
    }

    private(set) var steps: [Step] = []
    private var places: [String: Int] = [:]

    /// True where the expression itself is `sort` or `sort_desc`, whose order is the answer's.
    var isSorted: Bool {
        guard case .vector(let vector, _) = steps.last else { return false }
        return vector.operation == .sort || vector.operation == .sortDescending
    }

    /// Appends a step that is not there yet, and returns its place. `key` tells steps apart.
    mutating func add(_ step: Step, key: String) -> Int {
        if let known = places[key] { return known }
        steps.append(step)
        places[key] = steps.count - 1
        return steps.count - 1
    }

    /// The place of a step that is there already.
    func place(of key: String) -> Int? { places[key] }
}
