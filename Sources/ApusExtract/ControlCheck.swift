import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import Tabular

/// Looks at every row of a config table as a run would, against both databases, and moves nothing.
public struct ControlCheck {
    public struct Finding: Sendable {
        public var row: ControlRow
        public var isFault: Bool
        public var message: String
        public var hint: String?
    }

    private let wish: ExtractWish
    private let resolver: ConnectionResolver
    private let interrupt: Interrupt

    public init(_ wish: ExtractWish, resolver: ConnectionResolver, interrupt: Interrupt) {
        self.wish = wish
        self.resolver = resolver
        self.interrupt = interrupt
    }

    /// All faults of all rows of the agenda.
    /// - throws: `run.cancelled` only.
    public func findings(_ agenda: Agenda, _ zone: DayZone) throws -> [Finding] {
        let pool = SessionPool(interrupt)
        defer { pool.close() }
        var agenda = agenda
        agenda.place(RowFlow(resolver: resolver, wish: wish, pool: pool, interrupt: interrupt).targetKey)
        var findings: [Finding] = []
        for task in agenda.tasks {
            try interrupt.check()
            func note(_ isFault: Bool, _ message: String, _ hint: String? = nil) {
                findings.append(Finding(row: task.row, isFault: isFault, message: message, hint: hint))
            }
            do {
                if let fault = task.fault { throw fault }
                let flow = RowFlow(resolver: resolver, wish: wish, pool: pool, interrupt: interrupt)
                let ready = try flow.ready(task, task.windows[0], zone)
                for warning in ready.warnings + ready.differences { note(false, warning) }
                let plan = try Planner(ready.flow, from: ready.sources, to: ready.to, interrupt: interrupt) { _ in nil }.plan()
                for finding in plan.findings ?? [] { note(finding.severity == .error, finding.message, finding.hint) }
                for table in plan.tables {
                    if task.row.increment == .condition, table.load.mode == .append {
                        note(
                            false,
                            "\(table.load.target) has no key: rows are added, and a row that the condition lets through twice is there twice",
                            "Give the target a primary key, so that rows change by it, or run with --increment replace where the target is to hold the increment alone."
                        )
                    }
                    for finding in table.findings where finding.severity != .note {
                        note(finding.severity == .error, (finding.column.map { "\($0): " } ?? "") + finding.message, finding.hint)
                    }
                }
            } catch let error as ApusError {
                if error.code == .cancelled { throw error }
                note(
                    true, (error.context.map { "\($0): " } ?? "") + error.message + (error.underlying.map { " (\($0))" } ?? ""), error.hint)
            }
        }
        return findings
    }
}
