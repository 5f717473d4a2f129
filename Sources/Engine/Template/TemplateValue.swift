/// A value while a template runs. Texts point into the line, its labels, the template or the run's arena.
enum TemplateValue {
    /// Integer types of Go that occur.
    enum IntegerType: UInt8 {
        case int, int64, uint8, month, weekday, duration

        var name: String {
            switch self {
            case .int: "int"
            case .int64: "int64"
            case .uint8: "uint8"
            case .month: "time.Month"
            case .weekday: "time.Weekday"
            case .duration: "time.Duration"
            }
        }
    }

    /// No value at all: Go's zero `reflect.Value`.
    case nothing
    /// A nil that has the type `interface {}`: an element of a list or map.
    case null
    case text(ByteView)
    case integer(Int64, IntegerType)
    case float(Double)
    case bool(Bool)
    case time(GoTime)
    case list(TemplateList)
    case map(TemplateMap)
    /// The labels of the line, not yet collected.
    case labels

    static func int(_ value: Int) -> TemplateValue { .integer(Int64(value), .int) }

    /// Go's name of the type; nil for no value.
    var typeName: String? {
        switch self {
        case .nothing: nil
        case .null: "interface {}"
        case .text: "string"
        case .integer(_, let type): type.name
        case .float: "float64"
        case .bool: "bool"
        case .time: "time.Time"
        case .list: "[]interface {}"
        case .map(let map): map.isLabels ? "map[string]string" : "map[string]interface {}"
        case .labels: "map[string]string"
        }
    }

    /// Whether `if` takes it for true.
    var isTrue: Bool {
        switch self {
        case .nothing, .null: false
        case .text(let text): !text.isEmpty
        case .integer(let value, _): value != 0
        case .float(let value): value != 0
        case .bool(let value): value
        case .time: true
        case .list(let list): !list.items.isEmpty
        case .map(let map): !map.entries.isEmpty
        // A stream has labels.
        case .labels: true
        }
    }

    var isNil: Bool {
        switch self {
        case .nothing, .null: true
        case .text, .integer, .float, .bool, .time, .list, .map, .labels: false
        }
    }

    /// What stands in an interface, without it.
    var unwrapped: TemplateValue {
        if case .null = self { return .nothing }
        return self
    }
}

/// Go's `[]interface {}`.
final class TemplateList {
    let items: [TemplateValue]

    init(_ items: [TemplateValue]) { self.items = items }
}

/// Go's `map[string]interface {}`, or the labels as `map[string]string`.
final class TemplateMap {
    struct Entry {
        var key: ByteView
        var value: TemplateValue
    }

    /// Sorted by key, each once.
    let entries: [Entry]
    let isLabels: Bool

    /// Of equal keys the last stays.
    init(_ entries: [Entry], isLabels: Bool = false) {
        let order = entries.indices.sorted {
            let (left, right) = (entries[$0].key, entries[$1].key)
            return left.precedes(right) || left.equals(right) && $0 < $1
        }
        var sorted: [Entry] = []
        for index in order {
            if let last = sorted.last, last.key.equals(entries[index].key) { sorted.removeLast() }
            sorted.append(entries[index])
        }
        self.entries = sorted
        self.isLabels = isLabels
    }

    /// The value of a key; nil where there is none.
    func find(_ key: ByteView) -> TemplateValue? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key.precedes(key) { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].key.equals(key) ? entries[low].value : nil
    }
}

extension ByteView {
    /// Byte by byte, a prefix first.
    func precedes(_ other: ByteView) -> Bool {
        for index in 0..<min(count, other.count) where self[index] != other[index] {
            return self[index] < other[index]
        }
        return count < other.count
    }
}
