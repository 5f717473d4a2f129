/// The name of `names` that a person most probably meant by `word`, or nil where none is close.
///
/// Close means at most one edit for three letters and one more for each further three, where swapping two
/// neighbours is one edit (optimal string alignment).
public func nearest(to word: String, among names: some Sequence<String>) -> String? {
    let letters = Array(word.lowercased())
    guard !letters.isEmpty, letters.count <= 64 else { return nil }
    var best: (name: String, edits: Int)?
    for name in names where name != word {
        let candidate = Array(name.lowercased())
        let allowed = max(1, (max(letters.count, candidate.count) + 1) / 3)
        guard abs(candidate.count - letters.count) <= allowed else { continue }
        let edits = distance(letters, candidate)
        if edits <= allowed, edits < best?.edits ?? Int.max { best = (name, edits) }
    }
    return best?.name
}

private func distance(_ a: [Character], _ b: [Character]) -> Int {
    var beforePrevious = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var edits = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, beforePrevious[j - 1] + 1) }
            row.append(edits)
        }
        (beforePrevious, previous) = (previous, row)
    }
    return previous[b.count]
}
