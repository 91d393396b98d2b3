import ApusCore
import Synchronization
import Tabular

/// What a run knows of one of its tables while it is loaded.
final class TableRun: Sendable {
    struct State {
        var tally = Tally()
        var error: ApusError?
        var startedAt: Double?
        var loadingSince: Double?
        var finishingSince: Double?
        var endedAt: Double?
    }

    let index: Int
    let planned: PlannedTable
    let load: Load
    let state = Mutex(State())

    init(index: Int, planned: PlannedTable, runID: String, keepsMarks: Bool) {
        self.index = index
        self.planned = planned
        var load = planned.load
        load.runID = runID
        load.table = index
        if keepsMarks { load.keepsMarks = true }
        self.load = load
    }

    /// The first failure counts.
    func fail(_ error: ApusError) {
        state.withLock { if $0.error == nil { $0.error = error.about(planned.name).advised() } }
    }

    var result: TableResult {
        state.withLock { state in
            let end = state.endedAt ?? Clock.monotonic()
            func span(_ from: Double?, _ to: Double?) -> Double { from.map { (to ?? end) - $0 } ?? 0 }
            return TableResult(
                name: planned.name, target: load.target.description, tally: state.tally,
                before: span(state.startedAt, state.loadingSince ?? end),
                data: span(state.loadingSince, state.finishingSince),
                after: span(state.finishingSince, end), error: state.error)
        }
    }
}
