/// The labels that a template reads.
struct TemplateNames {
    var names: [String] = []
    var usesAll = false
    init(_ text: String) {}
}
