import ApusCore
import Glibc

/// A lock on a target is a row of the journal: neither system has a lock that ends with its connection. Its holder is
/// alive while its process is there, or, on another machine, while the run has written to the journal of late.
extension StarRocksSession {
    /// Seconds of silence after which a run on another machine counts as gone.
    private static let lease = 900

    /// Looks for other runs. The lock itself is written with the load's first row, before a row reaches a table that others
    /// see, and others are looked for again then; before that, where a step comes first that changes such a table.
    func lock(_ load: Load) throws {
        try createJournal(load)
        let isBlank = try refuseOthers(load)
        book(load).change(bookKey(load)) {
            // Held already where a step is done again.
            if case .held = $0.lock {} else { $0.lock = .wanted }
            $0.isBlank = isBlank && $0.obsolete.isEmpty
        }
        let isShown = load.exists && !load.isStaged && (load.mode == .truncate || load.create == .recreate)
        // What is added behind a checkpoint must not have been added by somebody else meanwhile.
        if load.locksFirst == true || isShown || (load.mode == .append && load.checkpoint != nil) { try holdLock(load) }
    }

    /// Writes a lock that was asked for and is not written yet.
    func holdLock(_ load: Load) throws {
        if case .wanted = book(load).account(bookKey(load)).lock { try write([], load) }
    }

    func unlock(_ load: Load) {
        let book = book(load), key = bookKey(load)
        let account = book.account(key)
        // Another worker may go on with what is prepared and done.
        if case .refused = account.lock {
            _ = book.close(key)
        } else if account.prepared != nil || !book.kept(key).isEmpty {
            try? write([], load, locks: false)
        }
        if case .held = account.lock {
            try? deleteEntries(load, "run_id = \(dialect.literal(load.runID)) AND slice = \(Mark.owner)")
        }
        book.change(key) { $0.lock = .free }
    }

    /// Writes rows together with the lock. Written before others are looked for: of two runs that come at once, each sees the
    /// other, and both step back, for a while of their own.
    func insertLocking(_ entries: [JournalEntry], _ load: Load) throws {
        let book = book(load), key = bookKey(load)
        var isHeld = false
        defer { if !isHeld { book.change(key) { if case .underWay = $0.lock { $0.lock = .wanted } } } }
        let owner = Self.mark(Mark.owner, writer: Self.process)
        var tries = 0
        while true {
            let prepared = book.account(key).prepared
            try insert(entries + [owner], load)
            do {
                try refuseOthers(load)
                try recount(load, prepared)
                isHeld = true
                return book.change(key) { $0.lock = .held }
            } catch let error as ApusError where error.code == .locked {
                let marks = prepared == nil ? [Mark.owner] : [Mark.owner, Mark.prepared]
                let slices = Set(entries.map(\.slice)).union(marks).map(String.init).joined(separator: ", ")
                let attempts = Set(entries.map(\.attempt)).union([0]).map(String.init).joined(separator: ", ")
                try deleteEntries(
                    load, "run_id = \(dialect.literal(load.runID)) AND slice IN (\(slices)) AND attempt IN (\(attempts))")
                if let prepared { book.change(key) { $0.prepared = prepared } }
                tries += 1
                try wait(Double.random(in: 0...0.5))
                do {
                    guard tries < 4 else { throw error }
                    try refuseOthers(load)
                } catch let error as ApusError where error.code == .locked {
                    book.change(key) { $0.lock = .refused(error) }
                    throw error
                }
            }
        }
    }

    /// Rows that another run has added to the target between the count and the lock.
    private func recount(_ load: Load, _ prepared: JournalEntry?) throws {
        guard var prepared, prepared.read > 0 || load.mode == .append, !load.isStaged else { return }
        let count = try baseCount(load)
        guard count != prepared.read else { return }
        prepared.read = count
        try insert([prepared], load)
    }

    /// - returns: whether the journal has no row of this load.
    @discardableResult
    private func refuseOthers(_ load: Load) throws -> Bool {
        let book = book(load), key = bookKey(load)
        if let other = book.others(than: key).first { throw locked(load, by: other.run) }
        let found = try journaling {
            try rows(
                """
                SELECT run_id, max(CASE WHEN slice = \(Mark.owner) THEN writer ELSE '' END), \
                timestampdiff(SECOND, max(marked_at), now()) FROM \(journalTable(load)) \
                WHERE target = \(dialect.literal(journalTarget(load))) GROUP BY run_id
                """, doing: "find out who loads \(load.target)")
        }
        var obsolete: [String] = []
        for other in found {
            guard let run = other[0], run != load.runID else { continue }
            let owner = other[1] ?? ""
            if !owner.isEmpty, Self.isAlive(owner, silence: Int(other[2] ?? "") ?? 0) { throw locked(load, by: run) }
            obsolete.append(run)
        }
        book.change(key) { $0.obsolete = obsolete }
        return !found.contains { $0[0] == load.runID }
    }

    private func locked(_ load: Load, by run: String) -> ApusError {
        ApusError(
            .locked, "\(load.target) is being loaded by run \(run)",
            hint:
                "Wait until that run has ended, or stop it. Should its machine be gone, the lock ends after \(Self.lease / 60) minutes.",
            context: endpoint.label)
    }

    /// Seconds since a writer of the load wrote into the journal.
    func silence(_ load: Load) throws -> Int {
        let found = try journaling {
            try rows(
                "SELECT timestampdiff(SECOND, max(marked_at), now()) FROM \(journalTable(load)) WHERE \(ownRows(load)) AND slice >= 0",
                doing: "read the marks of \(load.target)")
        }
        return Int(found.first?.first.flatMap { $0 } ?? "") ?? 0
    }

    /// Whether a writer of the journal may still be at work, by its name and how long it has written nothing.
    static func isAlive(_ writer: String, silence: Int) -> Bool {
        // A writer's name has a fourth part.
        let parts = writer.split(separator: " ")
        guard parts.count >= 3, let process = Int32(parts[1]) else { return silence < lease }
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
