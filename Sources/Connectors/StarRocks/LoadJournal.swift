import ApusCore

/// The labels of a load and what became of them, and the marks of its slices: the table ``SliceMark/tableName`` beside
/// the target, written over the SQL port before the first octet of a load is sent.
///
/// StarRocks has no transaction over a load and a statement. So a slice's counts are written before its load is
/// committed, and the label's state at the server decides whether they count. That a slice is done is written with the
/// next row that this process writes, see ``JournalBook``.
struct JournalEntry: Hashable {
    enum State: String {
        /// A transaction whose commit has not been asked for: whatever it holds, it is not in the table.
        case open
        /// One request whose body's end is its commit: it may have been sent.
        case sending
        /// A transaction whose commit may have been sent.
        case commit
        /// Loaded.
        case done
        /// Aborted for good.
        case dead
        /// Slices that are no slices: see ``StarRocksSession/Mark``.
        case mark
    }

    var slice: Int
    /// Counts the labels of a slice from 1; marks have 0.
    var attempt: Int
    var label: String
    var state: State
    /// The writer that uses the label.
    var writer: String
    var read = 0
    var written = 0
    var rejected = 0

    /// Its rows may be in the table.
    var isSent: Bool { state == .sending || state == .commit }

    var mark: SliceMark { SliceMark(slice: slice, read: read, written: written, rejected: rejected) }
}

extension StarRocksSession {
    /// Slice numbers that are no slices.
    enum Mark {
        /// The target is ready; `read` holds the rows that the destination had then, `label` the labels' generation, `writer`
        /// when the staging table was made (``StarRocksSession/stagingTime(_:)``).
        static let prepared = -1
        /// Who holds the lock.
        static let owner = -2
        /// A swap is under way that the times of the tables do not tell; `label` says with which partition.
        static let finishing = -3
    }

    func journalTable(_ load: Load) -> String { dialect.quote(TableName(schema: load.target.schema, SliceMark.tableName)) }

    /// The target's name as the journal's key holds it: keys are limited to 128 octets.
    func journalTarget(_ load: Load) -> String {
        let name = load.target.name
        guard name.utf8.count > 56 else { return name }
        return String(decoding: name.utf8.prefix(40), as: UTF8.self).filter { $0 != "\u{FFFD}" } + Self.hash(name)
    }

    /// FNV-1a, in hexadecimal digits.
    static func hash(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    func ownRows(_ load: Load) -> String {
        "run_id = \(dialect.literal(load.runID)) AND target = \(dialect.literal(journalTarget(load)))"
    }

    /// Statements on the journal can be repeated: each writes the same row again.
    @discardableResult
    func journaling<T>(_ body: () throws -> T) throws -> T {
        var pause = 0.1
        while true {
            do { return try body() } catch let error as ApusError where Self.passes(error) && pause < 4 {
                try wait(pause)
                pause *= 2
            }
        }
    }

    /// What the server says of its own state passes: too many versions, a BE that is away, a broken connection.
    private static func passes(_ error: ApusError) -> Bool {
        if error.code == .unreachable || error.code == .transient { return true }
        let words = error.underlying ?? ""
        return error.code == .statement && (words.contains("too many versions") || words.contains("running txns"))
    }

    /// - throws: `run.cancelled`.
    func wait(_ seconds: Double) throws {
        let end = Clock.monotonic() + seconds
        while Clock.monotonic() < end {
            try interrupt.check()
            Sleep.milliseconds(min(100, Int((end - Clock.monotonic()) * 1000) + 1))
        }
        try interrupt.check()
    }

    func createJournal(_ load: Load) throws {
        try createOwnTable(
            """
            \(journalTable(load)) (run_id varchar(64) NOT NULL, target varchar(64) NOT NULL, slice int NOT NULL, \
            attempt int NOT NULL, label varchar(128) NOT NULL, state varchar(16) NOT NULL, writer varchar(160) NOT NULL, \
            rows_read bigint NOT NULL, rows_written bigint NOT NULL, rows_rejected bigint NOT NULL, marked_at datetime NOT NULL)
            """, key: "run_id, target, slice, attempt", comment: "slices that Apus has loaded",
            doing: "make the table of slice marks beside \(load.target)")
    }

    /// A small table beside the targets, in which a row takes the place of the one with the same key.
    func createOwnTable(_ declaration: String, key: String, comment: String, doing: String) throws {
        let kind = profile.isDoris ? "UNIQUE" : "PRIMARY"
        let first = key.split(separator: ",")[0]
        func statement(_ replicas: Int?) -> String {
            var properties: [String] = []
            if let replicas { properties.append("\"replication_num\" = \"\(replicas)\"") }
            if profile.isDoris { properties.append("\"enable_unique_key_merge_on_write\" = \"true\"") }
            return """
                CREATE TABLE IF NOT EXISTS \(declaration) \(kind) KEY (\(key)) COMMENT "\(comment)" \
                DISTRIBUTED BY HASH(\(first)) BUCKETS 1\(properties.isEmpty ? "" : " PROPERTIES (\(properties.joined(separator: ", ")))")
                """
        }
        let hint =
            "Apus keeps the small tables `\(SliceMark.tableName)` and `\(Checkpoint.tableName)` in the target's database: grant CREATE TABLE, INSERT, SELECT and DELETE there."
        do { try run(statement(options.replicas), doing: doing, hint: hint) } catch let error as ApusError
            where options.replicas == nil && (error.underlying ?? "").lowercased().contains("replica")
        {
            // A cluster with fewer BEs than the server's default asks for.
            try run(statement(1), doing: doing, hint: hint)
        }
    }

    // MARK: Writing

    /// The rows that this process still has to write into the journal of the target's database.
    func book(_ load: Load) -> JournalBook {
        JournalBook.book(of: "\(endpoint.label)/\(load.target.schema ?? database ?? "")")
    }

    func bookKey(_ load: Load) -> JournalBook.Key { JournalBook.Key(run: load.runID, target: journalTarget(load)) }

    func write(_ entry: JournalEntry, _ load: Load) throws { try write([entry], load) }

    /// Writes rows of a load in one statement, and with them what waits in the ``JournalBook``.
    ///
    /// - parameter locks: the lock goes along, if it is wanted and not written yet.
    /// - throws: `target.locked` when another run came first; nothing but the journal has been touched then.
    func write(_ entries: [JournalEntry], _ load: Load, locks: Bool = true) throws {
        let book = book(load), key = bookKey(load)
        guard locks else { return try insert(entries, load) }
        while true {
            switch try book.turn(key) {
            case .goes: return try insert(entries, load)
            case .waits: try wait(0.01)
            case .takes: return try insertLocking(entries, load)
            }
        }
    }

    /// The rows, and what waits, without the lock.
    func insert(_ entries: [JournalEntry], _ load: Load) throws {
        let book = book(load), key = bookKey(load)
        let more = book.take(along: entries, key)
        var isWritten = false
        defer { book.settle(more, key, isWritten: isWritten) }
        let rows = entries.map { values($0, key) } + more.map { values($0.entry, $0.key) }
        if rows.isEmpty { return }
        let sql = """
            INSERT INTO \(journalTable(load)) (run_id, target, slice, attempt, label, state, writer, rows_read, rows_written, rows_rejected, marked_at) \
            VALUES \(rows.joined(separator: ", "))
            """
        try journaling { try run(sql, doing: "mark \(load.target) in apus_marks") }
        isWritten = true
    }

    private func values(_ entry: JournalEntry, _ key: JournalBook.Key) -> String {
        """
        (\(dialect.literal(key.run)), \(dialect.literal(key.target)), \(entry.slice), \(entry.attempt), \
        \(dialect.literal(entry.label)), '\(entry.state.rawValue)', \(dialect.literal(entry.writer)), \
        \(entry.read), \(entry.written), \(entry.rejected), now())
        """
    }

    // MARK: Reading

    /// The entries of a load, of one slice if given, as they are with what this process has still to write; none where there is no journal.
    func entries(_ load: Load, slice: Int? = nil) throws -> [JournalEntry] {
        try entries(load, slices: slice.map { [$0] })
    }

    func entries(_ load: Load, slices: [Int]?) throws -> [JournalEntry] {
        let condition = slices.map { " AND slice IN (\($0.map(String.init).joined(separator: ", ")))" } ?? ""
        // Looked at first: what is written meanwhile is found in both.
        let kept = kept(load).filter { slices?.contains($0.slice) ?? true }
        let rows: [[String?]]
        do {
            rows = try journaling {
                try self.rows(
                    """
                    SELECT slice, attempt, label, state, writer, rows_read, rows_written, rows_rejected FROM \(journalTable(load)) \
                    WHERE \(ownRows(load))\(condition) ORDER BY slice, attempt
                    """, doing: "read the marks of \(load.target)")
            }
        } catch let error as ApusError where error.code == .notFound {
            return kept
        }
        let written = rows.compactMap { row -> JournalEntry? in
            guard let state = JournalEntry.State(rawValue: row[3] ?? "") else { return nil }
            func number(_ index: Int) -> Int { Int(row[index] ?? "") ?? 0 }
            return JournalEntry(
                slice: number(0), attempt: number(1), label: row[2] ?? "", state: state, writer: row[4] ?? "", read: number(5),
                written: number(6), rejected: number(7))
        }
        if kept.isEmpty { return written }
        return (written.filter { row in !kept.contains { $0.isSameRow(as: row) } } + kept)
            .sorted { ($0.slice, $0.attempt) < ($1.slice, $1.attempt) }
    }

    private func kept(_ load: Load) -> [JournalEntry] {
        let book = book(load), key = bookKey(load)
        return book.kept(key) + (book.account(key).prepared.map { [$0] } ?? [])
    }

    func mark(_ slice: Int, _ load: Load) throws -> JournalEntry? {
        if slice == Mark.prepared, let prepared = book(load).account(bookKey(load)).prepared { return prepared }
        return try entries(load, slice: slice).first { $0.state == .mark }
    }

    static func mark(_ slice: Int, label: String = "-", writer: String = "-", read: Int = 0) -> JournalEntry {
        JournalEntry(slice: slice, attempt: 0, label: label, state: .mark, writer: writer, read: read)
    }

    func setMark(_ slice: Int, _ load: Load, label: String = "-") throws { try write(Self.mark(slice, label: label), load) }

    /// Waits until nothing that this process has under way can put a row of the load back.
    func closeBook(_ load: Load) throws {
        let end = Clock.monotonic() + 30
        while !book(load).close(bookKey(load)), Clock.monotonic() < end { try wait(0.01) }
    }

    /// Deletes journal rows of the target; `condition` in addition to it.
    func deleteEntries(_ load: Load, _ condition: String) throws {
        do {
            try journaling {
                try run(
                    "DELETE FROM \(journalTable(load)) WHERE target = \(dialect.literal(journalTarget(load))) AND \(condition)",
                    doing: "clear the marks of \(load.target)")
            }
        } catch let error as ApusError where error.code == .notFound {}
    }
}
