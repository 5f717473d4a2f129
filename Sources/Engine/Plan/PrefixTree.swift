import LogQL

/// The tree of stages while a plan is made: paths that begin alike are one path as far as they are alike.
final class PrefixNode {
    enum Step {
        case stage(Stage, ParserHints?)
        case unwrap(Unwrap)
        case filter(LabelFilter)
        case leaf(Int)
        /// The line and its labels are the answer.
        case entries
    }

    let step: Step
    private let key: String
    private(set) var children: [PrefixNode] = []

    init(step: Step, key: String) {
        self.step = step
        self.key = key
    }

    /// The child with this key, made when new.
    func child(_ key: String, _ step: Step) -> PrefixNode {
        if let known = children.first(where: { $0.key == key }) { return known }
        let node = PrefixNode(step: step, key: key)
        children.append(node)
        return node
    }
}

/// Which labels are looked at below a node of the tree.
struct Needs {
    var names: Set<String> = []
    var all = false

    mutating func formUnion(_ other: Needs) {
        names.formUnion(other.names)
        all = all || other.all
    }

    mutating func insert(_ name: String) {
        names.insert(name)
        // A parser stores a name that the stream has already with this suffix: the plain name must be read then.
        if name.hasSuffix("_extracted") { names.insert(String(name.dropLast("_extracted".count))) }
    }
}

extension LabelFilter {
    var names: [String] {
        switch self {
        case .text(let matcher): [matcher.name]
        case .number(let name, _, _), .duration(let name, _, _), .bytes(let name, _, _), .ip(let name, _, _): [name]
        case .and(let left, let right), .or(let left, let right): left.names + right.names
        }
    }
}
