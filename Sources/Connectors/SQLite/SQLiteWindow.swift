import ApusCore
import Tabular

extension SQLiteSession {
    /// Deletes the window and the rows that have the key of a new one, and puts the new rows in. Runs within the
    /// transaction that marks the load as finished.
    func exchangeWindow(_ load: Load, _ database: SQLiteDatabase) throws {
        let doing = "replace the window of table \(load.target)"
        let table = dialect.quote(load.target.name), staging = dialect.quote(load.staging.name)
        let columns = load.columns.map { dialect.quote($0) }.joined(separator: ", ")
        let written = try marks(load).reduce(0) { $0 + $1.written }
        if let stray = load.strayCondition {
            let rows =
                try database.rows("SELECT count(*) FROM \(staging) WHERE \(stray)", doing: doing).first?.first?.flatMap { Int($0) } ?? 0
            try load.requireNoStray(rows, context: path)
        }
        if let window = load.window { try database.run("DELETE FROM \(table) WHERE \(window)", doing: doing) }
        if !load.key.isEmpty {
            let same = load.key.map { "apus_new.\(dialect.quote($0)) = \(table).\(dialect.quote($0))" }.joined(separator: " AND ")
            try database.run("DELETE FROM \(table) WHERE EXISTS (SELECT 1 FROM \(staging) AS apus_new WHERE \(same))", doing: doing)
        }
        let put = try database.run("INSERT INTO \(table) (\(columns)) SELECT \(columns) FROM \(staging)", doing: doing)
        guard put == written else {
            throw ApusError(
                .countMismatch, "\(written) rows were loaded for the window of \(load.target), but \(put) were put in",
                hint: "The target is as it was. A trigger of the table may have dropped rows.", context: path)
        }
        try database.run("DROP TABLE \(staging)", doing: doing)
    }
}
