extension ByteView {
    func starts(with prefix: ByteView) -> Bool { count >= prefix.count && self[0..<prefix.count].equals(prefix) }

    func ends(with suffix: ByteView) -> Bool { count >= suffix.count && dropping(count - suffix.count).equals(suffix) }

    /// Where `other` first stands at or behind `start`; nil when nowhere.
    func firstRange(of other: ByteView, from start: Int) -> Int? {
        guard !other.isEmpty else { return start }
        var offset = start
        while offset + other.count <= count, let next = firstIndex(of: other[0], from: offset) {
            guard next + other.count <= count else { return nil }
            if self[next..<next + other.count].equals(other) { return next }
            offset = next + 1
        }
        return nil
    }

    /// Code points; bytes that are not UTF-8 count one each.
    var runeCount: Int {
        var offset = 0
        var runes = 0
        while offset < count {
            offset += GoRune.decode(self, at: offset).length
            runes += 1
        }
        return runes
    }

    /// Where the code point with this number begins.
    func offset(ofRune number: Int) -> Int {
        var offset = 0
        for _ in 0..<number where offset < count { offset += GoRune.decode(self, at: offset).length }
        return offset
    }
}
