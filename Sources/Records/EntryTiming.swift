/// Gives entries the times that their lines tell, instead of the time at which they were read. Used by one thread.
public protocol EntryTiming: AnyObject {
    /// Sets the times of a batch's entries; returns how many lines told none.
    func setTimes(of builder: inout LineBatchBuilder) -> Int
}
