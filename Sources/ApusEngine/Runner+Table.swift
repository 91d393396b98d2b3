import ApusCore
import Tabular

/// The steps before and after a table's slices.
extension Runner {
    /// Those that cannot be loaded fail before anything is done for the others, so that none waits for them.
    func failFaultyTables() {
        for table in tables where share == nil || share?.table == table.index {
            guard let fault = table.planned.pending == nil ? refused[table.index] : table.planned.fault else { continue }
            table.fail(fault)
            end(table)
        }
    }

    /// Locks the target and makes it ready; then the slices that are not loaded yet are up.
    func prepare(_ table: TableRun) {
        // A table that is to be emptied is so before those that it refers to are loaded, unless they cannot be.
        let isEmptiedFirst = table.load.mode == .truncate && table.planned.waitsFor?.contains { tables[$0].status == .failed } != true
        if !isEmptiedFirst, let missing = missing(table) {
            table.fail(missing)
            end(table)
            return
        }
        table.begin()
        do {
            if isResumed || share != nil, try isDone(table) {
                let sink = try control.session(table: table.index)
                forget(table, sink)
                table.succeed()
                end(table)
                return
            }
            let sink = try control.session(table: table.index)
            // A process that is stopped but not dead may still hold locks, and could go on one day.
            if isResumed, share == nil { try sink.evict(table.load) }
            try lock(table, sink)
            // Of several workers one may have finished the table while this one waited for the lock.
            if share != nil, try isDone(table) {
                leave(table, sink)
                table.succeed()
                end(table)
                return
            }
            if !isResumed || fresh.contains(table.index), share == nil { try checkCheckpoint(table, sink) }
            let slices = try knownSlices(table)
            if share != nil {
                // Under the lock, so that it can never come after the word of the worker that finishes the table.
                try ledger.record(
                    TableRecord(
                        table: table.index, name: table.planned.name, target: table.load.target.description, status: .running), run: runID)
            }
            if let claims {
                // Under the table's lock: no other worker is at it.
                if !table.planned.before.isEmpty {
                    try claims.once("before \(table.index)") { try runTableStatements(table.planned.before, "before", sink) }
                }
            } else if !isResumed || fresh.contains(table.index) {
                try runTableStatements(table.planned.before, "before", sink)
            }
            let marks = try insisting(table) { sink in
                try sink.prepare(table.load)
                return try sink.marks(table.load)
            }
            let loaded = Dictionary(marks.map { ($0.slice, $0) }, uniquingKeysWith: { $1 })
            let rejected = marks.reduce(0) { $0 + $1.rejected }
            rejectedRows.withLock { $0 += rejected }
            table.state.withLock { state in
                for mark in marks { state.tally = state.tally + mark.tally }
                state.loadingSince = Clock.monotonic()
            }
            var left = slices.filter { loaded[$0.id] == nil }
            if let share {
                leave(table, sink)
                left = shareSlices(share, of: left)
            }
            // A worker of many tells of its own slice.
            let told = if let share { shareSlices(share, of: slices) } else { slices }
            let estimates = told.map(\.rows)
            events.send(
                .tableStarted(
                    table: table.index, name: table.planned.name, target: table.load.target.description,
                    slices: told.count, doneSlices: told.count - left.count,
                    rows: estimates.contains(nil) ? nil : estimates.reduce(0) { $0 + ($1 ?? 0) }))
            let highest = if let share { try highestPart(share, table) } else { slices.map(\.id).max() ?? -1 }
            schedule.prepared(table.index, slices: left, nextSliceID: highest + 1)
        } catch {
            let error = ApusError(wrapping: error)
            table.fail(error)
            // What `prepare` made is of no use to a later resume if nothing was loaded and the fault stays.
            if !error.isTransient, error.code != .cancelled, error.code != .locked, !isResumed, share == nil { discard(table) }
            if error.code != .locked { unlock(table) }
            end(table)
        }
    }

    /// Why a table cannot be loaded: one that its foreign keys refer to is not there.
    func missing(_ table: TableRun) -> ApusError? {
        guard share == nil, let other = table.planned.waitsFor?.first(where: { tables[$0].status != .done }) else { return nil }
        return ApusError(
            .referenced, "its foreign keys refer to \(tables[other].planned.name), which was not loaded",
            hint: "\(Advice.resume(runID)) loads both, once the other's fault is gone.")
    }

    /// Rows that another run has added since the plan was made would be added again.
    private func checkCheckpoint(_ table: TableRun, _ sink: any Sink) throws {
        guard let planned = table.load.checkpoint, table.load.mode == .append, let state = try sink.state(of: table.load) else { return }
        let saved = state.saved.first { $0.flow == planned.flow }?.value
        guard saved != planned.before else { return }
        throw ApusError(
            .changed,
            "\(table.load.target) was loaded up to \(saved ?? "nothing") since this plan was made, which begins behind \(planned.before ?? "nothing")",
            hint: "Plan again: the rows of this plan may be there already.")
    }

    private func gate(_ table: TableRun) -> String { "table \(table.index)" }

    /// A worker of many lets the next one in.
    private func leave(_ table: TableRun, _ sink: any Sink) {
        sink.unlock(table.load)
        claims?.release(gate(table))
    }

    /// Does a step of a table that changes nothing when it is done a second time. When the connection breaks in it, also
    /// while the answer is on its way, another one takes the lock and does it again.
    private func insisting<Result>(_ table: TableRun, _ step: (any Sink) throws -> Result) throws -> Result {
        var attempt = 1
        while true {
            do {
                let sink = try control.session(table: table.index)
                // The server may take a while to see that the old connection is gone.
                if attempt > 1 { try lock(table, sink, patience: 60) }
                return try step(sink)
            } catch {
                let error = ApusError(wrapping: error)
                guard error.isTransient, share == nil, attempt < plan.limits.attempts, !interrupt.isFired else { throw error }
                control.release(table: table.index, isSound: false)
                attempt += 1
                let delay = backoff.delay(before: attempt)
                events.send(
                    .message(
                        .warning, "\(table.planned.name): tried again in \(delay.formattedSeconds) (attempt \(attempt)): \(error.message)"))
                try Pause.wait(delay, interrupt)
            }
        }
    }

    /// A lock that another channel of a dying process still holds goes away at once: asks again for two seconds. A worker
    /// of many waits for the others of its run as long as it takes: one of them may be building indexes.
    private func lock(_ table: TableRun, _ sink: any Sink, patience seconds: Double? = nil) throws {
        // The target lets workers of one run in together; the table is prepared and finished by one at a time.
        if let claims { _ = try claims.take(gate(table)) }
        if table.load.isShared == true { return }
        let patience = Clock.monotonic() + (seconds ?? (share != nil ? 120 : isResumed ? 10 : 2))
        var load = table.load
        if !table.planned.before.isEmpty { load.locksFirst = true }
        while true {
            do { return try sink.lock(load) } catch let error as ApusError where error.code == .locked {
                let isOwn = share != nil && error.message.contains(runID)
                if Clock.monotonic() > patience, !isOwn { throw error }
                try Pause.wait(0.2, interrupt)
            }
        }
    }

    private func isDone(_ table: TableRun) throws -> Bool {
        guard let record = try ledger.tables(run: runID).first(where: { $0.table == table.index }) else { return false }
        if record.status == .done { table.state.withLock { $0.tally = record.tally } }
        return record.status == .done
    }

    /// The plan's slices, with those that were cut replaced by their parts.
    private func knownSlices(_ table: TableRun) throws -> [Slice] {
        let recorded = isResumed || share != nil ? try ledger.slices(run: runID, table: table.index) : []
        let replaced = Set(recorded.filter { $0.status == .replaced }.map(\.slice.id))
        let planned = Set(table.planned.slices.map(\.id))
        let added = recorded.map(\.slice).filter { !planned.contains($0.id) }
        return (table.planned.slices + added).filter { !replaced.contains($0.id) }
    }

    /// The highest number that a part of the worker's slice has had, also one that was cut again.
    private func highestPart(_ share: Share, _ table: TableRun) throws -> Int {
        let used = try ledger.slices(run: runID, table: table.index).map(\.slice.id)
        return used.filter(share.parts.contains).max() ?? share.parts.lowerBound - 1
    }

    /// All slices are loaded, or one failed for good.
    func finish(_ table: TableRun) {
        table.state.withLock { $0.finishingSince = Clock.monotonic() }
        let failure = table.state.withLock { $0.error }
        if let failure {
            // A staging table whose load cannot succeed is of no use; what a later resume can go on with stays. A shared
            // load is not resumed.
            let isOver = table.load.isShared == true || (table.load.isStaged && !failure.isTransient)
            if isOver, failure.code != .cancelled, share == nil { discard(table) }
            unlock(table)
            end(table)
            return
        }
        do {
            if share != nil, try !isLastShare(table, control.session(table: table.index)) {
                table.succeed()
                end(table)
                return
            }
            try insisting(table) { sink in
                try check(table, sink.marks(table.load))
                try checkPercent(table)
                try sink.finish(table.load)
                for remark in sink.takeRemarks() { events.send(.message(.warning, "\(table.planned.name): \(remark)")) }
            }
            let sink = try control.session(table: table.index)
            try runTableStatements(table.planned.after, "after", sink)
            if let watermark = table.planned.watermark, let upTo = watermark.upTo {
                try ledger.setWatermark(flow: watermark.key, to: upTo)
            }
            table.succeed()
            try recordDone(table)
            forget(table, sink)
            leave(table, sink)
        } catch {
            // Of several workers one has just finished the table and taken its marks away.
            if share == nil || (try? isDone(table)) != true {
                table.fail(ApusError(wrapping: error))
            } else {
                table.succeed()
            }
            if table.load.isShared == true, !interrupt.isFired { discard(table) }
        }
        end(table)
    }

    /// Whether all slices, also those of other workers, are committed and the table is not finished yet. The lock is
    /// held afterwards if so.
    private func isLastShare(_ table: TableRun, _ sink: any Sink) throws -> Bool {
        try lock(table, sink)
        let marks = try sink.marks(table.load)
        guard try !isDone(table), Set(marks.map(\.slice)).isSuperset(of: try knownSlices(table).map(\.id)) else {
            leave(table, sink)
            return false
        }
        let all = marks.reduce(Tally()) { $0 + $1.tally }
        table.state.withLock { $0.tally = all }
        return true
    }

    /// The target's own marks must tell the same story as this process.
    private func check(_ table: TableRun, _ marks: [SliceMark]) throws {
        guard !marks.isEmpty else { return }
        let tally = table.state.withLock { $0.tally }
        let read = marks.reduce(0) { $0 + $1.read }, written = marks.reduce(0) { $0 + $1.written }
        let rejected = marks.reduce(0) { $0 + $1.rejected }
        guard read == tally.read, written == tally.written, rejected == tally.rejected else {
            throw ApusError(
                .countMismatch,
                "the target's marks say \(read) rows read, \(written) written, \(rejected) rejected, but this run counted \(tally.read), \(tally.written), \(tally.rejected)",
                hint: "Another run may have worked on the table; the table was not swapped in.")
        }
    }

    private func checkPercent(_ table: TableRun) throws {
        let tally = table.state.withLock { $0.tally }
        guard let most = plan.limits.badPercent, tally.read > 0 else { return }
        let percent = Double(tally.rejected) * 100 / Double(tally.read)
        guard percent > most else { return }
        throw ApusError(
            .tooManyRejected,
            "\(tally.rejected) of \(tally.read) rows were rejected, the limit is \(most.formattedPercent)",
            hint:
                "See \(Advice.showRejected(runID)). Fix the rows, or allow more with \(Advice.resume(runID, badRows: max(10, tally.rejected)))."
        )
    }

    private func recordDone(_ table: TableRun) throws {
        let result = table.result
        try ledger.record(
            TableRecord(
                table: table.index, name: result.name, target: result.target, status: .done, tally: result.tally,
                before: result.before, data: result.data, after: result.after), run: runID)
    }

    private func runTableStatements(_ statements: [String], _ when: String, _ sink: any Sink) throws {
        guard !statements.isEmpty else { return }
        guard let session = sink as? any SQLSession else {
            throw ApusError(.unsupported, "\(to.connector.title) takes no `\(when)` statements")
        }
        try run(statements, on: session, when)
    }

    /// The table is done whatever becomes of its marks: if they went without an answer, a resume that took the table for
    /// unfinished would load it a second time.
    private func forget(_ table: TableRun, _ sink: any Sink) {
        do { try sink.forget(table.load) } catch  where !interrupt.isFired {
            events.send(
                .message(
                    .warning,
                    "\(table.planned.name): the marks in the target could not be removed, the next run does it: \(ApusError(wrapping: error).message)"
                ))
        } catch {}
    }

    /// Removes staging and marks; the target is as it was.
    private func discard(_ table: TableRun) {
        do { try control.session(table: table.index).discard(table.load) } catch {
            events.send(
                .message(
                    .warning,
                    "\(table.planned.name): what the failed load left in the target could not be removed: \(ApusError(wrapping: error).message)"
                ))
        }
    }

    /// A failed load holds its lock no longer than needed, so that nothing of it is left in the target.
    private func unlock(_ table: TableRun) {
        guard share == nil, !interrupt.isFired, let sink = try? control.session(table: table.index) else { return }
        sink.unlock(table.load)
    }

    private func end(_ table: TableRun) {
        table.state.withLock { $0.endedAt = Clock.monotonic() }
        let result = table.result
        if result.status == .failed, let error = result.error, !interrupt.isFired {
            let record = TableRecord(
                table: table.index, name: result.name, target: result.target, status: .failed, tally: result.tally,
                before: result.before, data: result.data, after: result.after, error: error.description)
            do { try ledger.record(record, run: runID) } catch {
                events.send(.message(.warning, "the ledger could not be written: \(ApusError(wrapping: error).message)"))
            }
        }
        control.release(table: table.index, isSound: result.status == .done)
        events.send(.tableFinished(table: table.index, result))
        schedule.ended(table.index)
    }
}
