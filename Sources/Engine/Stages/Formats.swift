import LogQL
import Records

/// A `line_format`, made ready.
enum LineFormat {
    /// `{{.a}}` and nothing else. As in Loki, an error is no such field.
    case field(FieldID)
    case template(Template)

    /// The field of a template that is nothing else: `{{.a}}`, `{{ .a }}`, `{{- .a -}}`.
    static func soleField(_ text: String) -> String? {
        var inner = text[...]
        guard inner.hasPrefix("{{"), inner.hasSuffix("}}"), inner.utf8.count > 4 else { return nil }
        inner = inner.dropFirst(2).dropLast(2)
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        if inner.hasPrefix("-"), inner.dropFirst().first.map(isBlank) ?? false { inner = inner.dropFirst() }
        if inner.hasSuffix("-"), inner.dropLast().last.map(isBlank) ?? false { inner = inner.dropLast() }
        inner = inner.drop(while: isBlank)
        while let last = inner.last, isBlank(last) { inner = inner.dropLast() }
        guard inner.first == ".", let first = inner.dropFirst().utf8.first, !(0x30...0x39).contains(first),
            inner.dropFirst().utf8.allSatisfy(LabelName.isPlain)
        else { return nil }
        return String(inner.dropFirst())
    }
}

/// One item of `label_format`, made ready.
struct LabelFormatItem {
    enum Value {
        case rename(FieldID)
        case template(Template)
    }
    var label: FieldID
    var value: Value
}

extension Template {
    /// A template that the planner has compiled before, with its fields bound to the program's numbers.
    static func bound(_ text: String, name: String, names: inout NameTable, in set: RegexSet) -> Template {
        let template = promised(text) { () throws(TemplateError) in try Template(text, name: name, regexes: set) }
        var table: [String: Int] = [:]
        for field in template.fields { table[field] = names.known(field).value }
        template.bind { table[$0] ?? 0 }
        return template
    }
}

extension Program {
    /// `line_format`: the template's text becomes the line; where it fails, the line stays.
    mutating func formatLine(_ stage: Int) -> Bool {
        switch stages.lineFormats[stage] {
        case .field(let id): record.line = record.isPresent(id) ? record.value(id) : record.nothing
        case .template(let template):
            if let line = run(template) { record.line = line }
        }
        return true
    }

    /// `label_format`: renames and templates from left to right. All templates read the labels as they were when the
    /// first of them ran, as in Loki.
    mutating func formatLabels(_ stage: Int) -> Bool {
        var results: [ByteView?] = []
        var next = 0
        for index in stages.labelFormats[stage].indices {
            let item = stages.labelFormats[stage][index]
            switch item.value {
            case .rename(let from):
                guard record.isPresent(from) else { continue }
                let value = record.value(from)
                record.takeAway(from)
                if item.label != from { setLabel(item.label, value) }
            case .template:
                if results.isEmpty { results = runAll(stage) }
                if let value = results[next] { setLabel(item.label, value) }
                next += 1
            }
        }
        return true
    }

    private mutating func setLabel(_ id: FieldID, _ value: ByteView) {
        let stage = record.isExtracted(id) ? record.stage(id) : Field.setStage
        record.set(id, Field(value: value, origin: .parsed, stage: stage))
    }

    /// The results of a stage's templates, nil for those that failed.
    private mutating func runAll(_ stage: Int) -> [ByteView?] {
        let failure = record.failure
        let details = record.details
        var failed: (LineFailure, ByteView)?
        var results: [ByteView?] = []
        for index in stages.labelFormats[stage].indices {
            guard case .template(let template) = stages.labelFormats[stage][index].value else { continue }
            let result = run(template)
            if result == nil { failed = (record.failure, record.details) }
            (record.failure, record.details) = (failure, details)
            results.append(result)
        }
        if let failed { (record.failure, record.details) = failed }
        return results
    }

    /// A template's text, kept for as long as the line is worked on; nil where it failed, with the error noted.
    private mutating func run(_ template: Template) -> ByteView? {
        // Taken out of the program for the time being: the template reads the program while it writes there.
        var run = templateRun.take() ?? TemplateRun()
        let failure = template.execute(&self, &run)
        var result: ByteView?
        if let failure {
            record.failure = .template
            if keepsDetails { record.details = record.keep(failure.message.utf8) }
        } else {
            result = record.arena.keep(run.outputView)
        }
        templateRun = consume run
        return result
    }
}

extension Program: TemplateData {
    mutating func value(ofSlot slot: Int) -> ByteView? {
        let id = FieldID(slot)
        if record.failure != .none, id == errorField { return stages.errorTexts[Int(record.failure.rawValue)] }
        if !record.details.isEmpty, id == detailsField { return record.details }
        return record.isPresent(id) ? record.value(id) : nil
    }

    mutating func appendLabels(to labels: inout [TemplateLabel]) {
        func isError(_ id: FieldID) -> Bool {
            id == errorField && record.failure != .none || id == detailsField && !record.details.isEmpty
        }
        for number in 0..<record.fieldCount {
            let id = FieldID(number)
            guard record.isPresent(id) || isError(id) else { continue }
            let name = record.keep(names.name(of: id).utf8)
            labels.append(TemplateLabel(name: name, value: value(ofSlot: number) ?? record.nothing))
        }
    }

    var templateLine: ByteView { record.line }
    var templateTime: Int64 { record.time.nanoseconds }
}
