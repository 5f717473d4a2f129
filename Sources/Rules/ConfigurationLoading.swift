public import Diagnostics
import YAML

/// What came of reading a configuration file.
public struct ConfigurationLoad: Sendable {
    /// As far as it could be read; not to be used when there are errors.
    public var configuration: Configuration
    /// The text of the file without the secrets that were written into it.
    public var source: SourceText
    public var diagnostics: [Diagnostic]

    public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    /// Every problem as a person reads it; empty when there is none, and never with a secret in it.
    public func render() -> String { Rules.render(source, diagnostics) }
}

/// Reads the configuration file and the secrets that it names. Never fails as a whole: what is wrong is in the
/// diagnostics, all at once.
public func loadConfiguration(path: String) -> ConfigurationLoad {
    let (source, problem) = readText(path)
    if let problem { return ConfigurationLoad(configuration: Configuration(), source: source, diagnostics: [problem]) }
    return readConfiguration(source, folder: folder(of: path))
}

/// Reads a configuration that is already a text. Secret files are seen from `folder`.
public func readConfiguration(
    _ source: SourceText, folder: String = ".", environment: @escaping (String) -> String? = environmentVariable
) -> ConfigurationLoad {
    let document = Document(source.text)
    let findings = Findings(document.diagnostics)
    var configuration = Configuration()
    if let root = document.root, !root.isNull {
        findings.concealed = secretRanges(root)
        let reader = ConfigurationReader(
            findings: findings,
            secrets: SecretReader(folder: folder, environment: environment, findings: findings),
            labels: LabelReader(environment: environment, findings: findings))
        configuration = reader.read(root)
    }
    let shown = withoutSecrets(source.text, root: document.root)
    return ConfigurationLoad(
        configuration: configuration, source: SourceText(name: source.name, text: shown),
        diagnostics: findings.diagnostics)
}
