/// Where JSON tokens end. All take and give offsets; `count` of the view stands for "the line ended".
extension ByteView {
    /// The first byte at or after `start` that is not JSON white space.
    @inline(__always)
    func skipJSONSpace(_ start: Int) -> Int {
        var offset = start
        while offset < count, peek(offset) <= 0x20 {
            let byte = peek(offset)
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
            offset &+= 1
        }
        return offset
    }

    /// The closing quote of the string whose inside starts at `start`, and whether a backslash stands before it;
    /// the end is `count` or more when there is no closing quote.
    @inline(__always)
    func stringEnd(_ start: Int) -> (end: Int, escaped: Bool) {
        let stop = quoteOrBackslash(from: start)
        if peek(stop) == UInt8(ascii: "\\") { return (escapedStringEnd(stop), true) }
        return (stop, false)
    }

    @inline(never)
    private func escapedStringEnd(_ backslash: Int) -> Int {
        var offset = backslash
        while offset < count, self[offset] == UInt8(ascii: "\\") {
            guard offset + 2 <= count else { return count }
            offset = quoteOrBackslash(from: offset + 2)
        }
        return offset
    }

    /// The end of a number or literal that starts at `start`. Stops too at bytes that no such token has but that
    /// Loki's parser runs over: `"`, `{`, `[` and control bytes.
    @inline(__always)
    func jsonTokenEnd(_ start: Int) -> Int {
        var offset = start
        while offset < count {
            let found = Word.tokenEnd(word(offset))
            if found != 0 { return min(offset &+ found.trailingZeroBitCount &>> 3, count) }
            offset &+= 8
        }
        return count
    }

    /// True where Loki's parser ends a number or literal: at white space, `,`, `}`, `]` and the line's end.
    func endsJSONToken(_ offset: Int) -> Bool {
        guard offset < count else { return true }
        switch self[offset] {
        case 0x20, 0x0A, 0x0D, 0x09, UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): return true
        default: return false
        }
    }

    /// True when the object whose `{` stands at `offset` ends in this line.
    @inline(never)
    func closesBrace(at offset: Int) -> Bool {
        blockEnd(offset, open: UInt8(ascii: "{"), close: UInt8(ascii: "}")) != nil
    }

    /// Behind the bracket that closes the array whose `[` stands at `start`; nil when there is none, or when braces
    /// in the array are not balanced.
    func balancedArrayEnd(_ start: Int) -> Int? {
        var brackets = 0
        var braces = 0
        var offset = start
        while offset < count {
            let found = Word.bracketOrQuote(word(offset))
            guard found != 0 else {
                offset &+= 8
                continue
            }
            offset &+= found.trailingZeroBitCount &>> 3
            guard offset < count else { return nil }
            switch peek(offset) {
            case UInt8(ascii: "["): brackets &+= 1
            case UInt8(ascii: "]"):
                brackets &-= 1
                if brackets == 0 { return braces == 0 ? offset &+ 1 : nil }
            case UInt8(ascii: "{"): braces &+= 1
            case UInt8(ascii: "}"):
                braces &-= 1
                if braces < 0 { return nil }
            default: offset = stringEnd(offset &+ 1).end
            }
            offset &+= 1
        }
        return nil
    }

    /// Behind the byte that closes the block whose `open` stands at `start`: only this kind of bracket is counted,
    /// strings are skipped, nothing else is looked at. Nil when the line ends first.
    func blockEnd(_ start: Int, open: UInt8, close: UInt8) -> Int? {
        var level = 0
        var offset = start
        while offset < count {
            let found = Word.bracketOrQuote(word(offset))
            guard found != 0 else {
                offset &+= 8
                continue
            }
            offset &+= found.trailingZeroBitCount &>> 3
            guard offset < count else { return nil }
            let byte = peek(offset)
            if byte == UInt8(ascii: "\"") {
                offset = stringEnd(offset &+ 1).end
            } else if byte == open {
                level &+= 1
            } else if byte == close {
                level &-= 1
                if level == 0 { return offset &+ 1 }
            }
            offset &+= 1
        }
        return nil
    }

    /// True when the token is one of the words that JSON knows.
    func isJSONWord(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for offset in 0..<count where unsafe self[offset] != word.utf8Start[offset] { return false }
        return true
    }
}
