/// Builds the tree of a template, as Go's `text/template/parse` does; its messages too.
struct TemplateParser {
    var lexer: TemplateLexer
    var tree: TemplateTree
    /// Tokens that were read ahead; the last is the next.
    private var ahead: [TemplateToken] = []
    /// The first token of the last look-ahead: its line goes into messages.
    private var current = TemplateToken(kind: .end, range: 0..<0, line: 1)
    private var actionLine = 0
    private var rangeDepth = 0
    private var depth = 0
    /// Variables in scope.
    var variables: [Int32] = []
    /// True where the dot may be the labels.
    private var dotIsLabels = true
    var usesAllLabels = false
    private let regexes: RegexSet

    enum End { case end, otherwise }

    init(_ text: [UInt8], name: String, regexes: RegexSet) {
        lexer = TemplateLexer(text)
        tree = TemplateTree(source: text, name: name)
        self.regexes = regexes
        variables = [tree.name(numbered: "$")]
    }

    mutating func parse() throws(TemplateError) {
        guard tree.source.count <= TemplateLimits.textBytes else { throw fail("template is too long") }
        let position = peek().range.lowerBound
        var items: [Int32] = []
        while peek().kind != .end {
            if peek().kind == .leftDelim {
                let delim = next()
                if nextNonSpace().kind == .defineWord {
                    try definition()
                    continue
                }
                ahead.append(current)
                ahead.append(delim)
            }
            switch try textOrAction() {
            case .node(let node): items.append(node)
            case .end(.end): throw fail("unexpected {{end}}")
            case .end(.otherwise): throw fail("unexpected {{else}}")
            }
        }
        let root = list(items, at: position)
        try add(tree.name(numbered: tree.name), root)
    }

    // MARK: tokens

    mutating func next() -> TemplateToken {
        current = ahead.popLast() ?? lexer.next()
        return current
    }

    mutating func backup(_ token: TemplateToken) { ahead.append(token) }

    mutating func peek() -> TemplateToken {
        if let token = ahead.last { return token }
        let token = lexer.next()
        current = token
        ahead.append(token)
        return token
    }

    mutating func nextNonSpace() -> TemplateToken {
        var token = next()
        while token.kind == .space { token = next() }
        return token
    }

    mutating func peekNonSpace() -> TemplateToken {
        let token = nextNonSpace()
        backup(token)
        return token
    }

    private mutating func expect(_ kind: TemplateToken.Kind, _ context: String) throws(TemplateError) -> TemplateToken {
        let token = nextNonSpace()
        if token.kind != kind { throw unexpected(token, context) }
        return token
    }

    func text(of token: TemplateToken) -> String { String(decoding: tree.source[token.range], as: UTF8.self) }

    func fail(_ message: String) -> TemplateError {
        TemplateError(
            message: "template: \(tree.name):\(current.line): \(message)", offset: current.range.lowerBound)
    }

    func unexpected(_ token: TemplateToken, _ context: String) -> TemplateError {
        guard token.kind == .error else { return fail("unexpected \(described(token)) in \(context)") }
        var extra = ""
        if actionLine != 0, actionLine != token.line {
            let place = "started at \(tree.name):\(actionLine)"
            extra = token.message.hasSuffix(" action") ? " \(place)" : " in action \(place)"
        }
        return fail(token.message + extra)
    }

    private func described(_ token: TemplateToken) -> String {
        if token.kind == .end { return "EOF" }
        let text = tree.source[token.range]
        if token.kind.isWord { return "<\(String(decoding: text, as: UTF8.self))>" }
        let short = String(String.UnicodeScalarView(String(decoding: text, as: UTF8.self).unicodeScalars.prefix(10)))
        return text.count > 10 ? GoQuote.quoted(short.utf8) + "..." : GoQuote.quoted(text)
    }

    /// One level deeper; `leave` goes back.
    mutating func enter() throws(TemplateError) {
        guard depth < TemplateLimits.nesting else { throw fail("nested too deeply") }
        depth += 1
    }

    mutating func leave() { depth -= 1 }

    // MARK: lists

    enum Item { case node(Int32), end(End) }

    mutating func list(_ items: [Int32], at position: Int) -> Int32 {
        let start = tree.link(items)
        return tree.add(.list, position, first: start, second: Int32(items.count))
    }

    /// Items up to `{{end}}` or `{{else}}`.
    private mutating func itemList() throws(TemplateError) -> (list: Int32, end: End) {
        let position = peekNonSpace().range.lowerBound
        var items: [Int32] = []
        while peekNonSpace().kind != .end {
            switch try textOrAction() {
            case .node(let node): items.append(node)
            case .end(let end): return (list(items, at: position), end)
            }
        }
        throw fail("unexpected EOF")
    }

    private mutating func textOrAction() throws(TemplateError) -> Item {
        let token = nextNonSpace()
        switch token.kind {
        case .text:
            let text = tree.keep(tree.source[token.range])
            return .node(tree.add(.text, token.range.lowerBound, first: text))
        case .leftDelim:
            actionLine = token.line
            defer { actionLine = 0 }
            return try action()
        default: throw unexpected(token, "input")
        }
    }

    private mutating func action() throws(TemplateError) -> Item {
        let token = nextNonSpace()
        switch token.kind {
        case .blockWord: return .node(try block())
        case .breakWord: return .node(try loopControl(.breakLoop, token))
        case .continueWord: return .node(try loopControl(.continueLoop, token))
        case .elseWord:
            let next = peekNonSpace().kind
            if next != .ifWord, next != .withWord { _ = try expect(.rightDelim, "else") }
            return .end(.otherwise)
        case .endWord:
            _ = try expect(.rightDelim, "end")
            return .end(.end)
        case .ifWord: return .node(try branch(.ifBranch))
        case .rangeWord: return .node(try branch(.rangeBranch))
        case .templateWord: return .node(try templateCall())
        case .withWord: return .node(try branch(.withBranch))
        default:
            backup(token)
            let pipe = try pipeline("command", until: .rightDelim)
            return .node(tree.add(.action, token.range.lowerBound, first: pipe))
        }
    }

    private mutating func loopControl(
        _ kind: TemplateNode.Kind, _ word: TemplateToken
    ) throws(TemplateError) -> Int32 {
        let name = kind == .breakLoop ? "{{break}}" : "{{continue}}"
        let token = nextNonSpace()
        if token.kind != .rightDelim { throw unexpected(token, name) }
        guard rangeDepth > 0 else { throw fail("\(name) outside {{range}}") }
        return tree.add(kind, word.range.lowerBound)
    }

    private mutating func branch(_ kind: TemplateNode.Kind) throws(TemplateError) -> Int32 {
        try enter()
        defer { leave() }
        let scope = variables.count
        defer { variables.removeLast(variables.count - scope) }
        let context = kind == .ifBranch ? "if" : kind == .withBranch ? "with" : "range"
        let pipe = try pipeline(context, until: .rightDelim)
        let dotWasLabels = dotIsLabels
        if kind != .ifBranch { dotIsLabels = false }
        if kind == .rangeBranch { rangeDepth += 1 }
        let (body, end) = try itemList()
        if kind == .rangeBranch { rangeDepth -= 1 }
        dotIsLabels = dotWasLabels
        let position = Int(tree.nodes[Int(pipe)].position)
        guard end == .otherwise else {
            return tree.add(kind, position, first: pipe, second: body)
        }
        let rest: Int32
        let word = peek()
        if kind == .ifBranch && word.kind == .ifWord || kind == .withBranch && word.kind == .withWord {
            _ = next()
            rest = list([try branch(kind)], at: word.range.lowerBound)
        } else {
            let (list, last) = try itemList()
            guard last == .end else { throw fail("expected end; found {{else}}") }
            rest = list
        }
        return tree.add(kind, position, first: pipe, second: body, third: rest)
    }

    // MARK: templates

    private func string(_ token: TemplateToken) throws(TemplateError) -> [UInt8] {
        guard let bytes = GoLiteral.unquoted(tree.source[token.range]) else { throw fail("invalid syntax") }
        return bytes
    }

    func unquoted(_ token: TemplateToken) throws(TemplateError) -> [UInt8] { try string(token) }

    private mutating func definition() throws(TemplateError) {
        let token = nextNonSpace()
        guard token.kind == .string || token.kind == .rawString else { throw unexpected(token, "define clause") }
        let name = String(decoding: try string(token), as: UTF8.self)
        _ = try expect(.rightDelim, "define clause")
        try add(tree.name(numbered: name), try separateList("define clause"))
    }

    private mutating func block() throws(TemplateError) -> Int32 {
        let token = nextNonSpace()
        let name = try templateName(token, "block clause")
        let pipe = try pipeline("block clause", until: .rightDelim)
        try add(name, try separateList("block clause"))
        return tree.add(.template, token.range.lowerBound, first: name, second: pipe)
    }

    private mutating func templateCall() throws(TemplateError) -> Int32 {
        let token = nextNonSpace()
        let name = try templateName(token, "template clause")
        var pipe: Int32 = -1
        let after = nextNonSpace()
        if after.kind != .rightDelim {
            backup(after)
            pipe = try pipeline("template clause", until: .rightDelim)
        }
        return tree.add(.template, token.range.lowerBound, first: name, second: pipe)
    }

    private mutating func templateName(
        _ token: TemplateToken, _ context: String
    ) throws(TemplateError) -> Int32 {
        guard token.kind == .string || token.kind == .rawString else { throw unexpected(token, context) }
        return tree.name(numbered: String(decoding: try string(token), as: UTF8.self))
    }

    /// The list of a `define` or `block`: variables and loops around it are out of its sight.
    private mutating func separateList(_ context: String) throws(TemplateError) -> Int32 {
        try enter()
        let outer = (variables, rangeDepth, dotIsLabels)
        defer {
            (variables, rangeDepth, dotIsLabels) = outer
            leave()
        }
        (variables, rangeDepth, dotIsLabels) = ([tree.name(numbered: "$")], 0, true)
        let (list, end) = try itemList()
        guard end == .end else { throw fail("unexpected {{else}} in \(context)") }
        return list
    }

    /// Enters a list under its name: one with contents wins over empty ones.
    private mutating func add(_ name: Int32, _ root: Int32) throws(TemplateError) {
        guard let index = tree.templates.firstIndex(where: { $0.name == name }) else {
            tree.templates.append((name, root))
            return
        }
        if tree.isEmpty(tree.templates[index].root) {
            tree.templates[index].root = root
        } else if !tree.isEmpty(root) {
            let name = GoQuote.quoted(tree.names[Int(name)].utf8)
            throw fail("template: multiple definition of template \(name)")
        }
    }

    // MARK: what operands need

    mutating func noteDot() {
        if dotIsLabels { usesAllLabels = true }
    }

    mutating func regex(_ pattern: [UInt8]) -> Int32 {
        tree.regexes.append(TemplateRegex(pattern, in: regexes))
        return Int32(tree.regexes.count - 1)
    }
}

extension TemplateTree {
    mutating func add(
        _ kind: TemplateNode.Kind, _ position: Int, first: Int32 = -1, second: Int32 = -1, third: Int32 = -1,
        fourth: Int32 = -1
    ) -> Int32 {
        nodes.append(
            TemplateNode(
                kind: kind, position: Int32(truncatingIfNeeded: position), first: first, second: second, third: third,
                fourth: fourth))
        return Int32(nodes.count - 1)
    }

    mutating func link(_ items: [Int32]) -> Int32 {
        links += items
        return Int32(links.count - items.count)
    }

    mutating func keep(_ bytes: some Collection<UInt8>) -> Int32 {
        texts.append(store.keep(bytes))
        return Int32(texts.count - 1)
    }

    /// The number of a name, which is entered when new.
    mutating func name(numbered name: String) -> Int32 {
        if let known = nameNumbers[name] { return known }
        names.append(name)
        nameViews.append(store.keep(name.utf8))
        slots.append(-1)
        nameNumbers[name] = Int32(names.count - 1)
        return Int32(names.count - 1)
    }

    /// True for a list without anything but white space.
    func isEmpty(_ root: Int32) -> Bool {
        let node = nodes[Int(root)]
        return parts(node.first, node.second).allSatisfy { index in
            let item = nodes[Int(index)]
            return item.kind == .text && LabelName.trim(texts[Int(item.first)]).isEmpty
        }
    }
}
