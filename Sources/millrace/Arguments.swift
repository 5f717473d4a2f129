public import ArgumentParser
public import Daemon

// Both modules belong to this package, so that no other module can declare these conformances.
extension LineFormat: ExpressibleByArgument {}
extension OutputForm: ExpressibleByArgument {}
extension LogForm: ExpressibleByArgument {}
extension LogLevel: ExpressibleByArgument {}

extension ListenAddress: ExpressibleByArgument {
    /// Reads `host:port`.
    public init?(argument: String) { self.init(argument) }
}

/// The options about the log, the same for every command that runs for long.
struct LogArguments: ParsableArguments {
    @Option(help: "The form of log lines on standard error (default: text).")
    var logFormat: LogForm?

    @Option(help: "The least severe level that is written (default: info).")
    var logLevel: LogLevel?
}

extension Duration {
    /// Reads a whole number with a unit, `500ms`, `90s`, `5m`, `1h`, and such parts in a row, `1h30m`.
    init?(commandLine text: String) {
        var total = Duration.zero
        var rest = text[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let amount = UInt32(digits) else { return nil }
            switch unit {
            case "ms": total += .milliseconds(amount)
            case "s": total += .seconds(amount)
            case "m": total += .seconds(Int(amount) * 60)
            case "h": total += .seconds(Int(amount) * 3_600)
            default: return nil
            }
        }
        guard !text.isEmpty else { return nil }
        self = total
    }
}
