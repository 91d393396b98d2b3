import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import ApusListen
import ArgumentParser
import Glibc
import Tabular

/// Runs a plan from the command line: ledger, listeners, engine, closing table, exit code.
struct Launcher {
    let plan: Plan
    /// By position as in ``Plan/sources``.
    let from: [Connections]
    let to: Connections
    let output: Output
    let ledgerPlace: String?
    let summaryFile: String?

    /// What `resume` needs to open the connections again, when passwords were written on the command line.
    var secrets: RunSecrets?
    /// Tables of a resumed run that were only now planned.
    var fresh: Set<Int> = []
    /// Connections that the planner left open.
    var open: OpenConnections?

    /// - throws: always ``ExitStatus`` in the end, or an ``ApusError`` from before the run.
    func launch(runID: String = RunID.make(), resumed: Bool = false, share: Runner.Share? = nil) throws -> Never {
        let ledger = try LedgerPlace(ledgerPlace).open()
        defer { ledger.close() }
        let result = try run(runID: runID, resumed: resumed, share: share, ledger: ledger, log: output.open(plan: plan))
        throw ExitStatus(number: Self.exitCode(result))
    }

    /// Runs and prints the closing table.
    func run(
        runID: String, resumed: Bool, share: Runner.Share? = nil, ledger: any Ledger, log: ListenerChoice.Log
    ) throws -> RunResult {
        let refused = try InterruptedLoads.check(plan, to: to.endpoint.label, runID: runID, ledger: ledger)
        let summary = try summaryFile.map { try SummaryFile(path: $0) }
        try secrets?.keep(for: runID)
        let kept = plan.masked
        if kept != plan { try RunSecrets.keep(plan, for: runID) }
        let now = Clock.wall()
        // Workers of one plan join the run that the first of them began.
        let isJoined = try share != nil && (ledger as? any SharedLedger)?.join(run: runID) == true
        if !isJoined {
            try ledger.begin(
                RunRecord(
                    id: runID, name: plan.name, from: from[0].endpoint.label, to: to.endpoint.label,
                    plan: String(decoding: try PlanFile.encode(kept), as: UTF8.self), status: .running, startedAt: now, beatAt: now,
                    host: RunRecord.hostName, pid: Int(getpid())))
        }
        let record = LedgerListener(ledger, runID: runID, plan: plan, isShare: share != nil) { error in
            log.fail(
                ApusError(error.code, "the run stops, because what it does can no longer be remembered: \(error.message)", hint: error.hint)
            )
            Program.interrupt.fire()
        }
        let listeners: [any Listener] = [record] + log.listeners + (summary.map { [$0] } ?? [])
        let runner = Runner(
            plan, runID: runID, from: from, to: to, ledger: ledger, listeners: listeners,
            interrupt: Program.interrupt, isResumed: resumed, fresh: fresh, refused: refused, share: share, open: open)
        let result = runner.run()
        if result.status == .done { RunSecrets.forget(runID) }
        if !writesToStandardOutput { Output.product(ClosingTable.text(result, runID: runID)) }
        if let error = summary?.error { throw error }
        return result
    }

    /// A copy to `csv:-` puts its rows there.
    private var writesToStandardOutput: Bool { to.endpoint.path == "-" }

    static func exitCode(_ result: RunResult) -> Int32 {
        switch result.status {
        case .done: return ExitCode.done
        case .stopped: return StopSignals.signal == nil ? ExitCode.failed : StopSignals.exitCode
        case .failed:
            let errors = result.tables.compactMap(\.error) + (result.error.map { [$0] } ?? [])
            let nothingMoved = result.tally.written == 0
            return nothingMoved && errors.allSatisfy { $0.code == .unreachable } ? ExitCode.unreachable : ExitCode.failed
        }
    }
}

extension RunID {
    /// The id of the run that all workers of one plan and job share, made of the plan's hash. Without a job, a plan is
    /// one run for ever.
    static func shared(by hash: String, job: String?) -> String {
        let digits = Array(job.map { PlanFile.digest("\(hash)\n\($0)") } ?? String(hash.drop { $0 != ":" }.dropFirst()))
        let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return parts.map { String(digits[$0]) }.joined(separator: "-")
    }
}
