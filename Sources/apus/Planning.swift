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

    /// The findings that do not forbid the run, told before it begins.
    static func tell(_ plan: Plan, _ log: ListenerChoice.Log) {
        for remark in plan.remarks { log.say(remark.severity == .warning ? .warning : .info, remark.text) }
    }
}
