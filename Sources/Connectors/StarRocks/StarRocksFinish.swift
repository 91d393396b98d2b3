import ApusCore

/// The steps after the slices. Each looks at what is there, so that it can be repeated after a crash between any two
/// statements.
extension StarRocksSession {
    func finish(_ load: Load) throws {
        try finishRows(load)
        try saveCheckpoint(load)
    }

    private func finishRows(_ load: Load) throws {
        guard load.isStaged else { return }
        try holdLock(load)
        if load.mode == .replace { try swap(load) } else { try exchangeWindow(load) }
    }

    /// One statement takes all rows of the load away, its lock among them, and those of runs that are over.
    func forget(_ load: Load) throws {
        try closeBook(load)
        let account = book(load).account(bookKey(load))
        if !account.isBlank {
            let runs = [load.runID] + (load.isShared == true ? try forgotten(load) : account.obsolete)
            try deleteEntries(load, "run_id IN (\(runs.map { dialect.literal($0) }.joined(separator: ", ")))")
        }
        book(load).forget(bookKey(load))
        if load.mode == .window {
            try run("DROP TABLE IF EXISTS \(dialect.quote(load.staging)) FORCE", doing: "drop the staging table of \(load.target)")
        }
    }

    /// Of a target that several runs load at a time, those of a run that may still be alive stay.
    private func forgotten(_ load: Load) throws -> [String] {
        do {
            return try rows(
                """
                SELECT run_id FROM \(journalTable(load)) WHERE target = \(dialect.literal(journalTarget(load))) \
                GROUP BY run_id HAVING max(marked_at) < date_sub(now(), INTERVAL 7 DAY)
                """, doing: "look for marks that nobody needs"
            ).compactMap { $0[0] }
        } catch let error as ApusError where error.code == .notFound { return [] }
    }

    func discard(_ load: Load) throws {
        try closeBook(load)
        let open = try entries(load).filter { [.open, .sending, .commit].contains($0.state) }
        if !open.isEmpty {
            // What is still open must not come into the table later.
            let labels = try LoadLabels(self, LoadClient(self), load)
            for entry in open {
                // A staging table goes with whatever is in it.
                do { _ = try labels.settle(entry) } catch let error as ApusError where error.code == .interrupted && load.isStaged {}
            }
        }
        if load.isStaged {
            if try isBaseTable(load.target) != nil || load.mode == .window || !load.exists {
                try run("DROP TABLE IF EXISTS \(dialect.quote(load.staging)) FORCE", doing: "drop the staging table of \(load.target)")
            }
        }
        guard !book(load).account(bookKey(load)).isBlank else { return }
        try deleteEntries(load, "run_id = \(dialect.literal(load.runID)) AND slice <> \(Mark.owner)")
    }

    // MARK: The swap

    /// When a table was made, in the server's words; a table keeps that when its name changes.
    func madeAt(_ table: TableName) throws -> String? {
        let schema = dialect.literal(try requiredDatabase(table.schema))
        return try rows(
            "SELECT CREATE_TIME FROM information_schema.tables WHERE TABLE_SCHEMA = \(schema) AND TABLE_NAME = \(dialect.literal(table.name))",
            doing: "look at \(table)"
        ).first?[0]
    }

    /// By when it was made the staging table is known after a swap; nil where the target was made in the same second.
    func stagingTime(_ load: Load) throws -> String? {
        guard load.mode == .replace, let time = try madeAt(load.staging), !time.isEmpty, try madeAt(load.target) != time else { return nil }
        return time
    }

    /// Whether the target is the table that was loaded as the staging table; nil where that cannot be told.
    func isSwapped(_ load: Load) throws -> Bool? {
        guard let known = try mark(Mark.prepared, load), known.writer != "-" else {
            guard try isBaseTable(load.staging) != nil else { return true }
            guard let known = try mark(Mark.finishing, load) else { return false }
            return try partitionNumber(load.staging) != known.label
        }
        if try madeAt(load.target) == known.writer { return true }
        return try madeAt(load.staging) == known.writer ? false : nil
    }

    /// `ALTER TABLE … SWAP WITH` exchanges two names in one step. Which side is the new one afterwards is told by when the
    /// tables were made, or, where that is the same second, by the numbers of their partitions, which are written down before.
    private func swap(_ load: Load) throws {
        guard let isSwapped = try isSwapped(load) else {
            throw ApusError(
                .interrupted, "the staging table \(load.staging) of \(load.target) is gone, or is not the one that was loaded",
                hint: "The target is as it was. \(Advice.discard(load.runID)) gives the run up; then run again from the beginning.",
                context: endpoint.label)
        }
        let staging = dialect.quote(load.staging)
        let views = DependentViews(session: self, table: load.target)
        var before: [DependentViews.View]?
        if !isSwapped {
            try awaitRows(load)
            guard try isBaseTable(load.target) != nil else {
                try run(
                    "ALTER TABLE \(staging) RENAME \(dialect.quote(TableName(load.target.name)))",
                    doing: "give the new \(load.target) its name")
                return
            }
            if try stagingTime(load) == nil { try setMark(Mark.finishing, load, label: try partitionNumber(load.staging)) }
            before = try views.all()
            let doing = "swap \(load.target) for its new rows"
            if profile.isDoris {
                try run(
                    "ALTER TABLE \(dialect.quote(load.target)) REPLACE WITH TABLE \(dialect.quote(TableName(load.staging.name))) PROPERTIES ('swap' = 'true')",
                    doing: doing)
            } else {
                try run(
                    "ALTER TABLE \(dialect.quote(load.target)) SWAP WITH \(dialect.quote(TableName(load.staging.name)))",
                    doing: doing)
            }
        }
        if DependentViews.exist(at: self), before?.isEmpty != true { remarks += try views.activate(before) }
        // Without FORCE: `RECOVER TABLE` brings the old rows back for a day.
        try run("DROP TABLE IF EXISTS \(staging)", doing: "drop the old \(load.target)")
    }

    /// The number of a table's first partition, which goes with it when its name changes.
    private func partitionNumber(_ table: TableName) throws -> String {
        let found = try self.table("SHOW PARTITIONS FROM \(dialect.quote(table))", doing: "read the partitions of \(table)")
        guard let at = found.names.firstIndex(of: "PartitionId") else { return "" }
        return found.rows.compactMap { $0[at] }.min { ($0.count, $0) < ($1.count, $1) } ?? ""
    }

    /// Waits until all that was committed can be seen.
    /// - throws: `row.count_mismatch` when that does not come about.
    func awaitRows(_ load: Load) throws {
        guard try declaration(load.staging).model == "DUPLICATE KEY" else { return }
        let written = try marks(load).reduce(0) { $0 + $1.written }
        let end = Clock.monotonic() + 120
        while true {
            let text = try rows("SELECT count(*) FROM \(dialect.quote(load.staging))", doing: "count the rows of \(load.staging)").first?[0]
            let count = Int(text ?? "") ?? -1
            if count == written { return }
            guard count < written, Clock.monotonic() < end else {
                throw ApusError(
                    .countMismatch, "\(written) rows were loaded for \(load.target), but its staging table has \(count)",
                    hint: "The target is as it was.", context: endpoint.label)
            }
            try wait(0.5)
        }
    }
}
