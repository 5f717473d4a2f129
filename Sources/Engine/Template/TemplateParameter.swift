/// The Go types of functions' parameters.
enum TemplateParameter: UInt8 {
    case string, int, float, time, any
    /// `reflect.Value`: like `any`, for Go's own functions.
    case value
    case duration

    var name: String {
        switch self {
        case .string: "string"
        case .int: "int"
        case .float: "float64"
        case .time: "time.Time"
        case .any: "interface {}"
        case .value: "reflect.Value"
        case .duration: "time.Duration"
        }
    }

    func takes(_ value: TemplateValue) -> Bool {
        switch (self, value) {
        case (.any, _), (.value, _): true
        case (.string, .text), (.float, .float), (.time, .time): true
        case (.int, .integer(_, .int)), (.duration, .integer(_, .duration)): true
        default: false
        }
    }
}

/// The parameters of a function or method.
struct TemplateParameters {
    var fixed: [TemplateParameter]
    /// The type of all further arguments; nil where there must be none.
    var rest: TemplateParameter?
    /// The type that a nil argument of `any` has.
    func type(at index: Int) -> TemplateParameter? { index < fixed.count ? fixed[index] : rest }
}
