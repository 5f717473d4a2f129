/// A compiled template of `line_format` or `label_format`: Go's `text/template` with Loki's functions.
///
/// Compiled once and run on line after line by one thread: regular expressions keep match data in their set.
final class Template {
    let tree: TemplateTree
    /// True where it may use the labels as a whole: prints them, ranges over them, passes them on.
    let usesAllLabels: Bool
    /// The first construct of its constant regular expressions for which Loki would refuse them.
    let beyondRE2: String?
    private let mainName: Int32
    /// The caller's number of each of `fields`.
    private var slots: [Int] = []
    let regexCache: TemplateRegexCache
    let dollar: Int32

    /// `name` is what messages call it: `line` or `label`. Constant regular expressions are compiled into `regexes`.
    init(_ text: String, name: String, regexes: RegexSet) throws(TemplateError) {
        var parser = TemplateParser(Array(text.utf8), name: name, regexes: regexes)
        try parser.parse()
        mainName = parser.tree.name(numbered: name)
        dollar = parser.tree.name(numbered: "$")
        tree = parser.tree
        usesAllLabels = parser.usesAllLabels
        beyondRE2 = parser.tree.regexes.lazy.compactMap(\.beyondRE2).first
        regexCache = TemplateRegexCache()
        slots = Array(tree.fields.indices)
    }

    /// The names that it may look up among the labels: those of fields (`.a`, `$.a`, `$x.a`, `(…).a`, all but the first
    /// only where they might be labels) and of `index . "a"`. `__error__` and `__error_details__` are among them where
    /// they are read as fields; `__line__` and `__timestamp__` are functions and never are.
    var fields: [String] { tree.fields }

    /// Sets the number by which the data know each of `fields`.
    func bind(_ number: (String) -> Int) { slots = tree.fields.map(number) }

    func slot(_ index: Int32) -> Int { slots[Int(index)] }

    /// Runs on one line. The result is in `run.output` until its next use; after a failure it is to be ignored.
    func execute<Data: TemplateData & ~Copyable>(_ data: inout Data, _ run: inout TemplateRun) -> TemplateFailure? {
        run.begin()
        do {
            run.template = mainName
            run.variables.append(TemplateRun.Variable(name: dollar, value: .labels))
            guard let root = tree.root(of: mainName) else { return nil }
            _ = try walk(root, .labels, &data, &run)
            return nil
        } catch {
            return TemplateFailure(message: located(error.message, run))
        }
    }

    /// A message with the place of the node at hand, as Go has it.
    private func located(_ message: String, _ run: borrowing TemplateRun) -> String {
        let name = GoQuote.quoted(tree.names[Int(run.template)].utf8)
        let context = tree.description(of: run.node)
        return "template: \(tree.location(of: run.node)): executing \(name) at <\(context)>: \(message)"
    }
}
