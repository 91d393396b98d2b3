import ApusControl
import ApusCore
import ApusEngine
import ApusListen
import ArgumentParser
import Glibc
import Tabular

/// Runs a plan from the command line: ledger, listeners, engine, closing table, exit code.
struct Launcher {
    let plan: Plan
    let from: Connections
    let to: Connections
    let output: Output
    let ledgerPlace: String?
    let summaryFile: String?

    /// - throws: always ``ExitStatus`` in the end, or an ``ApusError`` from before the run.
    func launch(runID: String = RunID.make(), resumed: Bool = false) throws -> Never {
        let ledger = try LedgerPlace(ledgerPlace).open()
        let result = try run(runID: runID, resumed: resumed, ledger: ledger, log: output.open(plan: plan))
        throw ExitStatus(number: Self.exitCode(result))
    }

    /// Runs and prints the closing table.
    func run(runID: String, resumed: Bool, ledger: any Ledger, log: ListenerChoice.Log) throws -> RunResult {
        let now = WallClock.now
        try ledger.begin(
            RunRecord(
                id: runID, name: plan.name, from: from.endpoint.label, to: to.endpoint.label,
                plan: try PlanText.encode(plan), status: .running, startedAt: now, beatAt: now,
                host: RunRecord.hostName, pid: Int(getpid())))
        let record = LedgerListener(ledger)
        let runner = Runner(
            plan, runID: runID, from: from, to: to, ledger: ledger, listeners: [record] + log.listeners,
            interrupt: Program.interrupt, isResumed: resumed)
        let result = runner.run()
        if let error = record.failure { log.say(.warning, "the ledger misses parts of this run: \(error.message)") }
        if !writesToStandardOutput { Output.product(ClosingTable(result, runID: runID).text) }
        if let summaryFile { try SummaryFile.write(result, runID: runID, to: summaryFile) }
        return result
    }

    /// A copy to `csv:-` puts its rows there.
    private var writesToStandardOutput: Bool { to.endpoint.path == "-" }

    static func exitCode(_ result: RunResult) -> Int32 {
        switch result.status {
        case .done: return ExitCode.done
        case .stopped: return StopSignals.exitCode
        case .failed:
            let errors = result.tables.compactMap(\.error) + (result.error.map { [$0] } ?? [])
            let nothingMoved = result.tally.written == 0
            return nothingMoved && errors.allSatisfy { $0.code == .unreachable } ? ExitCode.unreachable : ExitCode.failed
        }
    }
}
