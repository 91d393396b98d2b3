import Glibc

extension RunRecord {
    /// The error text of a run that was given up (`apus resume --discard`).
    public static let discarded = "discarded"

    /// Seconds without a sign of life after which a run counts as interrupted.
    public static let patience = 60.0

    /// Whether the run says that it is running and no longer can be: its process on this host is gone (or the id
    /// belongs to a later process), or it has given no sign for ``patience``.
    public func isInterrupted(now: Double = Clock.wall(), host: String = RunRecord.hostName) -> Bool {
        isInterrupted(now: now, host: host) { Self.startOfProcess($0) }
    }

    /// `processStart` gives seconds since 1970 of a living process of this host, nil when there is none.
    func isInterrupted(now: Double, host: String, processStart: (Int) -> Double?) -> Bool {
        guard status == .running else { return false }
        if now - beatAt > Self.patience { return true }
        guard host == self.host else { return false }
        guard let start = processStart(pid) else { return true }
        // /proc counts in hundredths of a second from a boot time in whole seconds.
        return start > startedAt + 5
    }

    /// The name of this host, as `uname` has it.
    public static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// When a process began; nil when there is none, or when it has ended and only its parent has not asked for its
    /// status (a zombie). Where /proc tells nothing, a living process counts as old.
    /// Layout: proc(5), `/proc/[pid]/stat` fields 3 (state) and 22 (starttime), and `/proc/stat` btime.
    static func startOfProcess(_ pid: Int) -> Double? {
        guard pid > 0, pid <= Int(Int32.max), kill(pid_t(pid), 0) == 0 || errno == EPERM else { return nil }
        guard let stat = text(ofFile: "/proc/\(pid)/stat"), let name = stat.lastIndex(of: ")"),
            let boot = text(ofFile: "/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let bootTime = Double(boot.dropFirst(6))
        else { return 0 }
        // The command's name may hold spaces and parentheses: fields count from behind its last one, the third first.
        let fields = stat[stat.index(after: name)...].split(separator: " ")
        if let state = fields.first, state == "Z" || state == "X" { return nil }
        guard fields.count > 19, let ticks = Double(fields[19]) else { return 0 }
        return bootTime + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func text(ofFile path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[0..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
