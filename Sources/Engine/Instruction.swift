/// One step of a program: bitwise copyable, so that walking the code touches no reference count.
///
/// The code is the prefix tree of all rules in preorder: the children of an instruction follow it, and `end` is the
/// index behind the last of them, where the walk goes on when the line does not pass.
struct Instruction: BitwiseCopyable {
    enum Operation: BitwiseCopyable {
        // The number is an index into the program's table of that kind of stage.
        case lineFilter(Int32)
        case labelFilter(Int32)
        case json(Int32)
        case jsonPaths(Int32)
        case logfmt(Int32)
        case regexp(Int32)
        case pattern(Int32)
        case labelFormat(Int32)
        case drop(Int32)
        case keep(Int32)
        case unwrap(Int32)
        case unpack(Int32)
        case decolorize
        case lineFormat(Int32)
        case leaf(Int32)
        case entries
    }

    var operation: Operation
    var end: Int32
    /// Where the state after this instruction is kept for its second and later children; -1 with one child.
    var marks: Int16 = -1
    /// The kept state to go back to before this instruction; -1 for a first child.
    var rewinds: Int16 = -1
    /// What a parser is to know of the labels that are needed; -1 for nothing.
    var hint: Int16 = -1
}
