import ApusCore
import ApusControl
import ApusEngine
import Foundation
import GeneratorConnector
import SQLiteConnector
import Synchronization
import Tabular

/// Plans and runs a copy as the program does, without a command line.
struct Pipeline {
    var from: Connections
    var to: Connections
    var flow: Flow
    var ledger: any Ledger

    init(_ from: (any Connector, String), _ to: (any Connector, String), ledger path: String) throws {
        func open(_ end: (any Connector, String)) throws -> (Connections, Flow.Connection) {
            let endpoint = try Endpoint(ConnectionURL(parsing: end.1), end.0)
            return (Connections(end.0, endpoint), Flow.Connection(endpoint, reference: endpoint.label))
        }
        let source = try open(from), target = try open(to)
        self.from = source.0
        self.to = target.0
        flow = Flow(from: source.1, to: target.1)
        ledger = try SQLLedger(file: path, connector: SQLiteConnector())
    }

    mutating func take(_ pattern: String, _ change: (inout TableWish) -> Void = { _ in }) {
        var wish = TableWish(.pattern(pattern))
        change(&wish)
        flow.tables.append(wish)
    }

    func plan() throws -> Plan {
        try Planner(flow, from: from, to: to, interrupt: Interrupt()) { try ledger.watermark(flow: $0) }.plan()
    }

    /// Plans and runs; a plan with faults is thrown.
    @discardableResult
    func run(id: String = RunID.make(), interrupt: Interrupt = Interrupt()) throws -> RunResult {
        let plan = try plan()
        if let fault = plan.fault(strict: flow.strict) { throw fault }
        return try run(plan, id: id, interrupt: interrupt)
    }

    func run(_ plan: Plan, id: String, resumed: Bool = false, interrupt: Interrupt = Interrupt()) throws -> RunResult {
        let now = WallClock.now
        try ledger.begin(
            RunRecord(
                id: id, name: nil, from: plan.from.reference, to: plan.to.reference, plan: "{}", status: .running,
                startedAt: now, beatAt: now, host: "test", pid: 1))
        let record = LedgerListener(ledger, runID: id, plan: plan)
        return Runner(
            plan, runID: id, from: from, to: to, ledger: ledger, listeners: [record], interrupt: interrupt,
            isResumed: resumed
        ).run()
    }
}
