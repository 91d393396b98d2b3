import ApusCore
import Synchronization
import Tabular

/// Runs a plan: the heart of the engine.
///
/// As many channels as the limits allow take work from the ``Schedule``: prepare a table, load a slice, finish a
/// table. Everything that happens is told to the ``EventStream``; the target's marks and the ledger make that a later
/// run with the same id goes on where this one ended, whatever ended it.
public final class Runner: Sendable {
    let plan: Plan
    let runID: String
    /// By position as in ``Plan/sources``.
    let sources: [Connections]
    let to: Connections
    let ledger: any Ledger
    let events: EventStream
    let interrupt: Interrupt
    let isResumed: Bool
    /// Tables of a resumed run that were only now planned: nothing was ever done for them.
    let fresh: Set<Int>
    /// Tables that this run may not load, beside those that the plan says.
    let refused: [Int: ApusError]
    /// Set for one worker of many that share a plan: it loads this slice only.
    let share: Share?
    /// Set with ``share``.
    let claims: Claims?
    let open: OpenConnections?
    /// Shared with other runs of the process; nil = this run has its plan's limits for itself.
    let budget: Budget?
    let tables: [TableRun]
    let schedule: Schedule
    let limit: RateLimit
    let backoff = Backoff()
    let rejectedRows = Mutex(0)
    /// What was said of how sources are read: each once.
    let remarks = Mutex<Set<String>>([])
    /// Channels that can still read.
    private let readers = Mutex(0)
    /// The runs' control connections to the target, one for each table under way: it holds the table's lock.
    let control: ControlSessions

    /// - parameter ledger: has a record of this run already (``Ledger/begin(_:)``).
    public init(
        _ plan: Plan, runID: String, from sources: [Connections], to: Connections, ledger: any Ledger,
        listeners: [any Listener], interrupt: Interrupt, isResumed: Bool = false, fresh: Set<Int> = [],
        refused: [Int: ApusError] = [:], share: Share? = nil, open: OpenConnections? = nil, budget: Budget? = nil
    ) {
        self.fresh = fresh
        self.refused = refused
        self.open = open
        self.budget = budget
        self.share = share
        self.plan = plan
        self.runID = runID
        self.sources = sources
        self.to = to
        self.ledger = ledger
        self.interrupt = interrupt
        self.isResumed = isResumed
        let events = EventStream(runID: runID, listeners: listeners)
        self.events = events
        claims = share.flatMap { share in
            (ledger as? any SharedLedger).map {
                Claims($0, runID: runID, lease: share.lease, interrupt: interrupt) { events.send(.message(.info, $0)) }
            }
        }
        tables = plan.tables.enumerated().map { TableRun(index: $0, planned: $1, runID: runID, keepsMarks: budget != nil) }
        schedule = Schedule(
            tables: tables.count, interrupt: interrupt, waits: plan.tables.map { $0.waitsFor ?? [] },
            emptied: plan.tables.indices.map { index in
                // Rows that refer to others go first.
                plan.tables.indices.filter {
                    plan.tables[$0].load.mode == .truncate && (plan.tables[$0].waitsFor ?? []).contains(index)
                }
            })
        limit =
            budget?.limit ?? RateLimit(rowsPerSecond: plan.limits.rowsPerSecond, bytesPerSecond: plan.limits.bytesPerSecond)
        control = ControlSessions(to, interrupt)
        if let share { for table in tables where table.index != share.table { schedule.ended(table.index) } }
    }

    /// Connections to each side at a time.
    public var channels: Int {
        let slices = share == nil ? plan.tables.reduce(0) { $0 + max(1, $1.slices.count) } : 1
        return max(1, min(plan.limits.channels, to.connector.abilities.writers, slices))
    }

    /// Octets of one batch: the memory limit shared out over all batches of all channels.
    var batchBytes: Int {
        guard let memory = plan.limits.memory else { return Batch.defaultBytes }
        return min(Batch.defaultBytes, max(16 << 10, memory / (channels * (Channel.depth + 2))))
    }

    /// Runs to the end. Never throws: what went wrong is in the result.
    public func run() -> RunResult {
        let start = Clock.monotonic()
        events.send(
            .runStarted(
                .init(
                    name: plan.name, from: sources[0].endpoint.label, to: to.endpoint.label, tables: tables.count,
                    channels: channels, resumed: isResumed, zone: plan.zone)))
        var fault: ApusError?
        var isWhole = false
        if let sink = open?.takeSink() { control.add(sink) }
        do {
            try createSchemas()
            if let share {
                try run(share)
            } else {
                if !isResumed { try runStatements(plan.before, "before") }
                try loadTables()
                if tables.allSatisfy({ $0.status == .done }) {
                    try end()
                    isWhole = true
                } else {
                    warnOfMissingForeignKeys()
                }
            }
        } catch {
            fault = ApusError(wrapping: error)
        }
        stopTables()
        claims?.close()
        control.close()
        open?.close()
        if let lost = claims?.lost { fault = lost }
        let results = (share.map { [tables[$0.table]] } ?? tables).map(\.result)
        let status: RunResult.Status
        if isWhole, fault == nil {
            status = .done
        } else if interrupt.isFired, claims?.lost == nil {
            status = .stopped
        } else {
            status = fault == nil && results.allSatisfy { $0.status == .done } ? .done : .failed
        }
        let result = RunResult(
            status: status, tables: results, seconds: Clock.monotonic() - start,
            error: status == .stopped ? nil : fault)
        events.send(.runFinished(result))
        return result
    }

    /// Tables that were under way when the work ended: an interrupt leaves slices that wait for their next attempt, or a
    /// table that was about to be finished.
    private func stopTables() {
        for table in tables where table.isOpen {
            if table.status == .running { table.fail(stopped) }
            table.state.withLock { $0.endedAt = Clock.monotonic() }
            control.release(table: table.index, isSound: false)
            events.send(.tableFinished(table: table.index, table.result))
        }
    }

    var stopped: ApusError { ApusError(.cancelled, "stopped at a checkpoint", hint: "\(Advice.resume(runID)) goes on.") }

    /// Before anything else: connections may name one of them.
    private func createSchemas() throws {
        guard let schemas = plan.schemas else { return }
        let sink = try to.sink(interrupt.child())
        var isSound = false
        defer { to.release(sink: sink, isSound: isSound) }
        let made = try schemas.filter { try sink.createSchema($0) }
        isSound = true
        if made.isEmpty { return }
        events.send(.message(.info, "made the \(to.connector.abilities.schemaWord) \(made.joined(separator: ", "))"))
    }

    /// What comes after the last table.
    func end() throws {
        try checkForeignKeys()
        try addForeignKeys()
        try runStatements(plan.after, "after")
    }

    func loadTables() throws {
        failFaultyTables()
        let count = channels
        // One snapshot of each source, shared by all channels.
        var snapshots: [[any Source]] = []
        if plan.consistentSnapshot {
            snapshots = try sources.map {
                try $0.connector.openSnapshot($0.endpoint, count: count, interrupt: interrupt)
            }
        }
        let zone = try plan.zone?.rules() ?? .utc
        readers.withLock { $0 = count }
        let lanes = (0..<count).map { number in
            let channel = Channel(
                from: sources, to: to, interrupt: interrupt, limit: limit, batchBytes: batchBytes, zone: zone,
                snapshot: snapshots.map { $0[number] }, open: number == 0 ? open?.takeSource() : nil)
            return Lane { [self] in work(on: channel) }
        }
        for lane in lanes { lane.join() }
    }

    private func work(on channel: Channel) {
        while !isSpare(channel), let work = schedule.next() {
            let ends = budget.map { _ in self.ends(of: work) } ?? []
            if let budget, !budget.enter(ends, interrupt) { break }
            switch work {
            case .prepare(let table): prepare(tables[table])
            case .load(let table, let slice, let attempt): load(slice, of: tables[table], attempt, on: channel)
            case .finish(let table): finish(tables[table])
            }
            guard let budget else { continue }
            // Other runs may need the connections more.
            channel.giveUp(isSound: true)
            budget.leave(ends)
        }
        channel.giveUp(isSound: true)
    }

    /// A channel whose snapshot is lost leaves the work to the others. The last one stays, to say why nothing can be read.
    private func isSpare(_ channel: Channel) -> Bool {
        guard channel.isSpent else { return false }
        return readers.withLock { count in
            if count > 1 { count -= 1 } else { return false }
            return true
        }
    }

    private func ends(of work: Schedule.Work) -> [Connections] {
        guard case .load(let table, let slice, _) = work else { return [to] }
        return [sources[plan.tables[table].reads[slice.read].source], to]
    }

    func runStatements(_ statements: [String], _ when: String) throws {
        guard !statements.isEmpty else { return }
        let session = try to.sql(interrupt.child())
        defer { session.close() }
        try run(statements, on: session, when)
    }

    func run(_ statements: [String], on session: any SQLSession, _ when: String) throws {
        for statement in statements {
            let start = Clock.monotonic()
            let shown = Masking.mask(statement: statement)
            guard !Masking.isStripped(statement) else {
                throw ApusError(
                    .configurationInvalid, "the `\(when)` statement is not run: its password was not kept, ••• stands in its place",
                    hint: "Run the flow itself again.", context: String(shown.prefix(120)))
            }
            do { try session.execute(statement) } catch let error as ApusError {
                // Of a statement with a password nothing of what the server quotes is shown. Its words come with the statement.
                throw ApusError(
                    error.code,
                    "the `\(when)` statement failed"
                        + (error.underlying == nil ? ": \(Masking.mask(error.message, about: statement))" : ""),
                    hint: error.hint, context: error.underlying == nil ? String(shown.prefix(120)) : nil,
                    underlying: error.underlying.map { Masking.mask($0, about: statement) })
            }
            let seconds = (Clock.monotonic() - start).formattedSeconds
            events.send(.message(.info, "\(when): \(shown.prefix(120)) (\(seconds))"))
        }
    }

    /// Foreign keys that were put off until all tables are there.
    private func checkForeignKeys() throws {
        let wanted = tables.filter { $0.load.replacedWith != nil || $0.load.defersForeignKeys == true }
        guard !wanted.isEmpty else { return }
        let sink = try to.sink(interrupt.child())
        var isSound = false
        defer { to.release(sink: sink, isSound: isSound) }
        for table in wanted { try sink.checkForeignKeys(table.load) }
        isSound = true
    }

    private var withForeignKeys: [TableRun] { tables.filter { $0.load.withForeignKeys && !$0.load.shape.foreignKeys.isEmpty } }

    /// Tables that are done although others failed stand there without their foreign keys.
    private func warnOfMissingForeignKeys() {
        guard let dialect = to.connector.dialect else { return }
        let names = withForeignKeys.filter { table in
            table.status == .done && (!table.load.exists || table.load.create == .recreate)
                && !dialect.createForeignKeys(table.load.shape, on: table.load.target).isEmpty
        }.map(\.load.target.description)
        guard !names.isEmpty else { return }
        events.send(
            .message(
                .warning,
                "foreign keys of \(names.joined(separator: ", ")) are not made yet: they follow when all tables are done (\(Advice.resume(runID)))"
            ))
    }

    /// Foreign keys of tables that this run made, once all tables are there.
    private func addForeignKeys() throws {
        guard let dialect = to.connector.dialect else { return }
        let wanted = withForeignKeys
        guard !wanted.isEmpty else { return }
        let session = try to.sql(interrupt.child())
        defer { session.close() }
        for table in wanted {
            let present = Set(try session.describe(table.load.target).foreignKeys.map(\.columns))
            var shape = table.load.shape
            shape.foreignKeys.removeAll { present.contains($0.columns) }
            try run(dialect.createForeignKeys(shape, on: table.load.target), on: session, "foreign keys")
        }
    }
}

extension Double {
    /// `0.5 %`, at most three digits behind the point.
    var formattedPercent: String {
        let rounded = (self * 1000).rounded() / 1000
        return rounded == rounded.rounded() ? "\(Int(rounded)) %" : "\(rounded) %"
    }

    /// `0.42 s`.
    var formattedSeconds: String {
        let hundredths = Int((self * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) s"
    }
}
