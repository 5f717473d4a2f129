import LogQL
import Records

/// The vector side of a metric query: runs once per evaluation over the series of one instant, never per line.
enum VectorOps {
    /// One element of an instant vector.
    struct Element {
        var labels: LabelSet
        var value: Double
    }

    enum Value {
        case scalar(Double)
        case vector([Element])
    }

    // MARK: What is built

    /// Why a vector aggregation cannot be evaluated; nil where it can.
    static func unsupported(_ vector: VectorAggregation) -> String? {
        if case .literal = vector.argument {
            return "'\(vector.operation.rawValue)' aggregates series, found a number"
        }
        switch vector.operation {
        case .sum, .avg, .min, .max, .count, .stddev, .stdvar, .topk, .bottomk, .sort, .sortDescending: return nil
        case .approxTopk: return "'approx_topk' cannot be evaluated; 'topk' gives the exact answer"
        }
    }

    /// True where grouping the samples at once gives what grouping the series later would give.
    static func commutes(_ outer: VectorAggregation.Operation, _ inner: RangeAggregation.Operation) -> Bool {
        switch (outer, inner) {
        case (.sum, .rate), (.sum, .countOverTime), (.sum, .bytesRate), (.sum, .bytesOverTime), (.sum, .sumOverTime),
            (.min, .minOverTime), (.max, .maxOverTime):
            true
        case (_, _): false
        }
    }

    // MARK: Aggregation

    static func aggregate(_ vector: VectorAggregation, _ elements: [Element]) -> [Element] {
        switch vector.operation {
        case .sort: return elements.sorted(by: ascends)
        case .sortDescending: return elements.sorted(by: descends)
        case .topk, .bottomk: return select(vector, elements)
        case .sum, .avg, .min, .max, .count, .stddev, .stdvar, .approxTopk: break
        }
        return groups(vector.grouping, elements).map { labels, members in
            Element(labels: labels, value: reduce(vector.operation, members.map(\.value)))
        }
    }

    private static func groups(_ grouping: Grouping?, _ elements: [Element]) -> [(LabelSet, [Element])] {
        var order: [LabelSet] = []
        var members: [LabelSet: [Element]] = [:]
        for element in elements {
            let labels: LabelSet
            switch grouping {
            case nil: labels = .empty
            case .some(let grouping):
                labels = element.labels.filtered { grouping.labels.contains($0.name) != grouping.without }
            }
            if members[labels] == nil { order.append(labels) }
            members[labels, default: []].append(element)
        }
        return order.map { ($0, members[$0] ?? []) }
    }

    private static func reduce(_ operation: VectorAggregation.Operation, _ values: [Double]) -> Double {
        let count = Double(values.count)
        switch operation {
        case .sum: return values.reduce(0, +)
        case .avg:
            var mean = 0.0
            for (index, value) in values.enumerated() {
                mean = PaneValue.runningMean(mean, value, Double(index + 1))
            }
            return mean
        case .min: return values.reduce(.nan) { $0.isNaN || $1 < $0 ? $1 : $0 }
        case .max: return values.reduce(.nan) { $0.isNaN || $1 > $0 ? $1 : $0 }
        case .count: return count
        case .stdvar: return variance(values)
        case .stddev: return variance(values).squareRoot()
        case .topk, .bottomk, .approxTopk, .sort, .sortDescending:
            preconditionFailure("handled before the elements are reduced")
        }
    }

    /// Population variance, Welford's way.
    private static func variance(_ values: [Double]) -> Double {
        var mean = 0.0
        var squares = 0.0
        for (index, value) in values.enumerated() {
            let delta = value - mean
            mean += delta / Double(index + 1)
            squares += delta * (value - mean)
        }
        return squares / Double(values.count)
    }

    private static func select(_ vector: VectorAggregation, _ elements: [Element]) -> [Element] {
        let wanted = max(0, Int(exactly: vector.parameter ?? 0) ?? 0)
        return groups(vector.grouping, elements).flatMap { _, members in
            members.sorted(by: vector.operation == .topk ? descends : ascends).prefix(wanted)
        }
    }

    /// Ascending, NaN last; equal values in the order of their labels.
    private static func ascends(_ a: Element, _ b: Element) -> Bool {
        if a.value < b.value { return true }
        if a.value > b.value { return false }
        if a.value.isNaN != b.value.isNaN { return b.value.isNaN }
        return a.labels.precedes(b.labels)
    }

    /// Descending, NaN last.
    private static func descends(_ a: Element, _ b: Element) -> Bool {
        if a.value > b.value { return true }
        if a.value < b.value { return false }
        if a.value.isNaN != b.value.isNaN { return b.value.isNaN }
        return a.labels.precedes(b.labels)
    }

    // MARK: label_replace

    static func replaceLabels(_ replacement: LabelReplacement, _ elements: [Element]) -> [Element] {
        elements.map { element in
            guard let value = replacement.replacement(for: element.labels[replacement.source] ?? "") else {
                return element
            }
            var labels = element.labels.labels.filter { $0.name != replacement.destination }
            if !value.isEmpty { labels.append(Label(replacement.destination, value)) }
            return Element(labels: LabelSet(labels), value: element.value)
        }
    }

    // MARK: Binary operators

    static func apply(
        _ binary: BinaryOperation, _ left: Value, _ right: Value
    ) throws(EvaluationError) -> Value {
        switch (left, right) {
        case (.scalar(let a), .scalar(let b)):
            return .scalar(compute(binary.operation, a, b) ?? (holds(binary.operation, a, b) ? 1 : 0))
        case (.vector(let elements), .scalar(let b)):
            return .vector(elements.compactMap { combine(binary, $0.labels, $0.value, b, kept: $0.value) })
        case (.scalar(let a), .vector(let elements)):
            return .vector(elements.compactMap { combine(binary, $0.labels, a, $0.value, kept: $0.value) })
        case (.vector(let a), .vector(let b)): return .vector(try match(binary, a, b))
        }
    }

    static func combine(
        _ binary: BinaryOperation, _ labels: LabelSet, _ a: Double, _ b: Double, kept: Double
    ) -> Element? {
        if let value = compute(binary.operation, a, b) { return Element(labels: labels, value: value) }
        let holds = holds(binary.operation, a, b)
        if binary.returnBool { return Element(labels: labels, value: holds ? 1 : 0) }
        return holds ? Element(labels: labels, value: kept) : nil
    }

    private static func compute(_ operation: BinaryOperation.Operation, _ a: Double, _ b: Double) -> Double? {
        switch operation {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: b == 0 ? .nan : a / b
        case .modulo: b == 0 ? .nan : a.truncatingRemainder(dividingBy: b)
        case .power: raise(a, to: b)
        case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .and, .or, .unless: nil
        }
    }

    private static func holds(_ operation: BinaryOperation.Operation, _ a: Double, _ b: Double) -> Bool {
        switch operation {
        case .equal: a == b
        case .notEqual: a != b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .add, .subtract, .multiply, .divide, .modulo, .power, .and, .or, .unless: false
        }
    }
}
