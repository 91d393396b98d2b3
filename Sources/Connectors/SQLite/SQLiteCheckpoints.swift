import ApusCore
import Tabular

/// What a target remembers of incremental loads: saved in the transaction that marks the load as finished.
extension SQLiteSession {
    public func state(of load: Load) throws -> TargetState? {
        do {
            let hasTable = try realName(Checkpoint.tableName) != nil
            return try state(
                of: load, hasTable ? checkpointTable(load) : nil, exists: realName(load.target.name) != nil, incarnation: nil, dialect)
        } catch let error as ApusError where error.code == .notFound {
            return TargetState()
        }
    }

    public func holds(_ column: String, _ comparison: Comparison, _ value: String, in load: Load) throws -> Bool {
        try holds(column, comparison, value, in: load, dialect)
    }

    private func checkpointTable(_ load: Load) -> CheckpointTable {
        CheckpointTable(Checkpoint.tableName, target: load.target.name.lowercased(), dialect)
    }

    func createCheckpointTable(_ load: Load, _ database: SQLiteDatabase) throws {
        guard load.checkpoint != nil else { return }
        let columns = checkpointTable(load).columnsSQL(key: "TEXT", text: "TEXT", time: "TEXT")
        try database.run(
            "CREATE TABLE IF NOT EXISTS \(Checkpoint.tableName) (\(columns), PRIMARY KEY (checkpoint_key)) WITHOUT ROWID",
            doing: "make the table of checkpoints")
    }

    func saveCheckpoint(_ load: Load, _ database: SQLiteDatabase) throws {
        guard let checkpoint = load.checkpoint else { return }
        let sql = checkpointTable(load).insertSQL(
            checkpoint, try reached(load, dialect), incarnation: "NULL", now: "strftime('%Y-%m-%d %H:%M:%fZ')", verb: "REPLACE INTO")
        try database.run(sql, doing: "save the checkpoint of table \(load.target)")
    }
}
