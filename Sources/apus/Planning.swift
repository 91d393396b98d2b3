import ApusControl
import ApusCore
import ApusEngine
import ApusListen

/// Makes the plan of a flow, with the watermarks that the ledger remembers, and says what happens while it takes long.
struct Planning {
    let flow: Flow
    let ends: Ends
    let only: [TablePattern]?
    /// Where incremental loads begin, in the place of what is remembered.
    var start: String?

    /// With `keepsConnections`, what was opened is left open for the run.
    func plan(
        ledger: any Ledger, log: ListenerChoice.Log, keepsConnections: Bool = false
    ) throws -> (plan: Plan, open: OpenConnections?) {
        let planner = Planner(flow, from: ends.sources, to: ends.to, interrupt: Program.interrupt) {
            try ledger.watermark(flow: $0)
        }
        planner.only = only
        planner.start = start
        planner.keepsConnections = keepsConnections
        let start = Clock.wall()
        var toldAt = start
        planner.onTable = { name, number, count in
            let now = Clock.wall()
            guard now - toldAt >= 1 else { return }
            toldAt = now
            log.say(.info, "planning table \(number + 1) of \(count): \(name)")
        }
        let plan = try planner.plan()
        plan.noteSecrets()
        for warning in planner.warnings { log.say(.warning, warning) }
        return (plan, planner.connections)
    }

    /// What forbids the run is thrown. Where it forbids some of the tables only, that is told, with the findings that forbid
    /// nothing: the others are loaded.
    static func admit(_ plan: Plan, _ log: ListenerChoice.Log) throws {
        if !plan.canRun, let fault = plan.fault(strict: false) { throw fault }
        tell(plan, log)
    }

    private static func tell(_ plan: Plan, _ log: ListenerChoice.Log) {
        if !plan.faultyTables.isEmpty { log.say(.warning, plan.faultyText) }
        for remark in plan.remarks { log.say(remark.severity == .warning ? .warning : .info, remark.text) }
    }
}
