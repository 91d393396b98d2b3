import ApusCore
import Glibc

/// Which work comes next: tables in plan order, their slices on as many channels as are free.
///
/// A table goes `waiting → preparing → loading → finishing → ended`. Finishing has precedence over loading, loading
/// over preparing, so that few tables are under way at a time.
///
/// Sendable, unchecked: all state is guarded by the monitor.
final class Schedule: @unchecked Sendable {
    enum Work {
        case prepare(table: Int)
        case load(table: Int, slice: Slice, attempt: Int)
        case finish(table: Int)
    }

    enum Phase: Equatable { case waiting, preparing, loading, finishing, ended }

    private struct State {
        var phase = Phase.waiting
        var pending: [(slice: Slice, attempt: Int, notBefore: Double)] = []
        var running = 0
        var nextSliceID = 0
        var failed = false
    }

    private let monitor = Monitor()
    private var tables: [State]
    private let interrupt: Interrupt
    /// By table: those that must have ended before its rows are loaded.
    private let waits: [[Int]]
    /// By table: those that must be prepared, which empties them, before it is.
    private let emptied: [[Int]]

    /// `waits`, `emptied`: by table, nothing for most; they hold no circle.
    init(tables: Int, interrupt: Interrupt, waits: [[Int]] = [], emptied: [[Int]] = []) {
        self.tables = Array(repeating: State(), count: tables)
        self.interrupt = interrupt
        let none = Array(repeating: [Int](), count: tables)
        self.waits = waits.isEmpty ? none : waits
        self.emptied = emptied.isEmpty ? none : emptied
    }

    private func hasEnded(_ others: [Int]) -> Bool { others.allSatisfy { tables[$0].phase == .ended } }

    /// A table whose rows must wait is not even prepared, unless others wait for it to be emptied.
    private func mayPrepare(_ index: Int) -> Bool {
        emptied[index].allSatisfy { ![.waiting, .preparing].contains(tables[$0].phase) }
            && (hasEnded(waits[index]) || emptied.contains { $0.contains(index) })
    }

    private func change<T>(_ body: () -> T) -> T {
        monitor.locked {
            defer { monitor.broadcast() }
            return body()
        }
    }

    /// The next piece of work; blocks while others may still make some; nil when there is none left, or on interrupt.
    func next() -> Work? {
        monitor.locked {
            while !interrupt.isFired {
                let now = Clock.monotonic()
                var soonest = now + 0.25
                if let work = choose(now, &soonest) { return work }
                if tables.allSatisfy({ $0.phase == .ended }) {
                    monitor.broadcast()
                    return nil
                }
                monitor.wait(seconds: max(0.001, soonest - now))
            }
            return nil
        }
    }

    private func choose(_ now: Double, _ soonest: inout Double) -> Work? {
        for index in tables.indices where tables[index].phase == .loading {
            if tables[index].pending.isEmpty || tables[index].failed, tables[index].running == 0 {
                tables[index].phase = .finishing
                return .finish(table: index)
            }
        }
        for index in tables.indices where tables[index].phase == .loading && !tables[index].failed && hasEnded(waits[index]) {
            for (position, item) in tables[index].pending.enumerated() {
                if item.notBefore > now {
                    soonest = min(soonest, item.notBefore)
                    continue
                }
                tables[index].pending.remove(at: position)
                tables[index].running += 1
                return .load(table: index, slice: item.slice, attempt: item.attempt)
            }
        }
        if let index = tables.indices.first(where: { tables[$0].phase == .waiting && mayPrepare($0) }) {
            tables[index].phase = .preparing
            return .prepare(table: index)
        }
        return nil
    }

    // MARK: What became of the work

    /// The table is ready: these slices are to be loaded.
    func prepared(_ table: Int, slices: [Slice], nextSliceID: Int) {
        change {
            tables[table].phase = .loading
            tables[table].pending = slices.map { ($0, 1, 0) }
            tables[table].nextSliceID = nextSliceID
        }
    }

    func loaded(_ table: Int) { change { tables[table].running -= 1 } }

    func retry(_ table: Int, _ slice: Slice, attempt: Int, after delay: Double) {
        change {
            tables[table].running -= 1
            tables[table].pending.append((slice, attempt, Clock.monotonic() + delay))
        }
    }

    /// Numbers for slices that a split makes.
    func newSliceIDs(_ table: Int, _ count: Int) -> [Int] {
        change {
            let first = tables[table].nextSliceID
            tables[table].nextSliceID += count
            return Array(first..<first + count)
        }
    }

    func replace(_ table: Int, by slices: [Slice]) {
        change {
            tables[table].running -= 1
            tables[table].pending.insert(contentsOf: slices.map { ($0, 1, 0) }, at: 0)
        }
    }

    /// A slice failed for good: no further slice of the table is begun.
    func failed(_ table: Int) {
        change {
            tables[table].running -= 1
            tables[table].failed = true
        }
    }

    func ended(_ table: Int) { change { tables[table].phase = .ended } }
}
