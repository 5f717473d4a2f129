/// What a template reads, for planning; nothing where its text is no template.
struct TemplateNames {
    /// The labels that it reads by name.
    let names: [String]
    /// It uses the map of all labels.
    let usesAll: Bool

    init(_ text: String) {
        do throws(TemplateError) {
            let template = try Template(text, name: "line", regexes: RegexSet())
            names = template.fields
            usesAll = template.usesAllLabels
        } catch {
            names = []
            usesAll = false
        }
    }
}
