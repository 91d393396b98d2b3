import ApusCore

/// Refuses to add rows to a table that an earlier run has added a part of its rows to: they would be there twice.
public enum InterruptedLoads {
    /// By position in the plan, `target.interrupted` with the other run's id.
    public static func faults(_ plan: Plan, to label: String, runID: String, ledger: any Ledger) throws -> [Int: ApusError] {
        let appended = Dictionary(
            grouping: plan.tables.indices.filter { plan.tables[$0].load.mode == .append && plan.tables[$0].pending == nil },
            by: { plan.tables[$0].load.target.description })
        guard !appended.isEmpty else { return [:] }
        var faults: [Int: ApusError] = [:]
        for run in try ledger.unfinishedRuns(to: label) where run.id != runID && run.error != RunRecord.discarded {
            for table in try ledger.tables(run: run.id) where table.status != .done {
                guard let positions = appended[table.target], faults[positions[0]] == nil else { continue }
                let slices = try ledger.slices(run: run.id, table: table.table)
                let done = slices.filter { $0.status == .done }.count
                guard done > 0 else { continue }
                let error = ApusError(
                    .interrupted,
                    "run \(run.id) has added \(done) of its \(slices.count) slices to \(table.target) and then ended; adding the rows again would double them",
                    hint:
                        "\(Advice.resume(run.id)) loads the rest; \(Advice.discard(run.id)) gives the run up and leaves its rows in the table."
                )
                for position in positions { faults[position] = error }
            }
        }
        return faults
    }

    /// - throws: the fault of the plan's tables where none of them can be loaded.
    public static func check(_ plan: Plan, to label: String, runID: String, ledger: any Ledger) throws -> [Int: ApusError] {
        let faults = try faults(plan, to: label, runID: runID, ledger: ledger)
        let isAll = plan.tables.indices.allSatisfy { faults[$0] != nil || plan.tables[$0].pending != nil }
        if isAll, let first = faults.min(by: { $0.key < $1.key })?.value { throw first }
        return faults
    }
}
