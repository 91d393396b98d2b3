import ApusControl
import ApusCore
import ApusEngine
import ApusTesting
import Foundation
import SQLiteConnector
import Synchronization
import Tabular
import Testing

/// Plans and runs copies as the program does, without a command line.
struct Pipeline: Sendable {
    /// The sources; the first is the flow's `from`.
    var sources: [Connections]
    var to: Connections
    var flow: Flow
    var ledger: any Ledger
    var listeners: [any Listener] = []
    var watermarkStart: String?
    private let ledgerFolder: TemporaryFolder
    /// Kept as long as the pipeline may run.
    private var places: [Place] = []

    init(_ from: (any Connector, String), _ to: (any Connector, String)) throws {
        func open(_ end: (any Connector, String)) throws -> (Connections, Flow.Connection) {
            let endpoint = try Endpoint(ConnectionURL(parsing: end.1), end.0)
            return (Connections(end.0, endpoint), Flow.Connection(endpoint, reference: endpoint.label))
        }
        let source = try open(from), target = try open(to)
        sources = [source.0]
        self.to = target.0
        flow = Flow(from: source.1, to: target.1)
        ledgerFolder = try TemporaryFolder(prefix: "apus-ledger")
        ledger = try SQLLedger(file: ledgerFolder.file("l.db"), connector: SQLiteConnector())
    }

    init(_ from: Place, _ to: Place) throws { try self.init(from, nil, to) }

    init(_ from: Place, _ fromURL: String?, _ to: Place, _ toURL: String? = nil) throws {
        try self.init((from.system.connector, fromURL ?? from.url()), (to.system.connector, toURL ?? to.url()))
        places = [from, to]
    }

    /// One more source; its position.
    mutating func add(_ place: Place) throws -> Int {
        let endpoint = try Endpoint(ConnectionURL(parsing: place.url()), place.system.connector)
        sources.append(Connections(place.system.connector, endpoint))
        flow.others.append(Flow.Connection(endpoint, reference: endpoint.label))
        places.append(place)
        return flow.others.count
    }

    mutating func take(_ pattern: String, _ change: (inout TableWish) -> Void = { _ in }) {
        var wish = TableWish(.pattern(pattern))
        change(&wish)
        flow.tables.append(wish)
    }

    mutating func take(query: String, as name: String, _ change: (inout TableWish) -> Void = { _ in }) {
        var wish = TableWish(.query(query, as: name))
        change(&wish)
        flow.tables.append(wish)
    }

    func plan() throws -> Plan {
        let planner = Planner(flow, from: sources, to: to, interrupt: Interrupt()) { try ledger.watermark(flow: $0) }
        planner.start = watermarkStart
        return try planner.plan()
    }

    /// Plans and runs; a plan with faults is thrown.
    @discardableResult
    func run(id: String = RunID.make(), interrupt: Interrupt = Interrupt()) throws -> RunResult {
        let plan = try plan()
        if let fault = plan.fault(strict: flow.strict) { throw fault }
        return try run(plan, id: id, interrupt: interrupt)
    }

    func run(_ plan: Plan, id: String, resumed: Bool = false, interrupt: Interrupt = Interrupt()) throws -> RunResult {
        let now = Clock.wall()
        if !resumed {
            try ledger.begin(
                RunRecord(
                    id: id, name: nil, from: plan.from.reference, to: plan.to.reference, plan: "{}", status: .running,
                    startedAt: now, beatAt: now, host: "test", pid: 1))
        }
        let record = LedgerListener(ledger, runID: id, plan: plan)
        return Runner(
            plan, runID: id, from: sources, to: to, ledger: ledger, listeners: [record] + listeners, interrupt: interrupt,
            isResumed: resumed
        ).run()
    }

    /// Runs to a good end or records why not.
    @discardableResult
    func succeed(id: String = RunID.make(), sourceLocation: SourceLocation = #_sourceLocation) throws -> RunResult {
        let result = try run(id: id)
        for table in result.tables { #expect(table.error == nil, sourceLocation: sourceLocation) }
        #expect(result.error == nil && result.status == .done, sourceLocation: sourceLocation)
        #expect(result.tally.balances, sourceLocation: sourceLocation)
        return result
    }
}

/// Keeps every event of a run.
final class Ear: Listener {
    private let heard = Mutex<[Event]>([])
    /// Called with each event, on an engine thread.
    private let then: @Sendable (Event) -> Void
    init(_ then: @escaping @Sendable (Event) -> Void = { _ in }) { self.then = then }

    func hear(_ event: Event) {
        heard.withLock { $0.append(event) }
        then(event)
    }

    var events: [Event.Kind] { heard.withLock { $0.map(\.kind) } }

    var retries: Int { events.count { if case .sliceRetried = $0 { true } else { false } } }
    var splits: Int { events.count { if case .sliceSplit = $0 { true } else { false } } }
    /// Rows of each finished slice, table by table in one list.
    var sliceRows: [Int] {
        events.compactMap { if case .sliceFinished(_, _, let tally) = $0 { tally.read } else { nil } }
    }
}

/// The error that the body throws, as one of ours.
func fault(_ body: () throws -> Void) -> ApusError? {
    do { try body() } catch { return error as? ApusError }
    return nil
}
