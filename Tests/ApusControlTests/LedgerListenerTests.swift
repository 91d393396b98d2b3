import ApusCore
import Synchronization
import Tabular
import Testing

@testable import ApusControl

@Suite struct LedgerListenerTests {
    static func plan() -> Plan {
        let schema = Schema([Column("id", .int64)])
        var read = Read(relation: .table(TableName("orders")), items: [.init("id")], schema: schema)
        read.key = schema.columns
        let shape = TableShape(
            name: TableName("orders"), origin: "sqlite", columns: [ColumnShape("id", .int64, native: "integer")])
        let load = Load(
            runID: "run-1", table: 0, shape: shape, exists: false, columns: ["id"], mode: .replace, slices: 2)
        let table = PlannedTable(
            name: "orders", read: read, load: load,
            slices: [
                Slice(id: 0, bounds: .range(from: nil, upTo: ["5"])),
                Slice(id: 1, bounds: .range(from: ["5"], upTo: nil)),
            ])
        return Plan(
            name: nil, from: Plan.End(connector: "a", reference: "a"), to: Plan.End(connector: "b", reference: "b"),
            tables: [table],
            limits: Flow.Limits(), before: [], after: [], consistentSnapshot: false)
    }

    static func rows(_ count: Int) -> [RejectedRow] {
        (0..<count).map { RejectedRow(row: $0, column: nil, reason: "r", values: "{}") }
    }

    static let lost = ApusError(.unreachable, "gone", hint: "wait")

    func tell(_ listener: LedgerListener, _ kinds: [(Double, Event.Kind)]) {
        for (index, (time, kind)) in kinds.enumerated() {
            listener.hear(Event(runID: "run-1", sequence: index + 1, time: 1000 + time, kind: kind))
        }
    }

    @Test func `events become records of tables, slices and the end`() throws {
        let ledger = try LedgerPlace(.sqlite).ledger()
        try ledger.begin(.sample())
        let listener = LedgerListener(ledger, runID: "run-1", plan: Self.plan())
        tell(
            listener,
            [
                (0, .runStarted(.init(name: nil, from: "a", to: "b", tables: 1, channels: 2, resumed: false))),
                (0, .tableStarted(table: 0, name: "orders", target: "ods.orders", slices: 2, doneSlices: 0, rows: nil)),
                (1, .sliceStarted(table: 0, slice: 0, attempt: 1)),
                (2, .sliceRetried(table: 0, slice: 0, attempt: 2, movedRows: 1, movedBytes: 1, Self.lost, delay: 0)),
                (3, .sliceStarted(table: 0, slice: 0, attempt: 2)),
                (5, .sliceFinished(table: 0, slice: 0, Tally(read: 10, written: 7, rejected: 3, bytes: 99))),
                (5, .sliceStarted(table: 0, slice: 1, attempt: 1)),
            ])
        // The engine cuts slice 1, and says so.
        let parts = [
            Slice(id: 2, bounds: .range(from: ["5"], upTo: ["7"])),
            Slice(id: 3, bounds: .range(from: ["7"], upTo: nil)),
        ]
        try ledger.record(slices: parts, table: 0, run: "run-1", replacing: 1)
        let result = TableResult(
            name: "orders", target: "ods.orders", status: .failed, tally: Tally(read: 10, written: 7, rejected: 3, bytes: 99), before: 1,
            data: 2, after: 3,
            error: Self.lost)
        tell(
            listener,
            [
                (6, .sliceSplit(table: 0, slice: 1, into: [2, 3])), (6, .sliceStarted(table: 0, slice: 2, attempt: 1)),
                (7, .sliceFinished(table: 0, slice: 2, Tally(read: 1, written: 1))),
                (8, .tableFinished(table: 0, result)),
                (9, .runFinished(RunResult(status: .failed, tables: [result], seconds: 9, error: Self.lost))),
            ])
        #expect(listener.failure == nil)
        // Written when hear(_:) returned.
        let run = try #require(try ledger.run("run-1"))
        #expect(run.status == .failed)
        #expect(run.finishedAt == 1009)
        #expect(run.error == "gone\n  hint: wait")
        let table = try #require(try ledger.tables(run: "run-1").first)
        #expect(table.status == .failed)
        #expect(table.tally == result.tally)
        #expect((table.before, table.data, table.after) == (1, 2, 3))
        let slices = try ledger.slices(run: "run-1", table: 0)
        #expect(slices.map(\.slice.id) == [0, 1, 2, 3])
        #expect(slices.map(\.status) == [.done, .replaced, .done, .waiting])
        #expect(slices[0].attempts == 2)
        #expect(slices[0].seconds == 2)
        #expect(slices[0].tally.written == 7)
        #expect(slices[2].slice == parts[0])
    }

    @Test func `a run that goes on gives a sign of life`() throws {
        let ledger = try LedgerPlace(.sqlite).ledger()
        try ledger.begin(.sample())
        let listener = LedgerListener(ledger, runID: "run-1", plan: nil)
        let soon = Clock.wall() + 1
        listener.tick(now: soon)
        #expect(try ledger.run("run-1")?.beatAt == RunRecord.sample().beatAt)
        listener.tick(now: soon + LedgerListener.beatInterval)
        #expect(abs((try ledger.run("run-1")?.beatAt ?? 0) - soon - LedgerListener.beatInterval) < 0.001)
        try listener.close()
    }

    @Test func `a ledger that fails is told once, and nothing is forgotten`() throws {
        let ledger = MemoryLedger()
        let told = Mutex(0)
        let listener = LedgerListener(ledger, runID: "run-1", plan: Self.plan()) { _ in told.withLock { $0 += 1 } }
        ledger.isBroken.withLock { $0 = true }
        tell(listener, [(0, .tableStarted(table: 0, name: "a", target: "b", slices: 1, doneSlices: 0, rows: nil))])
        listener.tick(now: 0)
        listener.tick(now: 0)
        #expect(told.withLock { $0 } == 1)
        #expect(listener.failure?.code == .full)
        #expect(throws: ApusError.self) { try listener.close() }
        ledger.isBroken.withLock { $0 = false }
        try listener.close()
        #expect(ledger.tables.withLock { $0.map(\.name) } == ["a"])
    }
}

/// A ledger without batches that can be broken.
private final class MemoryLedger: Ledger {
    let isBroken = Mutex(false)
    let tables = Mutex<[TableRecord]>([])

    func record(_ table: TableRecord, run id: String) throws {
        if isBroken.withLock({ $0 }) { throw ApusError(.full, "no room") }
        tables.withLock { $0.append(table) }
    }
    func begin(_ run: RunRecord) throws {}
    func finish(run id: String, status: RunRecord.Status, error: String?) throws {}
    func beat(run id: String) throws {}
    func run(_ id: String) throws -> RunRecord? { nil }
    func runs(limit: Int) throws -> [RunRecord] { [] }
    func tables(run id: String) throws -> [TableRecord] { tables.withLock { $0 } }
    func record(slices: [Slice], table: Int, run id: String, replacing slice: Int?) throws {}
    func slices(run id: String, table: Int) throws -> [SliceRecord] { [] }
    func record(_ slice: SliceRecord, table: Int, run id: String) throws {}
    func reject(_ rows: [RejectedRow], slice: Int, table: Int, run id: String, restart: Bool) throws {}
    func rejectedCounts(run id: String) throws -> [(table: Int, slice: Int, count: Int)] { [] }
    func rejected(
        run id: String, table: Int, slice: Int, after sequence: Int, limit: Int
    ) throws -> [(sequence: Int, row: RejectedRow)] { [] }
    func removeRejected(run id: String, table: Int, slice: Int, sequences: [Int]) throws {}
    func watermark(flow: String) throws -> String? { nil }
    func setWatermark(flow: String, to value: String) throws {}
}
