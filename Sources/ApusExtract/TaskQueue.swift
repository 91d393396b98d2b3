import ApusCore
import ApusEngine
import Glibc

/// Which task comes next: in order, as many at a time as there are threads that ask.
///
/// A task that another worker holds is asked for again, once nothing else is to do. With barriers, the tasks of one rank
/// end before the next rank's begin.
///
/// Sendable, unchecked: all state is guarded by the one mutex.
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
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var phases: [Phase]

    init(_ tasks: [ExtractTask], hasBarriers: Bool, interrupt: Interrupt) {
        phases = Array(repeating: .waiting, count: tasks.count)
        targets = tasks.map(\.targetKey)
        ranks = hasBarriers ? tasks.map(\.rank) : nil
        self.interrupt = interrupt
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Blocks while others may still give work back; nil at the end, or on interrupt.
    func next() -> Int? {
        while !interrupt.isFired {
            let (found, isOver) = take()
            if let found { return found }
            if isOver { return nil }
            usleep(20_000)
        }
        return nil
    }

    func hold(_ task: Int) { set(task, .held(until: Clock.monotonic() + Self.pause)) }
    func ended(_ task: Int) { set(task, .ended) }

    private func set(_ task: Int, _ phase: Phase) {
        pthread_mutex_lock(mutex)
        phases[task] = phase
        pthread_mutex_unlock(mutex)
    }

    private func take() -> (Int?, isOver: Bool) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
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
