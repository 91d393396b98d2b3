import ApusCore
import Tabular

/// The table of marks beside the target, and the steps that one worker of a run takes at a time.
extension PostgresSession {
    /// Slice -1 stands for a prepared table, -2 for a finished one.
    enum State: Int { case prepared = -1, finished = -2 }

    func marks(_ load: Load) throws -> [SliceMark] {
        try readMarks(load, "slice, rows_read, rows_written, rows_rejected", "slice >= 0 ORDER BY slice").map { row in
            let numbers = row.map { $0.flatMap { Int($0) } ?? 0 }
            return SliceMark(slice: numbers[0], read: numbers[1], written: numbers[2], rejected: numbers[3])
        }
    }

    func states(_ load: Load) throws -> Set<State> {
        Set(try readMarks(load, "slice", "slice < 0").compactMap { $0[0].flatMap { Int($0) }.flatMap(State.init) })
    }

    private func readMarks(_ load: Load, _ columns: String, _ condition: String) throws -> [[String?]] {
        guard try hasMarksTable(load) else { return [] }
        do {
            return try run(
                "SELECT \(columns) FROM \(try marksTable(load)) WHERE \(try markCondition(load)) AND \(condition)",
                doing: "reading the marks of \(load.target)"
            ).rows
        } catch let error as ApusError where error.code == .notFound && knownMarks != nil {
            // Another worker of the run has finished the table.
            knownMarks = nil
            return []
        }
    }

    func markCondition(_ load: Load) throws -> String {
        "run_id = \(dialect.literal(load.runID)) AND target = \(try markKey(load))"
    }

    /// Whether this connection has seen a mark of the load: nobody drops the table as long as it is there.
    private func isKnown(_ load: Load) throws -> Bool {
        try load.isShared != true && knownMarks == "\(load.runID) \(marksTable(load))"
    }

    func rememberMarks(_ load: Load) throws {
        if load.isShared != true { knownMarks = "\(load.runID) \(try marksTable(load))" }
    }

    /// False too where a load that is never resumed may not use the table: it does without marks then.
    func hasMarksTable(_ load: Load) throws -> Bool {
        if try isKnown(load) { return true }
        let table = try marksTable(load)
        let found = try run("SELECT pg_catalog.to_regclass(\(dialect.literal(table)))", doing: "looking for marks").value
        guard found != nil else { return false }
        guard load.isShared == true else { return true }
        let name = dialect.literal(table)
        let rights = ["SELECT", "INSERT", "DELETE"].map { "has_table_privilege(\(name), '\($0)')" }.joined(separator: " AND ")
        return try run("SELECT \(rights)", doing: "looking up the rights on the marks of \(load.target)").value == "t"
    }

    /// The statement that sets a mark; none for a load that may keep none.
    func markSQL(_ load: Load, _ state: State) throws -> [String] {
        if load.isShared == true, try !hasMarksTable(load) { return [] }
        return [
            "INSERT INTO \(try marksTable(load)) (run_id, target, slice) VALUES (\(dialect.literal(load.runID)), \(try markKey(load)), \(state.rawValue))"
        ]
    }

    func mark(_ load: Load, _ state: State) throws {
        for sql in try markSQL(load, state) { try run(sql, doing: "marking \(load.target)") }
    }

    /// Another run may make the table at the same instant, which IF NOT EXISTS does not rule out.
    func createMarksTable(_ load: Load) throws {
        do {
            try run(
                """
                CREATE TABLE IF NOT EXISTS \(try marksTable(load)) (
                  run_id text NOT NULL, target text NOT NULL, slice bigint NOT NULL, rows_read bigint NOT NULL DEFAULT 0,
                  rows_written bigint NOT NULL DEFAULT 0, rows_rejected bigint NOT NULL DEFAULT 0,
                  marked_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (run_id, target, slice))
                """, doing: "making the table of marks beside \(load.target)")
        } catch let error as ApusError where error.code == .exists || error.underlying?.hasPrefix("PG 23505") == true {
            guard try hasMarksTable(load) else { throw error }
        } catch let error as ApusError where error.code == .permission && load.isShared == true {
            return
        }
    }

    func forget(_ load: Load) throws {
        guard try hasMarksTable(load) else { return }
        let table = try marksTable(load)
        let key = try markKey(load)
        knownMarks = nil
        // Older loads of the target that were finished but not forgotten go too. Should a crash of the server bring the
        // marks back, the ledger knows that the table is done.
        try run(
            """
            SET LOCAL synchronous_commit = off;
            DELETE FROM \(table) m WHERE m.target = \(key) AND (m.run_id = \(dialect.literal(load.runID)) OR EXISTS (
              SELECT 1 FROM \(table) f WHERE f.run_id = m.run_id AND f.target = m.target AND f.slice = -2
                AND f.marked_at < now() - interval '7 days'))
            """, doing: "forgetting the marks of \(load.target)")
        dropEmptyMarks(load)
    }

    /// Every load under way has a mark, so an empty table belongs to nobody. It stays where it belongs to another user,
    /// and where somebody is about to write to it.
    func dropEmptyMarks(_ load: Load) {
        if load.keepsMarks == true { return }
        try? transaction("dropping the empty table of marks") {
            let doing = "dropping the empty table of marks"
            let key = try lockKey(load, SliceMark.tableName)
            guard try run("SELECT pg_try_advisory_xact_lock(\(key))", doing: doing).value == "t", try hasMarksTable(load) else { return }
            let table = try marksTable(load)
            guard try run("SELECT 1 FROM \(table) LIMIT 1", doing: doing).rowCount == 0 else { return }
            try run("SET LOCAL lock_timeout = '1s'", doing: doing)
            try run("DROP TABLE \(table)", doing: doing)
        }
    }

    // MARK: Steps

    /// Holds the steps of a table: preparing and finishing it is one worker's at a time, though all of a run share the
    /// table's lock. With `marks`, nobody drops the table of marks meanwhile.
    /// - parameter sql: what is run then; sent together, but each statement sees what was committed when its turn came.
    @discardableResult
    func holdSteps(_ load: Load, marks: Bool, doing: String, then sql: String = "") throws -> PostgresResult {
        let kind = poolsTransactions ? "pg_advisory_xact_lock" : "pg_advisory_lock"
        let locks =
            (marks ? "SELECT \(kind)_shared(\(try lockKey(load, SliceMark.tableName))); " : "")
            + "SELECT \(kind)(\(try lockKey(load) ^ 2));\n"
        guard poolsTransactions else { return try run(locks + sql, doing: doing) }
        try holdStepsPooled(locks, doing)
        return try run(sql.isEmpty ? "SELECT 1" : sql, doing: doing)
    }

    func releaseSteps(_ load: Load, marks: Bool) {
        stepsHolder?.close()
        stepsHolder = nil
        if poolsTransactions { return }
        guard isAlive, let key = try? lockKey(load), let markKey = try? lockKey(load, SliceMark.tableName) else { return }
        let sql = "SELECT pg_advisory_unlock(\(key ^ 2))" + (marks ? ", pg_advisory_unlock_shared(\(markKey))" : "")
        _ = try? run(sql, doing: "letting other workers on \(load.target)")
    }
}
