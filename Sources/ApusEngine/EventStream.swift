import ApusCore
import Glibc
import Synchronization

/// The one stream of events of a run: numbers them, stamps them and tells every listener, one event at a time.
public final class EventStream: Sendable {
    private let runID: String
    private let listeners: [any Listener]
    private let last = Mutex(0)

    public init(runID: String, listeners: [any Listener]) {
        self.runID = runID
        self.listeners = listeners
    }

    public func send(_ kind: Event.Kind) {
        last.withLock { last in
            last += 1
            let event = Event(runID: runID, sequence: last, time: Clock.wall(), kind: kind)
            for listener in listeners { listener.hear(event) }
        }
    }
}

/// The machine's clocks, in seconds.
public enum Clock {
    /// Since 1970, UTC; may jump.
    public static func wall() -> Double { read(CLOCK_REALTIME) }
    /// Since some start; never goes back.
    public static func monotonic() -> Double { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
