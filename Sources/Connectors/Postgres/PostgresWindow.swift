import ApusCore
import Tabular

extension PostgresSession {
    /// Deletes the window and the rows that have the key of a new one, and puts the new rows in: one transaction, with
    /// the mark that says so.
    func exchangeWindow(_ load: Load) throws {
        let target = try relation(load.target)
        guard try relation(load.staging) != nil else {
            throw ApusError(
                .interrupted, "the staging table \(load.staging) of \(load.target) is gone; the target is as it was",
                hint: "Run again from the beginning.", context: endpoint.label)
        }
        let doing = "replacing the window of \(load.target)"
        let table = dialect.quote(load.target), staging = dialect.quote(load.staging)
        let columns = dialect.list(load.columns)
        let written = try marks(load).reduce(0) { $0 + $1.written }
        let overriding = version >= 100000 && load.carried.contains(where: \.identity) ? " OVERRIDING SYSTEM VALUE" : ""
        if !load.key.isEmpty { analyze(load.staging) }
        try transaction(doing) {
            // Readers go on; two exchanges wait for each other.
            try run("LOCK TABLE \(table) IN SHARE ROW EXCLUSIVE MODE", doing: doing)
            if let stray = load.strayCondition {
                let rows = try run("SELECT count(*) FROM \(staging) WHERE \(stray)", doing: doing).value.flatMap { Int($0) } ?? 0
                try load.requireNoStray(rows, context: endpoint.label)
            }
            if let window = load.window { try run("DELETE FROM \(own(table, target)) WHERE \(window)", doing: doing) }
            if !load.key.isEmpty {
                let same = load.key.map { "apus_old.\(dialect.quote($0)) = apus_new.\(dialect.quote($0))" }.joined(separator: " AND ")
                try run("DELETE FROM \(own(table, target)) AS apus_old USING \(staging) AS apus_new WHERE \(same)", doing: doing)
            }
            let put = try run("INSERT INTO \(table) (\(columns))\(overriding) SELECT \(columns) FROM \(staging)", doing: doing)
            guard put.affected == written else {
                throw ApusError(
                    .countMismatch, "\(written) rows were loaded for the window of \(load.target), but \(put.affected) were put in",
                    hint: "The target is as it was. A trigger or rule of the table may have dropped rows.", context: endpoint.label)
            }
            let isNew = !load.exists || load.create == .recreate
            if isNew, load.withIndexes { try makeIndexes(load, on: load.target) }
            try setCounters(load)
            try run("DROP TABLE \(staging)", doing: doing)
            try markFinished(load)
        }
        analyze(load.target)
    }
}
