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

    init(tables: Int, interrupt: Interrupt) {
        self.tables = Array(repeating: State(), count: tables)
        self.interrupt = interrupt
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
        for index in tables.indices where tables[index].phase == .loading && !tables[index].failed {
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
        if let index = tables.firstIndex(where: { $0.phase == .waiting }) {
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
