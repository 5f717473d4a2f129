/// A node of a template: what it is, and numbers that say where its parts are.
struct TemplateNode: BitwiseCopyable {
    enum Kind: UInt8 {
        /// `first`: the text's number.
        case text
        /// `first`: the pipeline.
        case action
        /// `first`: the pipeline, `second`: the list, `third`: the list behind `else` or -1.
        case ifBranch, withBranch, rangeBranch
        /// `first`, `second`: where its nodes are in `links`, and how many.
        case list
        /// `first`: the name's number, `second`: the pipeline or -1.
        case template
        case breakLoop, continueLoop
        /// `first`, `second`: the commands in `links`; `third`, `fourth`: the declared variables in `links`.
        case pipe, assigningPipe
        /// `first`, `second`: the operands in `links`; `third`: the slot of `index . "name"`, or -1; `fourth`: the
        /// constant regular expression's number, or -1.
        case command
        /// `first`, `second`: the names in `links`.
        case field
        /// The same; the first name begins with `$`.
        case variable
        /// `first`: the operand, `second`, `third`: the names in `links`.
        case chain
        /// `first`: the function's number.
        case identifier
        case dot, nothing
        /// `first`: 1 for true.
        case bool
        /// `first`: the number's number, `second`: its text's.
        case number
        /// `first`: the text's number, `second`: the number of the literal's.
        case string
    }

    var kind: Kind
    /// Offset in the template's text, in bytes.
    var position: Int32
    var first: Int32 = -1
    var second: Int32 = -1
    var third: Int32 = -1
    var fourth: Int32 = -1
}

/// A number as it stands in a template: what Go's untyped constant can become.
struct TemplateNumber: BitwiseCopyable {
    var integer: Int64?
    var unsigned: UInt64?
    var float: Double?
    /// True when it is a float where nothing else is asked for.
    var isFloatByForm = false
}

/// A parsed template: nodes that refer to each other by number.
struct TemplateTree {
    let source: [UInt8]
    /// `line` or `label`.
    let name: String
    var nodes: [TemplateNode] = []
    /// Numbers of nodes and of names, in runs.
    var links: [Int32] = []
    /// Names of fields and variables, and of templates.
    var names: [String] = []
    /// The same names as bytes.
    var nameViews: [ByteView] = []
    var nameNumbers: [String: Int32] = [:]
    /// Texts between actions and strings.
    var texts: [ByteView] = []
    var numbers: [TemplateNumber] = []
    /// For each name that is looked up in the labels: its slot; -1 where it never is.
    var slots: [Int32] = []
    /// The names that have slots, in the order of these.
    var fields: [String] = []
    /// The lists of `define` and `block`, and the main one, by the number of the name.
    var templates: [(name: Int32, root: Int32)] = []
    /// The functions that are called, by the number in their nodes.
    var functions: [TemplateFunction] = []
    /// What each of `functions` takes.
    var parameters: [TemplateParameters] = []
    var regexes: [TemplateRegex] = []
    /// Keeps what `texts` points into.
    let store = ByteStore()

    init(source: [UInt8], name: String) {
        self.source = source
        self.name = name
    }

    func root(of name: Int32) -> Int32? { templates.first { $0.name == name }?.root }

    /// A node as Go prints it in errors.
    func description(of index: Int32) -> String {
        let node = nodes[Int(index)]
        switch node.kind {
        case .text: return texts[Int(node.first)].string
        case .action: return "{{\(description(of: node.first))}}"
        case .ifBranch: return branch("if", node)
        case .withBranch: return branch("with", node)
        case .rangeBranch: return branch("range", node)
        case .list: return parts(node.first, node.second).map { description(of: $0) }.joined()
        case .template:
            let name = GoQuote.quoted(names[Int(node.first)].utf8)
            return "{{template \(name)\(node.second < 0 ? "" : " " + description(of: node.second))}}"
        case .breakLoop: return "{{break}}"
        case .continueLoop: return "{{continue}}"
        case .pipe, .assigningPipe: return pipe(node)
        case .command:
            return parts(node.first, node.second).map { operand($0) }.joined(separator: " ")
        case .field: return parts(node.first, node.second).map { "." + names[Int($0)] }.joined()
        case .variable: return parts(node.first, node.second).map { names[Int($0)] }.joined(separator: ".")
        case .chain:
            return operand(node.first) + parts(node.second, node.third).map { "." + names[Int($0)] }.joined()
        case .identifier: return functions[Int(node.first)].rawValue
        case .dot: return "."
        case .nothing: return "nil"
        case .bool: return node.first == 1 ? "true" : "false"
        case .number, .string: return texts[Int(node.second)].string
        }
    }

    func parts(_ start: Int32, _ count: Int32) -> ArraySlice<Int32> { links[Int(start)..<Int(start + count)] }

    private func operand(_ index: Int32) -> String {
        switch nodes[Int(index)].kind {
        case .pipe, .assigningPipe: "(\(description(of: index)))"
        default: description(of: index)
        }
    }

    private func pipe(_ node: TemplateNode) -> String {
        var result = ""
        if node.fourth > 0 {
            result = parts(node.third, node.fourth).map { description(of: $0) }.joined(separator: ", ")
            result += node.kind == .assigningPipe ? " = " : " := "
        }
        return result + parts(node.first, node.second).map { description(of: $0) }.joined(separator: " | ")
    }

    private func branch(_ word: String, _ node: TemplateNode) -> String {
        let rest = node.third < 0 ? "" : "{{else}}\(description(of: node.third))"
        return "{{\(word) \(description(of: node.first))}}\(description(of: node.second))\(rest){{end}}"
    }

    /// `name:LINE:COLUMN` of a node, the column 0-based in bytes.
    func location(of index: Int32) -> String {
        let position = Int(nodes[Int(index)].position)
        var line = 1
        var start = 0
        for offset in 0..<min(position, source.count) where source[offset] == UInt8(ascii: "\n") {
            line += 1
            start = offset + 1
        }
        return "\(name):\(line):\(position - start)"
    }
}
