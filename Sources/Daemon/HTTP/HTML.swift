/// HTML that is safe by construction: what stands in the source is markup, what is interpolated is text.
///
/// `let row: HTML = "<td>\(name)</td>"` escapes `name`; only a value of type `HTML` goes in as it is. Attribute
/// values must stand in double quotes, where the same escapes hold.
struct HTML: ExpressibleByStringInterpolation, Sendable {
    private(set) var text: String

    static let empty: HTML = ""

    init(stringLiteral markup: StaticString) {
        text = "\(markup)"
    }

    init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
    }

    static func += (left: inout HTML, right: HTML) {
        left.text += right.text
    }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + 16 * interpolationCount)
        }

        mutating func appendLiteral(_ markup: StaticString) { text += "\(markup)" }
        mutating func appendInterpolation(_ html: HTML) { text += html.text }
        mutating func appendInterpolation(_ number: Int) { text += String(number) }

        mutating func appendInterpolation(_ value: String) {
            for scalar in value.unicodeScalars {
                switch scalar {
                case "&": text += "&amp;"
                case "<": text += "&lt;"
                case ">": text += "&gt;"
                case "\"": text += "&quot;"
                case "'": text += "&#39;"
                default: text.unicodeScalars.append(scalar)
                }
            }
        }
    }
}
