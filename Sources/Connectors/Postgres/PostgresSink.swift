import ApusCore
import CPostgres
import Glibc
import Tabular

extension PostgresSession {
    /// The schema in which a load's target is, or will be made.
    /// - throws: `object.not_found`.
    func schema(of load: Load) throws -> String {
        if let schema = load.target.schema { return schema }
        if let relation = try relation(load.target), let schema = relation.name.schema { return schema }
        guard let current = try run("SELECT current_schema()", doing: "looking for the schema").value else {
            throw ApusError(
                .notFound, "no schema of the search path exists, so there is no place for \(load.target)",
                hint: "Write schema.table, or give the connection `schema=…`.", context: endpoint.label)
        }
        return current
    }

    /// The load with its target's schema written out: staging and target must be in one schema, whichever of the
    /// search path it is.
    func placed(_ load: Load) throws -> Load {
        var load = load
        load.shape.name.schema = try schema(of: load)
        return load
    }

    /// The quoted name of the table of marks beside the target.
    func marksTable(_ load: Load) throws -> String {
        dialect.quote(TableName(schema: try schema(of: load), SliceMark.tableName))
    }

    /// The literal under which marks of this load stand: several tables of a plan may go to one target.
    func markKey(_ load: Load) throws -> String {
        dialect.literal("\(try schema(of: load)).\(load.target.name)#\(load.table)")
    }

    func writer(_ load: Load) throws -> any Writer { try PostgresWriter(self, placed(load)) }

    func accepts(_ load: Load) throws -> Schema { try layout(load).schema }

    func wireFormats(_ load: Load) throws -> [WireFormat] { try layout(load).wire.map { [$0] } ?? [] }

    /// Asked of the catalogue once a load: the table does not change between `prepare` and `finish`.
    func layout(_ load: Load) throws -> PostgresLayout {
        let load = try placed(load)
        if let known = knownLayout, known.load == load { return known.layout }
        let layout = try PostgresLayout(self, load)
        knownLayout = (load, layout)
        return layout
    }

    // MARK: Marks

    /// Slice -1 stands for a prepared table, -2 for a finished one.
    enum State: Int { case prepared = -1, finished = -2 }

    func marks(_ load: Load) throws -> [SliceMark] {
        guard try hasMarksTable(load) else { return [] }
        return try run(
            """
            SELECT slice, rows_read, rows_written, rows_rejected FROM \(try marksTable(load))
            WHERE \(try markCondition(load)) AND slice >= 0 ORDER BY slice
            """, doing: "reading the marks of \(load.target)"
        ).rows.map { row in
            let numbers = row.map { $0.flatMap { Int($0) } ?? 0 }
            return SliceMark(slice: numbers[0], read: numbers[1], written: numbers[2], rejected: numbers[3])
        }
    }

    func markCondition(_ load: Load) throws -> String {
        "run_id = \(dialect.literal(load.runID)) AND target = \(try markKey(load))"
    }

    /// False too where a load that is never resumed may not use the table: it does without marks then.
    func hasMarksTable(_ load: Load) throws -> Bool {
        let table = try marksTable(load)
        let found = try run("SELECT pg_catalog.to_regclass(\(dialect.literal(table)))", doing: "looking for marks").value
        guard found != nil else { return false }
        guard load.isShared == true else { return true }
        let name = dialect.literal(table)
        let rights = ["SELECT", "INSERT", "DELETE"].map { "has_table_privilege(\(name), '\($0)')" }.joined(separator: " AND ")
        return try run("SELECT \(rights)", doing: "looking up the rights on the marks of \(load.target)").value == "t"
    }

    func isMarked(_ load: Load, _ state: State) throws -> Bool {
        guard try hasMarksTable(load) else { return false }
        return try run(
            "SELECT 1 FROM \(try marksTable(load)) WHERE \(try markCondition(load)) AND slice = \(state.rawValue)",
            doing: "reading the marks of \(load.target)"
        ).rowCount > 0
    }

    func mark(_ load: Load, _ state: State) throws {
        if load.isShared == true, try !hasMarksTable(load) { return }
        try run(
            "INSERT INTO \(try marksTable(load)) (run_id, target, slice) VALUES (\(dialect.literal(load.runID)), \(try markKey(load)), \(state.rawValue))",
            doing: "marking \(load.target)")
    }

    /// Another run may make the table at the same instant, which IF NOT EXISTS does not rule out.
    func createMarksTable(_ load: Load) throws {
        if try hasMarksTable(load) { return }
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
        // Older loads of the target that were finished but not forgotten go too.
        try run(
            """
            DELETE FROM \(table) WHERE \(try markCondition(load));
            DELETE FROM \(table) m WHERE m.target = \(key) AND EXISTS (SELECT 1 FROM \(table) f WHERE f.run_id = m.run_id
              AND f.target = m.target AND f.slice = -2 AND f.marked_at < now() - interval '7 days')
            """, doing: "forgetting the marks of \(load.target)")
        dropEmptyMarks(load)
    }

    /// Held by whoever is about to write the first mark of a load: nobody drops the table in that time.
    func holdMarks(_ load: Load) throws {
        try run("SELECT pg_advisory_lock_shared(\(try lockKey(load, SliceMark.tableName)))", doing: "waiting for another run's marks")
    }

    func releaseMarks(_ load: Load) {
        guard let key = try? lockKey(load, SliceMark.tableName) else { return }
        _ = try? run("SELECT pg_advisory_unlock_shared(\(key))", doing: "releasing the marks")
    }

    /// Workers of one run share the table's lock; preparing and finishing it is one's at a time.
    func holdSteps(_ load: Load) throws {
        try run("SELECT pg_advisory_lock(\(try lockKey(load) ^ 2))", doing: "waiting for another worker on \(load.target)")
    }

    func releaseSteps(_ load: Load) {
        guard let key = try? lockKey(load) else { return }
        _ = try? run("SELECT pg_advisory_unlock(\(key ^ 2))", doing: "letting other workers on \(load.target)")
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

    // MARK: Lock

    /// Connections of one run share the lock; the gate keeps two runs from looking at the same instant.
    func lock(_ load: Load) throws {
        let key = try lockKey(load)
        if lockedKeys.contains(key) { return }
        let doing = "locking \(load.target)"
        let own = String("apus run \(load.runID)".prefix(63))
        try run("SET application_name = \(dialect.literal(own))", doing: doing)
        let bits = UInt64(bitPattern: key)
        let other = try transaction(doing) { () -> String? in
            try run("SELECT pg_advisory_xact_lock(\(key ^ 1))", doing: doing)
            let owners = try run(
                """
                SELECT a.application_name FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
                WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
                  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                  AND l.classid = \(bits >> 32) AND l.objid = \(bits & 0xffff_ffff)
                """, doing: doing
            ).rows
            if let other = owners.map({ $0[0] ?? "" }).first(where: { $0 != own }) { return other }
            try run("SELECT pg_advisory_lock_shared(\(key))", doing: doing)
            return nil
        }
        guard let other else {
            lockedKeys.insert(key)
            return
        }
        let owner = other.hasPrefix("apus run ") ? " (\(other.dropFirst(9)))" : ""
        throw ApusError(
            .locked, "another run\(owner) is loading \(load.target)", hint: "Wait for its end, or stop it.",
            context: endpoint.label)
    }

    func unlock(_ load: Load) {
        guard let key = try? lockKey(load), lockedKeys.remove(key) != nil else { return }
        _ = try? run("SELECT pg_advisory_unlock_shared(\(key))", doing: "unlocking \(load.target)")
    }

    /// Locks are per database, so schema and table are enough (FNV-1a, 64 bits).
    private func lockKey(_ load: Load, _ table: String? = nil) throws -> Int64 {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in "apus\u{0}\(try schema(of: load))\u{0}\(table ?? load.target.name)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
        }
        return Int64(bitPattern: hash)
    }
}
