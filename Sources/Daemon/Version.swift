/// The version that `--version`, the status page and `millrace_build_info` show.
public enum Version {
    public static let current = "0.1.0"
}
