import ApusCore

extension SQLLedger {
    /// Forgets runs that gave their last sign of life longer ago than `age` seconds: their plans, tables, slices, claims
    /// and rejected rows. Watermarks stay.
    ///
    /// Kept, however old they are: runs that a lease says are still to be gone on with, and unfinished runs that added
    /// rows to their targets, since the next run could not know of those rows any more.
    /// - returns: how many runs.
    @discardableResult
    public func prune(olderThan age: Double) throws -> Int {
        let cutoff = micros(Clock.wall() - age)
        let hasLeases = try perform("look for leases") { session in
            try session.tables(schema: nil).contains { $0.name.name.lowercased() == "apus_lease" }
        }
        let leased = hasLeases ? " AND NOT EXISTS (SELECT 1 FROM apus_lease l WHERE l.run_id = r.run_id AND l.state <> 'done')" : ""
        var removed = 0
        while true {
            let count = try transaction("forget old runs") { session in
                let old = try session.query(
                    """
                    SELECT r.run_id FROM apus_run r WHERE r.beat_us < ? AND r.started_us < ?\(leased)
                    AND (r.state = 'done' OR r.error_text = ? OR NOT EXISTS (
                      SELECT 1 FROM apus_plan p WHERE p.run_id = r.run_id AND p.body LIKE '%"append"%'))
                    ORDER BY r.run_id LIMIT 200
                    """, [cutoff, cutoff, RunRecord.discarded]
                ).compactMap { $0.first ?? nil }
                guard !old.isEmpty else { return 0 }
                let marks = Array(repeating: "?", count: old.count).joined(separator: ", ")
                for table in LedgerSchema.tablesOfRuns { _ = try session.query("DELETE FROM \(table) WHERE run_id IN (\(marks))", old) }
                return old.count
            }
            guard count > 0 else { return removed }
            removed += count
        }
    }

    /// Runs to an end that are not done, latest first.
    public func unfinishedRuns(to target: String) throws -> [RunRecord] {
        try perform("read the history") { session in
            try session.query(
                "SELECT \(Self.runColumns) FROM apus_run WHERE state <> 'done' AND target_ref = ? ORDER BY started_us DESC, run_id DESC",
                [clean(target)]
            ).map { try Self.run($0, plan: "") }
        }
    }
}
