import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import Synchronization
import Tabular

/// Runs an agenda: every task under a lease, as a run of the engine with a plan of its own, several at a time under one
/// budget. What becomes of each is written to the control tables.
///
/// The failure of one task is no other's matter. A task counts as finished only when the engine has checked that every
/// row that was read is written, rejected or filtered.
public final class Extraction: Sendable {
    let wish: ExtractWish
    let control: ControlDatabase
    let ledger: SQLLedger
    let resolver: ConnectionResolver
    let interrupt: Interrupt
    let say: @Sendable (Event.Level, String) -> Void
    public let runID = RunID.make()
    let pool: SessionPool
    let shapes = ShapeCache()
    let budget: Budget
    let stream: EventStream
    private let beats: ControlDatabase
    let results = Mutex<[Int: TableResult]>([:])
    /// Runs of rows whose last run failed, by the lease's key, as it was at the beginning.
    let failedRuns = Mutex<[String: String]>([:])
    /// A load of each target's schema, by which its table of marks is cleared away at the end.
    let loads = Mutex<[String: (to: Connections, load: Load)]>([:])

    /// - parameter control: for claims and results; `beats` is a second connection to the same database, for signs of life.
    /// - parameter ledger: where plans and slices are remembered, which every worker must reach.
    public init(
        _ wish: ExtractWish, control: ControlDatabase, beats: ControlDatabase, ledger: SQLLedger, resolver: ConnectionResolver,
        listeners: [any Listener], interrupt: Interrupt, say: @escaping @Sendable (Event.Level, String) -> Void
    ) {
        self.wish = wish
        self.control = control
        self.beats = beats
        self.ledger = ledger
        self.resolver = resolver
        self.interrupt = interrupt
        self.say = say
        pool = SessionPool(interrupt)
        budget = Budget(
            channels: wish.parallel, perEnd: wish.perEnd, rowsPerSecond: wish.rowsPerSecond, bytesPerSecond: wish.bytesPerSecond)
        stream = EventStream(runID: runID, listeners: listeners)
    }

    /// What is to be done, by the control tables and the control database's clock.
    public func agenda() throws -> (agenda: Agenda, zone: DayZone) {
        let clock = try control.now()
        let zone = try DayZone(wish.zone, now: clock.micros / 1_000_000, offset: clock.offset, own: control.zone())
        var agenda = try Agenda(
            wish, rows: control.rows(of: wish.configTable), jobs: control.jobs(), unfinished: control.unfinished(), today: zone.today)
        agenda.place(rowFlow(interrupt).targetKey)
        return (agenda, zone)
    }

    /// Runs to the end. Never throws but before the first table: what went wrong is in the result.
    public func run(_ agenda: Agenda, _ zone: DayZone) throws -> RunResult {
        let start = Clock.monotonic()
        // Longer than a lease nothing may hang: the table is another's by then.
        let silence = Double(max(3, min(30, wish.leaseSeconds)))
        for database in [control, beats] { database.watch(silence) }
        ledger.watch(silence)
        let worker = try control.enroll(runID, task: wish.task, leaseSeconds: wish.leaseSeconds)
        let failed = try control.failedRuns()
        failedRuns.withLock { $0 = failed }
        let pulse = Pulse(beats, worker, leaseSeconds: wish.leaseSeconds, say: say)
        pulse.start()
        let tasks = agenda.tasks
        rowFlow(interrupt).expect(tasks)
        let threads = max(1, min(wish.parallel, tasks.count))
        stream.send(
            .runStarted(
                .init(
                    name: wish.configTable, from: control.label, to: "", tables: tasks.count, channels: threads, resumed: false,
                    zone: RunZone(zone.zone.name, zone.isStated ? .stated : .control))))
        let queue = TaskQueue(tasks, hasBarriers: wish.hasBarriers, interrupt: interrupt)
        let lanes = (0..<threads).map { _ in
            Lane { [self] in
                while let number = queue.next() {
                    let run = TaskRun(self, tasks[number], number, worker, pulse, zone)
                    switch run.run() {
                    case .held: queue.hold(number)
                    case .ended(let result):
                        results.withLock { $0[number] = result }
                        stream.send(.tableFinished(table: number, result))
                        queue.ended(number)
                    }
                }
            }
        }
        for lane in lanes { lane.join() }
        let fault = settle(pulse)
        clearMarks()
        pulse.stop()
        pool.close()
        try? control.leave(worker)
        let known = results.withLock { $0 }
        let tables = tasks.indices.map { number in
            known[number]
                ?? TableResult(
                    name: tasks[number].name, target: tasks[number].row.targetTable, status: .notStarted,
                    error: ApusError(.cancelled, "not started", hint: "The same command goes on."))
        }
        let isGood = fault == nil && tables.allSatisfy { $0.status == .done }
        let result = RunResult(
            status: interrupt.isFired ? .stopped : isGood ? .done : .failed, tables: tables, seconds: Clock.monotonic() - start,
            error: fault)
        stream.send(.runFinished(result))
        return result
    }

    func rowFlow(_ interrupt: Interrupt) -> RowFlow {
        RowFlow(resolver: resolver, wish: wish, pool: pool, interrupt: interrupt, shapes: shapes)
    }

    /// Removes the tables of marks that nobody needs any more.
    private func clearMarks() {
        for (to, load) in loads.withLock({ Array($0.values) }) {
            guard let sink = try? to.sink(interrupt.child()) else { continue }
            let isDone: ()? = try? sink.forget(load)
            to.release(sink: sink, isSound: isDone != nil)
        }
    }

    /// Waits for a control database that has gone away, as long as results are not written.
    private func settle(_ pulse: Pulse) -> ApusError? {
        let end = Clock.monotonic() + wish.patience
        var toldAt = Clock.monotonic()
        while pulse.waiting > 0, Clock.monotonic() < end, !interrupt.isFired {
            pulse.drain()
            if pulse.waiting == 0 { break }
            if Clock.monotonic() - toldAt >= 10 {
                toldAt = Clock.monotonic()
                say(.warning, "waiting for the control database, to write what became of \(pulse.waiting) tables")
            }
            sleepBriefly()
        }
        guard pulse.waiting > 0 else { return pulse.fault }
        return ApusError(
            .unreachable, "the control database did not come back: what became of \(pulse.waiting) tables is not written",
            hint: "Their rows are in the target. The same command, once the database is back, finds that and writes it down.",
            context: control.label)
    }
}
