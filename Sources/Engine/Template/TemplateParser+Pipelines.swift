extension TemplateParser {
    /// A pipeline up to `end`; `context` is for messages.
    mutating func pipeline(_ context: String, until end: TemplateToken.Kind) throws(TemplateError) -> Int32 {
        try enter()
        defer { leave() }
        let position = peekNonSpace().range.lowerBound
        var declared: [Int32] = []
        let assigns = try declarations(context, &declared)
        var commands: [Int32] = []
        while true {
            let token = nextNonSpace()
            switch token.kind {
            case end:
                try check(commands, context)
                let start = tree.link(commands)
                let declarations = tree.link(declared)
                return tree.add(
                    assigns ? .assigningPipe : .pipe, position, first: start, second: Int32(commands.count),
                    third: declarations, fourth: Int32(declared.count))
            case .bool, .charConstant, .complex, .dot, .field, .identifier, .number, .nilWord, .rawString, .string,
                .variable, .leftParen:
                backup(token)
                commands.append(try command())
            default: throw unexpected(token, context)
            }
        }
    }

    /// Reads `$x :=`, `$x =` and, for `range`, `$i, $x :=`; true when it assigns.
    private mutating func declarations(_ context: String, _ declared: inout [Int32]) throws(TemplateError) -> Bool {
        while true {
            let token = peekNonSpace()
            guard token.kind == .variable else { return false }
            _ = next()
            let after = peek()
            let sign = peekNonSpace()
            let isComma = sign.kind == .char && text(of: sign) == ","
            guard isComma || sign.kind == .assign || sign.kind == .declare else {
                if after.kind == .space { backup(after) }
                backup(token)
                return false
            }
            _ = nextNonSpace()
            let name = tree.name(numbered: text(of: token))
            let names = tree.link([name])
            declared.append(tree.add(.variable, token.range.lowerBound, first: names, second: 1))
            variables.append(name)
            guard isComma else { return sign.kind == .assign }
            guard context == "range", declared.count < 2 else { throw fail("too many declarations in \(context)") }
            switch peekNonSpace().kind {
            case .variable, .rightDelim, .rightParen: continue
            default: throw fail("range can only initialize variables")
            }
        }
    }

    private func check(_ commands: [Int32], _ context: String) throws(TemplateError) {
        guard !commands.isEmpty else { throw fail("missing value for \(context)") }
        for (stage, command) in commands.enumerated().dropFirst() {
            switch tree.nodes[Int(tree.links[Int(tree.nodes[Int(command)].first)])].kind {
            case .bool, .dot, .nothing, .number, .string:
                throw fail("non executable command in pipeline stage \(stage + 1)")
            default: break
            }
        }
    }

    private mutating func command() throws(TemplateError) -> Int32 {
        let position = peekNonSpace().range.lowerBound
        var operands: [Int32] = []
        loop: while true {
            _ = peekNonSpace()
            if let operand = try operand() { operands.append(operand) }
            let token = next()
            switch token.kind {
            case .space: continue
            case .rightDelim, .rightParen: backup(token)
            case .pipe: break
            default: throw unexpected(token, "operand")
            }
            break loop
        }
        guard !operands.isEmpty else { throw fail("empty command") }
        let start = tree.link(operands)
        let (slot, regex) = specialties(operands)
        return tree.add(
            .command, position, first: start, second: Int32(operands.count), third: slot, fourth: regex)
    }

    /// What a command's constant operands allow to prepare: a label's slot, a regular expression.
    private mutating func specialties(_ operands: [Int32]) -> (slot: Int32, regex: Int32) {
        let nodes = operands.map { tree.nodes[Int($0)] }
        guard nodes[0].kind == .identifier else {
            noteLabels(nodes[...])
            return (-1, -1)
        }
        let function = tree.functions[Int(nodes[0].first)]
        if function == .index, nodes.count == 3, isLabels(nodes[1]), nodes[2].kind == .string {
            let number = tree.name(numbered: tree.texts[Int(nodes[2].first)].string)
            tree.want(number)
            return (tree.slots[Int(number)], -1)
        }
        noteLabels(nodes.dropFirst())
        let takesRegex = function == .regexReplaceAll || function == .regexReplaceAllLiteral || function == .count
        guard takesRegex, nodes.count > 1, nodes[1].kind == .string else { return (-1, -1) }
        return (-1, regex(tree.texts[Int(nodes[1].first)].array))
    }

    private func isDollar(_ node: TemplateNode) -> Bool {
        node.kind == .variable && node.second == 1 && tree.names[Int(tree.links[Int(node.first)])] == "$"
    }

    private func isLabels(_ node: TemplateNode) -> Bool { node.kind == .dot || isDollar(node) }

    private mutating func noteLabels(_ operands: ArraySlice<TemplateNode>) {
        for operand in operands {
            if operand.kind == .dot { noteDot() }
            if isDollar(operand) { usesAllLabels = true }
        }
    }

    // MARK: operands

    private mutating func operand() throws(TemplateError) -> Int32? {
        guard let term = try term() else { return nil }
        guard peek().kind == .field else { return term }
        let position = peek().range.lowerBound
        var fields: [Int32] = []
        while peek().kind == .field {
            let token = next()
            fields.append(field(token))
        }
        let node = tree.nodes[Int(term)]
        switch node.kind {
        case .field, .variable:
            let names = Array(tree.parts(node.first, node.second)) + fields
            let start = tree.link(names)
            return tree.add(node.kind, position, first: start, second: Int32(names.count))
        case .bool, .string, .number, .nothing, .dot:
            throw fail("unexpected . after term \(GoQuote.quoted(tree.description(of: term).utf8))")
        default:
            let start = tree.link(fields)
            return tree.add(.chain, position, first: term, second: start, third: Int32(fields.count))
        }
    }

    /// The number of a field's name, which gets a slot: it may be looked up in the labels.
    private mutating func field(_ token: TemplateToken) -> Int32 {
        let number = tree.name(numbered: String(text(of: token).dropFirst()))
        tree.want(number)
        return number
    }

    private mutating func term() throws(TemplateError) -> Int32? {
        let token = nextNonSpace()
        let position = token.range.lowerBound
        switch token.kind {
        case .identifier:
            let name = text(of: token)
            guard let function = TemplateFunction(rawValue: name) else {
                throw fail("function \(GoQuote.quoted(name.utf8)) not defined")
            }
            tree.functions.append(function)
            tree.parameters.append(function.parameters)
            return tree.add(.identifier, position, first: Int32(tree.functions.count - 1))
        case .dot: return tree.add(.dot, position)
        case .nilWord: return tree.add(.nothing, position)
        case .variable:
            let name = tree.name(numbered: text(of: token))
            guard variables.contains(name) else {
                throw fail("undefined variable \(GoQuote.quoted(text(of: token).utf8))")
            }
            return tree.add(.variable, position, first: tree.link([name]), second: 1)
        case .field: return tree.add(.field, position, first: tree.link([field(token)]), second: 1)
        case .bool: return tree.add(.bool, position, first: text(of: token) == "true" ? 1 : 0)
        case .charConstant, .complex, .number:
            tree.numbers.append(try number(token))
            let literal = tree.keep(tree.source[token.range])
            return tree.add(.number, position, first: Int32(tree.numbers.count - 1), second: literal)
        case .leftParen: return try pipeline("parenthesized pipeline", until: .rightParen)
        case .string, .rawString:
            let text = tree.keep(try unquoted(token))
            let literal = tree.keep(tree.source[token.range])
            return tree.add(.string, position, first: text, second: literal)
        default:
            backup(token)
            return nil
        }
    }

    private func number(_ token: TemplateToken) throws(TemplateError) -> TemplateNumber {
        let literal = tree.source[token.range]
        switch token.kind {
        case .charConstant:
            guard let value = GoLiteral.character(literal) else { throw fail("invalid syntax") }
            return TemplateNumber(integer: Int64(value), unsigned: UInt64(value), float: Double(value))
        case .complex: throw fail("complex constants are not supported")
        default:
            switch GoLiteral.number(literal) {
            case .number(let number): return number
            case .complex: throw fail("complex constants are not supported")
            case .overflow: throw fail("integer overflow: \(GoQuote.quoted(literal))")
            case .bad: throw fail("illegal number syntax: \(GoQuote.quoted(literal))")
            }
        }
    }
}

extension TemplateTree {
    /// Gives a name a slot, if it has none.
    mutating func want(_ name: Int32) {
        if slots[Int(name)] < 0 {
            slots[Int(name)] = Int32(fields.count)
            fields.append(names[Int(name)])
        }
    }
}
