import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import Glibc
import Tabular

/// One task on its way: leases, plans, runs of the engine, results; window after window.
struct TaskRun {
    enum End {
        /// Another worker has the table: ask again later.
        case held
        case ended(TableResult)
    }

    /// How a window ended.
    private struct Done {
        var tally = Tally()
        var before = 0.0
        var data = 0.0
        var after = 0.0
        var error: ApusError?
        var rejected: [RejectedRow] = []
        /// Where it failed: rows that were read, of which the tally knows those that were kept.
        var rowsRead = 0
        /// The interrupt, or another worker's lease, ended it.
        var isStopped = false
    }

    let extraction: Extraction
    let task: ExtractTask
    let number: Int
    let worker: ControlWorker
    let pulse: Pulse
    let zone: DayZone

    init(
        _ extraction: Extraction, _ task: ExtractTask, _ number: Int, _ worker: ControlWorker, _ pulse: Pulse, _ zone: DayZone
    ) {
        self.extraction = extraction
        self.task = task
        self.number = number
        self.worker = worker
        self.pulse = pulse
        self.zone = zone
    }

    private var wish: ExtractWish { extraction.wish }

    func run() -> End {
        var total = Done()
        var left = task.windows
        var resuming = interruptedAppend()
        /// The run whose end has been written under the lease that is still held.
        var ended: String?
        while !left.isEmpty {
            var window = left.removeFirst()
            do {
                let (claim, log) = try begin(window, resuming: resuming, ended: ended)
                resuming = nil
                switch claim {
                case .held: return .held
                case .done(let isFailed):
                    guard isFailed else { continue }
                    total.error = ApusError(
                        .failed, "another worker of this run has failed with it", hint: "See datax_etl_error and that worker's own report.")
                case .taken(let lease):
                    if lease.isTakenOver, let from = Days.day(iso: lease.from), let upTo = Days.day(iso: lease.upTo) {
                        extraction.say(.info, "\(task.name): goes on with run \(lease.run), which had not come to its end")
                        // That run's window is finished first, then what it and the days that its worker had done leave.
                        let other = ExtractTask.Window(from: from, upTo: upTo, log: log)
                        left = try ([window] + left).filter { try !isDone($0, since: lease.since) }.flatMap {
                            $0.without(other, isDaily: task.row.increment == .day)
                        }
                        window = other
                    }
                    let interrupt = extraction.interrupt.child()
                    defer { extraction.interrupt.release(interrupt) }
                    pulse.hold(lease, interrupt)
                    let done = run(window, lease, interrupt)
                    pulse.drop(lease)
                    if done.isStopped { return stopped(lease, total.tally + done.tally) }
                    total.tally = total.tally + done.tally
                    total.before += done.before
                    total.data += done.data
                    total.after += done.after
                    total.error = done.error
                    let fault = finish(window, lease, log, done, goesOn: !left.isEmpty)
                    total.error = total.error ?? fault
                    ended = lease.run
                }
            } catch {
                total.error = ApusError(wrapping: error)
            }
            if let error = total.error {
                if task.windows.count > 1 {
                    total.error = error.about("\(task.name), \(Days.iso(window.from)) to \(Days.iso(window.upTo - 1))")
                }
                if !left.isEmpty { extraction.say(.warning, "\(task.name): \(left.count) later days are not tried") }
                break
            }
        }
        if extraction.interrupt.isFired, total.error == nil {
            total.error = ApusError(.cancelled, "stopped at a checkpoint", hint: "The same command goes on.")
        }
        return .ended(result(total))
    }

    private func isDone(_ window: ExtractTask.Window, since: Int?) throws -> Bool {
        guard let since else { return false }
        return try waiting {
            try extraction.control.isFinished(
                task.row, from: Days.iso(window.from), upTo: Days.iso(window.upTo), since: since, zoneOffset: zone.offset, patience: 1)
        }
    }

    /// The row's last run, if it failed when it had added some of its rows to the target: they would be there twice if
    /// the next run did not go on with it.
    private func interruptedAppend() -> String? {
        let key = ControlDatabase.leaseKey(wish.configTable, task.row)
        let ledger = patientLedger
        guard let id = extraction.failedRuns.withLock({ $0[key] }), let record = try? ledger.run(id), record.status != .done,
            record.error != RunRecord.discarded, let plan = try? PlanFile.decode(Array(record.plan.utf8), name: "the plan of run \(id)")
        else { return nil }
        let isAdded = plan.tables.enumerated().contains { number, table in
            table.load.mode == .append && (try? ledger.slices(run: id, table: number).contains { $0.status == .done }) ?? false
        }
        return isAdded ? id : nil
    }

    private func begin(_ window: ExtractTask.Window, resuming: String?, ended: String?) throws -> (ControlClaim, Int?) {
        let run = RunID.make()
        return try waiting {
            let begun = try extraction.control.begin(
                task.row, of: wish.configTable, from: Days.iso(window.from), upTo: Days.iso(window.upTo), run: run, resuming: resuming,
                ended: ended, log: window.log, worker: worker, zoneOffset: zone.offset, leaseSeconds: wish.leaseSeconds, patience: 1)
            return (begun.claim, begun.log)
        }
    }

    /// Asks the control database again and again while it is away. Each try is short, so that others get at the
    /// connection, and an interrupt is seen, in between.
    private func waiting<Result>(_ body: () throws -> Result) throws -> Result {
        let patience = Clock.monotonic() + wish.patience
        var isTold = false
        var pause = 0.2
        while true {
            do { return try body() } catch let error as ApusError where error.isTransient && Clock.monotonic() < patience {
                if !isTold { extraction.say(.warning, "\(task.name) waits for the control database") }
                isTold = true
                try Pause.wait(pause, extraction.interrupt)
                pause = min(pause * 2, 5)
            }
        }
    }

    private var patientLedger: TolerantLedger {
        TolerantLedger(ledger: extraction.ledger, isRepeatable: true, patience: wish.patience, interrupt: extraction.interrupt)
    }

    private func stopped(_ lease: ControlLease, _ tally: Tally) -> End {
        guard extraction.interrupt.isFired else {
            extraction.say(.warning, "\(task.name): another worker has taken the lease over, since no sign of life could be given in time")
            return .held
        }
        // Free at once for whoever comes next.
        try? extraction.control.release(lease)
        var done = Done()
        done.tally = tally
        done.error = ApusError(.cancelled, "stopped at a checkpoint", hint: "The same command goes on.")
        return .ended(result(done))
    }

    private func result(_ done: Done) -> TableResult {
        TableResult(
            name: task.name, target: task.row.targetTable,
            status: done.error == nil ? .done : done.error?.code == .cancelled ? .stopped : .failed, tally: done.tally, before: done.before,
            data: done.data, after: done.after,
            error: done.error.map { $0.advised().about(task.name) })
    }

    /// Written at once, or when the control database is back. What cannot be written is not finished.
    private func finish(_ window: ExtractTask.Window, _ lease: ControlLease, _ log: Int?, _ done: Done, goesOn: Bool) -> ApusError? {
        let outcome = ControlOutcome(
            tally: done.tally, seconds: done.before + done.data + done.after, error: done.error, rejected: done.rejected,
            rowsRead: done.rowsRead)
        let control = extraction.control, row = task.row, table = wish.configTable, offset = zone.offset
        let write: @Sendable () throws -> Void = {
            try control.finish(
                row, of: table, lease: lease, log: log, covered: window.covered, outcome: outcome, zoneOffset: offset, goesOn: goesOn,
                patience: 1)
        }
        do { try write() } catch {
            let error = ApusError(wrapping: error)
            guard error.isTransient else {
                extraction.say(.error, "\(task.name): what became of it could not be written down: \(error)")
                return error
            }
            pulse.later(write)
        }
        return nil
    }

    // MARK: One window

    private func run(_ window: ExtractTask.Window, _ lease: ControlLease, _ interrupt: Interrupt) -> Done {
        let start = Clock.monotonic()
        var attempt = 1
        var resumes = lease.isTakenOver
        while true {
            var done: Done
            do {
                if let fault = task.fault { throw fault }
                done = try once(window, lease, interrupt, resumes: resumes)
            } catch {
                done = Done()
                done.error = ApusError(wrapping: error)
                done.before = Clock.monotonic() - start
            }
            done.isStopped = done.isStopped || interrupt.isFired
            guard let error = done.error, error.isTransient, attempt < min(3, wish.attempts), !interrupt.isFired else { return done }
            extraction.say(.warning, "\(task.name) is tried again in \(attempt) s: \(error)")
            if (try? Pause.wait(Double(attempt), interrupt)) == nil {
                done.isStopped = true
                return done
            }
            attempt += 1
            resumes = true
        }
    }

    private func once(_ window: ExtractTask.Window, _ lease: ControlLease, _ interrupt: Interrupt, resumes: Bool) throws -> Done {
        let start = Clock.monotonic()
        let patient = TolerantLedger(ledger: extraction.ledger, isRepeatable: true, patience: wish.patience, interrupt: interrupt)
        let ready = try extraction.rowFlow(interrupt).ready(task, window, zone)
        let known = resumes ? try patient.run(lease.run) : nil
        var plan: Plan
        if let known {
            plan = try PlanFile.decode(Array(known.plan.utf8), name: "the plan of run \(lease.run)")
            if known.status == .done { return try recorded(lease.run) }
            // More bad rows may be allowed than when it failed.
            plan.limits.badRows = ready.flow.limits.badRows
            plan.limits.badPercent = ready.flow.limits.badPercent
        } else {
            plan = try self.plan(ready, interrupt)
        }
        let tolerant = TolerantLedger(
            ledger: extraction.ledger, isRepeatable: plan.tables.allSatisfy { $0.load.mode != .append }, patience: wish.patience,
            interrupt: interrupt)
        if plan.tables.contains(where: { $0.load.mode == .append }) {
            _ = try InterruptedLoads.check(plan, to: ready.to.endpoint.label, runID: lease.run, ledger: patient)
        }
        let now = Clock.wall()
        // Known to the ledger before the first row moves: another worker may have to go on with it.
        try tolerant.begin(
            RunRecord(
                id: lease.run, name: task.name, from: ready.sources[0].endpoint.label, to: ready.to.endpoint.label,
                plan: String(decoding: try PlanFile.encode(plan.masked), as: UTF8.self), status: .running,
                startedAt: known?.startedAt ?? now,
                beatAt: now, host: RunRecord.hostName, pid: Int(getpid())))
        for table in plan.tables {
            var load = table.load
            // Of no table: only the empty table of marks is meant.
            load.runID = lease.run
            load.shape.name.name = "apus_nothing"
            extraction.loads.withLock { $0["\(ready.to.endpoint.label) \(load.target.schema ?? "")"] = (ready.to, load) }
        }
        let before = Clock.monotonic() - start
        let relay = Relay(number, extraction.stream)
        let record = LedgerListener(extraction.ledger, runID: lease.run, plan: plan)
        let runner = Runner(
            plan, runID: lease.run, from: ready.sources, to: ready.to, ledger: tolerant, listeners: [record, relay], interrupt: interrupt,
            isResumed: known != nil, budget: extraction.budget)
        let result = runner.run()
        if record.failure != nil { pulse.later { try record.close() } }
        var done = Done()
        done.tally = result.tally
        done.before = before + (result.tables.first?.before ?? 0)
        done.data = result.tables.first?.data ?? 0
        done.after = result.tables.first?.after ?? 0
        done.error = result.error ?? result.tables.compactMap(\.error).first
        done.rejected = relay.rejected
        if done.error != nil { done.rowsRead = relay.rows }
        // No later try of this run can end otherwise.
        if done.error?.code == .outsideWindow { discard(plan, lease.run, ready.to, interrupt) }
        done.isStopped = result.status == .stopped
        if done.error == nil, !done.isStopped, !done.tally.balances {
            done.error = ApusError(
                .countMismatch,
                "\(done.tally.read) rows were read, but \(done.tally.written) written, \(done.tally.rejected) rejected and \(done.tally.filtered) filtered"
            )
        }
        return done
    }

    /// Takes away what a load that cannot be finished has left beside its target.
    private func discard(_ plan: Plan, _ run: String, _ to: Connections, _ interrupt: Interrupt) {
        guard let sink = try? to.sink(interrupt.child()) else { return }
        var isSound = true
        for table in plan.tables {
            var load = table.load
            load.runID = run
            do { try sink.discard(load) } catch {
                isSound = false
                extraction.say(.warning, "\(task.name): its staging table is left: \(ApusError(wrapping: error).message)")
            }
        }
        to.release(sink: sink, isSound: isSound)
    }

    private func plan(_ ready: RowFlow.Ready, _ interrupt: Interrupt) throws -> Plan {
        for notice in ready.notices { extraction.say(.debug, notice) }
        for warning in ready.warnings { extraction.say(.warning, "\(task.name): \(warning)") }
        let planner = Planner(ready.flow, from: ready.sources, to: ready.to, interrupt: interrupt) { _ in nil }
        let plan = try planner.plan()
        if var fault = plan.fault(strict: false) {
            fault.hint =
                "Nothing of this table has been moved." + (Advice.controlCheck().map { " \($0) finds such faults before a run." } ?? "")
            throw fault
        }
        let warnings = plan.tables.flatMap { $0.findings.filter { $0.severity == .warning }.map { (task.name, $0) } }
        for remark in Plan.remarks(warnings) { extraction.say(.warning, remark.text) }
        return plan
    }

    /// A run that was done when its worker died, before it could say so.
    private func recorded(_ run: String) throws -> Done {
        var done = Done()
        for table in try patientLedger.tables(run: run) {
            done.tally = done.tally + table.tally
            done.before += table.before
            done.data += table.data
            done.after += table.after
        }
        return done
    }
}

extension Extraction {
    func sleepBriefly() { usleep(200_000) }
}
