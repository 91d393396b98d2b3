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
        if load.mode == .window, try mark(Mark.finished, load) != nil {
            try run("DROP TABLE IF EXISTS \(dialect.quote(load.staging)) FORCE", doing: "drop the staging table of \(load.target)")
            return
        }
        if load.mode == .replace { try swap(load) } else { try exchangeWindow(load) }
    }

    func forget(_ load: Load) throws {
        try deleteEntries(load, "run_id = \(dialect.literal(load.runID))")
        if load.isShared == true {
            // Of a target that several runs load at a time, those of a run that may still be alive stay.
            try deleteEntries(load, "marked_at < date_sub(now(), INTERVAL 7 DAY)")
        } else {
            try deleteEntries(load, "slice <> \(Mark.owner)")
        }
    }

    func discard(_ load: Load) throws {
        let open = try entries(load).filter { [.open, .sending, .commit].contains($0.state) }
        if !open.isEmpty {
            // What is still open must not come into the table later.
            let labels = try LoadLabels(self, LoadClient(self), load)
            for entry in open { _ = try labels.settle(entry) }
        }
        if load.isStaged {
            if try isBaseTable(load.target) != nil || load.mode == .window || !load.exists {
                try run("DROP TABLE IF EXISTS \(dialect.quote(load.staging)) FORCE", doing: "drop the staging table of \(load.target)")
            }
        }
        try deleteEntries(load, "run_id = \(dialect.literal(load.runID)) AND slice <> \(Mark.owner)")
    }

    // MARK: The swap

    /// `ALTER TABLE … SWAP WITH` exchanges two names in one step; what tells afterwards which side is the new one are the
    /// numbers of its partitions, which are written down before.
    private func swap(_ load: Load) throws {
        guard try isBaseTable(load.staging) != nil else { return }
        let staging = dialect.quote(load.staging)
        guard try isBaseTable(load.target) != nil else {
            try awaitRows(load)
            try run(
                "ALTER TABLE \(staging) RENAME \(dialect.quote(TableName(load.target.name)))", doing: "give the new \(load.target) its name"
            )
            return
        }
        let isSwapped: Bool
        if let known = try mark(Mark.finishing, load) {
            isSwapped = try partitionNumber(load.staging) != known.label
        } else {
            try awaitRows(load)
            try setMark(Mark.finishing, load, label: try partitionNumber(load.staging))
            isSwapped = false
        }
        if !isSwapped {
            if profile.isDoris {
                try run(
                    "ALTER TABLE \(dialect.quote(load.target)) REPLACE WITH TABLE \(dialect.quote(TableName(load.staging.name))) PROPERTIES ('swap' = 'true')",
                    doing: "swap \(load.target) for its new rows")
            } else {
                try run(
                    "ALTER TABLE \(dialect.quote(load.target)) SWAP WITH \(dialect.quote(TableName(load.staging.name)))",
                    doing: "swap \(load.target) for its new rows")
            }
        }
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
