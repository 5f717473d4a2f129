import LogQL
import Records

// Binary operators with a vector on both sides: which elements belong together, and what labels the result has.
extension VectorOps {
    static func match(
        _ binary: BinaryOperation, _ left: [Element], _ right: [Element]
    ) throws(EvaluationError) -> [Element] {
        switch binary.operation {
        case .and, .or, .unless: return combineSets(binary, left, right)
        case .add, .subtract, .multiply, .divide, .modulo, .power, .equal, .notEqual, .greater, .greaterOrEqual, .less,
            .lessOrEqual:
            return try pair(binary, left, right)
        }
    }

    /// What two elements must have in common to belong together.
    private static func signature(_ labels: LabelSet, _ matching: BinaryOperation.Matching?) -> LabelSet {
        guard let matching else { return labels }
        return labels.filtered { matching.labels.contains($0.name) == matching.on }
    }

    /// Many-to-many: elements of the left, and for `or` those of the right that have no partner.
    private static func combineSets(_ binary: BinaryOperation, _ left: [Element], _ right: [Element]) -> [Element] {
        func signatures(_ elements: [Element]) -> Set<LabelSet> {
            Set(elements.map { signature($0.labels, binary.matching) })
        }
        switch binary.operation {
        case .and:
            let present = signatures(right)
            return left.filter { present.contains(signature($0.labels, binary.matching)) }
        case .unless:
            let present = signatures(right)
            return left.filter { !present.contains(signature($0.labels, binary.matching)) }
        case .or:
            let present = signatures(left)
            return left + right.filter { !present.contains(signature($0.labels, binary.matching)) }
        case .add, .subtract, .multiply, .divide, .modulo, .power, .equal, .notEqual, .greater, .greaterOrEqual, .less,
            .lessOrEqual:
            return []
        }
    }

    /// One-to-one, or many-to-one: every element of the one side has labels of its own.
    private static func pair(
        _ binary: BinaryOperation, _ left: [Element], _ right: [Element]
    ) throws(EvaluationError) -> [Element] {
        let matching = binary.matching
        let cardinality = matching?.cardinality ?? .oneToOne
        let (many, one) = cardinality == .groupRight ? (right, left) : (left, right)
        var partners: [LabelSet: Element] = [:]
        for element in one where partners.updateValue(element, forKey: signature(element.labels, matching)) != nil {
            throw .duplicateSeries(onTheLeft: cardinality == .groupRight)
        }
        var result: [Element] = []
        var taken: Set<LabelSet> = []
        for element in many {
            let signature = signature(element.labels, matching)
            guard let partner = partners[signature] else { continue }
            let labels: LabelSet
            switch cardinality {
            case .oneToOne:
                guard taken.insert(signature).inserted else { throw .manyToOne }
                labels = signature
            case .groupLeft, .groupRight:
                labels = including(matching?.include ?? [], of: partner.labels, in: element.labels)
                guard taken.insert(labels).inserted else { throw .groupingNotUnique }
            }
            let (a, b) = cardinality == .groupRight ? (partner.value, element.value) : (element.value, partner.value)
            if let combined = combine(binary, labels, a, b, kept: a) { result.append(combined) }
        }
        return result
    }

    /// The labels of the many side with some of the one side; one that is missing there, or empty, is left out.
    private static func including(_ names: [String], of one: LabelSet, in many: LabelSet) -> LabelSet {
        guard !names.isEmpty else { return many }
        var labels = many.labels.filter { !names.contains($0.name) }
        for name in names {
            if let value = one[name], !value.isEmpty { labels.append(Label(name, value)) }
        }
        return LabelSet(labels)
    }
}

extension LabelSet {
    /// The order of answers: label by label, names before values, by their bytes.
    func precedes(_ other: LabelSet) -> Bool {
        for (a, b) in zip(labels, other.labels) {
            if a.name != b.name { return a.name.utf8.lexicographicallyPrecedes(b.name.utf8) }
            if a.value != b.value { return a.value.utf8.lexicographicallyPrecedes(b.value.utf8) }
        }
        return labels.count < other.labels.count
    }
}
