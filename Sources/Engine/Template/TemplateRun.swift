/// The memory of a template's execution: its output, its variables and values. Made once, used for line after line and
/// by any template.
struct TemplateRun: ~Copyable {
    struct Variable {
        var name: Int32
        var value: TemplateValue
    }

    /// What the last execution wrote.
    var output = OwnedBuffer<UInt8>(capacity: 1_024)
    var variables: [Variable] = []
    /// Where a function builds its text; `takeText` keeps it.
    var scratch = OwnedBuffer<UInt8>(capacity: 1_024)
    /// The node at hand, for messages.
    var node: Int32 = 0
    /// The name of the template that runs.
    var template: Int32 = 0
    /// How deep the evaluation is.
    var depth = 0
    var times = TemplateTimes()
    private var arena = Arena()
    private var used = 0
    private var steps = 0
    private var labels: TemplateMap?
    private var labelBuffer: [TemplateLabel] = []

    /// What the last execution wrote, good until the next.
    var outputView: ByteView { mutating get { output.paddedView() } }

    mutating func begin() {
        output.truncate(to: 0)
        scratch.truncate(to: 0)
        // What one large line needed is given back.
        if scratch.capacity > TemplateLimits.outputBytes { scratch = OwnedBuffer(capacity: 1_024) }
        if output.capacity > 2 * TemplateLimits.outputBytes { output = OwnedBuffer(capacity: 1_024) }
        variables.removeAll(keepingCapacity: true)
        labels = nil
        arena.reset()
        (used, steps, depth) = (0, 0, 0)
    }

    /// Counts work: a node, and the bytes it goes over.
    mutating func spend(bytes: Int = 0) throws(TemplateFailure) {
        steps += 1 + bytes >> 6
        if steps > TemplateLimits.steps { throw TemplateFailure(message: "too much work for one line") }
    }

    mutating func write(_ text: ByteView) throws(TemplateFailure) {
        output.append(text)
        try checkOutput()
    }

    func checkOutput() throws(TemplateFailure) {
        if output.count > TemplateLimits.outputBytes { throw TemplateFailure(message: "output is too long") }
    }

    /// The scratch's text as a value that stays good until the execution is over.
    mutating func takeText() throws(TemplateFailure) -> TemplateValue {
        let view = scratch.paddedView()
        let kept = try keep(view)
        scratch.truncate(to: 0)
        return .text(kept)
    }

    mutating func keep(_ view: ByteView) throws(TemplateFailure) -> ByteView {
        used += view.count + 32
        if used > TemplateLimits.valueBytes { throw TemplateFailure(message: "values take too much memory") }
        try spend(bytes: view.count)
        return arena.keep(view)
    }

    /// The labels as a map, collected once.
    mutating func labelMap<Data: TemplateData & ~Copyable>(_ data: inout Data) throws(TemplateFailure) -> TemplateMap {
        if let labels { return labels }
        labelBuffer.removeAll(keepingCapacity: true)
        data.appendLabels(to: &labelBuffer)
        try spend(bytes: labelBuffer.count * 64)
        let map = TemplateMap(
            labelBuffer.map { TemplateMap.Entry(key: $0.name, value: .text($0.value)) }, isLabels: true)
        labels = map
        return map
    }

    func value(of name: Int32) -> TemplateValue? {
        variables.last { $0.name == name }?.value
    }

    /// Ends the scope that began at `count`; after a failure in another template there may be fewer.
    mutating func forgetVariables(to count: Int) {
        if variables.count > count { variables.removeLast(variables.count - count) }
    }

    mutating func assign(_ name: Int32, _ value: TemplateValue) {
        if let index = variables.lastIndex(where: { $0.name == name }) { variables[index].value = value }
    }
}

extension Arena {
    /// A copy of the bytes, good until the reset.
    mutating func keep(_ view: ByteView) -> ByteView {
        // As many bytes as were reserved.
        let room = unsafe reserve(view.count)
        unsafe room.update(from: view.base, count: view.count)
        return commit(view.count)
    }
}
