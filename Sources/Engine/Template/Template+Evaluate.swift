extension Template {
    /// A pipeline's value; declares or assigns its variables.
    func pipeline<Data: TemplateData & ~Copyable>(
        _ index: Int32, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        run.depth += 1
        defer { run.depth -= 1 }
        if run.depth > TemplateLimits.depth {
            throw TemplateFailure(message: "exceeded maximum template depth (\(TemplateLimits.depth))")
        }
        let node = tree.nodes[Int(index)]
        run.node = index
        var value: TemplateValue?
        for position in Int(node.first)..<Int(node.first + node.second) {
            value = try command(tree.links[position], value, dot, &data, &run).unwrapped
        }
        let result = value ?? .nothing
        for position in 0..<Int(node.fourth) {
            let name = declaredName(node, position)
            if node.kind == .assigningPipe {
                run.assign(name, result)
            } else {
                run.variables.append(TemplateRun.Variable(name: name, value: result))
            }
        }
        return result
    }

    /// A command's value; `final` is what the one before it in the pipeline gave.
    private func command<Data: TemplateData & ~Copyable>(
        _ index: Int32, _ final: TemplateValue?, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        try run.spend()
        let command = tree.nodes[Int(index)]
        let wordIndex = tree.links[Int(command.first)]
        let word = tree.nodes[Int(wordIndex)]
        let isAlone = command.second == 1 && final == nil
        switch word.kind {
        case .field, .chain:
            return try fieldOrChain(wordIndex, command, final, dot, &data, &run)
        case .variable:
            if word.second == 1 {
                run.node = wordIndex
                guard isAlone else { throw notAFunction(wordIndex) }
            }
            return try variable(wordIndex, command, final, dot, &data, &run)
        case .identifier:
            run.node = wordIndex
            return try call(Int(word.first), index, command, final, dot, &data, &run)
        case .pipe, .assigningPipe:
            guard isAlone else { throw notAFunction(wordIndex) }
            return try pipeline(wordIndex, dot, &data, &run)
        case .bool, .dot, .nothing, .number, .string:
            run.node = wordIndex
            guard isAlone else { throw notAFunction(wordIndex) }
            if word.kind == .nothing { throw TemplateFailure(message: "nil is not a command") }
            return try constant(wordIndex, dot)
        case .text, .action, .ifBranch, .withBranch, .rangeBranch, .list, .template, .breakLoop, .continueLoop,
            .command:
            return .nothing
        }
    }

    private func notAFunction(_ index: Int32) -> TemplateFailure {
        TemplateFailure(message: "can't give argument to non-function \(tree.description(of: index))")
    }

    /// A literal, or the dot.
    func constant(_ index: Int32, _ dot: TemplateValue) throws(TemplateFailure) -> TemplateValue {
        let node = tree.nodes[Int(index)]
        switch node.kind {
        case .bool: return .bool(node.first == 1)
        case .dot: return dot
        case .string: return .text(tree.texts[Int(node.first)])
        case .number:
            let number = tree.numbers[Int(node.first)]
            if number.isFloatByForm { return .float(number.float ?? 0) }
            guard let integer = number.integer else {
                throw TemplateFailure(message: "\(tree.description(of: index)) overflows int")
            }
            return .integer(integer, .int)
        default: return .nothing
        }
    }

    // MARK: fields

    /// `arguments`: the command whose first operand this is, for methods; nil where it is an operand itself.
    func fieldOrChain<Data: TemplateData & ~Copyable>(
        _ index: Int32, _ arguments: TemplateNode?, _ final: TemplateValue?, _ dot: TemplateValue,
        _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        run.node = index
        let node = tree.nodes[Int(index)]
        guard node.kind == .chain else {
            return try fields(index, node.first, node.second, dot, arguments, final, dot, &data, &run)
        }
        if tree.nodes[Int(node.first)].kind == .nothing {
            throw TemplateFailure(message: "indirection through explicit nil in \(tree.description(of: index))")
        }
        let receiver = try argument(node.first, nil, dot, &data, &run)
        return try fields(index, node.second, node.third, receiver, arguments, final, dot, &data, &run)
    }

    func variable<Data: TemplateData & ~Copyable>(
        _ index: Int32, _ arguments: TemplateNode?, _ final: TemplateValue?, _ dot: TemplateValue,
        _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        run.node = index
        let node = tree.nodes[Int(index)]
        let name = tree.links[Int(node.first)]
        guard let value = run.value(of: name) else {
            throw TemplateFailure(message: "undefined variable: \(tree.names[Int(name)])")
        }
        if node.second == 1 { return value }
        return try fields(index, node.first + 1, node.second - 1, value, arguments, final, dot, &data, &run)
    }

    private func fields<Data: TemplateData & ~Copyable>(
        _ index: Int32, _ start: Int32, _ count: Int32, _ receiver: TemplateValue, _ arguments: TemplateNode?,
        _ final: TemplateValue?, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        var value = receiver
        for position in Int(start)..<Int(start + count) {
            let isLast = position == Int(start + count) - 1
            let name = tree.links[position]
            value = try field(
                index, name, value, isLast ? arguments : nil, isLast ? final : nil, dot, &data, &run)
        }
        return value
    }

    private func field<Data: TemplateData & ~Copyable>(
        _ index: Int32, _ name: Int32, _ receiver: TemplateValue, _ arguments: TemplateNode?, _ final: TemplateValue?,
        _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        let hasArguments = (arguments?.second ?? 0) > 1 || final != nil
        switch receiver {
        case .nothing: return .nothing
        case .null:
            throw TemplateFailure(message: "nil pointer evaluating interface {}.\(tree.names[Int(name)])")
        case .labels:
            if hasArguments { throw notAMethod(name) }
            return .text(data.value(ofSlot: slot(tree.slots[Int(name)])) ?? .empty)
        case .map(let map):
            if hasArguments { throw notAMethod(name) }
            return map.find(tree.nameViews[Int(name)]) ?? (map.isLabels ? .text(.empty) : .null)
        case .time, .integer:
            let method = tree.names[Int(name)]
            if let parameters = GoMethods.parameters(of: method, on: receiver) {
                let values = try operands(method, parameters, arguments, final, dot, &data, &run)
                do {
                    return try GoMethods.call(method, on: receiver, values, &run)
                } catch {
                    run.node = index
                    throw TemplateFailure(message: "error calling \(method): \(error.message)")
                }
            }
        case .text, .float, .bool, .list: break
        }
        let type = receiver.typeName ?? "nil"
        throw TemplateFailure(message: "can't evaluate field \(tree.names[Int(name)]) in type \(type)")
    }

    private func notAMethod(_ name: Int32) -> TemplateFailure {
        TemplateFailure(message: "\(tree.names[Int(name)]) is not a method but has arguments")
    }
}
