import Engine
import Records

/// The times of a tail's entries as `timestamp:` says where their lines tell them.
final class LineTimes: EntryTiming {
    private var clock: LineClock

    /// nil for a form that cannot be used; reading the configuration has refused those.
    init?(_ form: LineClock.Form) {
        do throws(LineClock.Problem) {
            clock = try LineClock(form, reference: SystemClock.now())
        } catch {
            return nil
        }
    }

    func setTimes(of builder: inout LineBatchBuilder) -> Int {
        builder.setTimes { clock.time(of: $0) }
    }
}
