/// Decides what to do with a file that is at its end: whether it was rotated, and when to let go of it.
///
/// A writer may go on with the old file for some time after the rename (until it is told to open the new one), so an
/// old file is kept until it has been quiet for a while; what it still gets is read. A last line without a newline is
/// taken only when nothing will end it any more: after the path has passed on to another file, or when the file is
/// deleted. While the path still shows the file, the line may be half written, and waits.
struct RotationState {
    /// Where the file is to be found.
    enum Place {
        /// A path that we follow shows it.
        case shown
        /// Its path shows another file now.
        case replaced
        /// Its path shows nothing, but the file has another name that we do not follow.
        case missing
        /// It has no name any more.
        case deleted
    }
    enum Action: Equatable {
        /// Nothing to do for now.
        case keep
        /// Take the unfinished last line, and keep the file.
        case takeLastLine
        /// Take the unfinished last line, and close the file.
        case finish
    }

    /// How long a replaced file must be quiet before its unfinished last line is taken, in nanoseconds.
    static let quietBeforeLastLine: Int64 = 1_000_000_000
    /// How long a replaced or deleted file must be quiet before it is closed.
    static let quietBeforeClose: Int64 = 5_000_000_000
    /// How long a file that was moved away, with nothing in its place, must be quiet before it is closed.
    static let quietBeforeGivingUp: Int64 = 600_000_000_000

    private(set) var place = Place.shown
    /// When the place changed, or the file grew, last; monotonic time in nanoseconds.
    private var changed: Int64
    /// Another file has taken over the path, even if this one is still followed under another name.
    var hasSuccessor = false {
        didSet { if hasSuccessor != oldValue, lastLook > changed { changed = lastLook } }
    }
    private var lastLook: Int64

    init(at now: Int64) {
        changed = now
        lastLook = now
    }

    /// A look at the paths found the file there.
    mutating func found(_ place: Place, at now: Int64) {
        lastLook = now
        if place != self.place { changed = now }
        self.place = place
    }

    /// The file has more bytes than before.
    mutating func grew(at now: Int64) {
        changed = now
    }

    /// What to do with the file, all of whose bytes are read.
    func action(hasUnfinishedLine: Bool, at now: Int64) -> Action {
        guard let deadline = deadline(hasUnfinishedLine: hasUnfinishedLine), now >= deadline else { return .keep }
        return switch place {
        case .shown: .takeLastLine
        case .replaced: now - changed >= Self.quietBeforeClose ? .finish : .takeLastLine
        case .missing, .deleted: .finish
        }
    }

    /// When there will be something to do if nothing happens until then; nil for never.
    func deadline(hasUnfinishedLine: Bool) -> Int64? {
        switch place {
        case .shown: hasSuccessor && hasUnfinishedLine ? changed + Self.quietBeforeLastLine : nil
        case .replaced: changed + (hasUnfinishedLine ? Self.quietBeforeLastLine : Self.quietBeforeClose)
        case .deleted: changed + Self.quietBeforeClose
        case .missing: changed + Self.quietBeforeGivingUp
        }
    }
}
