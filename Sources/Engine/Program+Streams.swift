import LogQL
import Records

/// What a program keeps of a stream: which rules select it, and its labels as fields.
struct StreamState {
    var roots: [Int]
    /// The code of each of them.
    var code: [Range<Int>]
    var labels: [(id: FieldID, value: ByteView)]
}

extension Program {
    /// What the selectors that match have chosen, with the stream's labels put in place; nil where none does.
    mutating func select(_ stream: Stream) -> StreamState? {
        while streams.count <= stream.id { streams.append(nil) }
        if streams[stream.id] == nil { streams[stream.id] = makeState(of: stream) }
        record.rewindAll()
        guard let state = streams[stream.id], !state.roots.isEmpty else { return nil }
        if currentStream != stream.id {
            currentStream = stream.id
            record.grow(to: names.count)
            record.setBase(state.labels)
        }
        return state
    }

    private mutating func makeState(of stream: Stream) -> StreamState {
        var roots: [Int] = []
        for index in plan.roots.indices where matches(root: index, stream.labels) { roots.append(index) }
        var labels: [(id: FieldID, value: ByteView)] = []
        if !roots.isEmpty {
            for label in stream.labels.labels {
                // A name nobody looks at is only needed where series have every label.
                guard plan.names.contains(label.name) || plan.hasOpenKeys else { continue }
                guard let id = names.id(forName: label.name) else { continue }
                labels.append((id, constants.keep(label.value.utf8)))
            }
            record.grow(to: names.count)
        }
        return StreamState(roots: roots, code: roots.map { plan.roots[$0].code }, labels: labels)
    }

    private func matches(root: Int, _ labels: LabelSet) -> Bool {
        let selector = plan.roots[root].selector
        for (index, matcher) in selector.matchers.enumerated() {
            let value = labels[matcher.name] ?? ""
            let passes: Bool
            switch matcher.operation {
            case .equal: passes = value.utf8.elementsEqual(matcher.value.utf8)
            case .notEqual: passes = !value.utf8.elementsEqual(matcher.value.utf8)
            case .regex: passes = selectors[root][index]?.matches(value) ?? false
            case .notRegex: passes = !(selectors[root][index]?.matches(value) ?? false)
            }
            guard passes else { return false }
        }
        return true
    }

    // MARK: Structured metadata

    mutating func mapMetadata(_ batch: LineBatch) {
        metadataFields.removeAll(keepingCapacity: true)
        for name in batch.metadataNames {
            let known = plan.hasOpenKeys ? names.id(forName: name) : names.known(named: name)
            metadataFields.append(known)
        }
        record.grow(to: names.count)
    }

    mutating func addMetadata(of line: Line, in batch: LineBatch, _ all: ByteView) {
        let start = Int(line.metadataStart)
        for index in start..<start + Int(line.metadataCount) {
            let pair = batch.metadata[index]
            guard var id = metadataFields[Int(pair.name)] else { continue }
            if record.origin(id) == .stream {
                guard let twin = twin(of: id) else { continue }
                id = twin
            }
            record.set(id, Field(value: all[pair.value.range], origin: .metadata))
        }
    }

    /// The field that takes a value whose name a stream label has already: `name_extracted`.
    mutating func twin(of id: FieldID) -> FieldID? {
        while twins.count <= id.value { twins.append(.unknown) }
        if case .known(let twin) = twins[id.value] { return twin }
        let name = names.name(of: id) + "_extracted"
        let twin = plan.hasOpenKeys ? names.id(forName: name) : names.known(named: name)
        twins[id.value] = .known(twin)
        record.grow(to: names.count)
        return twin
    }
}

/// Whether the `_extracted` twin of a field has been looked for, and what was found.
enum Twin: BitwiseCopyable {
    case unknown
    case known(FieldID?)
}

/// A regex of a selector: looked at once per stream, never per line.
final class SelectorRegex {
    private let set: RegexSet
    private let regex: Regex
    private let constants = ByteStore()

    private init(_ pattern: String) {
        let set = RegexSet()
        let compiled = promised(pattern) { () throws(RegexError) in
            try set.compile(pattern, anchored: true, dotMatchesNewline: true)
        }
        self.set = set
        regex = compiled.regex
    }

    func matches(_ text: String) -> Bool {
        regex.matches(constants.keep(text.utf8)) == .match
    }

    /// By the matcher's position.
    static func all(of selector: Selector) -> [Int: SelectorRegex] {
        var result: [Int: SelectorRegex] = [:]
        for (index, matcher) in selector.matchers.enumerated() {
            switch matcher.operation {
            case .equal, .notEqual: continue
            case .regex, .notRegex: result[index] = SelectorRegex(matcher.value)
            }
        }
        return result
    }
}
