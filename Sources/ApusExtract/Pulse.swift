import ApusControl
import ApusCore
import ApusEngine
import Synchronization

/// The signs of life of a worker, and what waits to be written while the control database is away.
///
/// It has a connection of its own, so that nothing that blocks on the other one keeps it from beating.
final class Pulse: Sendable {
    private struct State {
        /// Leases of this worker, with the interrupt of each one's run.
        var leases: [String: Interrupt] = [:]
        var waiting: [@Sendable () throws -> Void] = []
        /// Why something that waited will never be written.
        var fault: ApusError?
        var beatAt = 0.0
        var awaySince: Double?
        var ticker: Ticker?
    }

    private let control: ControlDatabase
    private let worker: ControlWorker
    private let interval: Double
    private let say: @Sendable (Event.Level, String) -> Void
    private let state = Mutex(State())
    /// One at a time writes what waits, so that it stays in order.
    private let order = Mutex(())

    init(
        _ control: ControlDatabase, _ worker: ControlWorker, leaseSeconds: Int, say: @escaping @Sendable (Event.Level, String) -> Void
    ) {
        self.control = control
        self.worker = worker
        interval = Double(leaseSeconds) / 3
        self.say = say
    }

    func start() {
        let ticker = Ticker(every: min(1, interval)) { [weak self] in self?.tick() }
        state.withLock {
            $0.ticker = ticker
            $0.beatAt = Clock.monotonic()
        }
    }

    func stop() {
        let ticker = state.withLock { state in
            defer { state.ticker = nil }
            return state.ticker
        }
        ticker?.stop()
    }

    func hold(_ lease: ControlLease, _ interrupt: Interrupt) { state.withLock { $0.leases[lease.key] = interrupt } }
    func drop(_ lease: ControlLease) { state.withLock { $0.leases[lease.key] = nil } }

    /// Something that could not be written now.
    func later(_ body: @escaping @Sendable () throws -> Void) { state.withLock { $0.waiting.append(body) } }

    var waiting: Int { state.withLock { $0.waiting.count } }
    var fault: ApusError? { state.withLock { $0.fault } }

    private func tick() {
        let isDue = state.withLock { Clock.monotonic() - $0.beatAt >= interval || $0.awaySince != nil || !$0.waiting.isEmpty }
        guard isDue else { return }
        let before = state.withLock { $0.leases }
        let held: Set<String>
        do { held = try control.beat(worker, patience: 0.5) } catch {
            let error = ApusError(wrapping: error)
            let isFirst = state.withLock { state in
                defer { state.awaySince = state.awaySince ?? Clock.monotonic() }
                return state.awaySince == nil
            }
            if isFirst {
                say(
                    .warning,
                    "the control database does not answer: \(error.underlying ?? error.message). Tables under way go on; what becomes of them is written when it is back"
                )
            }
            return
        }
        let away = state.withLock { state in
            defer { state.awaySince = nil }
            state.beatAt = Clock.monotonic()
            return state.awaySince
        }
        if let away { say(.info, "the control database is back after \(Int((Clock.monotonic() - away).rounded())) s") }
        // Whoever let a lease expire must stop: another worker has the table by now.
        for (key, interrupt) in before where !held.contains(key) {
            let isHeld = state.withLock { $0.leases[key] === interrupt }
            if isHeld { interrupt.fire() }
        }
        drain()
    }

    /// Writes what waits, as far as it can be written.
    func drain() {
        order.withLock { _ in
            while let first = state.withLock({ $0.waiting.first }) {
                do { try first() } catch {
                    let error = ApusError(wrapping: error)
                    if error.isTransient { return }
                    say(.error, "what became of a table could not be written down: \(error)")
                    state.withLock { $0.fault = $0.fault ?? error }
                }
                state.withLock { _ = $0.waiting.removeFirst() }
            }
        }
    }
}
