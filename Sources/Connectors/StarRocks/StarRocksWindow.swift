import ApusCore

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
        guard try isBaseTable(load.staging) != nil else {
            throw ApusError(
                .interrupted, "the staging table \(load.staging) of \(load.target) is gone; the target is as it was",
                hint: "Run again from the beginning.", context: endpoint.label)
        }
        // The limit is for reads, and this one moves a whole part of the table.
        try limitQueries(to: 259_200)
        try awaitRows(load)
        if let stray = load.strayCondition {
            let counted = try rows(
                "SELECT COUNT(*) FROM \(dialect.quote(load.staging)) WHERE \(stray)", doing: "look at the rows for \(load.target)")
            try load.requireNoStray(counted.first?.first?.flatMap { Int($0) } ?? 0, context: endpoint.label)
        }
        let declared = try declaration(load.target)
        let doing = "replace the window of \(load.target)"
        if declared.partitioning == nil {
            try run(overwrite(load, declared, partitions: []), doing: doing)
        } else {
            try addPartitions(load, declared)
            let concerned = try partitionNames(load.target).filter { try isConcerned($0, load) }
            if !concerned.isEmpty { try run(overwrite(load, declared, partitions: concerned), doing: doing) }
        }
        try setMark(Mark.finished, load)
        try run("DROP TABLE IF EXISTS \(dialect.quote(load.staging)) FORCE", doing: "drop the staging table of \(load.target)")
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

    private func overwrite(_ load: Load, _ declared: StarRocksCreate, partitions: [String]) -> String {
        let target = dialect.quote(load.target), staging = dialect.quote(load.staging)
        var stays: [String] = []
        if let window = load.window { stays.append("(NOT (\(window)) OR (\(window)) IS NULL)") }
        if let same = sameKey(load) { stays.append("NOT EXISTS (SELECT 1 FROM \(staging) WHERE \(same))") }
        if stays.isEmpty { stays.append("1 = 0") }
        let columns = columns(declared)
        return """
            INSERT OVERWRITE \(profile.isDoris ? "TABLE " : "")\(target)\(clause(partitions)) (\(columns)) \
            SELECT \(columns) FROM \(target)\(clause(partitions)) WHERE \(stays.joined(separator: " AND ")) \
            UNION ALL SELECT \(columns) FROM \(staging)
            """
    }
}
