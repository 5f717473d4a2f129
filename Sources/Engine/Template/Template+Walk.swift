extension Template {
    enum Flow { case normal, breaks, continues }

    private func enter(_ run: inout TemplateRun) throws(TemplateFailure) {
        run.depth += 1
        if run.depth > TemplateLimits.depth {
            throw TemplateFailure(message: "exceeded maximum template depth (\(TemplateLimits.depth))")
        }
    }

    /// Runs a list of nodes.
    func walk<Data: TemplateData & ~Copyable>(
        _ list: Int32, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> Flow {
        try enter(&run)
        defer { run.depth -= 1 }
        let node = tree.nodes[Int(list)]
        for position in Int(node.first)..<Int(node.first + node.second) {
            let flow = try step(tree.links[position], dot, &data, &run)
            if flow != .normal { return flow }
        }
        return .normal
    }

    private func step<Data: TemplateData & ~Copyable>(
        _ index: Int32, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> Flow {
        let node = tree.nodes[Int(index)]
        try run.spend()
        switch node.kind {
        case .text: try run.write(tree.texts[Int(node.first)])
        case .action:
            run.node = index
            let value = try pipeline(node.first, dot, &data, &run)
            if tree.nodes[Int(node.first)].fourth == 0 {
                run.node = index
                try print(value, &data, &run)
            }
        case .ifBranch, .withBranch:
            run.node = index
            let mark = run.variables.count
            defer { run.forgetVariables(to: mark) }
            let value = try pipeline(node.first, dot, &data, &run)
            if value.isTrue {
                return try walk(node.second, node.kind == .withBranch ? value : dot, &data, &run)
            }
            if node.third >= 0 { return try walk(node.third, dot, &data, &run) }
        case .rangeBranch:
            run.node = index
            return try range(node, dot, &data, &run)
        case .template:
            run.node = index
            try call(node, dot, &data, &run)
        case .breakLoop: return .breaks
        case .continueLoop: return .continues
        case .list, .pipe, .assigningPipe, .command, .field, .variable, .chain, .identifier, .dot, .nothing, .bool,
            .number, .string:
            break
        }
        return .normal
    }

    private func print<Data: TemplateData & ~Copyable>(
        _ value: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) {
        switch value {
        case .text(let text): return try run.write(text)
        case .nothing: run.output.append(text: "<no value>")
        case .labels:
            let map = try run.labelMap(&data)
            try GoPrinter.append(.map(map), to: &run.output)
        case .null, .integer, .float, .bool, .time, .list, .map: try GoPrinter.append(value, to: &run.output)
        }
        try run.checkOutput()
    }

    private func call<Data: TemplateData & ~Copyable>(
        _ node: TemplateNode, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) {
        guard let root = tree.root(of: node.first) else {
            let name = GoQuote.quoted(tree.names[Int(node.first)].utf8)
            throw TemplateFailure(message: "template \(name) not defined")
        }
        let value = node.second < 0 ? .nothing : try pipeline(node.second, dot, &data, &run)
        let outer = run.template
        var variables = [TemplateRun.Variable(name: dollar, value: value)]
        swap(&run.variables, &variables)
        run.template = node.first
        // After a failure the message needs the inner name.
        _ = try walk(root, value, &data, &run)
        run.template = outer
        swap(&run.variables, &variables)
    }

    // MARK: range

    private func range<Data: TemplateData & ~Copyable>(
        _ node: TemplateNode, _ dot: TemplateValue, _ data: inout Data, _ run: inout TemplateRun
    ) throws(TemplateFailure) -> Flow {
        let mark = run.variables.count
        defer { run.forgetVariables(to: mark) }
        var value = try pipeline(node.first, dot, &data, &run)
        if case .labels = value { value = .map(try run.labelMap(&data)) }
        var ran = false
        switch value {
        case .list(let list):
            for (index, item) in list.items.enumerated() {
                ran = true
                if try !iterate(node, .int(index), item, &data, &run) { break }
            }
        case .map(let map):
            for entry in map.entries {
                ran = true
                if try !iterate(node, .text(entry.key), entry.value, &data, &run) { break }
            }
        case .integer(let count, let type):
            if tree.nodes[Int(node.first)].fourth > 1 {
                let text = try GoPrinter.string(value)
                throw TemplateFailure(message: "can't use \(text) to iterate over more than one variable")
            }
            var index: Int64 = 0
            while index < count {
                ran = true
                if try !iterate(node, .nothing, .integer(index, type), &data, &run) { break }
                index += 1
            }
        case .nothing, .null: break
        case .text, .float, .bool, .time, .labels:
            let text = try GoPrinter.string(value)
            throw TemplateFailure(message: "range can't iterate over \(text)")
        }
        if !ran, node.third >= 0 { return try walk(node.third, dot, &data, &run) }
        return .normal
    }

    /// One pass of a loop; false when it breaks.
    private func iterate<Data: TemplateData & ~Copyable>(
        _ node: TemplateNode, _ key: TemplateValue, _ item: TemplateValue, _ data: inout Data,
        _ run: inout TemplateRun
    ) throws(TemplateFailure) -> Bool {
        try run.spend()
        let pipe = tree.nodes[Int(node.first)]
        let declared = Int(pipe.fourth)
        let mark = run.variables.count
        if declared > 0 {
            if pipe.kind == .assigningPipe {
                run.assign(declaredName(pipe, 0), declared > 1 ? key : item)
                if declared > 1 { run.assign(declaredName(pipe, 1), item) }
            } else {
                run.variables[mark - 1].value = item
                if declared > 1 { run.variables[mark - 2].value = key }
            }
        }
        let flow = try walk(node.second, item, &data, &run)
        run.forgetVariables(to: mark)
        return flow != .breaks
    }

    func declaredName(_ pipe: TemplateNode, _ index: Int) -> Int32 {
        let variable = tree.nodes[Int(tree.links[Int(pipe.third) + index])]
        return tree.links[Int(variable.first)]
    }
}
