/// One mistake in a text that a person wrote: what is wrong, where, and what was probably meant.
///
/// Offsets are in UTF-8 bytes from the beginning of the text. Readers collect diagnostics and go on,
/// so that one run shows every mistake.
public struct Diagnostic: Error, Hashable, Sendable {
    /// How much a diagnostic weighs: an error stops the text from being used, a warning does not.
    public enum Severity: String, Hashable, Sendable {
        case error, warning
    }

    public var severity: Severity
    /// What was wanted and what came; lower case, no full stop.
    public var message: String
    /// What was probably meant, or how to mend it; lower case, no full stop.
    public var hint: String?
    /// The bytes of the text that are wrong; empty where something is missing.
    public var range: Range<Int>

    public init(_ severity: Severity = .error, _ message: String, hint: String? = nil, at range: Range<Int>) {
        self.severity = severity
        self.message = message
        self.hint = hint
        self.range = range
    }

    /// The same diagnostic, with its range moved to where the text stands in a larger one.
    public func moved(_ place: (Int) -> Int) -> Diagnostic {
        var copy = self
        let lower = place(range.lowerBound)
        copy.range = lower..<max(lower, place(range.upperBound))
        return copy
    }
}

/// The diagnostics of one text, thrown where nothing usable was left of it.
public struct DiagnosticList: Error, Sendable {
    public var diagnostics: [Diagnostic]

    public init(_ diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }
}
