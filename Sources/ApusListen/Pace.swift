import ApusCore
import Synchronization

/// The clockwork of a listener: calls it at intervals from a run's first event to its end.
final class Pace: Sendable {
    private let ticker = Mutex<Ticker?>(nil)

    /// `interval` is seconds. A clockwork that runs is stopped first.
    func start(every interval: Double, _ body: @escaping @Sendable () -> Void) {
        exchange(Ticker(every: interval, body))
    }

    /// Returns when the last call is over.
    func stop() { exchange(nil) }

    private func exchange(_ made: Ticker?) {
        ticker.withLock { ticker in
            defer { ticker = made }
            return ticker
        }?.stop()
    }
}
