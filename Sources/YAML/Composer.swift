import Diagnostics

/// Builds the tree from events, with a stack of its own so that deep nesting costs no call frames.
struct Composer {
    private struct Frame {
        var isMapping: Bool
        var anchor: String?
        var start: Int
        var items: [Node] = []
        var pairs: [Pair] = []
        var key: Scalar?
        /// A value whose key was refused is thrown away.
        var skipsValue = false
        var isKeyNext = true
        var nodes = 1
    }

    private(set) var diagnostics: [Diagnostic] = []
    private let bytes: [UInt8]
    private let offsets: ByteOffsets
    private let events: EventReader
    private var stack: [Frame] = []
    private var anchors: [String: (node: Node, nodes: Int)] = [:]
    /// Nodes so far, each alias counted as what it stands for.
    private var expanded = 0
    private var root: Node?

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offsets = ByteOffsets(bytes)
        events = EventReader(bytes)
    }

    /// The root of the first document; nil when there is none or reading had to stop.
    mutating func compose() -> Node? {
        var documents = 0
        while true {
            let event: Event
            do { event = try events.next() } catch {
                diagnostics.append(diagnostic(for: error, offsets: offsets, source: bytes))
                return nil
            }
            let range = offsets[event.range.lowerBound]..<offsets[event.range.upperBound]
            switch event.kind {
            case .streamStart, .documentEnd: continue
            case .streamEnd: return root
            case .documentStart:
                documents += 1
                if documents > 1 {
                    report("a file holds one document, found a second one", range, hint: "remove what follows '---'")
                    return root
                }
            case .alias(let name): addAlias(name, range)
            case .scalar(let text, let style, let anchor, let tag):
                checkTag(tag, range)
                let start = anchor == nil && tag == nil ? range.lowerBound : skipProperties(range)
                let scalar = Scalar(
                    text: text, style: style, tag: tag, range: start..<max(start, range.upperBound), source: bytes)
                add(Node(.scalar(scalar), at: scalar.range), nodes: 1, anchor: anchor)
            case .sequenceStart(let anchor, let tag):
                checkTag(tag, range)
                stack.append(Frame(isMapping: false, anchor: anchor, start: range.lowerBound))
            case .mappingStart(let anchor, let tag):
                checkTag(tag, range)
                stack.append(Frame(isMapping: true, anchor: anchor, start: range.lowerBound))
            case .sequenceEnd, .mappingEnd: close(at: range.upperBound)
            }
            if stack.count > Document.maximumDepth {
                report("nested too deep, at most \(Document.maximumDepth) levels", range)
                return nil
            }
            if expanded > Document.maximumNodes {
                report("the file has too many values, at most \(Document.maximumNodes) with aliases replaced", range)
                return nil
            }
            if diagnostics.count >= 100 { return nil }
        }
    }

    private mutating func report(_ message: String, _ range: Range<Int>, hint: String? = nil) {
        diagnostics.append(Diagnostic(.error, message, hint: hint, at: range))
    }

    private mutating func addAlias(_ name: String, _ range: Range<Int>) {
        if let anchored = anchors[name] {
            add(anchored.node, nodes: anchored.nodes, anchor: nil)
        } else {
            report("no anchor '&\(name)' before this alias", range)
            add(Node(.sequence([]), at: range), nodes: 1, anchor: nil)
        }
    }

    private mutating func close(at end: Int) {
        guard let frame = stack.popLast() else { return }
        var last = end
        while last > frame.start, bytes[last - 1] <= 0x20 { last -= 1 }
        let kind: Node.Kind = frame.isMapping ? .mapping(merged(frame.pairs)) : .sequence(frame.items)
        // The nodes inside were counted when they were added.
        expanded -= frame.nodes - 1
        add(Node(kind, at: frame.start..<last), nodes: frame.nodes, anchor: frame.anchor)
    }

    private mutating func add(_ node: Node, nodes: Int, anchor: String?) {
        expanded += nodes
        if let anchor { anchors[anchor] = (node, nodes) }
        guard var frame = stack.popLast() else {
            root = node
            return
        }
        frame.nodes += nodes
        if !frame.isMapping {
            frame.items.append(node)
        } else if frame.isKeyNext {
            frame.key = node.scalar
            if frame.key == nil { report("a key must be text, found \(node.found)", node.range) }
            frame.isKeyNext = false
        } else {
            if let key = frame.key { frame.pairs.append(Pair(key: key, value: node)) }
            frame.isKeyNext = true
        }
        stack.append(frame)
    }

    /// The pairs with each key once and merge keys replaced; keys of the mapping itself win over merged ones.
    private mutating func merged(_ pairs: [Pair]) -> [Pair] {
        var result: [Pair] = []
        var first: [String: Scalar] = [:]
        var merges: [Pair] = []
        for pair in pairs {
            if pair.key.text == "<<", pair.key.style == .plain {
                merges.append(pair)
            } else if let earlier = first[pair.key.text] {
                let line = 1 + bytes[..<earlier.range.lowerBound].count { $0 == 0x0A }
                report(
                    "the key '\(pair.key.text)' stands here twice", pair.key.range, hint: "the first is on line \(line)"
                )
            } else {
                first[pair.key.text] = pair.key
                result.append(pair)
            }
        }
        for merge in merges {
            for node in merge.value.items ?? [merge.value] {
                guard case .mapping(let others) = node.kind else {
                    report("'<<' merges mappings, found \(node.found)", node.range)
                    continue
                }
                for pair in others where first[pair.key.text] == nil {
                    first[pair.key.text] = pair.key
                    result.append(pair)
                }
            }
        }
        return result
    }

    private mutating func checkTag(_ tag: String?, _ range: Range<Int>) {
        guard let tag, tag != "!" else { return }
        let known = ["str", "int", "float", "bool", "null", "seq", "map"].map { "tag:yaml.org,2002:\($0)" }
        if !known.contains(tag) { report("the tag '\(tag)' has no meaning here", range) }
    }

    /// The offset behind `!tag` and `&anchor`, which libyaml counts as part of the node.
    private func skipProperties(_ range: Range<Int>) -> Int {
        var offset = range.lowerBound
        while offset < range.upperBound {
            if bytes[offset] == UInt8(ascii: "!") || bytes[offset] == UInt8(ascii: "&") {
                while offset < range.upperBound, bytes[offset] > 0x20 { offset += 1 }
            } else if bytes[offset] == UInt8(ascii: "#") {
                while offset < range.upperBound, bytes[offset] != 0x0A { offset += 1 }
            } else if bytes[offset] <= 0x20 {
                offset += 1
            } else {
                break
            }
        }
        return offset
    }
}
