import ApusCore
import Tabular

/// Loading one slice, and what is done when that fails.
extension Runner {
    func load(_ slice: Slice, of table: TableRun, _ attempt: Int, on channel: Channel) {
        if let missing = missing(table) {
            table.fail(missing)
            return schedule.failed(table.index)
        }
        var attempt = attempt
        var careful = false
        var forms = 0
        while true {
            let moved = Moved(events, table.index, slice.id)
            do {
                let (tally, isNew) = try loadOnce(
                    slice, of: table, attempt, careful, isRepeated: forms > 0, moved, on: channel)
                if !isNew { found(slice, of: table, tally, moved) }
                table.state.withLock { $0.tally = $0.tally + tally }
                moved.tell()
                events.send(.sliceFinished(table: table.index, slice: slice.id, tally))
                schedule.loaded(table.index)
                return
            } catch {
                let failure = error as? Channel.Failure
                let error = ApusError(wrapping: error)
                moved.tell()
                rejectedRows.withLock { $0 -= moved.rejected }
                if interrupt.isFired || error.code == .cancelled {
                    table.fail(stopped)
                    schedule.failed(table.index)
                    return
                }
                if error.code == .formChanged, forms < Self.mostForms, failure?.isSource == false {
                    // Nothing is wrong: the rows are loaded in a form that carries them.
                    retrying(table, slice, attempt, moved, error, delay: 0)
                    forms += 1
                    continue
                }
                if error.code == .rowRejected, !careful, failure?.isSource == false {
                    // The target refused a row: once more, with care, to find which.
                    retrying(table, slice, attempt, moved, error, delay: 0)
                    careful = true
                    continue
                }
                if error.code == .timeout, failure?.isSource == true,
                    split(slice, of: table, attempt, moved, error, on: channel)
                {
                    return
                }
                if error.isTransient, attempt < plan.limits.attempts, channel.canReread(source(of: slice, table)) {
                    let delay = backoff.delay(before: attempt + 1)
                    retrying(table, slice, attempt, moved, error, delay: delay)
                    attempt += 1
                    schedule.retry(table.index, slice, attempt: attempt, after: delay)
                    return
                }
                table.fail(error)
                schedule.failed(table.index)
                return
            }
        }
    }

    /// How often a slice may ask for another form: plain, some columns, all of them, JSON.
    private static let mostForms = 4

    /// The slice was committed before, and the answer was lost.
    private func found(_ slice: Slice, of table: TableRun, _ tally: Tally, _ moved: Moved) {
        moved.add(Channel.Progress(rows: tally.read, filtered: tally.filtered))
        rejectedRows.withLock { $0 += tally.rejected }
        events.send(
            .message(
                .info, "\(table.planned.name): slice \(slice.id) is in the target already; only the answer to its commit was lost"))
    }

    /// Position of the source that a slice is read from.
    private func source(of slice: Slice, _ table: TableRun) -> Int { table.planned.reads[slice.read].source }

    private func loadOnce(
        _ slice: Slice, of table: TableRun, _ attempt: Int, _ careful: Bool, isRepeated: Bool, _ moved: Moved,
        on channel: Channel
    ) throws -> (tally: Tally, isNew: Bool) {
        let isRepeated = isRepeated || attempt > 1 || careful || isResumed || share != nil
        let log = RejectionLog(ledger, runID: runID, table: table.index, slice: slice.id)
        events.send(.sliceStarted(table: table.index, slice: slice.id, attempt: attempt))
        // Standard input cannot be read a second time: with care from the start.
        let careful = try careful || !channel.withSource(source(of: slice, table)) { $0.rereadable }
        // What led to a failure can be looked at.
        defer { try? log.flush() }
        return try channel.load(
            slice, of: table.planned, load: table.load, careful: careful,
            hooks: .init(
                begun: { if isRepeated { try log.restart() } },
                progress: { moved.add($0) },
                rejected: { [self] rows in
                    events.send(.rowsRejected(table: table.index, slice: slice.id, rows))
                    moved.rejected += rows.count
                    try log.add(rows)
                    let total = rejectedRows.withLock { total in
                        total += rows.count
                        return total
                    }
                    guard let most = plan.limits.badRows, total > most else { return }
                    throw ApusError(
                        .tooManyRejected,
                        "\(total) \(total == 1 ? "row was" : "rows were") rejected, the limit is \(most). The first: \(rows[0].safeReason)",
                        hint:
                            "See \(Advice.showRejected(runID)). Fix the rows, or allow more with \(Advice.resume(runID, badRows: max(10, total))) (limits.bad_rows in a flow file)."
                    )
                },
                committing: { try log.flush() },
                remark: { [self] text in
                    if remarks.withLock({ $0.insert(text).inserted }) { events.send(.message(.warning, text)) }
                }))
    }

    private func retrying(
        _ table: TableRun, _ slice: Slice, _ attempt: Int, _ moved: Moved, _ error: ApusError, delay: Double
    ) {
        events.send(
            .sliceRetried(
                table: table.index, slice: slice.id, attempt: attempt, movedRows: moved.rows, movedBytes: moved.bytes,
                error, delay: delay))
    }

    /// Cuts a slice whose read timed out. False when it cannot be cut any more.
    private func split(
        _ slice: Slice, of table: TableRun, _ attempt: Int, _ moved: Moved, _ error: ApusError, on channel: Channel
    ) -> Bool {
        do {
            guard
                let halves = try channel.withSource(
                    source(of: slice, table), { try $0.halves(of: slice, in: table.planned.reads[slice.read]) }),
                halves.count > 1
            else { return false }
            let ids = schedule.newSliceIDs(table.index, halves.count)
            let rows = slice.rows.map { $0 / halves.count }
            let parts = zip(ids, halves).map { Slice(id: $0, read: slice.read, bounds: $1, rows: rows) }
            try ledger.reject([], slice: slice.id, table: table.index, run: runID, restart: true)
            try ledger.record(slices: parts, table: table.index, run: runID, replacing: slice.id)
            retrying(table, slice, attempt, moved, error, delay: 0)
            events.send(.sliceSplit(table: table.index, slice: slice.id, into: ids))
            schedule.replace(table.index, by: parts)
            return true
        } catch {
            events.send(
                .message(
                    .warning,
                    "\(table.planned.name): slice \(slice.id), whose read timed out, could not be cut: \(ApusError(wrapping: error).message)"
                ))
            channel.giveUp()
            return false
        }
    }
}

/// What a try at a slice has moved so far, told to the stream a few times a second.
final class Moved {
    private let events: EventStream
    private let table: Int
    private let slice: Int
    private var now = Channel.Progress()
    private var told = Channel.Progress()
    var rejected = 0
    private var toldAt = Clock.monotonic()

    init(_ events: EventStream, _ table: Int, _ slice: Int) {
        self.events = events
        self.table = table
        self.slice = slice
    }

    var rows: Int { now.rows }
    var bytes: Int { now.bytes }

    func add(_ progress: Channel.Progress) {
        now = now + progress
        if Clock.monotonic() - toldAt >= 0.2 { tell() }
    }

    func tell() {
        guard now.rows > told.rows || now.bytes > told.bytes else { return }
        events.send(
            .progress(
                table: table, slice: slice, rows: now.rows - told.rows, bytes: now.bytes - told.bytes,
                filtered: now.filtered - told.filtered, effort: now.effort - told.effort))
        told = now
        toldAt = Clock.monotonic()
    }
}
