import ApusCore
import Glibc
import Synchronization
import Tabular

/// Keeps the ledger up to date with a run: tables, slices, signs of life, the end.
///
/// Events are taken at once and written by a thread of its own, many in one transaction, at the latest after
/// ``delay``; ``hear(_:)`` returns from the run's last event only when all is written. The run itself is begun by its
/// caller (``Ledger/begin(_:)``), and the slices of a split are recorded by the engine, which knows their bounds,
/// before it says so.
public final class LedgerListener: Listener {
    private struct State {
        var queue: [LedgerEntry] = []
        var slices: [Int: [Int: Slice]]
        var started: [[Int]: (time: Double, attempt: Int)] = [:]
        var beatAt: Double
        var ticker: Ticker?
        var failure: ApusError?
        /// Set for one worker of many: the number of the plan's tables.
        var sharedTables: Int?
    }

    private let ledger: any Ledger
    private let runID: String
    private let state: Mutex<State>
    /// Only one thread writes at a time, so that entries stay in order.
    private let order = Mutex(())
    private let onFailure: @Sendable (ApusError) -> Void

    /// Seconds that an entry may wait.
    public static let delay = 0.2
    /// Seconds between signs of life.
    public static let beatInterval = 5.0

    /// `onFailure` is called once, on any thread, when the ledger can no longer be written: the run should stop, since
    /// what it does would not be remembered. `isShare`: other workers run the same plan under the same id, so that the
    /// end of this one's work is the end neither of a table nor of the run.
    public init(
        _ ledger: any Ledger, runID: String, plan: Plan?, isShare: Bool = false,
        onFailure: @escaping @Sendable (ApusError) -> Void = { _ in }
    ) {
        self.ledger = ledger
        self.runID = runID
        self.onFailure = onFailure
        var slices: [Int: [Int: Slice]] = [:]
        for (number, table) in (plan?.tables ?? []).enumerated() {
            slices[number] = Dictionary(table.slices.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        }
        state = Mutex(State(slices: slices, beatAt: Clock.wall(), sharedTables: isShare ? plan?.tables.count : nil))
        let ticker = Ticker(every: Self.delay) { [weak self] in self?.tick(now: Clock.wall()) }
        state.withLock { $0.ticker = ticker }
    }

    deinit { stop() }

    /// Why the ledger is not complete; nil when it is.
    public var failure: ApusError? { state.withLock { $0.failure } }

    public func hear(_ event: Event) {
        state.withLock { state in
            let entries = Self.entries(
                event, &state,
                find: { slice, table in
                    // A split made it: the engine has recorded its bounds.
                    try? self.ledger.slices(run: self.runID, table: table).first { $0.slice.id == slice }?.slice
                },
                isWhole: { tables in
                    let done = try? self.ledger.tables(run: self.runID).filter { $0.status == .done }
                    return done?.count == tables
                })
            state.queue += entries
        }
        if case .runFinished = event.kind {
            stop()
            flush()
        }
    }

    /// Writes all that was heard until now.
    /// - throws: what the ledger threw, now or earlier.
    public func close() throws {
        stop()
        flush()
        if let failure { throw failure }
    }

    private func stop() {
        let ticker = state.withLock { state in
            defer { state.ticker = nil }
            return state.ticker
        }
        ticker?.stop()
    }

    func tick(now: Double) {
        state.withLock { state in
            guard now - state.beatAt >= Self.beatInterval else { return }
            state.beatAt = now
            state.queue.append(.beat(at: now))
        }
        flush()
    }

    private func flush() {
        let failed: ApusError? = order.withLock { _ in
            let entries = state.withLock { state in
                defer { state.queue = [] }
                return state.queue
            }
            guard !entries.isEmpty else { return nil }
            do {
                try write(entries)
                return nil
            } catch {
                let failure = error as? ApusError ?? ApusError(.internalFault, "\(error)")
                return state.withLock { state in
                    // Kept: the end of the run tries once more.
                    state.queue = entries + state.queue
                    guard state.failure == nil else { return nil }
                    state.failure = failure
                    return failure
                }
            }
        }
        if let failed { onFailure(failed) }
    }

    private func write(_ entries: [LedgerEntry]) throws {
        if let ledger = ledger as? any BatchLedger {
            try ledger.write(entries, run: runID)
            state.withLock { $0.failure = nil }
            return
        }
        for entry in entries {
            switch entry {
            case .table(let record): try ledger.record(record, run: runID)
            case .slice(let record, let table): try ledger.record(record, table: table, run: runID)
            case .reject(let rows, let slice, let table, let restart):
                try ledger.reject(rows, slice: slice, table: table, run: runID, restart: restart)
            case .beat: try ledger.beat(run: runID)
            case .finish(let status, let error, _): try ledger.finish(run: runID, status: status, error: error)
            }
        }
        state.withLock { $0.failure = nil }
    }

    // MARK: From events to entries

    private static func entries(
        _ event: Event, _ state: inout State, find: (_ slice: Int, _ table: Int) -> Slice?,
        isWhole: (_ tables: Int) -> Bool
    ) -> [LedgerEntry] {
        func slice(_ table: Int, _ id: Int, _ status: SliceRecord.Status, _ tally: Tally = Tally()) -> [LedgerEntry] {
            if state.slices[table]?[id] == nil, let found = find(id, table) {
                state.slices[table, default: [:]][id] = found
            }
            guard let slice = state.slices[table]?[id] else { return [] }
            let start = state.started[[table, id]]
            let seconds = start.map { max(0, event.time - $0.time) } ?? 0
            return [
                .slice(
                    SliceRecord(
                        slice: slice, status: status, attempts: start?.attempt ?? 0, tally: tally, seconds: seconds),
                    table: table)
            ]
        }
        switch event.kind {
        // The engine puts rejected rows into the ledger itself, before their slice is committed.
        case .runStarted, .message, .progress, .rowsRejected: return []
        case .tableStarted(let table, let name, let target, _, _, _):
            // Of a shared table the engine itself says so, in time with the other workers.
            if state.sharedTables != nil { return [] }
            return [.table(TableRecord(table: table, name: name, target: target, status: .running))]
        case .sliceStarted(let table, let id, let attempt):
            state.started[[table, id]] = (event.time, attempt)
            return slice(table, id, .running)
        case .sliceFinished(let table, let id, let tally):
            defer { state.started[[table, id]] = nil }
            return slice(table, id, .done, tally)
        case .sliceRetried(let table, let id, _, _, _, _, _):
            return slice(table, id, .waiting)
        case .sliceSplit(let table, let id, _):
            defer { state.started[[table, id]] = nil }
            return slice(table, id, .replaced)
        case .tableFinished(let table, let result):
            // The engine records a shared table as done when its last slice is committed, whoever does that.
            if state.sharedTables != nil, result.status == .done { return [] }
            let status: TableRecord.Status =
                switch result.status {
                case .done: .done
                case .failed: .failed
                case .running: .running
                case .notStarted, .stopped: .waiting
                }
            return [
                .table(
                    TableRecord(
                        table: table, name: result.name, target: result.target, status: status, tally: result.tally,
                        before: result.before, data: result.data, after: result.after, error: result.error?.description)
                )
            ]
        case .runFinished(let result):
            let status: RunRecord.Status =
                switch result.status {
                case .done: state.sharedTables.map { isWhole($0) } ?? true ? .done : .stopped
                case .failed: .failed
                case .stopped: .stopped
                }
            return [.finish(status, error: result.error?.description, at: event.time)]
        }
    }
}
