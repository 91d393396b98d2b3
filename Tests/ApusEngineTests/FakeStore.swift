import ApusCore
import Synchronization
import Tabular

/// A system in memory for engine tests: one table of whole numbers on the source side, a set of committed numbers on
/// the target side, and faults on demand.
///
/// Sendable, unchecked: all state is behind the mutex.
final class FakeStore: Connector, @unchecked Sendable {
    struct Fault {
        var error: ApusError
        /// Fails while this many times are left.
        var times: Int
        /// After so many rows of the slice.
        var afterRows: Int
    }

    struct State {
        var committed: [Int: [Int64]] = [:]
        var marks: [SliceMark] = []
        var readFaults: [Int: Fault] = [:]
        var writeFaults: [Int: Fault] = [:]
        var badValues: Set<Int64> = []
        /// Slices whose commit's answer is lost, once.
        var lostAnswers: Set<Int> = []
        var beforeCommit: (@Sendable (Int, SliceMark) -> Void)?
        /// The marks go, and then the answer is lost.
        var forgetFault: ApusError?
        var lockedBy: String?
        var finished = 0
        var forgotten = 0
        var discarded = 0
        var opened = 0
        /// Rows that the sink claims less than it has: a lying server.
        var missing = 0
        var mostAtOnce = 0
        var atOnce = 0
    }

    let rows: Int
    let state = Mutex(State())
    init(rows: Int) { self.rows = rows }

    var name: String { "fake" }
    var title: String { "Fake" }
    var schemes: [String] { ["fake"] }
    var settings: [Setting] { [] }
    var abilities: Abilities { Abilities() }
    var example: String { "fake:" }

    func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        state.withLock { $0.opened += 1 }
        return FakeSession(self, interrupt)
    }

    /// What is in the target, in order.
    var loaded: [Int64] { state.withLock { $0.committed.values.flatMap { $0 }.sorted() } }

    func plan(slices count: Int, limits: Flow.Limits = Flow.Limits()) -> Plan {
        let schema = Schema([Column("n", .int64, nullable: false)])
        let shape = TableShape(
            name: TableName("numbers"), origin: "fake", columns: [ColumnShape("n", .int64, native: "int64", nullable: false)])
        let slices = (0..<count).map { number in
            Slice(
                id: number, bounds: .range(from: ["\(rows * number / count)"], upTo: ["\(rows * (number + 1) / count)"]),
                rows: rows / count)
        }
        var read = Read(relation: .table(TableName("numbers")), items: [.init("n")], schema: schema)
        read.key = [Column("n", .int64, nullable: false)]
        let load = Load(
            runID: "", table: 0, shape: shape, exists: true, columns: ["n"], mode: .append, slices: slices.count)
        return Plan(
            name: nil, from: .init(connector: "fake", reference: "fake:"), to: .init(connector: "fake", reference: "fake:"),
            tables: [PlannedTable(name: "numbers", read: read, load: load, slices: slices)], limits: limits, before: [],
            after: [], consistentSnapshot: false)
    }

}

final class FakeSession: Source, Sink {
    let store: FakeStore
    let interrupt: Interrupt
    init(_ store: FakeStore, _ interrupt: Interrupt) {
        self.store = store
        self.interrupt = interrupt
    }

    var banner: String { "Fake 1.0" }
    func tables(schema: String?) throws -> [TableSummary] { [] }
    func describe(_ table: TableName) throws -> TableShape { throw ApusError(.notFound, "no table") }
    func close() {}

    func slices(of read: Read, wish: SliceWish) throws -> [Slice] { [] }
    func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]? {
        guard case .range(let from?, let upTo?) = slice.bounds, let a = Int(from[0]), let b = Int(upTo[0]), b - a > 10
        else { return nil }
        let middle = String((a + b) / 2)
        return [.range(from: from, upTo: [middle]), .range(from: [middle], upTo: upTo)]
    }

    func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader {
        guard case .range(let from?, let upTo?) = slice.bounds else { throw ApusError(.internalFault, "no range") }
        return FakeReader(self, slice.id, Int64(from[0])!, Int64(upTo[0])!)
    }

    func lock(_ load: Load) throws {
        let owner = store.state.withLock { $0.lockedBy }
        if let owner { throw ApusError(.locked, "run \(owner) is loading this table") }
    }
    func unlock(_ load: Load) {}
    func prepare(_ load: Load) throws {}
    func marks(_ load: Load) throws -> [SliceMark] { store.state.withLock { $0.marks } }
    func accepts(_ load: Load) throws -> Schema { load.shape.schema }
    func writer(_ load: Load) throws -> any Writer { FakeWriter(store) }
    func finish(_ load: Load) throws { store.state.withLock { $0.finished += 1 } }
    func forget(_ load: Load) throws {
        let fault = store.state.withLock { state in
            state.forgotten += 1
            if state.forgetFault != nil { state.marks = [] }
            return state.forgetFault
        }
        if let fault { throw fault }
    }
    func discard(_ load: Load) throws { store.state.withLock { $0.discarded += 1 } }
}

final class FakeReader: Reader {
    let session: FakeSession
    let slice: Int
    var next: Int64
    let end: Int64
    var rowsRead = 0
    var wire: WireFormat? { nil }

    init(_ session: FakeSession, _ slice: Int, _ from: Int64, _ end: Int64) {
        self.session = session
        self.slice = slice
        next = from
        self.end = end
    }

    func read(into batch: Batch) throws -> Bool {
        try session.interrupt.check()
        let error: ApusError? = session.store.state.withLock { state in
            guard var fault = state.readFaults[slice], fault.times > 0, rowsRead >= fault.afterRows else { return nil }
            fault.times -= 1
            state.readFaults[slice] = fault
            return fault.error
        }
        if let error { throw error }
        var count = 0
        while next < end, count < 100 {
            batch.columns[0].append(next)
            batch.endRow(bytes: 8)
            next += 1
            count += 1
            rowsRead += 1
        }
        return next < end
    }

    func close() {}
}

final class FakeWriter: Writer {
    let store: FakeStore
    var rows: [Int64] = []
    var slice = 0
    var careful = false

    init(_ store: FakeStore) { self.store = store }

    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        if let mark = store.state.withLock({ state in state.marks.first { $0.slice == slice.id } }) { return mark }
        self.slice = slice.id
        self.careful = careful
        rows = []
        store.state.withLock { state in
            state.atOnce += 1
            state.mostAtOnce = max(state.mostAtOnce, state.atOnce)
        }
        return nil
    }

    func write(_ batch: Batch) throws -> [RejectedRow] {
        let bad = store.state.withLock { $0.badValues }
        var rejected: [RejectedRow] = []
        for row in 0..<batch.rowCount {
            let value = batch.columns[0].int(row)
            if bad.contains(value) {
                guard careful else { throw ApusError(.rowRejected, "the target refused a row") }
                rejected.append(
                    RejectedRow(row: batch.firstRow + row, column: "n", reason: "bad", values: batch.json(row: row)))
            } else {
                rows.append(value)
            }
        }
        let error: ApusError? = store.state.withLock { state in
            guard var fault = state.writeFaults[slice], fault.times > 0, rows.count >= fault.afterRows else { return nil }
            fault.times -= 1
            state.writeFaults[slice] = fault
            return fault.error
        }
        if let error { throw error }
        return rejected
    }

    func flush() throws -> Int { rows.count - store.state.withLock { $0.missing } }

    func commit(_ mark: SliceMark) throws {
        store.state.withLock { $0.beforeCommit }?(mark.slice, mark)
        store.state.withLock { state in
            precondition(state.committed[mark.slice] == nil, "a slice is committed once")
            state.committed[mark.slice] = rows
            state.marks.append(mark)
            state.atOnce -= 1
        }
        let isLost = store.state.withLock { $0.lostAnswers.remove(mark.slice) != nil }
        if isLost { throw ApusError(.unreachable, "the connection broke in the commit") }
    }

    func abort() { store.state.withLock { $0.atOnce -= 1 } }
    func close() {}
}

/// A ledger that keeps everything in memory.
final class MemoryLedger: Ledger {
    struct State {
        var tables: [Int: TableRecord] = [:]
        var slices: [Int: [SliceRecord]] = [:]
        var watermarks: [String: String] = [:]
        var rejected: [Int: [RejectedRow]] = [:]
    }
    let state = Mutex(State())

    func begin(_ run: RunRecord) throws {}
    func finish(run id: String, status: RunRecord.Status, error: String?) throws {}
    func beat(run id: String) throws {}
    func run(_ id: String) throws -> RunRecord? { nil }
    func runs(limit: Int) throws -> [RunRecord] { [] }
    func record(_ table: TableRecord, run id: String) throws { state.withLock { $0.tables[table.table] = table } }
    func tables(run id: String) throws -> [TableRecord] { state.withLock { Array($0.tables.values) } }
    func record(slices: [Slice], table: Int, run id: String, replacing slice: Int?) throws {
        state.withLock { state in
            for part in slices {
                state.slices[table, default: []].append(
                    SliceRecord(slice: part, status: .waiting, attempts: 0, tally: Tally(), seconds: 0))
            }
            if let slice {
                state.slices[table, default: []].append(
                    SliceRecord(
                        slice: Slice(id: slice, bounds: .all), status: .replaced, attempts: 1, tally: Tally(), seconds: 0))
            }
        }
    }
    func slices(run id: String, table: Int) throws -> [SliceRecord] { state.withLock { $0.slices[table] ?? [] } }
    func record(_ slice: SliceRecord, table: Int, run id: String) throws {}
    func reject(_ rows: [RejectedRow], slice: Int, table: Int, run id: String, restart: Bool) throws {
        state.withLock { state in
            if restart { state.rejected[slice] = [] }
            state.rejected[slice, default: []] += rows
        }
    }
    func rejectedCounts(run id: String) throws -> [(table: Int, slice: Int, count: Int)] {
        state.withLock { state in state.rejected.sorted { $0.key < $1.key }.map { (0, $0.key, $0.value.count) } }
    }
    func rejected(
        run id: String, table: Int, slice: Int, after sequence: Int, limit: Int
    ) throws -> [(sequence: Int, row: RejectedRow)] {
        state.withLock { state in
            Array(
                (state.rejected[slice] ?? []).enumerated().map { (sequence: $0.offset, row: $0.element) }.dropFirst(sequence + 1).prefix(
                    limit))
        }
    }
    func removeRejected(run id: String, table: Int, slice: Int, sequences: [Int]) throws {}
    func watermark(flow: String) throws -> String? { state.withLock { $0.watermarks[flow] } }
    func setWatermark(flow: String, to value: String) throws { state.withLock { $0.watermarks[flow] = value } }
}

/// Hears everything.
final class EventRecorder: Listener {
    let events = Mutex<[Event]>([])
    func hear(_ event: Event) { events.withLock { $0.append(event) } }
    var kinds: [Event.Kind] { events.withLock { $0.map(\.kind) } }
}
