import ApusCore
import Tabular

/// What a target remembers of incremental loads: saved in the transaction that marks the load as finished.
extension PostgresSession {
    func state(of load: Load) throws -> TargetState? {
        let table = try checkpointTable(load)
        let row =
            try run(
                """
                SELECT pg_catalog.to_regclass(\(dialect.literal(table.name))) IS NOT NULL,
                  pg_catalog.to_regclass(\(dialect.literal(dialect.quote(load.target)))) IS NOT NULL, \(incarnationSQL(load))
                """, doing: "looking for the checkpoints of \(load.target)"
            ).rows.first ?? []
        return try state(of: load, row.first == "t" ? table : nil, exists: row[1] == "t", incarnation: row[2], dialect)
    }

    func holds(_ column: String, _ comparison: Comparison, _ value: String, in load: Load) throws -> Bool {
        try holds(column, comparison, value, in: load, dialect)
    }

    private func checkpointTable(_ load: Load) throws -> CheckpointTable {
        CheckpointTable(
            dialect.quote(TableName(schema: try schema(of: load), Checkpoint.tableName)), target: load.target.name, dialect)
    }

    /// TRUNCATE and rewriting give a table another file; DROP and CREATE another number too.
    private func incarnationSQL(_ load: Load) -> String {
        let table = dialect.literal(dialect.quote(load.target))
        return """
            (SELECT c.oid::text || '.' || coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)::text FROM pg_catalog.pg_class c
              WHERE c.oid = pg_catalog.to_regclass(\(table)))
            """
    }

    /// Another run may make the table at the same instant, which IF NOT EXISTS does not rule out.
    func createCheckpointTable(_ load: Load) throws {
        guard load.checkpoint != nil else { return }
        let table = try checkpointTable(load)
        func isThere() throws -> Bool {
            try run("SELECT pg_catalog.to_regclass(\(dialect.literal(table.name)))", doing: "looking for checkpoints").value != nil
        }
        if try isThere() { return }
        do {
            try run(
                "CREATE TABLE IF NOT EXISTS \(table.name) (\(table.columnsSQL(key: "text", text: "text", time: "timestamptz")), PRIMARY KEY (checkpoint_key))",
                doing: "making the table of checkpoints beside \(load.target)")
        } catch let error as ApusError {
            guard try isThere() else { throw error }
        }
    }

    /// Statements for the transaction at whose end the load is done.
    func finishedSQL(_ load: Load) throws -> [String] {
        let mark = try markSQL(load, .finished)
        guard let checkpoint = load.checkpoint else { return mark }
        let table = try checkpointTable(load)
        let insert = table.insertSQL(checkpoint, try reached(load, dialect), incarnation: incarnationSQL(load), now: "now()")
        return mark + [table.deleteSQL(checkpoint), insert]
    }

    func markFinished(_ load: Load) throws {
        for sql in try finishedSQL(load) { try run(sql, doing: "marking \(load.target)") }
    }
}
