import ApusCore
import Glibc

/// A lock on a target is a row of the journal: neither system has a lock that ends with its connection. Its holder is
/// alive while its process is there, or, on another machine, while the run has written to the journal of late.
extension StarRocksSession {
    /// Seconds of silence after which a run on another machine counts as gone.
    private static let lease = 900

    func lock(_ load: Load) throws {
        try createJournal(load)
        try refuseOthers(load)
        try setMark(Mark.owner, load, writer: Self.process)
        do {
            // Written before it is read: of two runs that come at once, each sees the other, and both step back.
            try refuseOthers(load)
        } catch {
            unlock(load)
            try wait(Double.random(in: 0...0.3))
            throw error
        }
    }

    func unlock(_ load: Load) {
        try? deleteEntries(load, "run_id = \(dialect.literal(load.runID)) AND slice = \(Mark.owner)")
    }

    private func refuseOthers(_ load: Load) throws {
        let target = dialect.literal(journalTarget(load))
        let owners = try journaling {
            try rows(
                """
                SELECT o.run_id, o.writer, timestampdiff(SECOND, (SELECT max(a.marked_at) FROM \(journalTable(load)) AS a \
                WHERE a.target = \(target)), now()), timestampdiff(SECOND, o.marked_at, now()) FROM \(journalTable(load)) AS o \
                WHERE o.target = \(target) AND o.slice = \(Mark.owner) AND o.run_id <> \(dialect.literal(load.runID))
                """, doing: "find out who loads \(load.target)")
        }
        for owner in owners {
            let silence = min(Int(owner[2] ?? "") ?? 0, Int(owner[3] ?? "") ?? 0)
            guard Self.isAlive(owner[1] ?? "", silence: silence) else {
                try deleteEntries(load, "run_id = \(dialect.literal(owner[0] ?? "")) AND slice = \(Mark.owner)")
                continue
            }
            throw ApusError(
                .locked, "\(load.target) is being loaded by run \(owner[0] ?? "unknown")",
                hint:
                    "Wait until that run has ended, or stop it. Should its machine be gone, the lock ends after \(Self.lease / 60) minutes.",
                context: endpoint.label)
        }
    }

    private static func isAlive(_ owner: String, silence: Int) -> Bool {
        let parts = owner.split(separator: " ")
        guard parts.count == 3, let process = Int32(parts[1]) else { return silence < lease }
        guard String(parts[0]) == host else { return silence < lease }
        return kill(process, 0) == 0 && started(process) == String(parts[2])
    }

    /// `host pid start`, without two processes ever having the same.
    static let process = "\(host) \(getpid()) \(started(getpid()))"

    private static let host: String = {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.isEmpty ? "localhost" : String(text.prefix(100)).replacing(" ", with: "_")
    }()

    /// When a process began, in ticks since the machine's start (proc(5), /proc/pid/stat, field 22). `0`: it has ended, and
    /// be it that its parent has not asked for its status (field 3).
    private static func started(_ process: Int32) -> String {
        guard let file = fopen("/proc/\(process)/stat", "r") else { return "0" }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = fread(&buffer, 1, buffer.count, file)
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        // The name in parentheses may hold blanks.
        guard let end = text.lastIndex(of: ")") else { return "0" }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 19 && fields[0] != "Z" && fields[0] != "X" ? String(fields[19]) : "0"
    }
}
