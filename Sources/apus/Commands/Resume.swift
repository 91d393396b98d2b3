import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser

struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Goes on with a run that was stopped, killed or failed.",
        discussion: """
            What is in the target already is not loaded again; the result is that of an undisturbed run.

            EXAMPLES:
              apus resume                     the latest run that is not done
              apus resume 0193…
            """)

    @Argument(help: ArgumentHelp("The run's id or its beginning.", valueName: "run")) var id: String?
    @Flag(help: "Instead of going on, remove what the run left in the target (staging tables, marks).") var discard = false
    @Option(help: "Rejected rows before the run fails: a number or unlimited; as the run began, without it.") var badRows: String?
    @Flag(help: "Ask for passwords that connections leave out.") var askPassword = false
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var output: Output

    func run() throws {
        let log = output.open()
        let ledger = try LedgerPlace(runOptions.ledger).open()
        let record = try RunChoice(ledger).run(
            id, where: { $0.status != .done && !isAlive($0) }, what: "run that could be resumed")
        if record.status == .done {
            log.say(.info, "run \(record.id) is done; there is nothing to resume")
            return
        }
        if isAlive(record) {
            throw ApusError(
                .locked, "run \(record.id) is still running (process \(record.pid) on \(record.host))",
                hint: "Stop it first, or wait for it.")
        }
        var plan = try RunSecrets.plan(of: record.id) ?? PlanFile.decode(Array(record.plan.utf8), name: "the plan of run \(record.id)")
        if let badRows {
            plan.limits.badRows = try Self.limit(badRows)
            plan.limits.badPercent = nil
        }
        plan.noteSecrets()
        if !discard { try plan.checkStatements() }
        let ends = try Ends(plan: plan, runID: record.id, askPassword: askPassword)
        var fresh: Set<Int> = []
        if !discard {
            (plan, fresh) = try plan.completed(from: ends.sources, to: ends.to, interrupt: Program.interrupt) {
                try ledger.watermark(flow: $0)
            }
            if !fresh.isEmpty { log.say(.info, "planned again: \(fresh.sorted().map { plan.tables[$0].name }.joined(separator: ", "))") }
        }
        var launcher = Launcher(
            plan: plan, from: ends.sources, to: ends.to, output: output, ledgerPlace: runOptions.ledger,
            summaryFile: runOptions.summaryFile)
        launcher.fresh = fresh
        if discard {
            try discard(plan, record, ends, ledger, log)
            return
        }
        try launcher.launch(runID: record.id, resumed: true)
    }

    private static func limit(_ text: String) throws -> Int? {
        if text == "unlimited" { return nil }
        guard let number = Quantity.count(text) else {
            throw ApusError(.usage, "`--bad-rows \(text)` is not a number", hint: "Write a number such as 100, or unlimited.")
        }
        return number
    }

    private func isAlive(_ record: RunRecord) -> Bool { record.status == .running && !record.isInterrupted() }

    private func discard(
        _ plan: Plan, _ record: RunRecord, _ ends: Ends, _ ledger: any Ledger, _ log: ListenerChoice.Log
    ) throws {
        let sink = try ends.to.sink(Program.interrupt)
        defer { sink.close() }
        for (index, table) in plan.tables.enumerated() where table.pending == nil {
            var load = table.load
            load.runID = record.id
            load.table = index
            try sink.lock(load)
            defer { sink.unlock(load) }
            try sink.discard(load)
        }
        try ledger.finish(run: record.id, status: .failed, error: RunRecord.discarded)
        RunSecrets.forget(record.id)
        log.say(.info, "what run \(record.id) left in \(ends.to.endpoint.label) is removed")
    }
}
