/// What the path of a file says: the values of `${path.…}` in label templates.
///
/// `filename` and `directory` of any path. `namespace`, `pod`, `uid` and `container` of
/// `…/pods/<namespace>_<pod>_<uid>/<container>/<n>.log`, and all but `uid`, plus `id`, of
/// `…/containers/<pod>_<namespace>_<container>-<id>.log`; none of these of any other path.
public struct PathVariables: Hashable, Sendable {
    public let filename: String
    public let directory: String
    public private(set) var namespace: String?
    public private(set) var pod: String?
    public private(set) var uid: String?
    public private(set) var container: String?
    public private(set) var id: String?

    /// The names that a template may use.
    public static let names = ["filename", "directory", "namespace", "pod", "uid", "container", "id"]

    public init(path: String) {
        let components = path.split(separator: "/", omittingEmptySubsequences: true)
        filename = components.last.map(String.init) ?? ""
        let parent = components.dropLast().joined(separator: "/")
        directory = path.hasPrefix("/") ? "/" + parent : (parent.isEmpty ? "." : parent)
        if components.count >= 3 {
            let pod = components[components.count - 3].split(separator: "_", omittingEmptySubsequences: false)
            if pod.count == 3 {
                namespace = String(pod[0])
                self.pod = String(pod[1])
                uid = String(pod[2])
                container = String(components[components.count - 2])
                return
            }
        }
        readContainerLink()
    }

    /// The value of a variable; nil when the path does not say.
    public subscript(name: String) -> String? {
        switch name {
        case "filename": filename
        case "directory": directory
        case "namespace": namespace
        case "pod": pod
        case "uid": uid
        case "container": container
        case "id": id
        default: nil
        }
    }

    private mutating func readContainerLink() {
        guard filename.hasSuffix(".log") else { return }
        let parts = filename.dropLast(4).split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, let dash = parts[2].lastIndex(of: "-") else { return }
        pod = String(parts[0])
        namespace = String(parts[1])
        container = String(parts[2][..<dash])
        id = String(parts[2][parts[2].index(after: dash)...])
    }
}
