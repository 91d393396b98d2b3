import ApusCore

/// Refuses to add rows to a table that an earlier run has added a part of its rows to: they would be there twice.
public enum InterruptedLoads {
    /// - throws: `target.interrupted` with the other run's id.
    public static func check(_ plan: Plan, to label: String, runID: String, ledger: any Ledger) throws {
        let appended = Dictionary(
            plan.tables.filter { $0.load.mode == .append }.map { ($0.load.target.description, $0.name) }, uniquingKeysWith: { a, _ in a })
        guard !appended.isEmpty else { return }
        for run in try ledger.unfinishedRuns(to: label) where run.id != runID && run.error != RunRecord.discarded {
            for table in try ledger.tables(run: run.id) where table.status != .done && appended[table.target] != nil {
                let slices = try ledger.slices(run: run.id, table: table.table)
                let done = slices.filter { $0.status == .done }.count
                guard done > 0 else { continue }
                throw ApusError(
                    .interrupted,
                    "run \(run.id) has added \(done) of its \(slices.count) slices to \(table.target) and then ended; adding the rows again would double them",
                    hint:
                        "\(Advice.resume(run.id)) loads the rest; \(Advice.discard(run.id)) gives the run up and leaves its rows in the table."
                )
            }
        }
    }
}
