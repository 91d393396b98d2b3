import ApusCore
import Synchronization
import Tabular

/// What a run knows of one of its tables while it is loaded.
final class TableRun: Sendable {
    struct State {
        var status = TableStatus.notStarted
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
        state.withLock { state in
            guard state.error == nil else { return }
            state.error = error.about(planned.name).advised()
            state.status = error.code == .cancelled ? .stopped : .failed
        }
    }

    func begin() {
        state.withLock { state in
            state.status = .running
            state.startedAt = Clock.monotonic()
        }
    }

    /// All that was to be done is done: by this process, of many workers by those that have shared the table.
    func succeed() { state.withLock { if $0.error == nil { $0.status = .done } } }

    /// Begun, and its end has not been told.
    var isOpen: Bool { state.withLock { $0.startedAt != nil && $0.endedAt == nil } }

    var status: TableStatus { state.withLock { $0.status } }

    var result: TableResult {
        state.withLock { state in
            let end = state.endedAt ?? Clock.monotonic()
            func span(_ from: Double?, _ to: Double?) -> Double { from.map { (to ?? end) - $0 } ?? 0 }
            return TableResult(
                name: planned.name, target: load.target.description, status: state.status, tally: state.tally,
                before: span(state.startedAt, state.loadingSince ?? end),
                data: span(state.loadingSince, state.finishingSince),
                after: span(state.finishingSince, end), error: state.error)
        }
    }
}
