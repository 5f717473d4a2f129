/// Lines of a byte input: everything up to a newline, and what stands behind the last one.
struct LineInput: ~Copyable {
    /// A longer line is cut here; the rest of it is left out and counted.
    static let longestLine = 4 << 20

    private(set) var input: ByteInput
    private var piece: [UInt8] = []
    private var offset = 0
    private var carried: [UInt8] = []
    private var isCutting = false
    private(set) var number = 0
    private(set) var cutLines = 0

    init(_ path: String) throws(InputProblem) {
        input = try ByteInput(path)
    }

    /// Appends the next line, without its newline, to `line`; false at the end.
    mutating func next(into line: inout [UInt8]) throws(InputProblem) -> Bool {
        while true {
            if offset == piece.count {
                piece = try input.next()
                offset = 0
                if piece.isEmpty {
                    isCutting = false
                    guard !carried.isEmpty else { return false }
                    line += carried
                    carried = []
                    number += 1
                    return true
                }
            }
            let end = newline(in: piece, from: offset)
            let found = piece[offset..<(end ?? piece.count)]
            offset = end.map { $0 + 1 } ?? piece.count
            if isCutting {
                if end != nil { isCutting = false }
                continue
            }
            if carried.count + found.count > Self.longestLine {
                line += carried
                line += found.prefix(Self.longestLine - carried.count)
                carried = []
                isCutting = end == nil
                cutLines += 1
                number += 1
                return true
            }
            guard end != nil else {
                carried += found
                continue
            }
            line += carried
            line += found
            carried.removeAll(keepingCapacity: true)
            number += 1
            return true
        }
    }
}
