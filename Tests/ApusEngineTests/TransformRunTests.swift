import ApusCore
import ApusEngine
import Tabular
import Testing

/// Whole runs in which rows are changed and dropped on their way.
@Suite struct TransformRunTests {
    let recorder = EventRecorder()

    func run(_ store: FakeStore, _ transforms: [Transform], limits: Flow.Limits = Flow.Limits()) throws -> RunResult {
        var plan = store.plan(slices: 4, limits: limits)
        plan.tables[0].transforms = transforms
        let ends = Connections(store, try Endpoint(ConnectionURL(parsing: "fake:"), store))
        return Runner(
            plan, runID: "run-1", from: [ends], to: ends, ledger: MemoryLedger(), listeners: [recorder], interrupt: Interrupt()
        ).run()
    }

    @Test func `dropped rows are counted and the count adds up`() throws {
        let store = FakeStore(rows: 10_000)
        let result = try run(store, [Transform(column: 0, .filter(.atLeast, value: "1000"))])
        #expect(result.status == .done)
        #expect(result.tally == Tally(read: 10_000, written: 1000, filtered: 9000, bytes: 80_000))
        #expect(store.loaded == Array(0..<1000))
        #expect(store.state.withLock { $0.marks.reduce(0) { $0 + $1.filtered } } == 9000)
        #expect(store.state.withLock { $0.finished } == 1)
        let told = recorder.kinds.reduce(0) { if case .progress(_, _, _, _, let filtered, _) = $1 { $0 + filtered } else { $0 } }
        #expect(told == 9000)
    }

    @Test func `changed rows are cast back to what the target takes`() throws {
        let store = FakeStore(rows: 1200)
        // 7 → "7" → "70" → 70, 1199 → "11" → 11: the target sees whole numbers.
        let result = try run(store, [Transform(column: 0, .pad(.right, length: 2, filler: "0"))])
        #expect(result.status == .done)
        let expected = (0..<1200).map { number in Int64(String((String(number) + "0").prefix(2)))! }.sorted()
        #expect(store.loaded == expected)
    }

    @Test func `rows on which a transform fails are rejected and count against the limit`() throws {
        let store = FakeStore(rows: 200)
        var limits = Flow.Limits()
        limits.badRows = 10
        // Nine numbers of one digit, and zero, have no third unit to begin behind.
        let transforms = [Transform(column: 0, .replace(start: 2, length: 0, text: "0"))]
        let result = try run(store, transforms, limits: limits)
        #expect(result.status == .done)
        #expect(result.tally.rejected == 10)
        #expect(result.tally.written == 190)
        let stages = recorder.kinds.flatMap { kind -> [RejectedRow.Stage] in
            if case .rowsRejected(_, _, let rows) = kind { rows.map(\.stage) } else { [] }
        }
        #expect(stages == Array(repeating: .transform, count: 10))
        limits.badRows = 9
        #expect(try run(FakeStore(rows: 200), transforms, limits: limits).tables[0].error?.code == .tooManyRejected)
    }

    @Test func `a target that lost a row is found out though rows were dropped`() throws {
        let store = FakeStore(rows: 1000)
        store.state.withLock { $0.missing = 1 }
        let result = try run(store, [Transform(column: 0, .filter(.less, value: "10"))])
        #expect(result.tables[0].error?.code == .countMismatch)
    }

    @Test func `a run that goes on counts what an earlier one dropped`() throws {
        let store = FakeStore(rows: 1000)
        store.state.withLock {
            $0.marks = [SliceMark(slice: 0, read: 250, written: 240, rejected: 0)]
            $0.committed = [0: Array(10..<250)]
        }
        let result = try run(store, [Transform(column: 0, .filter(.less, value: "10"))])
        #expect(result.status == .done)
        #expect(result.tally.filtered == 10)
        #expect(result.tally.read == 1000)
        #expect(store.loaded == Array(10..<1000))
    }
}
