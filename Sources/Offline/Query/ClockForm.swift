public import Engine
import Records

/// Where lines have their time and how it is written.
public typealias ClockForm = LineClock.Form

/// Why a description of a clock cannot be used; lower case, no full stop.
public struct ClockProblem: Error, Sendable {
    public var message: String
}

/// Reads `field=time,format=rfc3339` or `regex=\[(?P<time>[^\]]+)\],format=02/Jan/2006:15:04:05 -0700`.
///
/// The two parts may stand in either order; the values may have commas, since only `,format=`, `,field=` and
/// `,regex=` end one.
public func clockForm(fromCommandLine text: String) throws(ClockProblem) -> ClockForm {
    let keys = ["field", "regex", "format"]
    var parts: [(key: String, value: String)] = []
    var rest = text[...]
    while !rest.isEmpty {
        guard let equals = rest.firstIndex(of: "="), let key = keys.first(where: { rest[..<equals] == $0 }) else {
            throw ClockProblem(message: "wanted field=NAME or regex=…, and format=…; got '\(text)'")
        }
        rest = rest[rest.index(after: equals)...]
        let end =
            rest.indices.first { index in
                rest[index] == "," && keys.contains { rest[index...].dropFirst().hasPrefix($0 + "=") }
            } ?? rest.endIndex
        guard !parts.contains(where: { $0.key == key }) else {
            throw ClockProblem(message: "'\(key)' stands here twice")
        }
        parts.append((key, String(rest[..<end])))
        rest = rest[end...].dropFirst()
    }
    func value(_ key: String) -> String? { parts.first { $0.key == key }?.value }
    let place: ClockForm.Place
    switch (value("field"), value("regex")) {
    case (let field?, nil): place = .field(field)
    case (nil, let regex?): place = .regex(regex)
    case (nil, nil), (.some, .some):
        throw ClockProblem(message: "wanted either field=NAME or regex=…; got '\(text)'")
    }
    let notation = value("format").map { ClockForm.Notation($0) } ?? .rfc3339
    guard let notation else {
        throw ClockProblem(
            message: "format wants rfc3339, unix, unix_ms, unix_us, unix_ns or a layout of Go; got "
                + "'\(value("format") ?? "")'")
    }
    let form = ClockForm(place: place, notation: notation)
    do throws(LineClock.Problem) {
        _ = try LineClock(form, reference: Timestamp(nanoseconds: 0))
    } catch {
        throw ClockProblem(message: error.message)
    }
    return form
}
