extension Template {
    /// Calls the function with this number; `index` is the command, for messages.
    func call<Data: TemplateData & ~Copyable>(
        _ number: Int, _ index: Int32, _ command: TemplateNode, _ final: TemplateValue?,
        _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        let function = tree.functions[number]
        switch function {
        case .line: if command.second == 1, final == nil { return .text(data.templateLine) }
        case .timestamp:
            if command.second == 1, final == nil { return .time(GoTime(nanoseconds: data.templateTime)) }
        case .and, .or: return try shortCircuit(function, command, final, dot, &data, &run)
        case .index:
            if command.third >= 0, final == nil, let text = try indexedLabel(command, dot, &data, &run) { return text }
        default: break
        }
        let values = try operands(function.rawValue, tree.parameters[number], command, final, dot, &data, &run)
        do {
            try run.spend()
            return try apply(function, values, command.fourth, &run)
        } catch {
            run.node = index
            throw TemplateFailure(message: "error calling \(function.rawValue): \(error.message)")
        }
    }

    /// `index . "name"` without collecting the labels.
    private func indexedLabel<Data: TemplateData & ~Copyable>(
        _ command: TemplateNode, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue? {
        let first = tree.links[Int(command.first) + 1]
        var receiver = dot
        if tree.nodes[Int(first)].kind == .variable { receiver = run.value(of: dollar) ?? .nothing }
        guard case .labels = receiver else { return nil }
        return .text(data.value(ofSlot: slot(command.third)) ?? .empty)
    }

    /// `and` and `or` evaluate no further than they must.
    private func shortCircuit<Data: TemplateData & ~Copyable>(
        _ function: TemplateFunction, _ command: TemplateNode, _ final: TemplateValue?, _ dot: TemplateValue,
        _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        let count = Int(command.second) - 1
        if count == 0, final == nil {
            throw TemplateFailure(message: "wrong number of args for \(function.rawValue): want at least 1 got 0")
        }
        var value = TemplateValue.nothing
        for position in 0..<count {
            let operand = tree.links[Int(command.first) + 1 + position]
            value = try argument(operand, .value, dot, &data, &run)
            if value.isTrue == (function == .or) { return value }
        }
        return final ?? value
    }

    /// The arguments of a call, checked against the parameters.
    func operands<Data: TemplateData & ~Copyable>(
        _ name: String, _ parameters: TemplateParameters, _ command: TemplateNode?, _ final: TemplateValue?,
        _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> [TemplateValue] {
        let count = Int(command?.second ?? 1) - 1
        let total = count + (final == nil ? 0 : 1)
        let fixed = parameters.fixed.count
        if parameters.rest != nil {
            if total < fixed {
                throw TemplateFailure(message: "wrong number of args for \(name): want at least \(fixed) got \(count)")
            }
        } else if total != fixed {
            throw TemplateFailure(message: "wrong number of args for \(name): want \(fixed) got \(total)")
        }
        var values: [TemplateValue] = []
        values.reserveCapacity(total)
        for position in 0..<count {
            guard let command, let type = parameters.type(at: position) else { break }
            let operand = tree.links[Int(command.first) + 1 + position]
            values.append(try argument(operand, type, dot, &data, &run))
        }
        if let final, let type = parameters.type(at: count) { values.append(try checked(final, type)) }
        for position in values.indices {
            if case .labels = values[position] { values[position] = .map(try run.labelMap(&data)) }
        }
        return values
    }

    /// An operand's value as a parameter of `type` takes it; nil: as it is, for the receiver of a chain.
    func argument<Data: TemplateData & ~Copyable>(
        _ index: Int32, _ type: TemplateParameter?, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> TemplateValue {
        try run.spend()
        run.node = index
        let node = tree.nodes[Int(index)]
        switch node.kind {
        case .dot: return try checked(dot, type)
        case .nothing:
            guard type == .any || type == .value || type == nil else {
                throw TemplateFailure(message: "cannot assign nil to \(type!.name)")
            }
            return .nothing
        case .field, .chain: return try checked(try fieldOrChain(index, nil, nil, dot, &data, &run), type)
        case .variable: return try checked(try variable(index, nil, nil, dot, &data, &run), type)
        case .pipe, .assigningPipe: return try checked(try pipeline(index, dot, &data, &run), type)
        case .identifier:
            let bare = TemplateNode(kind: .command, position: node.position, second: 1)
            return try checked(try call(Int(node.first), index, bare, nil, dot, &data, &run), type)
        default: return try literal(index, type)
        }
    }

    private func literal(_ index: Int32, _ type: TemplateParameter?) throws(TemplateFailure) -> TemplateValue {
        let node = tree.nodes[Int(index)]
        func found(_ wanted: String) -> TemplateFailure {
            TemplateFailure(message: "expected \(wanted); found \(tree.description(of: index))")
        }
        let number = node.kind == .number ? tree.numbers[Int(node.first)] : nil
        switch type {
        case .string:
            guard node.kind == .string else { throw found("string") }
            return .text(tree.texts[Int(node.first)])
        case .int, .duration:
            guard let integer = number?.integer else { throw found("integer") }
            return .integer(integer, type == .int ? .int : .duration)
        case .float:
            guard let float = number?.float else { throw found("float") }
            return .float(float)
        case .time:
            throw TemplateFailure(
                message: "can't handle \(tree.description(of: index)) for arg of type time.Time")
        case .any, .value, nil: return try constant(index, .nothing)
        }
    }

    private func checked(_ value: TemplateValue, _ type: TemplateParameter?) throws(TemplateFailure) -> TemplateValue {
        guard let type, !type.takes(value) else { return value }
        guard let got = value.typeName else {
            throw TemplateFailure(message: "invalid value; expected \(type.name)")
        }
        throw TemplateFailure(message: "wrong type for value; expected \(type.name); got \(got)")
    }
}
