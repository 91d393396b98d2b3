import ApusCore
import Tabular

extension MySQLSession {
    /// Deletes the window and the rows that have the key of a new one, and puts the new rows in: one transaction, with
    /// the mark that says so. The staging table, whose DROP commits by itself, goes afterwards.
    func exchangeWindow(_ load: Load) throws {
        let table = dialect.quote(load.target), staging = dialect.quote(load.staging)
        if try !hasMark(Mark.finished, load) {
            guard try tableFacts(load.staging) != nil else {
                throw ApusError(
                    .interrupted, "the staging table \(load.staging) of \(load.target) is gone; the target is as it was",
                    hint: "Run again from the beginning.", context: endpoint.label)
            }
            try run("START TRANSACTION", doing: "replace the window of \(load.target)")
            do {
                try exchange(load, table, staging)
                try run("COMMIT", doing: "replace the window of \(load.target)")
            } catch {
                _ = try? attempt("ROLLBACK")
                throw error
            }
        }
        try run("DROP TABLE IF EXISTS \(staging)", doing: "drop the staging table of \(load.target)")
    }

    private func exchange(_ load: Load, _ table: String, _ staging: String) throws {
        let doing = "replace the window of \(load.target)"
        let columns = dialect.list(load.columns)
        let written = try readMarks(load).reduce(0) { $0 + $1.written }
        if let stray = load.strayCondition {
            let rows = try self.rows("SELECT COUNT(*) FROM \(staging) WHERE \(stray)", doing: doing).first?.first?.flatMap { Int($0) } ?? 0
            try load.requireNoStray(rows, context: endpoint.label)
        }
        if let window = load.window { try run("DELETE FROM \(table) WHERE \(window)", doing: doing) }
        if !load.key.isEmpty {
            let same = load.key.map { "apus_old.\(dialect.quote($0)) = apus_new.\(dialect.quote($0))" }.joined(separator: " AND ")
            try run("DELETE apus_old FROM \(table) AS apus_old JOIN \(staging) AS apus_new ON \(same)", doing: doing)
        }
        let put = try run("INSERT INTO \(table) (\(columns)) SELECT \(columns) FROM \(staging)", doing: doing)
        guard put == written else {
            throw ApusError(
                .countMismatch, "\(written) rows were loaded for the window of \(load.target), but \(put) were put in",
                hint: "The target is as it was.", context: endpoint.label)
        }
        try run(markInsert(SliceMark(slice: Mark.finished, read: 0, written: 0, rejected: 0), load), doing: doing)
    }
}
