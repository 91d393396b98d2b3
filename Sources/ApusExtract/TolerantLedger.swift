import ApusControl
import ApusCore
import ApusEngine
import Tabular

/// The ledger as the engine sees it while a control database may go away: what can be repeated without harm is not
/// waited for, what cannot is tried for long.
struct TolerantLedger: Ledger {
    let ledger: SQLLedger
    /// Loading the table again would give the same rows, so that its end need not be remembered before its marks go.
    let isRepeatable: Bool
    /// Seconds.
    let patience: Double
    let interrupt: Interrupt

    func record(_ table: TableRecord, run id: String) throws {
        // The listener of the run writes the same, a moment later and together with everything else.
        if isRepeatable { return }
        try insisting { try ledger.record(table, run: id) }
    }

    func record(slices: [Slice], table: Int, run id: String, replacing slice: Int?) throws {
        try insisting { try ledger.record(slices: slices, table: table, run: id, replacing: slice) }
    }

    private func insisting<Result>(_ body: () throws -> Result) throws -> Result {
        // By the clock: a try may itself take long, where nobody answers.
        let end = Clock.monotonic() + patience
        while true {
            do { return try body() } catch let error as ApusError where error.isTransient && Clock.monotonic() < end {
                guard (try? Pause.wait(1, interrupt)) != nil else { throw error }
            }
        }
    }

    func begin(_ run: RunRecord) throws { try insisting { try ledger.begin(run) } }
    func finish(run id: String, status: RunRecord.Status, error: String?) throws {
        try ledger.finish(run: id, status: status, error: error)
    }
    func beat(run id: String) throws { try ledger.beat(run: id) }
    func run(_ id: String) throws -> RunRecord? { try insisting { try ledger.run(id) } }
    func runs(limit: Int) throws -> [RunRecord] { try ledger.runs(limit: limit) }
    func unfinishedRuns(to target: String) throws -> [RunRecord] { try insisting { try ledger.unfinishedRuns(to: target) } }
    func tables(run id: String) throws -> [TableRecord] { try insisting { try ledger.tables(run: id) } }
    func slices(run id: String, table: Int) throws -> [SliceRecord] { try insisting { try ledger.slices(run: id, table: table) } }
    func record(_ slice: SliceRecord, table: Int, run id: String) throws { try ledger.record(slice, table: table, run: id) }
    func reject(_ rows: [RejectedRow], slice: Int, table: Int, run id: String, restart: Bool) throws {
        try insisting { try ledger.reject(rows, slice: slice, table: table, run: id, restart: restart) }
    }
    func rejectedCounts(run id: String) throws -> [(table: Int, slice: Int, count: Int)] { try ledger.rejectedCounts(run: id) }
    func rejected(
        run id: String, table: Int, slice: Int, after sequence: Int, limit: Int
    ) throws -> [(sequence: Int, row: RejectedRow)] {
        try ledger.rejected(run: id, table: table, slice: slice, after: sequence, limit: limit)
    }
    func removeRejected(run id: String, table: Int, slice: Int, sequences: [Int]) throws {
        try ledger.removeRejected(run: id, table: table, slice: slice, sequences: sequences)
    }
    func watermark(flow: String) throws -> String? { try ledger.watermark(flow: flow) }
    func setWatermark(flow: String, to value: String) throws { try ledger.setWatermark(flow: flow, to: value) }
}
