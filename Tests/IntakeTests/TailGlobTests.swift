import Glibc
import Testing

@testable import Intake

@Suite("Path patterns")
struct TailGlobTests {
    @Test(
        "a pattern matches the paths it should",
        arguments: [
            ("/var/log/*.log", "/var/log/a.log", true), ("/var/log/*.log", "/var/log/a/b.log", false),
            ("/var/log/*.log", "/var/log/.log", true), ("/a/?.log", "/a/é.log", true), ("/a/?.log", "/a/bb.log", false),
            ("/a/[a-c]x", "/a/bx", true), ("/a/[a-c]x", "/a/dx", false), ("/a/[!a-c]x", "/a/dx", true),
            ("/a/[^a-c]x", "/a/bx", false), ("/a/[]]x", "/a/]x", true), ("/a/[x", "/a/[x", true),
            ("/a/{b,c}/d", "/a/c/d", true), ("/a/{b,c}/d", "/a/d/d", false), ("/a/{b,c{1,2}}", "/a/c2", true),
            ("/{a/b,c}/d", "/a/b/d", true), ("/a/{b}", "/a/{b}", true), ("/a/\\*", "/a/*", true),
            ("/a/\\*", "/a/b", false), ("/a/**/z", "/a/z", true), ("/a/**/z", "/a/b/c/z", true),
            ("/a/**", "/a/b/c", true), ("/**/**/**/x", "/q/w/e/r/t/y", false), ("*.gz", "/any/where/x.gz", true),
            ("a/*.log", "a/b.log", true), ("./a.log", "a.log", true), ("a/*.log", "/a/b.log", false),
            ("/a*b*c*d", "/aXbYcZd", true), ("/a*b*c*d", "/aXbYcZ", false), ("/a-b", "/a-b", true),
            ("/x[a-]", "/x-", true),
        ])
    func matching(pattern: String, path: String, expected: Bool) {
        #expect(Glob(pattern).matches(path) == expected)
    }

    @Test("patterns made to be slow are not")
    func slow() {
        let name = String(repeating: "a", count: 5_000)
        #expect(!Glob("/" + String(repeating: "a*", count: 100) + "b").matches("/" + name))
        #expect(Glob(String(repeating: "{a,b}", count: 30)).alternatives.count <= Glob.maximumAlternatives)
    }

    @Test("a pattern stands for what is there, without cycles of links")
    func expansion() throws {
        let folder = TemporaryFolder()
        for name in ["a", "a/b", "a/b/c"] { mkdir(folder[name], 0o755) }
        for name in ["x.log", "a/y.log", "a/b/c/z.log", "a/b/z.txt"] { append("", to: folder[name]) }
        symlink(folder.path, folder["a/b/loop"])
        symlink(folder["a/b"], folder["link"])
        symlink(folder["nothing"], folder["dangling.log"])
        func paths(_ pattern: String) -> Set<String> {
            Set(GlobExpansion(of: Glob(folder[pattern])).paths.map { String($0.dropFirst(folder.path.count + 1)) })
        }
        #expect(paths("**/*.log") == ["x.log", "a/y.log", "a/b/c/z.log", "dangling.log"])
        #expect(paths("*/c/*.log") == ["link/c/z.log"])
        #expect(paths("link/*.txt") == ["link/z.txt"])
        #expect(paths("{x.log,a/*.log,no.log}") == ["x.log", "a/y.log"])
        let missing = GlobExpansion(of: Glob(folder["new/*.log"]))
        #expect(missing.paths.isEmpty && missing.folders[folder.path + "/"] == [.literal("new")])
    }
}

@Suite("Rotation")
struct TailRotationStateTests {
    private let second: Int64 = 1_000_000_000

    @Test("a file that its path shows is kept, and its unfinished line left alone")
    func shown() {
        var state = RotationState(at: 0)
        state.found(.shown, at: 0)
        #expect(state.deadline(hasUnfinishedLine: true) == nil)
        #expect(state.action(hasUnfinishedLine: true, at: 1_000 * second) == .keep)
    }

    @Test("a replaced file gives its last line after a second, and is closed after five, of quiet")
    func replaced() {
        var state = RotationState(at: 0)
        state.found(.replaced, at: 10 * second)
        #expect(state.action(hasUnfinishedLine: true, at: 10 * second) == .keep)
        #expect(state.deadline(hasUnfinishedLine: true) == 11 * second)
        #expect(state.action(hasUnfinishedLine: true, at: 11 * second) == .takeLastLine)
        #expect(state.action(hasUnfinishedLine: false, at: 14 * second) == .keep)
        state.grew(at: 14 * second)
        #expect(state.action(hasUnfinishedLine: false, at: 15 * second) == .keep)
        #expect(state.action(hasUnfinishedLine: false, at: 19 * second) == .finish)
    }

    @Test("a file that was moved away without a successor is kept for ten minutes, a deleted one for five seconds")
    func missing() {
        var state = RotationState(at: 0)
        state.found(.missing, at: second)
        #expect(state.action(hasUnfinishedLine: true, at: 600 * second) == .keep)
        #expect(state.action(hasUnfinishedLine: true, at: 601 * second) == .finish)
        state.found(.deleted, at: 700 * second)
        #expect(state.action(hasUnfinishedLine: false, at: 704 * second) == .keep)
        #expect(state.action(hasUnfinishedLine: false, at: 705 * second) == .finish)
    }

    @Test("a file followed under another name gives its last line once another one has its path")
    func succeeded() {
        var state = RotationState(at: 0)
        state.found(.shown, at: 5 * second)
        state.hasSuccessor = true
        #expect(state.deadline(hasUnfinishedLine: true) == 6 * second)
        #expect(state.action(hasUnfinishedLine: true, at: 6 * second) == .takeLastLine)
        #expect(state.deadline(hasUnfinishedLine: false) == nil)
    }

    @Test(
        "names of rotated files are told from others",
        arguments: [
            ("x.log.1", true), ("x.log-20261122", true), ("x.log.20261122-101010", true), ("x.log", false),
            ("x.log.audit", false), ("x.log.", false), ("y.log.1", false), ("x.log.1.bak", false), ("x.log1", false),
        ])
    func generations(name: String, expected: Bool) {
        #expect(TailLoop.isGeneration(name, of: "x.log") == expected)
    }
}
