import ApusCore
import MySQLClient
import Tabular

/// What a target remembers of incremental loads: saved with the last step of a load, when its rows can be seen.
extension StarRocksSession {
    func state(of load: Load) throws -> TargetState? {
        let table = checkpointTable(load)
        let hasTable = try isBaseTable(TableName(schema: load.target.schema, Checkpoint.tableName)) == true
        let exists = try isBaseTable(load.target) == true
        let incarnation = exists ? try incarnation(load) : nil
        return try state(of: load, hasTable ? table : nil, exists: exists, incarnation: incarnation, dialect)
    }

    func holds(_ column: String, _ comparison: Comparison, _ value: String, in load: Load) throws -> Bool {
        try holds(column, comparison, value, in: load, dialect)
    }

    private func checkpointTable(_ load: Load) -> CheckpointTable {
        CheckpointTable(
            dialect.quote(TableName(schema: load.target.schema, Checkpoint.tableName)), target: load.target.name, dialect)
    }

    /// When the table was made, after a swap that of the table that took its place.
    private func incarnation(_ load: Load) throws -> String? { try madeAt(load.target) }

    func createCheckpointTable(_ load: Load) throws {
        guard load.checkpoint != nil else { return }
        let table = checkpointTable(load)
        let text = profile.isDoris ? "string" : "varchar(1048576)"
        try createOwnTable(
            "\(table.name) (\(table.columnsSQL(key: "varchar(32)", text: text, time: "datetime")))", key: "checkpoint_key",
            comment: "how far incremental loads of Apus have come", doing: "make the table of checkpoints beside \(load.target)")
    }

    func saveCheckpoint(_ load: Load) throws {
        guard let checkpoint = load.checkpoint else { return }
        let incarnation = try incarnation(load).map { dialect.literal($0) } ?? "NULL"
        let sql = checkpointTable(load).insertSQL(checkpoint, try reached(load, dialect), incarnation: incarnation, now: "now()")
        try journaling { try run(sql, doing: "save the checkpoint of \(load.target)") }
    }
}
