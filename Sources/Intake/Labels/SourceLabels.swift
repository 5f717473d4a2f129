public import Records

/// The labels that a source gives to its entries: some fixed, some made of where an entry came from.
public struct SourceLabels: Sendable {
    /// A label whose value is a template.
    public struct Variable: Sendable {
        public var name: String
        public var template: LabelTemplate

        public init(name: String, template: LabelTemplate) {
            self.name = name
            self.template = template
        }
    }

    /// Labels that every entry of the source has.
    public var fixed: LabelSet
    /// Labels that differ from file to file, or from sender to sender; they win over fixed ones of the same name.
    public var variables: [Variable]

    /// What a label says whose value would have made one stream too many.
    public static let overflowValue = "__overflow__"

    public init(fixed: LabelSet, variables: [Variable] = []) {
        self.fixed = fixed
        self.variables = variables
    }

    /// Whether any of the templates has a variable of this scope.
    public func use(scope: String) -> Bool {
        variables.contains { $0.template.uses(scope: scope) }
    }

    /// The stream for what the variables stand for, and whether it is the one that takes what a full table refuses.
    ///
    /// A label whose value comes out empty is left out, as Prometheus and Loki see it.
    public func stream(
        in table: StreamTable, _ value: (_ scope: String, _ name: String) -> String?
    ) -> (stream: Records.Stream, overflowed: Bool) {
        let varying = variables.map { Label($0.name, $0.template.text(value)) }.filter { !$0.value.isEmpty }
        if let stream = table.stream(for: fixed.merging(LabelSet(varying))) { return (stream, false) }
        let refused = variables.map { Label($0.name, Self.overflowValue) }
        return (table.overflow(for: fixed.merging(LabelSet(refused))), true)
    }
}
