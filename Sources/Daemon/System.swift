import Glibc

/// What the system says about this process and its machine.
enum System {
    /// Cores that are online.
    static var coreCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// Resident memory of this process, from `/proc/self/statm`; 0 where that cannot be read.
    static var residentBytes: Int {
        let file = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 128) { buffer, count in
            // The kernel writes at most the capacity that it is told.
            count = max(0, unsafe read(file, buffer.baseAddress, 128))
        }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
