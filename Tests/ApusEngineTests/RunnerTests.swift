import ApusCore
import ApusEngine
import Tabular
import Testing

/// Stops the run when a slice is to be tried again.
private final class RetryFuse: Listener {
    private let interrupt: Interrupt
    init(_ interrupt: Interrupt) { self.interrupt = interrupt }
    func hear(_ event: Event) { if case .sliceRetried = event.kind { interrupt.fire() } }
}

@Suite struct RunnerTests {
    let ledger = MemoryLedger()
    let recorder = EventRecorder()

    func run(
        _ store: FakeStore, slices: Int = 8, limits: Flow.Limits = Flow.Limits(), resumed: Bool = false,
        interrupt: Interrupt = Interrupt()
    ) throws -> RunResult {
        let ends = Connections(store, try Endpoint(ConnectionURL(parsing: "fake:"), store))
        return Runner(
            store.plan(slices: slices, limits: limits), runID: "run-1", from: [ends], to: ends, ledger: ledger,
            listeners: [recorder], interrupt: interrupt, isResumed: resumed
        ).run()
    }

    @Test func `every row arrives once over several channels`() throws {
        let store = FakeStore(rows: 10_000)
        let result = try run(store)
        #expect(result.status == .done)
        #expect(store.loaded == Array(0..<10_000))
        #expect(result.tally == Tally(read: 10_000, written: 10_000, bytes: 80_000))
        #expect(store.state.withLock { $0.finished } == 1)
        #expect(store.state.withLock { $0.forgotten } == 1)
        #expect(store.state.withLock { $0.mostAtOnce } <= 4)
    }

    @Test func `a table without slices is finished all the same`() throws {
        let store = FakeStore(rows: 0)
        #expect(try run(store, slices: 0).status == .done)
        #expect(store.state.withLock { $0.finished } == 1)
    }

    @Test(arguments: [ApusError.Code.unreachable, .transient])
    func `a slice that loses its connection is tried again`(code: ApusError.Code) throws {
        let store = FakeStore(rows: 2_000)
        store.state.withLock {
            $0.readFaults[2] = .init(error: ApusError(code, "gone"), times: 1, afterRows: 100)
            $0.writeFaults[3] = .init(error: ApusError(code, "gone"), times: 1, afterRows: 100)
        }
        #expect(try run(store).status == .done)
        #expect(store.loaded == Array(0..<2_000))
        let retried = recorder.kinds.compactMap { if case .sliceRetried(_, let slice, _, _, _, _, _) = $0 { slice } else { nil } }
        #expect(retried.sorted() == [2, 3])
    }

    @Test func `a transient fault that stays ends the table after the last try`() throws {
        let store = FakeStore(rows: 100)
        store.state.withLock { $0.readFaults[0] = .init(error: ApusError(.transient, "busy"), times: 99, afterRows: 0) }
        var limits = Flow.Limits()
        limits.attempts = 2
        let result = try run(store, slices: 1, limits: limits)
        #expect(result.status == .failed)
        #expect(result.tables[0].error?.code == .transient)
        #expect(store.loaded.isEmpty)
        #expect(store.state.withLock { $0.readFaults[0]!.times } == 97)
    }

    @Test func `a read that times out is cut until it passes`() throws {
        let store = FakeStore(rows: 800)
        store.state.withLock {
            for slice in [0, 1] { $0.readFaults[slice] = .init(error: ApusError(.timeout, "too long"), times: 9, afterRows: 50) }
            // The first half of slice 0 is too long as well.
            $0.readFaults[2] = .init(error: ApusError(.timeout, "too long"), times: 1, afterRows: 0)
        }
        #expect(try run(store, slices: 2).status == .done)
        #expect(store.loaded == Array(0..<800))
        let splits = recorder.kinds.filter { if case .sliceSplit = $0 { true } else { false } }
        #expect(splits.count == 3)
    }

    @Test func `a write that times out is tried again and not cut`() throws {
        let store = FakeStore(rows: 100)
        store.state.withLock { $0.writeFaults[0] = .init(error: ApusError(.timeout, "too long"), times: 1, afterRows: 0) }
        #expect(try run(store, slices: 1).status == .done)
        #expect(!recorder.kinds.contains { if case .sliceSplit = $0 { true } else { false } })
    }

    @Test func `bad rows are found, kept and counted`() throws {
        let store = FakeStore(rows: 1_000)
        store.state.withLock { $0.badValues = [3, 500, 999] }
        var limits = Flow.Limits()
        limits.badRows = 3
        let result = try run(store, limits: limits)
        #expect(result.status == .done)
        #expect(result.tally.rejected == 3)
        #expect(store.loaded == (0..<1_000).filter { ![3, 500, 999].contains($0) })
        let rejected = recorder.kinds.flatMap { if case .rowsRejected(_, _, let rows) = $0 { rows } else { [RejectedRow]() } }
        #expect(Set(rejected.map(\.values)) == [#"{"n":3}"#, #"{"n":500}"#, #"{"n":999}"#])
    }

    @Test func `a slice whose commit is answered by nobody is loaded once, and its rejected rows are kept once`() throws {
        let store = FakeStore(rows: 1_000)
        store.state.withLock {
            $0.badValues = [3, 500, 999]
            $0.lostAnswers = [0, 4, 7]
        }
        var limits = Flow.Limits()
        limits.badRows = 3
        let result = try run(store, limits: limits)
        #expect(result.status == .done && result.tables[0].status == .done)
        #expect(store.loaded == (0..<1_000).filter { ![3, 500, 999].contains($0) })
        #expect(result.tally.read == 1_000 && result.tally.rejected == 3)
        #expect(try ledger.rejected(run: "run-1").map(\.row.values) == [#"{"n":3}"#, #"{"n":500}"#, #"{"n":999}"#])
    }

    @Test func `rejected rows are in the ledger before their slice is committed`() throws {
        let store = FakeStore(rows: 1_000)
        store.state.withLock { state in
            state.badValues = Set((0..<1_000).filter { $0 % 4 == 0 })
            state.beforeCommit = { [ledger] slice, mark in
                #expect((try? ledger.rejected(run: "run-1").count { $0.slice == slice }) == mark.rejected)
            }
        }
        var limits = Flow.Limits()
        limits.badRows = 250
        #expect(try run(store, limits: limits).status == .done)
        #expect(try ledger.rejected(run: "run-1").count == 250)
    }

    @Test func `a run that is stopped while a slice waits for its next attempt leaves the table stopped`() throws {
        let store = FakeStore(rows: 800)
        store.state.withLock { $0.readFaults[5] = .init(error: ApusError(.transient, "busy"), times: 99, afterRows: 0) }
        let interrupt = Interrupt()
        let fuse = RetryFuse(interrupt)
        let ends = Connections(store, try Endpoint(ConnectionURL(parsing: "fake:"), store))
        let result = Runner(
            store.plan(slices: 8), runID: "run-1", from: [ends], to: ends, ledger: ledger, listeners: [recorder, fuse], interrupt: interrupt
        ).run()
        #expect(result.status == .stopped)
        #expect(result.tables[0].status == .stopped)
        #expect(result.tables[0].error?.code == .cancelled)
        #expect(store.state.withLock { $0.finished } == 0)
        let ended = recorder.kinds.compactMap { if case .tableFinished(_, let result) = $0 { result.status } else { nil } }
        #expect(ended == [.stopped])
        store.state.withLock { $0.readFaults = [:] }
        #expect(try run(store, resumed: true).tables[0].status == .done)
        #expect(store.loaded == Array(0..<800))
    }

    @Test func `a table that was never begun is not done`() throws {
        let store = FakeStore(rows: 100)
        var plan = store.plan(slices: 1)
        plan.before = ["fails"]
        let ends = Connections(store, try Endpoint(ConnectionURL(parsing: "fake:"), store))
        let result = Runner(
            plan, runID: "run-1", from: [ends], to: ends, ledger: ledger, listeners: [recorder], interrupt: Interrupt()
        ).run()
        #expect(result.status == .failed)
        #expect(result.tables.map(\.status) == [.notStarted])
    }

    @Test func `one bad row too many ends the table and takes its slice back`() throws {
        let store = FakeStore(rows: 1_000)
        store.state.withLock { $0.badValues = [3] }
        let result = try run(store, slices: 1)
        #expect(result.status == .failed)
        #expect(result.tables[0].error?.code == .tooManyRejected)
        #expect(store.loaded.isEmpty)
    }

    @Test func `a target that has fewer rows than were sent fails the run`() throws {
        let store = FakeStore(rows: 100)
        store.state.withLock { $0.missing = 1 }
        let result = try run(store, slices: 1)
        #expect(result.tables[0].error?.code == .countMismatch)
        #expect(store.loaded.isEmpty)
    }

    @Test func `resume loads only what the marks do not show`() throws {
        let store = FakeStore(rows: 800)
        store.state.withLock { $0.readFaults[5] = .init(error: ApusError(.statement, "broken"), times: 1, afterRows: 0) }
        #expect(try run(store).status == .failed)
        let before = store.state.withLock { $0.marks.count }
        #expect(before < 8)
        let result = try run(store, resumed: true)
        #expect(result.status == .done)
        #expect(store.loaded == Array(0..<800))
        #expect(result.tally.written == 800)
    }

    @Test func `a table whose marks went without an answer is done, and resume does not load it again`() throws {
        let store = FakeStore(rows: 800)
        for fault in [ApusError(.cancelled, "stopped"), ApusError(.unreachable, "lost")] {
            store.state.withLock { $0.forgetFault = fault }
            #expect(try run(store, resumed: store.loaded.count > 0).tables[0].error == nil)
            #expect(store.loaded == Array(0..<800))
        }
    }

    @Test func `a table that another run loads is refused with its id`() throws {
        let store = FakeStore(rows: 10)
        store.state.withLock { $0.lockedBy = "run-other" }
        let result = try run(store, slices: 1)
        #expect(result.tables[0].error?.code == .locked)
        #expect(result.tables[0].error?.message.contains("run-other") == true)
    }

    @Test func `an interrupt stops at a checkpoint`() throws {
        let store = FakeStore(rows: 100_000)
        let interrupt = Interrupt()
        interrupt.fire()
        let result = try run(store, interrupt: interrupt)
        #expect(result.status == .stopped)
        #expect(store.loaded.isEmpty)
    }
}
