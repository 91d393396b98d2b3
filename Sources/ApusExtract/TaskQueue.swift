import ApusCore
import ApusEngine

/// Which task comes next: in order, as many at a time as there are threads that ask.
///
/// A task that another worker holds is asked for again, once nothing else is to do. With barriers, the tasks of one rank
/// end before the next rank's begin.
///
/// Sendable, unchecked: all state is guarded by the monitor.
final class TaskQueue: @unchecked Sendable {
    private enum Phase {
        case waiting, running, ended
        /// Not before this time, by the monotonic clock.
        case held(until: Double)
    }

    /// Seconds until a held task is asked for again.
    static let pause = 0.5

    private let ranks: [Int]?
    /// What each task fills: of those that fill the same, one runs at a time.
    private let targets: [String]
    private let interrupt: Interrupt
    private let monitor = Monitor()
    private var phases: [Phase]

    init(_ tasks: [ExtractTask], hasBarriers: Bool, interrupt: Interrupt) {
        phases = Array(repeating: .waiting, count: tasks.count)
        targets = tasks.map(\.targetKey)
        ranks = hasBarriers ? tasks.map(\.rank) : nil
        self.interrupt = interrupt
    }

    /// Blocks while others may still give work back; nil at the end, or on interrupt.
    func next() -> Int? {
        monitor.locked {
            while !interrupt.isFired {
                let (found, isOver) = take()
                if let found { return found }
                if isOver { return nil }
                // Neither an interrupt nor the end of a pause wakes anybody.
                monitor.wait(seconds: 0.02)
            }
            return nil
        }
    }

    func hold(_ task: Int) { set(task, .held(until: Clock.monotonic() + Self.pause)) }
    func ended(_ task: Int) { set(task, .ended) }

    private func set(_ task: Int, _ phase: Phase) {
        monitor.locked {
            phases[task] = phase
            monitor.broadcast()
        }
    }

    private func take() -> (Int?, isOver: Bool) {
        var open = phases.indices.filter { if case .ended = phases[$0] { false } else { true } }
        guard !open.isEmpty else { return (nil, true) }
        if let ranks, let lowest = open.map({ ranks[$0] }).min() { open.removeAll { ranks[$0] != lowest } }
        let busy = Set(phases.indices.filter { if case .running = phases[$0] { true } else { false } }.map { targets[$0] })
        open.removeAll { busy.contains(targets[$0]) }
        let now = Clock.monotonic()
        for index in open {
            if case .waiting = phases[index] {
                phases[index] = .running
                return (index, false)
            }
        }
        for index in open {
            if case .held(let until) = phases[index], until <= now {
                phases[index] = .running
                return (index, false)
            }
        }
        return (nil, false)
    }
}
