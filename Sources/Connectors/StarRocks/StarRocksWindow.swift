import ApusCore
import CMariaDB

/// The exchange of a window: one `INSERT OVERWRITE` of the partitions concerned, which both systems do by temporary
/// partitions that take the place of the old ones in one step (manual "INSERT OVERWRITE"). It reads what of them stays
/// and the staging table, so that doing it twice gives the same rows.
extension StarRocksSession {
    /// Rows of the same key outside of the window's partitions could not be taken out in the same step.
    func requireWindow(_ load: Load) throws {
        guard try declaration(load.target).model == "AGGREGATE KEY" else { return }
        throw ApusError(
            .unsupported, "\(load.target) is an aggregate key table: rows of a window cannot be told apart from what they are added to",
            hint: "Use mode replace.", context: endpoint.label)
    }

    func exchangeWindow(_ load: Load) throws {
        if book(load).account(bookKey(load)).isExchanged { return }
        guard try isBaseTable(load.staging) != nil else {
            throw ApusError(
                .interrupted, "the staging table \(load.staging) of \(load.target) is gone; the target is as it was",
                hint: "Run again from the beginning.", context: endpoint.label)
        }
        // The limit is for reads, and this one moves a whole part of the table.
        try limitInserts(to: 259_200)
        try awaitRows(load)
        if let stray = load.strayCondition {
            let counted = try rows(
                "SELECT COUNT(*) FROM \(dialect.quote(load.staging)) WHERE \(stray)", doing: "look at the rows for \(load.target)")
            try load.requireNoStray(counted.first?.first?.flatMap { Int($0) } ?? 0, context: endpoint.label)
        }
        let declared = try declaration(load.target)
        if declared.partitioning == nil {
            try overwrite(load, declared, partitions: [])
        } else {
            try addPartitions(load, declared)
            let concerned = try partitionNames(load.target).filter { try isConcerned($0, load) }
            if !concerned.isEmpty { try overwrite(load, declared, partitions: concerned) }
        }
        // The staging table goes with the marks (`forget`): as long as it is there, a resume does the exchange once more.
        book(load).change(bookKey(load)) { $0.isExchanged = true }
    }

    private func partitionNames(_ table: TableName) throws -> [String] {
        let found = try self.table("SHOW PARTITIONS FROM \(dialect.quote(table))", doing: "read the partitions of \(table)")
        guard let at = found.names.firstIndex(of: "PartitionName") else { return [] }
        // Each physical partition has a row of its own.
        var known: Set<String> = []
        return found.rows.compactMap { $0[at] }.filter { known.insert($0).inserted }
    }

    private func list(_ columns: [String]) -> String { columns.map { dialect.quote(TableName($0)) }.joined(separator: ", ") }

    private func columns(_ declared: StarRocksCreate) -> String {
        list(declared.columns.filter { $0.generated == nil }.map(\.name))
    }

    private func clause(_ partitions: [String]) -> String { partitions.isEmpty ? "" : " PARTITION (\(list(partitions)))" }

    /// Partitions that rows brought into being in the staging table (expression partitioning) are made in the target by
    /// their rows; the exchange puts the same rows there once more in their place.
    private func addPartitions(_ load: Load, _ declared: StarRocksCreate) throws {
        let known = Set(try partitionNames(load.target))
        let missing = try partitionNames(load.staging).filter { !known.contains($0) }
        guard !missing.isEmpty else { return }
        let columns = columns(declared)
        try run(
            "INSERT INTO \(dialect.quote(load.target)) (\(columns)) SELECT \(columns) FROM \(dialect.quote(load.staging))\(clause(missing))",
            doing: "make new partitions of \(load.target)")
    }

    /// Whether a partition holds rows of the window, new rows, or rows of their keys.
    private func isConcerned(_ partition: String, _ load: Load) throws -> Bool {
        let target = dialect.quote(load.target), staging = dialect.quote(load.staging)
        var questions: [String] = []
        if let window = load.window { questions.append("SELECT 1 FROM \(target)\(clause([partition])) WHERE \(window) LIMIT 1") }
        if try partitionNames(load.staging).contains(partition) {
            questions.append("SELECT 1 FROM \(staging)\(clause([partition])) LIMIT 1")
        }
        if let same = sameKey(load) {
            questions.append("SELECT 1 FROM \(target)\(clause([partition])) WHERE EXISTS (SELECT 1 FROM \(staging) WHERE \(same)) LIMIT 1")
        }
        for question in questions where try !rows(question, doing: "look into partition \(partition) of \(load.target)").isEmpty {
            return true
        }
        return false
    }

    private func sameKey(_ load: Load) -> String? {
        if load.key.isEmpty { return nil }
        let target = dialect.quote(load.target), staging = dialect.quote(load.staging)
        return load.key.map { "\(target).\(list([$0])) = \(staging).\(list([$0]))" }.joined(separator: " AND ")
    }

    /// Does the exchange, and counts what is there afterwards: servers have lost rows of INSERT OVERWRITE (StarRocks#55756).
    private func overwrite(_ load: Load, _ declared: StarRocksCreate, partitions: [String]) throws {
        let target = dialect.quote(load.target), staging = dialect.quote(load.staging)
        var stays: [String] = []
        if let window = load.window { stays.append("(NOT (\(window)) OR (\(window)) IS NULL)") }
        if let same = sameKey(load) { stays.append("NOT EXISTS (SELECT 1 FROM \(staging) WHERE \(same))") }
        if stays.isEmpty { stays.append("1 = 0") }
        let kept = "FROM \(target)\(clause(partitions)) WHERE \(stays.joined(separator: " AND "))"
        // Of rows of one key a table with a key keeps one.
        let isKeyed = declared.model == "PRIMARY KEY" || declared.model == "UNIQUE KEY"
        let counted = isKeyed ? list(declared.key) : "1 AS apus_row"
        let expected = try count(
            "SELECT COUNT(*) FROM (SELECT \(counted) \(kept) UNION \(isKeyed ? "" : "ALL ")SELECT \(counted) FROM \(staging)) AS apus_rows",
            load)
        let columns = columns(declared)
        try run(
            """
            INSERT OVERWRITE \(profile.isDoris ? "TABLE " : "")\(target)\(clause(partitions)) (\(columns)) \
            SELECT \(columns) \(kept) UNION ALL SELECT \(columns) FROM \(staging)
            """, doing: "replace the window of \(load.target)")
        // The server's note says `{'label':'insert_…', 'status':'VISIBLE', 'txnId':'…'}`, where it says anything.
        let note = mysql_info(handle).map { String(cString: $0) } ?? ""
        let label = note.firstMatch(of: /'label':\s*'([^']+)'/).map { " (label \($0.output.1))" } ?? ""
        let found = try count("SELECT COUNT(*) FROM \(target)\(clause(partitions))", load)
        guard found == expected else {
            throw ApusError(
                .countMismatch,
                "after INSERT OVERWRITE\(label) of \(partitions.isEmpty ? "all of \(load.target)" : "\(partitions.count) partitions of \(load.target)") there should be \(expected) rows, and there are \(found)",
                hint:
                    "Rows were lost by the server, or another writer changed these partitions meanwhile. The checkpoint was not saved, and the new rows are still in \(load.staging): \(Advice.resume(load.runID)) puts them in once more.",
                context: endpoint.label)
        }
    }

    private func count(_ sql: String, _ load: Load) throws -> Int {
        let found = try rows(sql, doing: "count the rows of \(load.target)")
        return Int(found.first?.first.flatMap { $0 } ?? "") ?? -1
    }
}
