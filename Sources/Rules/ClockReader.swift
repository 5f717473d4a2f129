public import Engine
import Records
public import YAML

/// Reads `timestamp: {field: time, format: rfc3339}` or `{regex: …, format: …}`: where a line has its time.
///
/// nil where something is wrong, which `findings` tells.
public func readClock(_ reader: MappingReader, _ findings: Findings) -> LineClock.Form? {
    var clock = reader
    let field = clock.text("field")
    let regex = clock.text("regex")
    let notation =
        clock.parsed("format", wanted: "rfc3339, unix, unix_ms, unix_us, unix_ns or a layout of Go") {
            LineClock.Form.Notation($0)
        } ?? .rfc3339
    clock.finish()
    let form: LineClock.Form
    switch (field, regex) {
    case (let field?, nil): form = LineClock.Form(place: .field(field), notation: notation)
    case (nil, let regex?): form = LineClock.Form(place: .regex(regex), notation: notation)
    case (nil, nil), (.some, .some):
        findings.error("timestamp: wanted either 'field' or 'regex'", at: clock.node.range)
        return nil
    }
    do throws(LineClock.Problem) {
        _ = try LineClock(form, reference: Timestamp(nanoseconds: 0))
        return form
    } catch {
        findings.error("timestamp: \(error.message)", at: clock.node.range)
        return nil
    }
}
