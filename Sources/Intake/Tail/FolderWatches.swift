/// The folders that the kernel watches for us, and which names in them are of interest.
struct FolderWatches {
    private var numbers: [String: Int32] = [:]
    private var interests: [Int32: Set<Glob.Component>] = [:]

    /// Watches folders; true when one of them was not watched so far, so that it must be looked into once more.
    ///
    /// Every folder is asked for each time: behind a symbolic link there may be another one by now.
    mutating func watch(_ folders: [String: [Glob.Component]], with inotify: Inotify) throws(SystemError) -> Bool {
        var isNew = false
        for (path, components) in folders {
            let number: Int32
            do throws(SystemError) { number = try inotify.watch(path, for: .folder) } catch {
                if error.reason == "no_space" { throw error }
                continue
            }
            if numbers.updateValue(number, forKey: path) != number { isNew = true }
            interests[number, default: []].formUnion(components)
        }
        return isNew
    }

    /// Lets go of all folders but these.
    mutating func keep(_ folders: Set<String>, with inotify: Inotify) {
        numbers = numbers.filter { folders.contains($0.key) }
        let used = Set(numbers.values)
        for number in interests.keys where !used.contains(number) {
            inotify.unwatch(number)
            interests[number] = nil
        }
    }

    /// Whether something may be different for one of the patterns.
    mutating func isInteresting(_ event: Inotify.Event) -> Bool {
        guard let interest = interests[event.watch] else { return false }
        if !event.kind.isDisjoint(with: [.selfMoved, .selfDeleted, .ignored]) {
            numbers = numbers.filter { $0.value != event.watch }
            if event.kind.contains(.ignored) { interests[event.watch] = nil }
            return true
        }
        return interest.contains { $0.matches(event.name) }
    }
}
