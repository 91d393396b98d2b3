import ApusCore
import MySQLClient
import Tabular

/// What a target remembers of incremental loads: saved with the last step of a load, in one statement.
extension MySQLSession {
    func state(of load: Load) throws -> TargetState? {
        let table = try checkpointTable(load)
        let hasTable = try tableFacts(TableName(schema: load.target.schema, Checkpoint.tableName)) != nil
        let exists = try tableFacts(load.target) != nil
        let incarnation = exists ? try rows("SELECT \(incarnationSQL(load))", doing: "look at \(load.target)").first?[0] : nil
        return try state(of: load, hasTable ? table : nil, exists: exists, incarnation: incarnation, dialect)
    }

    func holds(_ column: String, _ comparison: Comparison, _ value: String, in load: Load) throws -> Bool {
        try holds(column, comparison, value, in: load, dialect)
    }

    private func checkpointTable(_ load: Load) throws -> CheckpointTable {
        CheckpointTable(
            dialect.quote(TableName(schema: load.target.schema, Checkpoint.tableName)),
            target: try ignoresCase() ? load.target.name.lowercased() : load.target.name, dialect)
    }

    /// Another one after DROP and CREATE, TRUNCATE, and whatever rebuilds the table.
    private func incarnationSQL(_ load: Load) throws -> String {
        """
        (SELECT MAX(CAST(UNIX_TIMESTAMP(create_time) AS CHAR)) FROM information_schema.tables WHERE \
        table_schema = \(dialect.literal(try requiredDatabase(load.target.schema))) AND table_name = \(dialect.literal(load.target.name)))
        """
    }

    func createCheckpointTable(_ load: Load) throws {
        guard load.checkpoint != nil else { return }
        let table = try checkpointTable(load)
        let columns = table.columnsSQL(key: "char(32)", text: "longtext", time: "datetime(6)")
        try run(
            """
            CREATE TABLE IF NOT EXISTS \(table.name) (\(columns), PRIMARY KEY (checkpoint_key)) \
            ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='how far incremental loads of Apus have come'
            """, doing: "make the table of checkpoints beside \(load.target)",
            hint:
                "Apus keeps a small table `\(Checkpoint.tableName)` in the target's database: grant CREATE, SELECT, INSERT and DELETE there."
        )
    }

    func saveCheckpoint(_ load: Load) throws {
        guard let checkpoint = load.checkpoint else { return }
        let sql = try checkpointTable(load).insertSQL(
            checkpoint, reached(load, dialect), incarnation: incarnationSQL(load), now: "NOW(6)", verb: "REPLACE INTO")
        try run(sql, doing: "save the checkpoint of \(load.target)")
    }
}
