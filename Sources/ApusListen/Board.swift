import ApusCore
import Tabular

/// What the displays show: events folded into a row per table and a total.
///
/// A value without a clock of its own: time comes with the events and with the questions. Progress counts rows that
/// the source gave, as events do; a finished slice counts what it really held instead of what was expected.
public struct Board: Sendable {
    public enum Status: String, Sendable { case waiting, running, done, failed, stopped }

    /// A table's state, in plan order.
    public internal(set) var tables: [Table] = []
    public internal(set) var start: Event.RunStart?
    public internal(set) var runID: String?
    public internal(set) var startedAt: Double?
    public internal(set) var result: RunResult?
    private var window = RateWindow()
    /// The largest share that was ever shown.
    private var shown = 0.0
    /// Position in `tables` by the plan's number of the table.
    private var positions: [Int: Int] = [:]

    /// With a plan, tables that have not begun weigh in the total's percent by their slices' estimates.
    public init(plan: Plan? = nil) {
        for (number, table) in (plan?.tables ?? []).enumerated() {
            let counts = table.slices.map(\.rows)
            let known = counts.compactMap { $0 }
            var entry = Table(number: number, name: table.name, target: table.load.target.description)
            entry.slices = table.slices.count
            entry.expected = known.isEmpty ? table.load.shape.rows : known.reduce(0, +)
            for slice in table.slices { entry.expectedOfSlice[slice.id] = slice.rows }
            positions[number] = tables.count
            tables.append(entry)
        }
    }

    public var running: [Table] { tables.filter { $0.status == .running } }
    public var finished: Int { tables.count { [.done, .failed, .stopped].contains($0.status) } }
    public var failed: Int { tables.count { $0.status == .failed } }
    public var tableCount: Int { max(start?.tables ?? 0, tables.count) }
    public var channels: Int { tables.reduce(0) { $0 + $1.channels } }
    public var rows: Int { tables.reduce(0) { $0 + $1.rows } }
    public var bytes: Int { tables.reduce(0) { $0 + $1.bytes } }
    public var rejected: Int { tables.reduce(0) { $0 + $1.rejected } }
    public var retries: Int { tables.reduce(0) { $0 + $1.retries } }

    /// The share of the work that is done, 0…1, or nil when nobody knows. It never falls, and is 1 only at the end.
    public var fraction: Double? {
        if result?.status == .done { return 1 }
        let share = estimate
        return share.map { min(max($0, shown), 0.999) }
    }

    public func rate(at now: Double) -> (rows: Double, bytes: Double) { window.rate(at: now) }

    public func elapsed(at now: Double) -> Double { result?.seconds ?? startedAt.map { max(0, now - $0) } ?? 0 }

    /// Seconds until the end at the pace of the last quarter minute; nil when it cannot be told.
    public func rest(at now: Double) -> Double? {
        guard result == nil, let share = estimate else { return nil }
        return Self.rest(moved: rows, share: share, pace: window.rate(at: now, window: RateWindow.long).rows)
    }

    static func rest(moved: Int, share: Double, pace: Double) -> Double? {
        guard pace > 0, share > 0.0005, moved > 0 else { return nil }
        let whole = Double(moved) / share
        return max(0, (whole - Double(moved)) / pace)
    }

    /// By rows where all tables tell theirs, else every table weighs the same.
    private var estimate: Double? {
        guard tableCount > 0, !tables.isEmpty else { return nil }
        let open = tables.filter { $0.isOpen }
        if open.allSatisfy({ $0.expectation != nil }), tables.count == tableCount {
            var whole = 0.0, done = 0.0
            for table in tables {
                let weight = Double(table.isOpen ? max(table.expectation ?? 0, table.rows) : table.rows)
                whole += weight
                done += weight * (table.isOpen ? table.estimate ?? 0 : 1)
            }
            return whole > 0 ? done / whole : (open.isEmpty ? 1 : 0)
        }
        let shares = tables.map { $0.isOpen ? $0.estimate ?? 0 : 1 }
        guard tableCount > 1 || tables[0].estimate != nil else { return nil }
        return shares.reduce(0, +) / Double(tableCount)
    }

    public mutating func hear(_ event: Event) {
        let time = event.time
        switch event.kind {
        case .runStarted(let start):
            self.start = start
            runID = event.runID
            startedAt = time
            window.start(at: time)
        case .message: break
        case .tableStarted(let table, let name, let target, let slices, let doneSlices, let rows):
            change(table) { $0.begin(name, target, slices: slices, done: doneSlices, rows: rows, at: time) }
        case .sliceStarted(let table, let slice, let attempt):
            change(table) { $0.start(slice: slice, attempt: attempt, at: time) }
        case .progress(let table, let slice, let rows, let bytes, _, _):
            window.add(rows: rows, bytes: bytes, at: time)
            change(table) { $0.move(slice, rows: rows, bytes: bytes, at: time) }
        case .sliceFinished(let table, let slice, let tally):
            change(table) { $0.finish(slice, tally) }
        case .sliceRetried(let table, let slice, _, _, _, _, _):
            change(table) { $0.retry(slice) }
        case .sliceSplit(let table, let slice, let parts):
            change(table) { $0.split(slice, into: parts) }
        case .rowsRejected(let table, let slice, let rows):
            change(table) { $0.reject(slice, rows.count) }
        case .tableFinished(let table, let result):
            change(table) { $0.end(result, at: time) }
        case .runFinished(let result):
            self.result = result
        }
        shown = max(shown, fraction ?? 0)
    }

    private mutating func change(_ number: Int, _ body: (inout Table) -> Void) {
        if positions[number] == nil {
            let place = tables.firstIndex { $0.number > number } ?? tables.count
            tables.insert(Table(number: number, name: "table \(number)", target: ""), at: place)
            for (index, table) in tables.enumerated() { positions[table.number] = index }
        }
        body(&tables[positions[number]!])
    }

    /// The table of that number in the plan.
    public func table(_ number: Int) -> Table? { positions[number].map { tables[$0] } }
}
