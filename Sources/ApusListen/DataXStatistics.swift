import ApusCore
import Synchronization
import Tabular

/// A run as DataX would tell of it on stdout: progress every ten seconds, dirty rows, the closing statistics or the
/// reason of the failure. The texts are the ones that pydatax, datax-web and their like search for.
public final class DataXStatistics: Listener {
    private struct State {
        var board: Board
        var counts = DataXCounts()
        /// Hashes of the dirty rows that were printed, so that a second try does not print them again.
        var printed: Set<Int> = []
        var begunAt = 0.0
        var saidAt = 0.0
        /// Of the work, 0…1. A table that failed is no work done.
        var fraction = 0.0
        /// What was counted when it last spoke.
        var said = (rows: 0, bytes: 0)
    }

    private let log: DataXLog
    private let plan: Plan
    private let interval: Double
    private let most: Int?
    private let hasTransforms: Bool
    /// What the values of a table's rejected rows may go by: the columns as they are read, and as they are loaded.
    private let schemas: [(read: [Schema], loaded: [Schema])]
    private let state: Mutex<State>
    private let pace = Pace()

    /// - parameter interval: seconds between two lines of progress (`core.container.job.reportInterval`).
    /// - parameter maxDirtyRecords: dirty rows to print
    ///   (`core.statistics.collector.plugin.maxDirtyNumber`); negative = all of them.
    public init(_ log: DataXLog, plan: Plan, interval: Double = 10, maxDirtyRecords: Int = 10) {
        self.log = log
        self.plan = plan
        self.interval = max(0.1, interval)
        most = maxDirtyRecords < 0 ? nil : maxDirtyRecords
        hasTransforms = plan.tables.contains { !$0.transforms.isEmpty }
        schemas = plan.tables.map { table in
            let read = table.read.schema
            let carried = Schema(table.load.carried.map { Column($0.name, $0.type, nullable: $0.nullable) })
            return ([read], [(try? Transform.applied(table.transforms, to: read)) ?? read, carried])
        }
        state = Mutex(State(board: Board(plan: plan)))
    }

    deinit { end() }

    public func hear(_ event: Event) {
        state.withLock { state in
            state.board.hear(event)
            let records = records(event.kind)
            state.counts.hear(event.kind, faultBytes: records.reduce(0) { $0 + $1.byteSize })
            switch event.kind {
            case .tableFinished(_, let result) where result.status != .done: break
            case .runFinished(let result): if result.status == .done { state.fraction = 1 }
            default: state.fraction = state.board.fraction ?? state.fraction
            }
            switch event.kind {
            case .runStarted:
                state.begunAt = event.time
                state.saidAt = event.time
                log.print(.info, "JobContainer", "DataX jobContainer starts job.")
            case .rowsRejected(let table, let slice, _):
                for record in records { say(record, table, slice, &state) }
            case .runFinished(let result): close(result, event.time, &state)
            default: break
            }
        }
        switch event.kind {
        case .runStarted:
            pace.start(every: min(1, interval)) { [weak self] in self?.tick() }
        case .runFinished: end()
        default: break
        }
    }

    /// Stops the lines of progress; for a program that ends without the run's last event.
    public func end() { pace.stop() }

    /// Tells of this moment when its time has come.
    func tick() {
        let now = log.now
        state.withLock { state in
            guard state.board.result == nil, now - state.saidAt >= interval else { return }
            progress(now, since: state.saidAt, from: state.said, &state)
        }
    }

    // MARK: Saying

    private func progress(_ now: Double, since: Double, from: (rows: Int, bytes: Int), _ state: inout State) {
        let total = state.counts.total
        let seconds = max(1, Int(now - since))
        let speed = (rows: max(0, total.read - from.rows) / seconds, bytes: max(0, total.bytes - from.bytes) / seconds)
        log.print(
            .info, "StandAloneJobContainerCommunicator",
            state.counts.progress(speed: speed, fraction: state.fraction, transforms: hasTransforms))
        state.saidAt = now
        state.said = (total.read, total.bytes)
    }

    private func records(_ event: Event.Kind) -> [DataXRecord] {
        guard case .rowsRejected(let table, _, let rows) = event else { return [] }
        let known = schemas.indices.contains(table) ? schemas[table] : (read: [], loaded: [])
        return rows.map { DataXRecord($0, $0.stage == .write ? known.loaded : known.read) }
    }

    private func say(_ record: DataXRecord, _ table: Int, _ slice: Int, _ state: inout State) {
        let row = record.row
        if let most, state.printed.count >= most { return }
        var hasher = Hasher()
        hasher.combine(table)
        hasher.combine(slice)
        hasher.combine(row)
        guard state.printed.insert(hasher.finalize()).inserted else { return }
        log.print(
            .error, "StdoutPluginCollector", "脏数据: \n" + record.json,
            thread: "\(log.jobID)-\(table)-\(slice)-\(row.stage == .write ? "writer" : "reader")")
    }

    private func close(_ result: RunResult, _ time: Double, _ state: inout State) {
        guard result.status == .done else {
            let failure = failure(result, state.counts.total)
            log.print(.error, "JobContainer", "Exception when job run\n\(failure.exception)")
            progress(time, since: state.begunAt, from: (0, 0), &state)
            log.fail(failure)
            return
        }
        log.print(.info, "JobContainer", "DataX jobId [\(log.jobID)] completed successfully.")
        progress(time, since: state.begunAt, from: (0, 0), &state)
        let transfer = max(1, Int(time - state.begunAt))
        log.print(
            .info, "JobContainer", state.counts.statistics(start: log.startedAt, end: time, transfer: transfer))
        if hasTransforms, state.counts.total.rows > 0 {
            log.print(.info, "JobContainer", state.counts.transformerStatistics)
        }
    }

    private func failure(_ result: RunResult, _ total: DataXCounts.Moved) -> DataXFailure {
        if result.status == .stopped { return DataXFailure(.killed, "Job 收到了 Kill 命令.") }
        let error = result.error ?? result.tables.compactMap(\.error).first ?? ApusError(.failed, "the run failed")
        guard error.code == .tooManyRejected else { return DataXFailure(error) }
        if let limit = plan.limits.badRows, total.rejected > limit {
            return DataXFailure(rejected: total.rejected, limit: limit)
        }
        let tally = result.tables.first { $0.error?.code == .tooManyRejected }?.tally ?? result.tally
        guard let percent = plan.limits.badPercent, tally.read > 0 else { return DataXFailure(error) }
        return DataXFailure(share: Double(tally.rejected) / Double(tally.read), limit: percent / 100)
    }
}
